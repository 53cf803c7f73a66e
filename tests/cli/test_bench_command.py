"""`reichatd bench` with a real daemon and real load processes; each scenario with little load."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from pymongo import MongoClient
from trio.testing import memory_stream_pair

from reichatd.bench.attacks import _frames
from reichatd.bench.scenarios import SCENARIOS
from reichatd.bench.specs import Attack
from reichatd.gateway.plain_frames import PlainFrames
from tests.client import registered_user
from tests.mongod import free_port
from tests.process import running


def bench(*arguments: str, stdin: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reichatd", "bench", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.mark.parametrize("scenario", ["edits", "conversation", "posts", "joins", "history", "rest", "idle"])
def test_a_scenario_loses_nothing(scenario: str) -> None:
    done = bench("--quick", "--json", scenario)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["lost"] == 0
    assert row["figure"] > 0
    assert row["latency"]["p99"] >= row["latency"]["p50"] > 0


def test_each_scenario_on_mongodb_has_its_own_database_which_is_dropped(mongod_standalone: str) -> None:
    done = bench("--quick", "--json", "joins", "rest", "--mongodb", mongod_standalone)
    assert done.returncode == 0, done.stderr
    assert [(row["scenario"], row["lost"]) for row in json.loads(done.stdout)] == [("joins", 0), ("rest", 0)]
    with MongoClient[dict[str, Any]](mongod_standalone) as client:
        assert not [name for name in client.list_database_names() if "scratch" in name]


def test_a_mongodb_that_does_not_answer() -> None:
    done = bench("rest", "--mongodb", f"mongodb://127.0.0.1:{free_port()}")
    assert done.returncode == 69
    assert "Traceback" not in done.stderr
    assert "does not answer" in done.stderr


def test_a_table_without_json() -> None:
    done = bench("--quick", "history")
    assert done.returncode == 0, done.stderr
    assert "pages/s" in done.stdout


async def test_a_running_daemon_is_measured_and_its_rooms_are_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, await registered_user(daemon, "ada") as ada:
        command = [sys.executable, "-m", "reichatd", "bench", "--quick", "--json", "joins", "idle", "--url", daemon.url]
        process = await _run([*command, "--email", ada.email], "a good password\n")
        assert process.returncode == 0, process.stderr
        assert [row["scenario"] for row in json.loads(process.stdout)] == ["joins"], (
            "only the memory of a private daemon is measured"
        )
        assert (await ada.call("GET", "/joined"))["rooms"] == []


async def _run(command: list[str], stdin: str) -> subprocess.CompletedProcess[bytes]:
    return await trio.run_process(command, stdin=stdin.encode(), capture_stdout=True, capture_stderr=True, check=False)


def test_a_daemon_that_cannot_be_measured_is_reported_on_one_line() -> None:
    for url in ("http://127.0.0.1:1", "http://127.0.0.1:99999", "https://127.0.0.1"):
        done = bench("joins", "--url", url, "--email", "a@example.org", stdin="x\n")
        assert done.returncode == 69
        assert "Traceback" not in done.stderr
        assert "reichatd: " in done.stderr
        assert "Password" not in done.stderr, "no daemon would get the password"
    assert bench("joins", "--url", "http://127.0.0.1:1").returncode == 2


def test_a_siege_shows_what_honest_users_feel() -> None:
    done = bench("--quick", "--json", "siege", seconds=300)
    rows = json.loads(done.stdout)
    assert done.returncode in (0, 1), (
        done.stderr
    )  # 1: an honest user failed in something, which a busy machine can cause
    honest = [row for row in rows if row["what"].startswith("honest: ")]
    assert {row["what"] for row in honest} == {f"honest: {action}" for action in ("login", "join", "talk", "public")}
    attacks = {row["scenario"] for row in honest}
    assert attacks == {
        f"siege: {name}"
        for name in (
            "calm",
            "guesses",
            "room passwords",
            "codes",
            "mails",
            "rooms",
            "connections",
            "frames",
            "posts",
            "fetches",
        )
    }
    assert all(row["latency"]["p50"] > 0 and row["lost"] == 0 for row in honest if row["scenario"] == "siege: calm")
    for unit, least in (("MiB", 1), ("attempts/s", 1), ("s", 0)):
        measured = {row["scenario"]: row["figure"] for row in rows if row["unit"] == unit}
        assert set(measured) == attacks - {"siege: calm"}
        assert all(figure >= least for figure in measured.values()), measured


async def test_frames_besiege_both_readers_of_the_daemon() -> None:
    """Every second client sends only what is read without the library."""
    spec = Attack(port=1, requests=["/"], clients=2, attack="frames", email="", token="", room="")
    for number in range(2):
        ours, theirs = memory_stream_pair()
        await theirs.send_all(b"HTTP/1.1 101 \r\n\r\n")
        sent = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_frames, spec, cast("trio.SocketStream", ours), number, Counter())
            while len(sent) < 10_000:
                sent += await theirs.receive_some()
            nursery.cancel_scope.cancel()
        plain = PlainFrames(65_536).feed(sent.partition(b"\r\n\r\n")[2])
        assert (plain.rest == b"") == bool(number)


async def test_a_siege_of_a_running_daemon_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        done = await trio.to_thread.run_sync(bench, "siege", "--url", daemon.url, "--email", "ada@example.org")
        assert done.returncode == 2
        assert "leave out --url" in done.stderr
        assert "Password" not in done.stderr
        await daemon.stop()
        assert '"event": "request"' not in daemon.output


def test_every_scenario_has_its_own_name_and_a_description() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(scenario.what for scenario in SCENARIOS)
