"""What trio-websocket is given for a stream."""

import trio

from reichatd.gateway.sizes import MessageSizes
from reichatd.gateway.tls import Stream
from reichatd.settings import LimitSettings

_FRAMES = 64
"""So many times the largest message may come in without one message becoming whole: pings, or fragments without end."""

_CLOSE = b"\x88"
"""How a close frame begins (RFC 6455, 5.2)."""


class Wire(trio.abc.Stream):
    """A connection's stream as the library may use it: it cannot close it.

    The library drops a connection as soon as the peer breaks a rule. With something of the peer's unread that is a reset, which
    may overtake the close frame that says why; so the closing is left to the gateway.

    The library counts what has come of a message, not what is announced: a message that is too long ends here, at its head.

    Arguments:
        received: what of the stream was received already.
    """

    def __init__(self, stream: Stream, received: bytes, limits: LimitSettings) -> None:
        self.said_goodbye = False  # whether the last frame that was sent here is a close frame
        self.since_message = 0  # bytes received since the last whole message, which the owner sets to 0
        self.is_too_big = False  # whether a message was announced that is longer than it may be
        self._stream = stream
        self._received = received
        self._sizes = MessageSizes(limits.frame_bytes)
        self._most = _FRAMES * limits.frame_bytes
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        if self.is_too_big:
            raise trio.BrokenResourceError("message too big")
        data = await self._receive(max_bytes)
        self.since_message += len(data)
        if self.since_message > self._most:
            raise trio.BrokenResourceError("too much without a message")
        begin = self._sizes.feed(data)
        if begin is None:
            return data
        self.is_too_big = True
        # Not nothing, which would be the peer's end: the library asks again, and is refused above.
        return data[:begin] or await self.receive_some(max_bytes)

    async def _receive(self, max_bytes: int | None) -> bytes:
        if not self._received:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        data, self._received = self._received, b""
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        data = bytes(data)
        sent = self._stream.try_send(data, (len(data),))
        if not sent or self._stream.has_pending:
            await self._stream.send_all(b"" if sent else data)
        self.said_goodbye = data.startswith(_CLOSE)
        await trio.lowlevel.checkpoint()  # not before that is noted

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._closed = True
        await trio.lowlevel.checkpoint()
