"""The stream that the library is given, over real sockets."""

import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio
import trio.testing

from reichatd.config import Limits
from reichatd.gateway.stream import FrameStream
from reichatd.gateway.wire import Wire

HEAD = b"GET / HTTP/1.1\r\n\r\n"
LIMITS = Limits(frame_bytes=1024)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Wire, trio.SocketStream]]:
    """A wire, and the peer at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = await trio.open_tcp_stream(*listener.getsockname())
        near, _ = listener.accept()
    with near:
        async with far:
            yield Wire(FrameStream(near, stall_seconds=1), HEAD, LIMITS), far


async def test_the_handshake_comes_first_and_alone(ends: tuple[Wire, trio.SocketStream]) -> None:
    wire, far = ends
    await far.send_all(b"hasty")
    assert await wire.receive_some(4096) == HEAD
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            assert await wire.receive_some(4096) == b"hasty"

        await trio.testing.wait_all_tasks_blocked()
        await wire.send_all(b"HTTP/1.1 101\r\n\r\n")
    assert await far.receive_some() == b"HTTP/1.1 101\r\n\r\n"


async def test_what_is_closed_is_closed_for_the_library_only(ends: tuple[Wire, trio.SocketStream]) -> None:
    wire, far = ends
    assert await wire.receive_some() == HEAD
    await wire.send_all(b"\x88\x00")
    await wire.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await wire.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await wire.send_all(b"\x8a\x00")
    assert wire.said_goodbye
    assert await far.receive_some() == b"\x88\x00"
    with trio.move_on_after(0.05) as patience:
        await far.receive_some()
    assert patience.cancelled_caught


async def receive_all(wire: Wire, *, messages: bool) -> int:
    """Receives 100,000 bytes, in which there are whole messages or there are none."""
    received = 0
    with trio.fail_after(5):
        while received < 100_000:
            received += len(await wire.receive_some(4096))
            if messages:
                wire.since_message = 0
    return received


@pytest.fixture
async def filled(ends: tuple[Wire, trio.SocketStream]) -> Wire:
    """A wire behind its handshake, with 100,000 bytes on it."""
    wire, far = ends
    assert await wire.receive_some() == HEAD
    await wire.send_all(b"HTTP/1.1 101\r\n\r\n")
    await far.send_all(bytes(100_000))
    return wire


async def test_messages_may_come_without_end(filled: Wire) -> None:
    assert await receive_all(filled, messages=True) == 100_000


async def test_a_message_without_end_ends_the_connection(filled: Wire) -> None:
    with pytest.raises(trio.BrokenResourceError):
        await receive_all(filled, messages=False)
    assert filled.since_message > 64 * LIMITS.frame_bytes


@pytest.fixture
async def open_ends(ends: tuple[Wire, trio.SocketStream]) -> tuple[Wire, trio.SocketStream]:
    """A wire behind its handshake, which is read as the library does, and the peer."""
    wire, far = ends
    assert await wire.receive_some() == HEAD
    await wire.send_all(b"HTTP/1.1 101\r\n\r\n")
    await far.receive_some()
    return wire, far


PLAIN = b"\x81\x85\0\0\0\0plain"
PING = b"\x89\x80\0\0\0\0"
BINARY = b"\x82\x81\0\0\0\0b"


async def test_plain_texts_pass_the_library_by(open_ends: tuple[Wire, trio.SocketStream]) -> None:
    wire, far = open_ends
    await far.send_all(PLAIN + PING + PLAIN)
    assert await wire.receive_some() == PING
    assert [await wire.text(), await wire.text()] == ["plain", "plain"]
    await far.send_all(PLAIN + BINARY + PLAIN)
    assert await wire.receive_some() == BINARY + PLAIN
    assert [await wire.text(), await wire.text()] == ["plain", None]


async def test_with_so_many_texts_unread_the_connection_is_read_no_further(
    open_ends: tuple[Wire, trio.SocketStream], nursery: trio.Nursery
) -> None:
    wire, far = open_ends
    await far.send_all(PLAIN * 64)
    with trio.move_on_after(0.2):
        await wire.receive_some()
    await far.send_all(PING)
    with trio.move_on_after(0.2) as patience:
        await wire.receive_some()
    assert patience.cancelled_caught
    assert await wire.text() == "plain"
    with trio.fail_after(5):
        assert await wire.receive_some() == PING


@pytest.mark.parametrize("end", ["the peer's", "the library's", "a reset"])
async def test_who_waits_for_a_text_hears_of_the_end(open_ends: tuple[Wire, trio.SocketStream], end: str) -> None:
    wire, far = open_ends

    async def read() -> None:
        with suppress(trio.BrokenResourceError):
            await wire.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        if end == "the library's":
            await wire.aclose()
            nursery.cancel_scope.cancel()
        elif end == "a reset":
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            await far.aclose()
        else:
            await far.aclose()
    with trio.fail_after(5):
        assert await wire.text() is None


async def test_a_send_that_fails_ends_the_waiting_for_texts(open_ends: tuple[Wire, trio.SocketStream]) -> None:
    wire, _ = open_ends  # whose peer reads nothing
    with pytest.raises(trio.BrokenResourceError):
        await wire.send_all(b"\x8a\0" * 20_000_000)
    with trio.fail_after(5):
        assert await wire.text() is None


async def test_pings_may_come_for_years(open_ends: tuple[Wire, trio.SocketStream]) -> None:
    wire, far = open_ends
    received = 0
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(far.send_all, PING * 40_000)
            while received < 40_000 * len(PING):
                received += len(await wire.receive_some())
    assert received > 64 * LIMITS.frame_bytes
