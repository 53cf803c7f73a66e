"""The stream that trio-websocket gets: a connection that it cannot close, with limits that it does not have."""

import trio

from reichatd.gateway.frame_budget import FrameBudget
from reichatd.gateway.message_sizes import MessageSizes
from reichatd.gateway.tls import Stream
from reichatd.settings import LimitSettings

_UNFINISHED_MESSAGES = 64
"""How much may come without one complete message, in sizes of the largest message: pings, or fragments without end."""

_FRAMES_AT_ONCE = 16
"""Frames given to the library at once, about 0.5 ms of work. It reads all that it gets before another task runs."""

_CLOSE = b"\x88"
"""The first byte of a close frame (RFC 6455, 5.2)."""


class LibraryStream(trio.abc.Stream):
    """A connection as the library may use it.

    `aclose` closes it for the library only, since the library closes as soon as the peer breaks a rule. If bytes are unread, that
    resets the connection, and the reset may overtake the close frame that says why. The gateway closes it, with a lingering close.

    It also stops while the budget is spent, and gives the library a few frames at a time.

    The library counts the bytes that have come of a message. This class stops at the frame that announces too many.

    Arguments:
        received: bytes that were received from the stream before.
    """

    def __init__(self, stream: Stream, received: bytes, limits: LimitSettings, budget: FrameBudget) -> None:
        self.sent_close_frame = False  # whether the last frame sent here is a close frame
        self.since_message = 0  # bytes received since the last complete message; the owner resets it
        self.is_too_big = False  # whether the peer announced a message over the limit
        self._stream = stream
        self._budget = budget
        self._received = received
        self._sizes = MessageSizes(limits.frame_bytes)
        self._max_since_message = _UNFINISHED_MESSAGES * limits.frame_bytes
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        if self.is_too_big:
            raise trio.BrokenResourceError("message too big")
        if self._budget.is_spent:
            await self._budget.refilled()
        data = await self._receive(max_bytes)
        begin = self._sizes.feed(data, _FRAMES_AT_ONCE)
        if begin is None:
            data, self._received = data[: self._sizes.taken], data[self._sizes.taken :]
        self._budget.spend(self._sizes.frames, len(data))
        self.since_message += len(data)
        if self.since_message > self._max_since_message:
            raise trio.BrokenResourceError("too much without a message")
        if begin is None:
            return data
        self.is_too_big = True
        # Never b"", which would mean that the peer has closed. The next call raises, above.
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
        self.sent_close_frame = data.startswith(_CLOSE)
        await trio.lowlevel.checkpoint()  # only now: if cancelled here, the line above has run

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._closed = True
        await trio.lowlevel.checkpoint()
