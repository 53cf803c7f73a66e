"""The body of a response that is sent long after its request: a long poll, or a stream of events.

Thousands of clients may wait for one. Once the application has made the head, nothing is left of the request: no Hypercorn, no
Quart, no second task. The connection's own task sends the body, and serves further requests after it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from reichatd.chat import PeerGone, PeerStalled
from reichatd.gateway.stream import Stalled
from reichatd.gateway.tls import Stream
from reichatd.messaging import as_part

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)
_END = b"0\r\n\r\n"
"""The last chunk (RFC 9112, 7.1)."""


class LateBody:
    """Implements `reichatd.messaging.Body`.

    Arguments:
        head: of the response, encoded; it goes out with the first part.
        client: the client's address.
    """

    __slots__ = ("_has_gone", "_head", "_is_last", "_stream", "client", "is_chunked", "try_send")

    def __init__(self, stream: Stream, head: bytes, client: str) -> None:
        self.client = client
        lines = head.lower().split(b"\r\n")
        self.is_chunked = b"transfer-encoding: chunked" in lines
        self._is_last = not self.is_chunked or b"connection: close" in lines
        self.try_send: Callable[[bytes, Sequence[int]], int] = stream.try_send
        self._stream = stream
        self._head = head
        self._has_gone = False

    @property
    def has_pending(self) -> bool:
        return self._stream.has_pending

    async def send(self, data: bytes) -> None:
        head, self._head = self._head, b""
        try:
            await self._stream.send_all(head + data)
        except _BROKEN as error:
            raise PeerStalled() if isinstance(error, Stalled) else PeerGone() from None

    async def refuse(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        _, _, others = self._head.partition(b"\r\n")
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head = b"HTTP/1.1 %d \r\n%b%b" % (status, more.encode("latin-1"), others)
        await self.send(as_part(data, is_chunked=self.is_chunked))

    def set_buffer(self, size: int) -> None:
        try:
            self._stream.set_send_buffer(size)
        except _BROKEN:
            raise PeerGone from None

    async def departed(self) -> None:
        try:
            data = b"" if self._has_gone else await self._stream.receive_some()
        except _BROKEN:
            data = b""
        self._has_gone = not data
        if data:
            self._stream.unread(data)  # the next request
            await trio.sleep_forever()

    async def serve(self, send: Callable[["LateBody"], Awaitable[None]]) -> bool:
        """Has the body sent. Returns whether the connection can take a further request."""
        try:
            await send(self)
            await self.send(_END if self.is_chunked else b"")
        except PeerGone:
            return False
        return not self._is_last and not self._has_gone
