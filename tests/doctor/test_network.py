"""The doctor's requests, and peers with invalid answers."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import trio
from wsproto.utilities import generate_accept_token

from reichatd import unixsocket
from reichatd.doctor.network import Address, BadAnswer, UpgradeRejected, get, open_websocket
from tests.mongod import free_port

SECONDS = 10.0
CLOSE = b"\x88\x02\x0f\xa1"  # with code 4001
PING, PONG_HEAD = b"\x89\x02hi", b"\x8a\x82"


class Peer:
    """A server that gives every connection the same answer, and then closes its side.

    Arguments:
        answer: returns the pieces of the answer to a request with this head.
    """

    def __init__(self, listener: trio.SocketListener, answer: Callable[[bytes], Iterator[bytes]]) -> None:
        self.address = Address(False, "127.0.0.1", listener.socket.getsockname()[1], "")
        self.head = b""
        self.rest = b""
        """What came after the head."""
        self.finished = trio.Event()
        self._answer = answer

    async def serve(self, stream: trio.SocketStream) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += await stream.receive_some()
        self.head, _, self.rest = received.partition(b"\r\n\r\n")
        try:
            for piece in self._answer(self.head):
                await stream.send_all(piece)
            await stream.send_eof()
            async for data in stream:
                self.rest += data
        except trio.BrokenResourceError:
            pass  # the client closed first
        self.finished.set()


@asynccontextmanager
async def peer(answer: bytes | Callable[[bytes], Iterator[bytes]]) -> AsyncIterator[Peer]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    peer = Peer(listener, (lambda _: iter([answer])) if isinstance(answer, bytes) else answer)
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, peer.serve, [listener])
            yield peer
            nursery.cancel_scope.cancel()


def endless(_: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 403 Forbidden\r\n\r\n"
    while True:
        yield bytes(65_536)


def accepted(*pieces: bytes, wrong: bytes = b"", without: bytes = b"") -> Callable[[bytes], Iterator[bytes]]:
    def answer(head: bytes) -> Iterator[bytes]:
        key = next(line[19:] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
        lines = [
            b"Upgrade: WebSocket",
            b"Connection: x, Upgrade",
            b"Sec-WebSocket-Accept: " + generate_accept_token(key),
        ]
        kept = [line + wrong for line in lines if not line.startswith(without or b"-")]
        yield b"HTTP/1.1 101 Switching Protocols\r\n%s\r\n\r\n%s" % (b"\r\n".join(kept), b"".join(pieces))

    return answer


async def test_a_request_has_no_header_but_those_that_were_given() -> None:
    async with peer(b"HTTP/1.1 404 No\r\nX-Twice: 1\r\nContent-Length: 4\r\n\r\nbody") as other:
        address = other.address._replace(path="/below")
        answer = await get(address, "/a%20b/\u00e9", X_Forwarded_For="192.0.2.1")
        lines = other.head.decode().split("\r\n")
    assert answer == (404, {b"x-twice": b"1", b"content-length": b"4"}, b"body")
    assert lines[0] == "GET /below/a%20b/%C3%A9 HTTP/1.1"
    assert lines[1:] == [f"Host: {address.authority}", "Connection: close", "X-Forwarded-For: 192.0.2.1"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "no HTTP"),
        (b"220 smtp.example.org ESMTP\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "no HTTP"),
        (endless, "an answer without end"),
    ],
)
async def test_a_peer_without_http(answer: bytes | Callable[[bytes], Iterator[bytes]], text: str) -> None:
    async with peer(answer) as other:
        with pytest.raises(BadAnswer) as refusal:
            await get(other.address, "/")
    assert str(refusal.value) == text


async def test_no_connection_is_the_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="all attempts to connect"):
        await get(Address(False, "127.0.0.1", free_port(), ""), "/")
    path = tmp_path / ("long" * 30) / "a.sock"
    path.parent.mkdir()
    with closing(unixsocket.open_socket(path)):
        pass  # its path is removed
    with pytest.raises(FileNotFoundError):
        await get(Address(False, "localhost", 80, "", str(path)), "/")


async def test_tls_that_fails_has_its_reason() -> None:
    async def without_tls(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 smtp.example.org ESMTP\r\n")

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, without_tls, [listener])
        with pytest.raises(trio.BrokenResourceError) as failure:
            await get(Address(True, "127.0.0.1", listener.socket.getsockname()[1], ""), "/")
        nursery.cancel_scope.cancel()
    assert isinstance(failure.value.__cause__, ssl.SSLError)


async def test_pings_are_answered_and_counted_until_the_close() -> None:
    message = b"\x81\x02ok"
    async with peer(accepted(PING, message, PING, CLOSE)) as other:
        async with open_websocket(other.address, "/ws", Origin="https://chat.example.org") as socket:
            assert await socket.closed() == 4001
            assert socket.pings == 2
        await other.finished.wait()
        assert other.rest.count(PONG_HEAD) == 2
        head = other.head.decode().split("\r\n")
    assert head[:2] == ["GET /ws HTTP/1.1", f"Host: {other.address.authority}"]
    assert {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"} < set(head)
    assert "Origin: https://chat.example.org" in head


@pytest.mark.parametrize(("last", "code"), [(b"", 1006), (b"\x88\x00", 1005), (b"\xff\x7f", 1002)])
async def test_an_end_without_a_code(last: bytes, code: int) -> None:
    async with peer(accepted(last)) as other, open_websocket(other.address, "/") as socket:
        assert await socket.closed() == code


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (endless, 403),
        (b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>until the connection ends", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", 200),
    ],
)
async def test_a_refused_upgrade_has_its_status(
    answer: bytes | Callable[[bytes], Iterator[bytes]], status: int
) -> None:
    async with peer(answer) as other:
        with pytest.raises(UpgradeRejected) as refusal:
            async with open_websocket(other.address, "/"):
                pass
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"220 smtp.example.org ESMTP\r\n",
        accepted(CLOSE, wrong=b"x"),
        accepted(CLOSE, without=b"Connection"),
        accepted(CLOSE, without=b"Upgrade"),
        accepted(CLOSE, without=b"Sec-WebSocket-Accept"),
    ],
)
async def test_a_peer_without_websockets(answer: bytes | Callable[[bytes], Iterator[bytes]]) -> None:
    async with peer(answer) as other:
        with pytest.raises(BadAnswer) as refusal:
            async with open_websocket(other.address, "/"):
                pass
    assert str(refusal.value) == "something else than a WebSocket"
