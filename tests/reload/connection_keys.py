"""Proofs for the keys of connections: WebSockets, HTTP, TLS."""

import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from reichatd.administration import Record
from reichatd.administration.records import Done
from reichatd.administration.requests import GetStats
from reichatd.control import ask, open_socket
from reichatd.rights import ADMINISTRATOR
from tests.mail.server import until
from tests.reload.proofs import SOON_SECONDS, proves
from tests.reload.running_parts import ROOM, RunningParts, running_parts

# --- WebSockets


@proves("limits.frame_bytes")
async def the_largest_message(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as before:
        running.reload(key, 1024)
        async with running.talk() as after:
            for talk in (before, after):
                await talk.send("message", content="x" * 2000, nonce="n")
            await before.receive("ack")
            assert (await after.closed())[0] == 1009


@proves("limits.send_buffer_bytes")
async def the_send_buffer(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        running.reload(key, 20_000)
        async with running.tcp() as stream:
            await open_silently(running, stream)
            with server_end(stream.socket) as sock:
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40_000


def server_end(client: trio.socket.SocketType) -> socket.socket:
    """A copy of the daemon's socket for this client: the daemon runs in this process, so it is among the open files here."""
    for name in os.listdir("/proc/self/fd"):
        # Suppressed: the file is not a socket, or not connected, or closed meanwhile.
        with suppress(OSError), socket.fromfd(int(name), socket.AF_INET, socket.SOCK_STREAM) as sock:
            if (sock.getsockname(), sock.getpeername()) == (client.getpeername(), client.getsockname()):
                return sock.dup()
    pytest.fail("the daemon has no such socket")


async def open_silently(running: RunningParts, stream: trio.SocketStream) -> None:
    """Opens a WebSocket whose client never answers."""
    await stream.send_all(
        f"GET /ws/chat/{ROOM}?token={running.tokens['ada']} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await until(lambda: running.parts.hub.connections)


@proves("limits.ping_seconds")
async def pings(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.ping_seconds": 3600.0}) as running, running.tcp() as stream:
        await open_silently(running, stream)
        running.reload(key, SOON_SECONDS)
        await until(lambda: running.connection.pinged_at > 0)


@proves("limits.pong_seconds")
async def pongs(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.ping_seconds": SOON_SECONDS}) as running, running.tcp() as stream:
        await open_silently(running, stream)
        await until(lambda: running.connection.pinged_at > 0)
        running.reload(key, SOON_SECONDS)
        assert (await running.ends(stream)).endswith(b"\x89\0")


@proves("limits.close_seconds")
async def the_timeout_of_a_close(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.close_seconds": 3600.0}) as running:
        running.reload(key, SOON_SECONDS)
        async with running.tcp() as stream:
            await open_silently(running, stream)
            await running.parts.rooms.delete(ADMINISTRATOR, ROOM)
            assert b"Room not found" in await running.ends(stream)


@proves("limits.slow_reader_seconds")
async def the_timeout_of_a_slow_reader(directory: Path, key: str) -> None:
    base = {
        "limits.slow_reader_seconds": 3600.0,
        "limits.send_buffer_bytes": 4096,
        "limits.messages_per_second": 0.0,
        "limits.message_bytes_per_second": 0,
    }
    async with running_parts(directory, base) as running:
        running.reload(key, SOON_SECONDS)
        async with running.tcp() as stream, running.talk("bob") as writer:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await open_silently(running, stream)
            await until(lambda: running.parts.hub.connections == 2)  # the other one is the writer's
            for connection in running.parts.hub.sockets:
                if connection.user.user_id == "ada":
                    running.room.listen(connection, 1)
            for number in range(1000):
                await writer.post("x" * 5000, str(number))
                if running.parts.hub.connections == 1:
                    break
            else:
                pytest.fail("the slow reader is still there")


@proves("limits.sockets_per_user")
async def the_number_of_sockets_of_a_user(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as first:
        await first.receive("initial_state")
        running.reload(key, 1)
        async with running.talk() as second, running.talk("bob") as other:
            assert await second.closed() == (1013, "Too many open sockets")
            await other.receive("initial_state")


@proves("limits.frames_per_second", "limits.frames_burst", "limits.frame_bytes_per_second", "limits.frame_bytes_burst")
async def the_frames_of_a_socket(directory: Path, key: str) -> None:
    unit = "frames" if "frames" in key else "frame_bytes"
    rate, burst = f"limits.{unit}_per_second", f"limits.{unit}_burst"
    base = {rate: 0, burst: 1024} if key == rate else {rate: 1, burst: 1_000_000}
    async with running_parts(directory, base) as running, running.talk() as talk:
        await talk.receive("initial_state")
        refusals = running.parts.connection_refusals.counts
        for new in (None, 1 if key == rate else 1024):
            if new is not None:
                running.reload(key, new)
            for _ in range(1200):
                await talk.send("listen_latest")
            if new is None:
                assert await talk.fetch(1, 0) == []
                assert not refusals[f"{unit}_per_second"]
        await until(lambda: refusals[f"{unit}_per_second"])


# --- HTTP and connections


@proves("limits.connections_per_address")
async def the_connections_of_an_address(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await talk.receive("initial_state")
        for limit, refused in ((1, True), (2, False)):
            running.reload(key, limit)
            async with running.tcp() as stream:
                if refused:
                    assert (await running.ends(stream)).startswith(b"HTTP/1.1 429")
                else:
                    await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


@proves("limits.strangers_per_address")
async def the_strangers_of_an_address(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.tcp() as first, running.tcp() as second:
        for stream in (first, second):
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await stream.receive_some()
        running.reload(key, 2)
        async with running.tcp() as third:
            assert await running.ends(first) == b""
            for stream in (second, third):
                await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert await stream.receive_some()


@proves("limits.head_bytes")
async def the_largest_head(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        for status in (200, 431):
            assert (await running.call("GET", "/", params={"q": "x" * 2000})).status_code == status
            running.reload(key, 1024)


@proves("limits.body_bytes")
async def the_largest_body(directory: Path, key: str) -> None:
    body = {"name": "", "description": "x" * 2000}
    async with running_parts(directory) as running:
        for status in (400, 413):
            assert (await running.call("POST", "/room", json=body)).status_code == status
            running.reload(key, 1024)


@proves("limits.answer_bytes")
async def the_bytes_of_large_answers(directory: Path, key: str) -> None:
    base = {"limits.room_description_max": 100_000, "limits.slow_reader_seconds": 3600.0}
    async with running_parts(directory, base) as running, running.tcp() as unread:
        for number in range(100):
            await running.parts.rooms.create(ADMINISTRATOR, "ada", "Room", "x" * 100_000, None, f"large{number}")
        unread.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        token = running.tokens["ada"].encode()
        await unread.send_all(b"GET /joined HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % token)
        assert (await unread.receive_some(100)).startswith(b"HTTP/1.1 200")
        for status in (200, 503):
            assert (await running.call("GET", "/room/large1")).status_code == status
            running.reload(key, 1)
        assert running.parts.limiter.refusals["answer_bytes"] == 1


@proves("limits.request_seconds")
async def the_timeout_of_a_request(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        running.reload(key, SOON_SECONDS)
        async with running.tcp() as head, running.tcp() as body:
            await head.send_all(b"GET / HT")
            await body.send_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            assert await running.ends(head) == b""
            assert (await body.receive_some()).startswith(b"HTTP/1.1 408")


@proves("limits.keep_alive_seconds")
async def the_timeout_between_requests(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.tcp() as stream:
        running.reload(key, SOON_SECONDS)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await running.ends(stream)).startswith(b"HTTP/1.1 200")


@proves("limits.control_connections")
async def the_number_of_commands(directory: Path, key: str) -> None:
    path = directory / "control.sock"

    async def ignore(_: Record) -> None:
        pass

    async with running_parts(directory, {key: 1}) as running:
        await running.nursery.start(running.parts.control.run, open_socket(path))
        async with await trio.open_unix_socket(path):
            await wait_all_tasks_blocked(SOON_SECONDS)
            assert await ask(path, GetStats(), ignore) != Done()
            running.reload(key, 2)
            assert await ask(path, GetStats(), ignore) == Done()


@proves("server.max_connections")
async def the_number_of_connections(directory: Path, key: str) -> None:
    patient = {"limits.handshake_seconds": 3600.0, "limits.request_seconds": 3600.0}
    async with running_parts(directory, patient) as running, running.tcp() as first:
        # A login: an idle connection without one would be closed for the second.
        token = running.tokens["ada"].encode()
        await first.send_all(b"GET /joined HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % token)
        assert (await first.receive_some()).startswith(b"HTTP/1.1 200")
        async with running.tcp(), running.tcp(), running.tcp():  # idle: they are closed for the second
            await until(lambda: running.parts.gateway.connections == 4)
            running.reload(key, 1)
            await second_waits_for(first, running)


async def second_waits_for(first: trio.SocketStream, running: RunningParts) -> None:
    async with running.tcp() as second:
        await second.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.move_on_after(SOON_SECONDS) as timeout:
            await second.receive_some()
        assert timeout.cancelled_caught
        await first.aclose()
        with trio.fail_after(10):
            assert await second.receive_some()


@proves("server.allowed_origins")
async def origins(directory: Path, key: str) -> None:
    origin = "https://friend.example.org"
    async with running_parts(directory) as running:
        with pytest.raises(ExceptionGroup):
            async with running.talk(origin=origin):
                pass
        running.reload(key, [origin])
        async with running.talk(origin=origin) as talk:
            await talk.receive("initial_state")
        running.reload(key, [])
        request = b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://friend.example.org\r\n\r\n"
        async with running.tcp() as stream:
            for allowed in ([], [origin]):
                running.reload(key, allowed)
                await stream.send_all(request)
                assert (b"access-control-allow-origin" in await stream.receive_some()) == bool(allowed)


# --- TLS


class Identity:
    """A certificate for the daemon, and a TLS context of a client that trusts only this one."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)

    async def is_shown(self, running: RunningParts) -> bool:
        async with running.tcp() as stream:
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
    async with running_parts(directory, BY_TLS, tls=old.server) as running:
        assert await old.is_shown(running)
        running.reload(key, "new", tls=new.server)
        assert await new.is_shown(running)
        assert not await old.is_shown(running)


@proves("server.hsts_seconds")
async def strict_transport_security(directory: Path, key: str) -> None:
    identity = Identity()
    async with running_parts(directory, BY_TLS, tls=identity.server) as running, running.tcp() as stream:
        secured = trio.SSLStream(stream, identity.client, server_hostname="127.0.0.1")
        for seconds in (31_536_000, 77):
            await secured.send_all(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n")
            assert b"max-age=%d\r\n" % seconds in await secured.receive_some()
            running.reload(key, 77)


@proves("limits.handshake_seconds")
async def the_timeout_of_a_handshake(directory: Path, key: str) -> None:
    async with running_parts(directory, BY_TLS, tls=Identity().server) as running:
        running.reload(key, SOON_SECONDS)
        async with running.tcp() as stream:
            assert await running.ends(stream) == b""
