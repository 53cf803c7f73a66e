"""How the daemon stops, and how it starts again."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trio

from tests.client import PASSWORD, Person, Talk, http_client, open_room, registered_users
from tests.end_to_end.conftest import FREE, NARROW
from tests.end_to_end.recorded_history import RecordedHistory
from tests.mail.server import until
from tests.process import DaemonProcess, running

MANY = 200
BRIEF = {"REICHATD_LIMITS_CLOSE_SECONDS": "0.2"}
"""Idle connections of the tests' own HTTP clients delay each stop by close_seconds."""
UNFINISHED = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
"""A request whose body never comes."""


def with_drain(seconds: int, *, others: float) -> dict[str, str]:
    """Settings with this drain, and `others` as the limits for a close and a request."""
    return (
        FREE
        | NARROW
        | {
            "REICHATD_LIMITS_CLOSE_SECONDS": str(others),
            "REICHATD_LIMITS_REQUEST_SECONDS": str(max(others, 10)),
            "REICHATD_SERVER_DRAIN_SECONDS": str(seconds),
        }
    )


def is_going_down(end: tuple[int, str | None]) -> bool:
    """Whether a socket was closed by a daemon that stops: with a pause, in milliseconds, before the client comes back."""
    code, reason = end
    return code == 1001 and re.fullmatch(r"The server is going down; retry-after-ms=\d{1,4}", reason or "") is not None


@asynccontextmanager
async def stuck_room(owner: Person) -> AsyncIterator[tuple[str, list[Talk]]]:
    """Yields the id of a room with MANY messages, and the sockets of a writer and a listener, which have them all.

    A third socket reads nothing: for it the daemon holds more than the kernel takes.
    """
    room_id = await open_room(owner)
    async with (
        owner.talk(room_id) as writer,
        owner.slow_talk(room_id) as stuck,
        owner.talk(room_id) as listener,
    ):
        for talk in (stuck, listener):
            await talk.start_listening()
        for number in range(MANY):
            await writer.send("message", content=f"{number} " + "x" * 1000)
        await listener.latest(MANY)
        yield room_id, [writer, listener]


async def test_stop_under_load(tmp_path: Path, storage: dict[str, str]) -> None:
    """Every socket is told, although one client reads nothing, and every acknowledged message is stored."""
    limits = with_drain(30, others=0.5)
    async with (
        running(tmp_path, **storage, **limits) as daemon,
        registered_users(daemon, 4) as (ada, bob, eve, zoe),
    ):
        history = RecordedHistory(await open_room(ada, bob, eve))
        async with stuck_room(zoe) as (_, talks), trio.open_nursery() as nursery:
            await nursery.start(history.listen, ada)
            for person in (bob, eve):
                nursery.start_soon(history.write, person, person.name)
            await until(lambda: len(history.acknowledged) >= 100)
            daemon.signal(signal.SIGTERM)
            for talk in talks:
                assert is_going_down(await talk.closed())
            assert await daemon.wait(15) == 0, "long before the drain is over"
        assert "Traceback" not in daemon.output

        await daemon.start()
        await history.check_and_post_again(ada, ada)


async def test_every_socket_is_told(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **BRIEF) as daemon, registered_users(daemon, 2) as (ada, bob):
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
                    assert is_going_down((code, reason))

            for person in (ada, bob):
                for room_id in rooms * 5:
                    nursery.start_soon(stay, person, room_id)
            await until(lambda: ready == 30)
            daemon.signal(signal.SIGINT)
            assert await daemon.wait() == 0


async def test_a_request_in_progress_is_answered(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **BRIEF) as daemon, registered_users(daemon, 1) as (ada,):
        body = b'{"email": "%s", "password": "%s"}' % (ada.email.encode(), PASSWORD.encode())
        head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
            await stream.send_all(head + body[:10])
            # A call sent later on another connection is answered: so the daemon has read this head.
            await ada.call("GET", "/user")
            daemon.signal(signal.SIGTERM)
            await refuses_connections(daemon)
            await stream.send_all(body[10:])
            answer = b""
            with trio.fail_after(20):
                while data := await stream.receive_some():
                    answer += data
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert ada.user_id.encode() in answer
        assert await daemon.wait() == 0


async def refuses_connections(daemon: DaemonProcess) -> None:
    """Waits until the daemon accepts no more connections."""
    with trio.fail_after(20), suppress(ConnectionError):
        while True:
            with trio.socket.socket() as sock:
                await sock.connect(("127.0.0.1", daemon.port))


async def test_a_second_signal_ends_the_drain(tmp_path: Path, storage: dict[str, str]) -> None:
    limits = with_drain(60, others=60)
    async with running(tmp_path, **storage, **limits) as daemon, registered_users(daemon, 1) as (ada,):
        async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
            await stream.send_all(UNFINISHED)
            async with stuck_room(ada) as (room_id, talks):
                daemon.signal(signal.SIGTERM)
                for talk in talks:
                    assert is_going_down(await talk.closed())
                assert daemon.poll() is None
                daemon.signal(signal.SIGINT)
                assert await daemon.wait(20) == 0, "long before the drain is over"
        assert "Traceback" not in daemon.output
        await daemon.start()
        async with ada.talk(room_id) as talk:
            assert len(await talk.fetch(1, 1000)) == MANY


async def test_the_drain_is_bounded(tmp_path: Path, storage: dict[str, str]) -> None:
    """Also with clients that never finish: a request without its end, a socket that does not answer the close frame."""
    limits = with_drain(1, others=60)
    async with running(tmp_path, **storage, **limits) as daemon, registered_users(daemon, 1) as (ada,):
        async with (
            await trio.open_tcp_stream("127.0.0.1", daemon.port) as half,
            await trio.open_tcp_stream("127.0.0.1", daemon.port) as silent,
        ):
            await half.send_all(UNFINISHED)
            await silent.send_all(b"G")
            async with stuck_room(ada):
                began = trio.current_time()
                assert await daemon.stop() == 0
                assert trio.current_time() - began < 5  # and not 60: a busy machine ends a process slowly
        assert "Traceback" not in daemon.output


async def test_start_right_after_stop(tmp_path: Path, storage: dict[str, str]) -> None:
    """With the same data and port; tokens, rooms and read marks are unchanged."""
    async with running(tmp_path, **storage, **BRIEF) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk:
            assert await talk.post("before", "n") == 1
        async with bob.talk(room_id) as talk:
            await talk.send("set_last_read", message_id=1)
            await talk.synchronise()
            assert await daemon.stop() == 0
        await daemon.start()
        for person in (ada, bob):
            details = (await person.call("GET", "/user"))["user_details"]
            assert details == {"email": person.email, "username": person.name}
            assert (await person.refresh()).is_success
            async with person.talk(room_id) as talk:
                assert (await talk.receive())["last_read_id"] == 1
                assert await talk.post("before", "n") == (1 if person is ada else 2)


async def test_stop_without_clients(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        assert await daemon.stop() == 0
        async with http_client(daemon.url) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("/")
