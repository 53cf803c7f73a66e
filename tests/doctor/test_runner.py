"""A check that fails or hangs does not affect the others."""

from pathlib import Path

import trio
from trio.testing import MockClock

from reichatd.doctor import Level, Target, examine
from reichatd.doctor.findings import Note, ok
from reichatd.doctor.runner import CHECKS, Check
from reichatd.settings import Settings

TARGET = Target(
    settings=Settings(),
    sources={},
    config_file=None,
    data_file=Path("data"),
    secret_file=Path("secret"),
    credentials=None,
    secret=None,
    secret_problem="",
    mail_password=None,
    mail_problem="",
    oidc=None,
    oidc_problem="",
    url="",
    idle_seconds=1.0,
    seconds=30.0,
)


async def passing(target: Target, note: Note) -> None:
    note(ok("passing.done", "fine"))


async def crashing(target: Target, note: Note) -> None:
    note(ok("crashing.begun", "so far"))
    raise ValueError("a secret in the text of an error")


async def hanging(target: Target, note: Note) -> None:
    note(ok("hanging.begun", "so far"))
    await trio.sleep_forever()


async def test_a_crash_and_a_hang_do_not_affect_the_others(autojump_clock: MockClock) -> None:
    started = trio.current_time()
    findings = await examine(
        TARGET, [Check("hanging", hanging), Check("crashing", crashing), Check("passing", passing)]
    )
    assert trio.current_time() - started == 30
    assert [(finding.code, finding.level) for finding in findings] == [
        ("hanging.begun", Level.OK),
        ("hanging.examined", Level.ERROR),
        ("crashing.begun", Level.OK),
        ("crashing.examined", Level.ERROR),
        ("passing.done", Level.OK),
    ]
    assert "not finished after 30 s" in findings[1].found
    assert "ValueError" in findings[3].found
    assert "test_runner.py" in findings[3].found
    assert "secret" not in findings[3].found


def test_each_area_has_one_check() -> None:
    areas = [check.area for check in CHECKS]
    assert len(set(areas)) == len(areas)
