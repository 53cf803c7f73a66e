"""What trio-websocket is given for a stream."""

from collections import deque

import trio

from reichatd.config import Limits
from reichatd.gateway.plain import PlainTexts
from reichatd.gateway.tls import Stream

_FRAMES = 64
"""So many times the largest message may come in without one message becoming whole: pings, or fragments without end."""

_QUEUE = 64
"""Plain texts that may wait for their reader; then the connection is read no further."""

_CLOSE = b"\x88"
"""How a close frame begins (RFC 6455, 5.2)."""


class Wire(trio.abc.Stream):
    """A connection's stream as the library may use it: it cannot close it.

    The library drops a connection as soon as the peer breaks a rule. With something of the peer's unread that is a reset, which
    may overtake the close frame that says why; so the closing is left to the gateway.

    Plain texts do not go through the library at all: `text` has them (see PlainTexts).

    Arguments:
        head: the handshake that the library is to read first. It reads on only when it has answered: what a hasty client
            sends behind its handshake would be lost otherwise.
    """

    def __init__(self, stream: Stream, head: bytes, limits: Limits) -> None:
        self.said_goodbye = False  # whether the last frame that was sent here is a close frame
        self.since_message = 0  # bytes received since the last whole message, which the owner sets to 0
        self._stream = stream
        self._head = head
        self._most = _FRAMES * limits.frame_bytes
        self._answered = trio.Event()
        self._closed = False
        self._plain = PlainTexts(limits.frame_bytes)
        self._texts: deque[str] = deque()
        self._short_way_ended = False
        self._news = trio.Event()  # of a text, or of the end of the short way
        self._space = trio.Event()

    async def text(self) -> str | None:
        """The next plain text; None if there will be none: what comes now comes by the library. One task calls it."""
        while not self._texts:
            if self._short_way_ended:
                return None
            self._news = trio.Event()
            await self._news.wait()
        self._space.set()
        return self._texts.popleft()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._head:
            await trio.lowlevel.checkpoint()
            head, self._head = self._head, b""
            return head
        await self._answered.wait()
        try:
            data = await self._receive_for_library(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._end_short_way()
            raise
        if self._plain.ended or not data:
            self._end_short_way()
        return data

    async def _receive_for_library(self, max_bytes: int | None) -> bytes:
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            while len(self._texts) >= _QUEUE and not self.said_goodbye:
                self._space = trio.Event()
                await self._space.wait()
            data = await self._stream.receive_some(max_bytes)
            texts, rest = self._plain.feed(data)
            # Each empty fragment costs the library a little memory; the pings and pongs before the first one cost none.
            self.since_message += len(data) if self._plain.ended else 0
            if self.since_message > self._most:
                raise trio.BrokenResourceError("too much without a message")
            if texts and not self.said_goodbye:
                self.since_message = 0
                self._texts += texts
                self._news.set()
            if rest or not data:
                return rest

    def _end_short_way(self) -> None:
        self._short_way_ended = True
        self._news.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        self._answered.set()
        data = bytes(data)
        sent = self._stream.try_send(data, (len(data),))
        if not sent or self._stream.owing:
            try:
                await self._stream.send_all(b"" if sent else data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end_short_way()  # the library reads no further
                raise
        self.said_goodbye = data.startswith(_CLOSE)
        self._space.set()
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._closed = True
        self._end_short_way()
        await trio.lowlevel.checkpoint()
