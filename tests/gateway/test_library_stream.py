"""The stream that trio-websocket gets, over real sockets."""

import socket
from collections.abc import AsyncIterator

import pytest
import trio

from reichatd.gateway.frame_budget import FrameBudget
from reichatd.gateway.library_stream import LibraryStream
from reichatd.gateway.stream import FrameStream
from reichatd.rate_limits import Refusals
from reichatd.settings import LimitSettings, LiveSettings, Settings

BEGUN = b"\x81\x85"
LIMITS = LimitSettings(frame_bytes=1024, frames_per_second=0)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[LibraryStream, trio.SocketStream]]:
    """A stream, and the peer at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = await trio.open_tcp_stream(*listener.getsockname())
        near, _ = listener.accept()
    with near:
        async with far:
            budget = FrameBudget(LiveSettings(Settings(limits=LIMITS)), Refusals(), "192.0.2.1")
            yield LibraryStream(FrameStream(near, stall_seconds=1), BEGUN, LIMITS, budget), far


async def test_bytes_received_before_come_first(ends: tuple[LibraryStream, trio.SocketStream]) -> None:
    stream, far = ends
    await far.send_all(b"later")
    assert await stream.receive_some(4096) == BEGUN
    assert await stream.receive_some(4096) == b"later"


async def test_aclose_closes_the_stream_for_the_library_only(ends: tuple[LibraryStream, trio.SocketStream]) -> None:
    stream, far = ends
    assert await stream.receive_some() == BEGUN
    await stream.send_all(b"\x88\x00")
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"\x8a\x00")
    assert stream.sent_close_frame
    assert await far.receive_some() == b"\x88\x00"
    with trio.move_on_after(0.05) as scope:
        await far.receive_some()
    assert scope.cancelled_caught, "the connection is still open"


async def receive_all(stream: LibraryStream, *, messages: bool) -> int:
    """Receives the bytes that were received before, and 100,000, with complete messages in them or without."""
    received = 0
    with trio.fail_after(20):
        while received < len(BEGUN) + 100_000:
            received += len(await stream.receive_some(4096))
            if messages:
                stream.since_message = 0
    return received


@pytest.fixture
async def filled(ends: tuple[LibraryStream, trio.SocketStream]) -> LibraryStream:
    """A stream with 100,000 bytes to receive."""
    stream, far = ends
    await far.send_all(bytes(100_000))
    return stream


async def test_any_number_of_messages_may_come(filled: LibraryStream) -> None:
    assert await receive_all(filled, messages=True) == len(BEGUN) + 100_000


async def test_a_message_without_end_ends_the_connection(filled: LibraryStream) -> None:
    with pytest.raises(trio.BrokenResourceError):
        await receive_all(filled, messages=False)
    assert filled.since_message > 64 * LIMITS.frame_bytes
