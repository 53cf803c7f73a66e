"""TLS spoken by the gateway itself, for those without a proxy that does."""

import ssl
from collections.abc import Sequence

import trio

from reichatd.gateway.stream import FrameStream


class TlsStream(trio.abc.HalfCloseableStream):
    """A TLS connection in the form of a FrameStream.

    Nothing can be sent without waiting here, since encryption keeps a state that a half-sent record would tear: `try_send` takes
    nothing, and connections of this kind are sent everything by their catch-up tasks.
    """

    def __init__(self, inner: FrameStream, context: ssl.SSLContext) -> None:
        self.socket = inner.socket
        self._inner = inner
        self._tls = trio.SSLStream(inner, context, server_side=True, https_compatible=True)
        self._unread = b""
        self._writer = trio.Lock()
        self._torn = False

    async def handshake(self) -> None:
        """Waits for the TLS handshake; the caller sets the deadline.

        Raises:
            trio.BrokenResourceError
        """
        await self._tls.do_handshake()

    @property
    def last_heard(self) -> float:
        return self._inner.last_heard

    @property
    def listening(self) -> bool:
        return self._inner.listening

    def unread(self, data: bytes) -> None:
        """See FrameStream."""
        self._unread = data + self._unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._unread:
            await trio.lowlevel.checkpoint()
            limit = max_bytes or len(self._unread)
            data, self._unread = self._unread[:limit], self._unread[limit:]
            return data
        return bytes(await self._tls.receive_some(max_bytes))

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """Takes nothing: see above."""
        return 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        async with self._writer:
            if self._torn:
                raise trio.BrokenResourceError("a send was cut short")
            self._torn = True  # until it is through
            await self._tls.send_all(data)
            self._torn = False

    async def wait_send_all_might_not_block(self) -> None:
        await self._tls.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """TLS 1.2 has no half-closed connections: nothing to do."""

    def widen(self, size: int) -> None:
        """See FrameStream."""
        self._inner.widen(size)

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Lets go at once; HTTP and WebSocket say themselves where they end, so no close_notify is owed."""
        self._inner.close()


Stream = FrameStream | TlsStream
"""A connection's stream, encrypted or not."""
