"""Client and server of the control socket, over a real one."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from reichatd.administration import Record, requests
from reichatd.administration.records import Done, Failed, PersonRecord, Progress, RequestRefused
from reichatd.control import DaemonGone, NoDaemon, ask, open_socket
from tests.control.conftest import LIMITS, PausedAdministration

REQUEST = requests.SetPassword("ann", "a good password")


async def ignore(_: Record) -> None:
    pass


async def say(path: Path, data: bytes) -> dict[str, Any] | None:
    """Sends data and returns the last line of the answer; None if there is no answer."""
    async with await trio.open_unix_socket(path) as stream:
        with trio.fail_after(10):
            await stream.send_all(data)
            answer = b"".join([chunk async for chunk in stream])
    return json.loads(answer.splitlines()[-1]) if answer else None


async def test_records_come_in_order_and_the_conclusion_last(path: Path, work: PausedAdministration) -> None:
    people = [PersonRecord(f"user {n}", "Änne 🎈", "a" * 200, banned=False) for n in range(3000)]
    work.records, work.conclusion = [*people], Failed("disk full")
    work.resume.set()
    taken: list[Record] = []

    async def take(record: Record) -> None:
        taken.append(record)

    assert await ask(path, REQUEST, take) == Failed("disk full")
    assert taken == [*people, Progress("started", 1, 2)]
    assert work.asked == [REQUEST]


async def test_progress_comes_at_once(path: Path, work: PausedAdministration) -> None:
    async def take(record: Record) -> None:
        work.resume.set()

    with trio.fail_after(10):
        assert await ask(path, REQUEST, take) == Done()


async def test_hanging_up_stops_the_work(path: Path, work: PausedAdministration) -> None:
    with trio.CancelScope() as scope:

        async def hang_up(_: Record) -> None:
            scope.cancel()

        await ask(path, REQUEST, hang_up)
    await work.until_ended()
    assert work.ended == ["cancelled"]


async def test_hanging_up_during_an_answer_stops_the_work(path: Path, work: PausedAdministration) -> None:
    work.records = [PersonRecord("x" * 10_000, "", "", banned=False) for _ in range(3000)]
    async with await trio.open_unix_socket(path) as stream:
        await stream.send_all(b'{"do":"ListRooms"}\n')
        await stream.receive_some(10)
    await work.until_ended()
    assert work.ended == ["cancelled"]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"\xff\xfe",
        b"{}",
        b'{"do":"Nonsense"}',
        b'{"do":"ShowUser"}',
        b'{"do":"ShowUser","user":"ann","password":"hunter2"}',
        b'{"do":"SetPassword","user":"ann","password":["hunter2"]}',
        b"[" * 900,
    ],
)
async def test_an_invalid_request_is_refused_and_not_quoted(
    path: Path, work: PausedAdministration, line: bytes
) -> None:
    with capture_logs() as logs:
        answer = await say(path, line + b"\n")
    assert answer is not None
    assert (answer["type"], answer["code"], work.asked) == ("refused", "unknown_request", [])
    assert "hunter2" not in repr(answer) + repr(logs)


async def test_a_request_is_limited_in_length_and_time(path: Path, work: PausedAdministration) -> None:
    answer = await say(path, b'{"do":"ShowUser","user":"' + b"x" * 3000)
    assert answer is not None
    assert answer["code"] == "too_long"
    assert await say(path, b'{"do":"ShowUser"') is None, "an incomplete request is given up after request_seconds"
    assert work.asked == []


async def test_the_number_of_clients_is_limited(path: Path, work: PausedAdministration) -> None:
    silent = [await trio.open_unix_socket(path) for _ in range(LIMITS.control_connections)]
    for stream in silent:
        await stream.send_all(b'{"do":"ListRooms"}\n')
        await stream.receive_some(1)
    refused = await ask(path, REQUEST, ignore)
    assert isinstance(refused, RequestRefused)
    assert (refused.status, refused.code) == (503, "busy")
    for stream in silent:
        await stream.aclose()
    await work.until_ended(2)
    work.resume.set()
    with trio.fail_after(10):
        while await ask(path, REQUEST, ignore) != Done():  # noqa: ASYNC110 - no event to wait for
            await trio.sleep(0.005)


async def test_an_internal_error_is_logged_and_affects_no_other_request(path: Path, work: PausedAdministration) -> None:
    work.error = RuntimeError("a bug")
    with capture_logs() as logs, pytest.raises(DaemonGone):
        await ask(path, REQUEST, ignore)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["control request crashed"]
    work.error = None
    work.resume.set()
    assert await ask(path, REQUEST, ignore) == Done()


async def test_the_log_has_the_request_without_its_password(path: Path, work: PausedAdministration) -> None:
    work.resume.set()
    with capture_logs() as logs:
        await ask(path, REQUEST, ignore)
        await say(path, b'{"do":"ListRooms"}\n')
    assert [(entry["do"], entry["outcome"]) for entry in logs] == [("SetPassword", "done"), ("ListRooms", "done")]
    assert "a good password" not in repr(logs)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'{"type":"progress","what":"rooms","done":1,"total":2}\n{"type":"do',
        b'{"type":"something of another version"}\n',
    ],
)
async def test_a_daemon_that_hangs_up_has_not_concluded(tmp_path: Path, nursery: trio.Nursery, answer: bytes) -> None:
    opened = open_socket(tmp_path / "s")
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(opened.listener))

    async def go() -> None:
        async with await listener.accept() as stream:
            await stream.receive_some(1000)
            await stream.send_all(answer)

    nursery.start_soon(go)
    with pytest.raises(DaemonGone):
        await ask(tmp_path / "s", REQUEST, ignore)
    opened.close()


async def test_no_daemon_listens(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "nothing", tmp_path / "no" / "directory", tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NoDaemon):
            await ask(path, REQUEST, ignore)
