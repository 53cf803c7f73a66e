"""The runner survives every check."""

from pathlib import Path

import trio
from trio.testing import MockClock

from reichatd.doctor import Level, Target, examine
from reichatd.doctor.findings import Note, ok
from reichatd.doctor.runner import CHECKS, Check
from reichatd.settings import Settings

PATIENT = Target(
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
    url="",
    idle_seconds=1.0,
    seconds=30.0,
)


async def well(patient: Target, note: Note) -> None:
    note(ok("well.done", "fine"))


async def crash(patient: Target, note: Note) -> None:
    note(ok("crash.begun", "so far"))
    raise ValueError("a secret that the text of an error may hold")


async def hang(patient: Target, note: Note) -> None:
    note(ok("hang.begun", "so far"))
    await trio.sleep_forever()


async def test_neither_a_crash_nor_a_hang_spoils_the_rest(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    findings = await examine(PATIENT, [Check("hang", hang), Check("crash", crash), Check("well", well)])
    assert trio.current_time() - began == 30
    assert [(finding.code, finding.level) for finding in findings] == [
        ("hang.begun", Level.OK),
        ("hang.examined", Level.ERROR),
        ("crash.begun", Level.OK),
        ("crash.examined", Level.ERROR),
        ("well.done", Level.OK),
    ]
    assert "no end after 30 s" in findings[1].found
    assert "ValueError" in findings[3].found
    assert "test_runner.py" in findings[3].found
    assert "secret" not in findings[3].found


def test_each_area_is_looked_at_once() -> None:
    areas = [check.area for check in CHECKS]
    assert len(set(areas)) == len(areas)
