"""TLS spoken by the gateway itself, for those without a proxy that does."""

import ssl
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import trio

from reichatd.gateway.stream import FrameStream

_RECEIVE_BYTES = 16_384
_SEAL_BYTES = 65_536
"""How much `try_send` encrypts at once: what the socket does not take of it waits in memory."""


class TlsStream(trio.abc.HalfCloseableStream):
    """A TLS connection in the form of a FrameStream.

    What has been encrypted must go out, in this order, or the connection is lost: it is pending by the stream beneath from that
    moment on, and nothing waits between the two. So a send that was cancelled leaves the connection whole here too.
    """

    def __init__(self, inner: FrameStream, context: ssl.SSLContext) -> None:
        self.socket = inner.socket
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unread = b""
        self._writer = trio.Lock()
        self._said_goodbye = False

    async def handshake(self) -> None:
        """Waits for the TLS handshake; the caller sets the deadline.

        Raises:
            trio.BrokenResourceError
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._exchange()
            except ssl.SSLError as error:
                self._encrypt()  # the alert that says why
                self._inner.flush()
                raise trio.BrokenResourceError(f"TLS handshake failed: {error}") from error
            else:
                break
        self._encrypt()
        await self._inner.send_all(b"")

    @property
    def last_heard(self) -> float:
        return self._inner.last_heard

    @property
    def listening(self) -> bool:
        return self._inner.listening

    # --- receiving

    def unread(self, data: bytes) -> None:
        """See FrameStream."""
        self._unread = data + self._unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._said_goodbye:
            # TLS takes data behind a close_notify for a fault; those who linger only want to drop it, so it may stay encrypted.
            return await self._inner.receive_some(max_bytes)
        await trio.lowlevel.checkpoint_if_cancelled()
        limit = max_bytes or _RECEIVE_BYTES
        data, self._unread = self._unread[:limit], self._unread[limit:]
        while not data:
            try:
                data = self._tls.read(limit)
                break
            except ssl.SSLWantReadError:
                await self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                break  # HTTP and WebSocket say themselves where they end: all kinds of end are one
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(f"TLS failed: {error}") from error
        await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    async def _exchange(self) -> None:
        """Sends what TLS has to say by itself, and receives more for it."""
        if self._outgoing.pending:
            self._encrypt()
            await self._inner.send_all(b"")
        data = await self._inner.receive_some()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    # --- sending

    def _encrypt(self, data: bytes | bytearray | memoryview = b"") -> None:
        """Encrypts and hands over to the stream beneath, with what TLS has to say by itself."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]  # a record at a time
        self._inner.add_pending(self._outgoing.read())

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """See FrameStream."""
        if self._writer.locked() or not self._inner.flush():
            return 0
        count = max(1, bisect_right(ends, _SEAL_BYTES))
        try:
            self._encrypt(memoryview(data)[: ends[count - 1]])
        except ssl.SSLError:  # the peer has said goodbye; `send_all` will tell
            return 0
        self._inner.flush()
        return count

    @property
    def has_pending(self) -> bool:
        """See FrameStream."""
        return self._inner.has_pending

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        async with self.unbroken() as send:
            await send(data)

    @asynccontextmanager
    async def unbroken(self) -> AsyncIterator[Callable[[bytes | bytearray | memoryview], Awaitable[None]]]:
        """See FrameStream."""
        async with self._writer:
            yield self._send_in_turn

    async def _send_in_turn(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        try:
            self._encrypt(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS failed: {error}") from error
        await self._inner.send_all(b"")

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """As FrameStream's, behind a close_notify; what is received from here on is as it came, encrypted."""
        async with self._writer:
            self._said_goodbye = True
            with suppress(ssl.SSLError):  # the peer has not said so yet: nobody waits for that
                self._tls.unwrap()
            self._encrypt()
            await self._inner.send_all(b"")
        await self._inner.send_eof()

    def widen(self, size: int) -> None:
        """See FrameStream."""
        self._inner.widen(size)

    # --- ending

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Lets go at once, without a word (see send_eof)."""
        self._inner.close()


Stream = FrameStream | TlsStream
"""A connection's stream, encrypted or not."""
