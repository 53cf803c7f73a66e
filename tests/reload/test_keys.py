"""Each key that config.py calls reloadable really changes what the running daemon does."""

import os
import socket
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any, TextIO, cast

import pytest
import structlog
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from reichatd import logs
from reichatd.administration import Record
from reichatd.administration.records import Done
from reichatd.administration.requests import GetStats
from reichatd.control import ask, open_socket
from reichatd.daemon import _Daemon
from reichatd.parts import Configuration
from reichatd.settings import LogSettings, Reload, reload_of
from reichatd.settings.keys import KEYS
from reichatd.stdio import QueuedStream, QueuedWriter
from reichatd.systemd import ServiceManager
from reichatd.wallclock import WallClock
from tests.chat.doubles import FakeSocket, connect
from tests.client import Talk
from tests.mail.server import until
from tests.reload.inhabited import ROOM, Inhabited, inhabited

Proof = Callable[[Path, str], Awaitable[None]]
PROOFS: dict[str, Proof] = {}
SOON_SECONDS = 0.1


def proves(*keys: str) -> Callable[[Proof], Proof]:
    """The function proves these keys, each by itself."""

    def register(proof: Proof) -> Proof:
        PROOFS.update(dict.fromkeys(keys, proof))
        return proof

    return register


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("key", [key for key in KEYS if reload_of(key) is not Reload.NEEDS_RESTART])
async def test_it_is_applied(key: str, tmp_path: Path) -> None:
    await PROOFS[key](tmp_path, key)


def test_nothing_else_is_claimed() -> None:
    assert {reload_of(key) for key in KEYS if key not in PROOFS} == {Reload.NEEDS_RESTART}


# --- what a refusal names

REGISTERING = {"email": "eve@example.org", "password": "x", "username": "!"}
MAKING = {"name": "", "description": "x" * 2000, "room_id": "!"}
REFUSED = ("limits.password_min", "limits.password_max", "limits.username_min", "limits.username_max")
REFUSED_ROOM = ("limits.room_id_min", "limits.room_id_max", "limits.room_name_max", "limits.room_description_max")


@proves(*REFUSED, *REFUSED_ROOM)
async def a_rule_of_rest(directory: Path, key: str) -> None:
    async def refusals(house: Inhabited) -> str:
        register = await house.call("POST", "/register", json=REGISTERING)
        return register.text + (await house.call("POST", "/room", json=MAKING)).text

    new = 7 if key.endswith("_min") else 123
    async with inhabited(directory) as house:
        assert f" {new} " not in await refusals(house)
        house.reload(key, new)
        assert f" {new} " in await refusals(house)


@proves("limits.message_chars", "limits.nonce_chars", "limits.fetch_ids")
async def a_rule_of_a_live_socket(directory: Path, key: str) -> None:
    async def refusals(talk: Talk) -> str:
        await talk.send("message", content="")
        await talk.send("message", content="x", nonce="")
        await talk.send("fetch", from_id=1, to_id=10**6)
        return " ".join([(await talk.receive("error"))["message"] for _ in range(3)])

    async with inhabited(directory) as house, house.talk() as talk:
        assert " 123 " not in await refusals(talk)
        house.reload(key, 123)
        assert " 123 " in await refusals(talk)


@proves("limits.initial_before", "limits.initial_after")
async def the_greeting(directory: Path, key: str) -> None:
    name = "ada" if key.endswith("before") else "bob"  # ada has read all, bob nothing
    async with inhabited(directory) as house:
        async with house.talk() as talk:
            for number in range(10):
                await talk.post("text", str(number))
        for count in (10, 3):
            async with house.talk(name) as talk:
                assert len((await talk.receive())["messages"]) == count
            house.reload(key, 2 if name == "ada" else 3)


# --- retention


@proves("retention.keep_days", "retention.keep_messages", "retention.interval_minutes")
async def what_is_kept(directory: Path, key: str) -> None:
    base = {"retention.interval_minutes": 1000, "retention.keep_messages": 2 if key.endswith("minutes") else 0}
    async with inhabited(directory, base) as house, house.talk() as talk:
        house.nursery.start_soon(house.parts.retention.run, WallClock())
        await wait_all_tasks_blocked(SOON_SECONDS)
        for number in range(5):
            await talk.post("text", str(number))
        with closing(sqlite3.connect(directory / "data")) as db, db:
            db.execute("UPDATE messages SET timestamp = 1.0")
        house.reload(key, 0.001 if key.endswith("minutes") else 2)
        await until_it_begins_at(4 if key != "retention.keep_days" else 6, house)
        if key.endswith("minutes"):
            for number in range(5):
                await talk.post("text", f"again {number}")
            await until_it_begins_at(9, house)


async def until_it_begins_at(first_id: int, house: Inhabited) -> None:
    with trio.fail_after(10):
        while await house.parts.store.messages.first_ids([ROOM]) != [first_id]:  # noqa: ASYNC110 - a store tells nobody
            await trio.sleep(0.01)


# --- pace


async def limited(talk: Talk, count: int) -> int:
    """Of so many posts at once, how many are refused."""
    for number in range(count):
        await talk.send("message", content="x", nonce=f"{number}")
    return [(await talk.receive())["type"] for _ in range(count)].count("error")


@proves("limits.messages_per_second", "limits.messages_burst")
async def the_pace_of_posts_on_a_live_socket(directory: Path, key: str) -> None:
    by_rate = key.endswith("second")
    base = {"limits.messages_per_second": 0.0 if by_rate else 0.001, "limits.messages_burst": 1 if by_rate else 100}
    async with inhabited(directory, base) as house, house.talk() as talk:
        await talk.receive("initial_state")
        assert await limited(talk, 3) == 0
        house.reload(key, 0.001 if by_rate else 1)
        assert await limited(talk, 3) == 2


@proves("limits.bad_frames_per_minute")
async def the_flood_of_bad_frames(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.talk() as talk:
        for _ in range(5):
            await talk.send("nonsense")
        assert await talk.fetch(1, 0) == []
        house.reload(key, 2)
        for _ in range(3):  # no more: the third closes the socket
            await talk.send("nonsense")
        assert await talk.closed() == (1008, "Too many bad frames")


@proves("limits.posts_in_flight")
async def posts_before_it_is_read_no_further(directory: Path, key: str) -> None:
    async with inhabited(directory, scribe=False) as house, house.talk() as talk:
        for _ in range(3):
            await talk.send("message", content="x")
        assert await talk.fetch(1, 0) == []
        house.reload(key, 3)
        await talk.send("fetch", from_id=1, to_id=0)
        await wait_all_tasks_blocked(SOON_SECONDS)
        with trio.move_on_after(SOON_SECONDS) as patience:
            await talk.receive("fetch_response")
        assert patience.cancelled_caught
        house.nursery.start_soon(house.parts.scribe.run)
        await talk.receive("fetch_response")


# --- sockets


@proves("limits.frame_bytes")
async def the_largest_message(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.talk() as before:
        house.reload(key, 1024)
        async with house.talk() as after:
            for talk in (before, after):
                await talk.send("message", content="x" * 2000, nonce="n")
            await before.receive("ack")
            assert (await after.closed())[0] == 1009


@proves("limits.send_buffer_bytes")
async def the_kernels_buffer(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        house.reload(key, 20_000)
        async with house.talk() as talk:
            await talk.receive("initial_state")
            sock: socket.socket = house.connection.socket._stream.socket  # type: ignore[attr-defined]
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40_000


async def open_rudely(house: Inhabited, stream: trio.SocketStream) -> None:
    """A socket whose client answers nothing."""
    await stream.send_all(
        f"GET /ws/chat/{ROOM}?token={house.tokens['ada']} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await until(lambda: house.parts.hub.connections)


@proves("limits.ping_seconds")
async def pings(directory: Path, key: str) -> None:
    async with inhabited(directory, {"limits.ping_seconds": 3600.0}) as house, house.tcp() as stream:
        await open_rudely(house, stream)
        house.reload(key, SOON_SECONDS)
        await until(lambda: house.connection.pinged_at > 0)


@proves("limits.pong_seconds")
async def pongs(directory: Path, key: str) -> None:
    async with inhabited(directory, {"limits.ping_seconds": SOON_SECONDS}) as house, house.tcp() as stream:
        await open_rudely(house, stream)
        await until(lambda: house.connection.pinged_at > 0)
        house.reload(key, SOON_SECONDS)
        assert (await house.ends(stream)).endswith(b"\x89\0")


@proves("limits.close_seconds")
async def the_wait_for_a_close(directory: Path, key: str) -> None:
    async with inhabited(directory, {"limits.close_seconds": 3600.0}) as house:
        house.reload(key, SOON_SECONDS)
        async with house.tcp() as stream:
            await open_rudely(house, stream)
            await house.parts.rooms.delete("ada", ROOM)
            assert b"Room not found" in await house.ends(stream)


@proves("limits.slow_reader_seconds")
async def the_patience_with_a_slow_reader(directory: Path, key: str) -> None:
    base = {"limits.slow_reader_seconds": 3600.0, "limits.send_buffer_bytes": 4096, "limits.messages_per_second": 0.0}
    async with inhabited(directory, base) as house:
        house.reload(key, SOON_SECONDS)
        async with house.tcp() as stream, house.talk("bob") as writer:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await open_rudely(house, stream)
            await until(lambda: house.parts.hub.connections == 2)  # the writer's is the other one
            for connection in house.parts.hub._all_connections():
                if connection.user.user_id == "ada":
                    house.room.listen(connection, 1)
            for number in range(1000):
                await writer.post("x" * 5000, str(number))
                if house.parts.hub.connections == 1:
                    break
            else:
                pytest.fail("the slow reader is still there")


# --- HTTP and connections


@proves("limits.head_bytes")
async def the_largest_head(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        for status in (200, 431):
            assert (await house.call("GET", "/", params={"q": "x" * 2000})).status_code == status
            house.reload(key, 1024)


@proves("limits.body_bytes")
async def the_largest_body(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        for status in (400, 413):
            assert (await house.call("POST", "/room", json=MAKING)).status_code == status
            house.reload(key, 1024)


@proves("limits.request_seconds")
async def the_patience_with_a_request(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        house.reload(key, SOON_SECONDS)
        async with house.tcp() as head, house.tcp() as body:
            await head.send_all(b"GET / HT")
            await body.send_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            assert await house.ends(head) == b""
            assert (await body.receive_some()).startswith(b"HTTP/1.1 408")


@proves("limits.keep_alive_seconds")
async def the_patience_between_requests(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.tcp() as stream:
        house.reload(key, SOON_SECONDS)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await house.ends(stream)).startswith(b"HTTP/1.1 200")


@proves("limits.control_connections")
async def administrators(directory: Path, key: str) -> None:
    path = directory / "control.sock"

    async def ignore(_: Record) -> None:
        pass

    async with inhabited(directory, {key: 1}) as house:
        await house.nursery.start(house.parts.control.run, open_socket(path))
        async with await trio.open_unix_socket(path):
            await wait_all_tasks_blocked(SOON_SECONDS)
            assert await ask(path, GetStats(), ignore) != Done()
            house.reload(key, 2)
            assert await ask(path, GetStats(), ignore) == Done()


@proves("server.max_connections")
async def places(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.tcp() as first:
        await first.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await first.receive_some()
        house.reload(key, 1)
        async with house.tcp() as second:
            await second.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with trio.move_on_after(SOON_SECONDS) as patience:
                await second.receive_some()
            assert patience.cancelled_caught
            await first.aclose()
            with trio.fail_after(10):
                assert await second.receive_some()


@proves("server.allowed_origins")
async def origins(directory: Path, key: str) -> None:
    origin = "https://friend.example.org"
    async with inhabited(directory) as house:
        with pytest.raises(ExceptionGroup):
            async with house.talk(origin=origin):
                pass
        house.reload(key, [origin])
        async with house.talk(origin=origin) as talk:
            await talk.receive("initial_state")
        house.reload(key, [])
        asks = b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://friend.example.org\r\n\r\n"
        async with house.tcp() as stream:
            for allowed in ([], [origin]):
                house.reload(key, allowed)
                await stream.send_all(asks)
                assert (b"access-control-allow-origin" in await stream.receive_some()) == bool(allowed)


# --- TLS


class Identity:
    """A certificate for the daemon, and a client that trusts no other."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)

    async def is_shown(self, house: Inhabited) -> bool:
        async with house.tcp() as stream:
            secured = trio.SSLStream(stream, self.client, server_hostname="127.0.0.1")
            try:
                await secured.do_handshake()
            except trio.BrokenResourceError:
                return False
            return True


BY_TLS = {"server.tls_cert": "cert", "server.tls_key": "key"}


@proves("server.tls_cert", "server.tls_key")
async def the_certificate(directory: Path, key: str) -> None:
    old, new = Identity(), Identity()
    async with inhabited(directory, BY_TLS, tls=old.server) as house:
        assert await old.is_shown(house)
        house.reload(key, "new", tls=new.server)
        assert await new.is_shown(house)
        assert not await old.is_shown(house)


@proves("server.hsts_seconds")
async def the_promise_of_tls(directory: Path, key: str) -> None:
    identity = Identity()
    async with inhabited(directory, BY_TLS, tls=identity.server) as house, house.tcp() as stream:
        secured = trio.SSLStream(stream, identity.client, server_hostname="127.0.0.1")
        for seconds in (31_536_000, 77):
            await secured.send_all(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n")
            assert b"max-age=%d\r\n" % seconds in await secured.receive_some()
            house.reload(key, 77)


@proves("limits.handshake_seconds")
async def the_patience_with_a_handshake(directory: Path, key: str) -> None:
    async with inhabited(directory, BY_TLS, tls=Identity().server) as house:
        house.reload(key, SOON_SECONDS)
        async with house.tcp() as stream:
            assert await house.ends(stream) == b""


# --- logs in memory, commits


@proves("limits.tail_messages", "limits.tail_bytes")
async def the_tail_of_a_live_room(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        assert house.room._log.first_id == 1
        house.reload(key, 4 if key.endswith("messages") else 1024)
        await talk.post("x", "last")
        assert house.room._log.first_id > 15


@proves("limits.catch_up_bytes")
async def what_a_lagging_reader_is_handed(directory: Path, key: str) -> None:
    async with inhabited(directory) as house, house.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        house.reload(key, 1024)
        behind = FakeSocket(space=0)
        (await house.parts.hub.enter(ROOM, connection := connect(behind))).listen(connection, 1)
        await until(lambda: behind.waiting)
        assert 0 < len(behind.waiting) <= 1024
        house.parts.hub.leave(ROOM, connection)


@proves("limits.commit_posts")
async def the_size_of_a_commit(directory: Path, key: str) -> None:
    async with inhabited(directory, scribe=False) as house, house.talk() as talk:
        commits: list[int] = []
        append = house.parts.store.messages.append

        async def counted(posts: Any, marks: Any) -> Any:  # noqa: ANN401 - passed on
            commits.append(len(posts))
            return await append(posts, marks)

        house.parts.store.messages.append = counted  # type: ignore[method-assign, assignment]
        for number in range(6):
            await talk.send("message", content="x", nonce=str(number))
        assert await talk.fetch(1, 0) == []
        house.reload(key, 2)
        house.nursery.start_soon(house.parts.scribe.run)
        for _ in range(6):
            await talk.receive("ack")
        assert commits == [2, 2, 2]


@proves("limits.commit_interval_seconds")
async def the_distance_of_commits(directory: Path, key: str) -> None:
    async with inhabited(directory, scribe=False) as house, house.talk() as talk:
        began: list[float] = []
        append = house.parts.store.messages.append

        async def timed(posts: Any, marks: Any) -> Any:  # noqa: ANN401 - passed on
            began.append(trio.current_time())
            if len(began) == 1:
                house.parts.scribe.mark_read(ROOM, "nobody", 1)  # so that another follows
            return await append(posts, marks)

        house.parts.store.messages.append = timed  # type: ignore[method-assign, assignment]
        house.reload(key, 0.5)
        house.nursery.start_soon(house.parts.scribe.run)
        await talk.post("x", "n")
        await house.parts.scribe.drained()
        assert 0.5 <= began[1] - began[0] < 5


# --- a stop


def never() -> Configuration:
    raise NotImplementedError


@proves("server.drain_seconds", "server.goodbyes_per_second", "server.reconnects_per_second")
async def the_stop(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        house.reload(key, {"server.drain_seconds": 50.0, "server.goodbyes_per_second": 400}.get(key, 1))
        connections = [connect(FakeSocket(), session_id=str(number)) for number in range(200)]
        for connection in connections:
            await house.parts.hub.enter(ROOM, connection)
        daemon = _Daemon(house.parts, [], None, ServiceManager(), never, lambda: None)
        began = trio.current_time()
        await daemon._stop()
        took = trio.current_time() - began
        delays = [int(reason[1].rpartition("=")[2]) for each in connections if (reason := each.closing)]
        assert len(delays) == 200
        assert (daemon._serving.deadline - began > 40) == (key == "server.drain_seconds")
        assert (took >= 0.45) == (key == "server.goodbyes_per_second")
        assert (max(delays) > 10_000) == (key == "server.reconnects_per_second")


# --- mail and log


@proves(*(key for key in KEYS if key.startswith("mail.")))
async def mail(directory: Path, key: str) -> None:
    """All of it is read from the settings whenever a letter goes out (see tests/mail): nobody keeps another copy."""
    new: dict[str, Any] = {
        "mail.backend": "smtp",
        "mail.tls": "none",
        "mail.sender": "Chat <chat@example.org>",
        "mail.ehlo": "relay.example.org",
        "mail.host": "mail.example.org",
        "mail.username": "chat",
        "mail.password_file": "/etc/password",
    }
    async with inhabited(directory) as house:
        outbox = house.parts.outbox
        route = outbox._route
        house.reload(key, new.get(key, 77), mail_password="hunter2")
        in_force = house.parts.settings.mail
        assert outbox._mail == in_force
        assert outbox._route is not route
        assert (outbox._route._mail, outbox._route._password) == (in_force, "hunter2")
        assert str(outbox.sender) == in_force.sender


@proves("log.level", "log.format")
async def the_log(directory: Path, key: str) -> None:
    async with inhabited(directory) as house:
        stream, sys_stderr = StringIO(), sys.stderr
        sys.stderr = stream
        try:
            logs.configure(LogSettings(), stream)
            log = structlog.get_logger()
            log.debug("before")
            log.info("before")
            house.reload(key, "debug" if key == "log.level" else "console")
            log.debug("behind")
            log.info("behind")
        finally:
            sys.stderr = sys_stderr
        before, behind = stream.getvalue().split("setting changed")
        assert before.count('"before"') == 1
        assert behind.count("behind") == (2 if key == "log.level" else 1)
        assert ('"behind"' in behind) == (key == "log.level")


@proves("log.queue_lines")
async def the_queue_of_the_log(directory: Path, key: str) -> None:
    reading, writing = os.pipe()
    stream, before = QueuedStream(QueuedWriter(5000), writing), sys.stderr
    sys.stderr = cast("TextIO", stream)
    try:
        async with inhabited(directory) as house:
            house.reload(key, 7)
            assert stream.writer.limit == 7
    finally:
        sys.stderr = before
        assert stream.writer.drain(10)
        os.close(writing)
        os.close(reading)
