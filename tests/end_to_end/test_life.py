"""How the daemon stops, and how it comes back."""

import re
import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trio

from tests.client import PASSWORD, Person, Talk, crowd, open_room
from tests.end_to_end.conftest import FREE, NARROW
from tests.end_to_end.history import History
from tests.mail.server import until
from tests.process import DaemonProcess, running

LITTLE = NARROW | {"REICHATD_LIMITS_CLOSE_SECONDS": "0.5", "REICHATD_SERVER_DRAIN_SECONDS": "5"}
BRIEF = {"REICHATD_LIMITS_CLOSE_SECONDS": "0.2"}
"""Idle connections of our own HTTP clients would hold up each stop."""


def is_goodbye(end: tuple[int, str | None]) -> bool:
    """Whether a socket was closed as a daemon does that stops: with a pause, in milliseconds, before the client comes back."""
    code, reason = end
    return code == 1001 and re.fullmatch(r"The server is going down; retry-after-ms=\d{1,4}", reason or "") is not None


async def stuff(writer: Talk, stuck: Talk, listener: Talk) -> None:
    """Leaves the daemon with more for `stuck` than the kernel takes; returns when the others have it all."""
    for talk in (stuck, listener):
        await talk.receive("initial_state")
        await talk.send("listen_latest")
        assert await talk.fetch(1, 0) == []
    for number in range(200):
        await writer.send("message", content=f"{number} " + "x" * 1000)
    await listener.latest(200)


async def test_stop_in_the_middle_of_a_storm(tmp_path: Path, storage: dict[str, str]) -> None:
    """Also with a client that reads nothing: everybody is told, and everything acknowledged is stored."""
    async with running(tmp_path, **storage, **FREE, **LITTLE) as daemon, crowd(daemon, 4) as (ada, bob, eve, zoe):
        history = History(await open_room(ada, bob, eve))
        full = await open_room(zoe)
        async with (
            zoe.talk(full) as writer,
            zoe.slow_talk(full) as stuck,
            zoe.talk(full) as listener,
            trio.open_nursery() as nursery,
        ):
            await stuff(writer, stuck, listener)
            await nursery.start(history.listen, ada)
            for person in (bob, eve):
                nursery.start_soon(history.write, person, person.name)
            await until(lambda: len(history.acknowledged) >= 100)
            daemon.signal(signal.SIGTERM)
            assert is_goodbye(await listener.closed())
            assert is_goodbye(await writer.closed())
            assert await daemon.wait(5.5) == 0
        assert "Traceback" not in daemon.output

        await daemon.start()
        log = await history.check(ada)
        await history.post_all_again(log)
        assert len(await history.check(ada)) == len(history.posted)


async def test_everybody_gets_the_goodbye(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **BRIEF) as daemon, crowd(daemon, 2) as (ada, bob):
        rooms = [await open_room(ada, bob) for _ in range(3)]
        async with trio.open_nursery() as nursery:
            ready = 0

            async def stay(person: Person, room_id: str) -> None:
                nonlocal ready
                async with person.talk(room_id) as talk:
                    await talk.receive("initial_state")
                    ready += 1
                    frames, code, reason = await talk.rest()
                    assert not frames
                    assert is_goodbye((code, reason))

            for person in (ada, bob):
                for room_id in rooms * 5:
                    nursery.start_soon(stay, person, room_id)
            await until(lambda: ready == 30)
            daemon.signal(signal.SIGINT)
            assert await daemon.wait() == 0


async def test_a_request_under_way_is_answered(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **BRIEF) as daemon, crowd(daemon, 1) as (ada,):
        body = b'{"email": "%s", "password": "%s"}' % (ada.email.encode(), PASSWORD.encode())
        head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
            await stream.send_all(head + body[:10])
            # A call on another connection, sent later, has been answered: that one is under way.
            await ada.call("GET", "/user")
            daemon.signal(signal.SIGTERM)
            await no_more_taken(daemon)
            await stream.send_all(body[10:])
            answer = b""
            with trio.fail_after(10):
                while data := await stream.receive_some():
                    answer += data
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert ada.user_id.encode() in answer
        assert await daemon.wait() == 0


async def no_more_taken(daemon: DaemonProcess) -> None:
    """Waits until the daemon takes no more connections."""
    with trio.fail_after(10), suppress(ConnectionError):
        while True:
            with trio.socket.socket() as sock:
                await sock.connect(("127.0.0.1", daemon.port))


async def test_a_second_signal_cuts_the_waiting_short(tmp_path: Path, storage: dict[str, str]) -> None:
    patience = NARROW | {
        "REICHATD_LIMITS_CLOSE_SECONDS": "60",
        "REICHATD_LIMITS_REQUEST_SECONDS": "60",
        "REICHATD_SERVER_DRAIN_SECONDS": "60",
    }
    async with running(tmp_path, **storage, **FREE, **patience) as daemon, crowd(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with (
            ada.talk(room_id) as writer,
            ada.slow_talk(room_id) as stuck,
            ada.talk(room_id) as listener,
            await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream,
        ):
            await stream.send_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            await stuff(writer, stuck, listener)
            daemon.signal(signal.SIGTERM)
            assert is_goodbye(await listener.closed())
            assert is_goodbye(await writer.closed())
            assert daemon.poll() is None
            daemon.signal(signal.SIGINT)
            assert await daemon.wait(10) == 0
        assert "Traceback" not in daemon.output
        await daemon.start()
        async with ada.talk(room_id) as talk:
            assert len(await talk.fetch(1, 1000)) == 200


async def test_the_time_to_drain_is_kept(tmp_path: Path, storage: dict[str, str]) -> None:
    """By those who never finish what they began: a request without its end, a socket without its goodbye."""
    slow = NARROW | {
        "REICHATD_LIMITS_CLOSE_SECONDS": "60",
        "REICHATD_LIMITS_REQUEST_SECONDS": "60",
        "REICHATD_SERVER_DRAIN_SECONDS": "1",
    }
    async with running(tmp_path, **storage, **FREE, **slow) as daemon, crowd(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with (
            ada.talk(room_id) as writer,
            ada.slow_talk(room_id) as stuck,
            ada.talk(room_id) as listener,
            await trio.open_tcp_stream("127.0.0.1", daemon.port) as half,
            await trio.open_tcp_stream("127.0.0.1", daemon.port) as silent,
        ):
            await half.send_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            await silent.send_all(b"G")
            await stuff(writer, stuck, listener)
            began = trio.current_time()
            assert await daemon.stop() == 0
            assert trio.current_time() - began < 5  # and not 60: a busy machine is slow to end a process
        assert "Traceback" not in daemon.output


async def test_start_right_after_stop(tmp_path: Path, storage: dict[str, str]) -> None:
    """On the same data and the same port; tokens, rooms and read marks are what they were."""
    async with running(tmp_path, **storage, **BRIEF) as daemon, crowd(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk:
            assert await talk.post("before", "n") == 1
        async with bob.talk(room_id) as talk:
            await talk.send("set_last_read", message_id=1)
            assert await talk.fetch(1, 0) == []
            assert await daemon.stop() == 0
        await daemon.start()
        for person in (ada, bob):
            details = (await person.call("GET", "/user"))["user_details"]
            assert details == {"email": person.email, "username": person.name}
            headers = {"Authorization": f"Bearer {person.refresh_token}"}
            assert (await person.http.get("/refresh", headers=headers)).is_success
            async with person.talk(room_id) as talk:
                assert (await talk.receive())["last_read_id"] == 1
                assert await talk.post("before", "n") == (1 if person is ada else 2)


async def test_a_stop_without_anybody(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    try:
        await daemon.start()
        assert await daemon.stop() == 0
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=daemon.url, verify=False) as http:
                await http.get("/")
    finally:
        daemon.kill()
