"""What the gateway relies on inside trio-websocket and wsproto. A failure here means: read trio_websocket_internals.py again."""

import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.utilities import generate_accept_token

from reichatd.gateway.trio_websocket_internals import (
    ConnectionClosed,
    LocalProtocolError,
    WebSocketConnection,
    open_connection,
)
from tests.gateway.raw import BINARY, CLOSE, CONTINUATION, PING, TEXT, closing, frame

MOST = 1000


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[WebSocketConnection, trio.SocketStream]]:
    """The library's connection, which begins without a handshake, and the client's end of its stream."""
    near, far = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with near, far, trio.open_nursery() as nursery:
        with trio.fail_after(5):
            yield open_connection(nursery, near, MOST), far
        nursery.cancel_scope.cancel()


async def receive_all(far: trio.SocketStream) -> bytes:
    """What the client receives up to the end of the connection."""
    return b"".join([data async for data in far])


def test_the_names_that_we_use() -> None:
    parameters = inspect.signature(WebSocketConnection).parameters
    used = {"stream", "ws_connection", "message_queue_size", "max_message_size"}
    assert used <= parameters.keys(), "WebSocketConnection takes other arguments now"
    reader = getattr(WebSocketConnection, "_reader_task", None)
    assert inspect.iscoroutinefunction(reader), "WebSocketConnection._reader_task is gone: what reads its stream now?"
    assert list(inspect.signature(reader).parameters) == ["self"], "_reader_task takes arguments now"
    assert hasattr(WebSocketConnection, "closed"), "WebSocketConnection.closed is gone: where is the close code now?"


def test_a_connection_can_be_set_after_the_handshake() -> None:
    protocol = WSConnection(ConnectionType.SERVER)
    assert protocol.connection is None, "WSConnection.connection was set by the handshake only"
    protocol.connection = Connection(ConnectionType.SERVER)
    assert protocol.state is ConnectionState.OPEN, "WSConnection takes its state from somewhere else now"


def test_the_accept_token_is_that_of_rfc_6455() -> None:
    assert generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_messages_come_without_a_handshake() -> None:
    async with connected() as (library, far):
        await far.send_all(frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b") + frame(TEXT, b"c"))
        assert [await library.get_message() for _ in range(2)] == ["ab", "c"]
        assert library.closed is None


async def test_few_messages_are_read_ahead() -> None:
    """A conversation that waits for a slow reader must not gather what this reader sends."""
    async with connected() as (library, far), trio.open_nursery() as nursery:
        nursery.start_soon(far.send_all, frame(BINARY, bytes(MOST)) * 10_000)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert library._recv_channel.statistics().current_buffer_used <= 4
        assert await library.get_message() == bytes(MOST)
        nursery.cancel_scope.cancel()


async def test_a_close_is_answered_and_its_code_is_kept() -> None:
    async with connected() as (library, far):
        await far.send_all(closing(4000))
        with pytest.raises(ConnectionClosed):
            await library.get_message()
        assert library.closed is not None
        assert library.closed.code == 4000
        assert await far.receive_some() == b"\x88\x02\x0f\xa0"


async def test_aclose_sends_the_code_and_waits_for_the_answer() -> None:
    async with connected() as (library, far), trio.open_nursery() as nursery:
        nursery.start_soon(library.aclose, 1008, "why")
        assert await far.receive_some() == b"\x88\x05\x03\xf0why"
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks, "aclose no longer waits for the answer"
        await far.send_all(closing(1008))


# --- faults, which our own code makes up for: a failure means that this code can go


async def test_a_ping_behind_the_close_frame_ends_the_task_of_the_library() -> None:
    errors: list[BaseException] = []
    try:
        async with connected() as (library, far), trio.open_nursery() as nursery:
            nursery.start_soon(library.aclose, 1000, "")
            assert (await far.receive_some())[0] & 0xF == CLOSE
            await far.send_all(frame(PING, b"?"))
    except* LocalProtocolError as group:
        errors += group.exceptions
    assert errors, "the library ignores such a ping: see WebSocketServer.serve"


@pytest.mark.parametrize(
    ("bad", "code"), [(frame(TEXT, b"\xff"), 1007), (frame(3, b"x"), 1002)], ids=["not UTF-8", "unknown opcode"]
)
async def test_after_a_protocol_error_there_is_a_code_and_no_close_frame(bad: bytes, code: int) -> None:
    async with connected() as (library, far):
        await far.send_all(bad)
        with pytest.raises(ConnectionClosed):
            await library.get_message()
        assert library.closed is not None
        assert library.closed.code == code
        assert await receive_all(far) == b"", "the library sends the close frame: see WebSocket.ensure_close_frame"
