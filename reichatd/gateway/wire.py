"""What trio-websocket is given for a stream."""

import trio

from reichatd.config import Limits
from reichatd.gateway.tls import Stream

_FRAMES = 64
"""So many times the largest message may come in without one message becoming whole: pings, or fragments without end."""

_CLOSE = b"\x88"
"""How a close frame begins (RFC 6455, 5.2)."""


class Wire(trio.abc.Stream):
    """A connection's stream as the library may use it: it cannot close it.

    The library drops a connection as soon as the peer breaks a rule. With something of the peer's unread that is a reset, which
    may overtake the close frame that says why; so the closing is left to the gateway.

    Arguments:
        received: what of the stream was received already.
    """

    def __init__(self, stream: Stream, received: bytes, limits: Limits) -> None:
        self.said_goodbye = False  # whether the last frame that was sent here is a close frame
        self.since_message = 0  # bytes received since the last whole message, which the owner sets to 0
        self._stream = stream
        self._received = received
        self._most = _FRAMES * limits.frame_bytes
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        if self._received:
            await trio.lowlevel.checkpoint()
            data, self._received = self._received, b""
        else:
            data = await self._stream.receive_some(max_bytes)
        self.since_message += len(data)
        if self.since_message > self._most:
            raise trio.BrokenResourceError("too much without a message")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        data = bytes(data)
        sent = self._stream.try_send(data, (len(data),))
        if not sent or self._stream.owing:
            await self._stream.send_all(b"" if sent else data)
        self.said_goodbye = data.startswith(_CLOSE)
        await trio.lowlevel.checkpoint()  # not before that is noted

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._closed = True
        await trio.lowlevel.checkpoint()
