"""TLS in the gateway itself, for daemons without a proxy in front."""

import ssl
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import trio

from reichatd.gateway.stream import FrameStream

_RECEIVE_BYTES = 16_384
_ENCRYPT_BYTES = 65_536
"""How many bytes `try_send` encrypts at once: those that the socket does not take stay in memory."""


class TlsStream(trio.abc.HalfCloseableStream):
    """A TLS connection with the methods of a FrameStream.

    Encrypted bytes must go out, all and in this order, or the connection is lost. So they are pending in the inner stream at once,
    with no checkpoint in between, and a cancelled send leaves the connection intact here too.
    """

    def __init__(self, inner: FrameStream, context: ssl.SSLContext) -> None:
        self.socket = inner.socket
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unread = b""
        self._send_lock = trio.Lock()
        self._sent_close_notify = False

    async def handshake(self) -> None:
        """Does the TLS handshake. The caller sets the deadline.

        Raises:
            trio.BrokenResourceError
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._exchange()
            except ssl.SSLError as error:
                self._buffer_encrypted()  # the alert that says why
                self._inner.flush()
                raise trio.BrokenResourceError(f"TLS handshake failed: {error}") from error
            else:
                break
        self._buffer_encrypted()
        await self._inner.send_all(b"")

    @property
    def last_heard(self) -> float:
        return self._inner.last_heard

    @property
    def is_receiving(self) -> bool:
        return self._inner.is_receiving

    # --- receiving

    def unread(self, data: bytes) -> None:
        """See FrameStream."""
        self._unread = data + self._unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._sent_close_notify:
            # OpenSSL takes data after our close_notify for an error. A lingering close only drops it, so it may stay encrypted.
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
                break  # HTTP and WebSocket mark their own ends, so a missing close_notify does no harm
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(f"TLS failed: {error}") from error
        await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    async def _exchange(self) -> None:
        """Sends TLS's own records, if there are any, and receives more bytes for TLS."""
        if self._outgoing.pending:
            self._buffer_encrypted()
            await self._inner.send_all(b"")
        data = await self._inner.receive_some()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    # --- sending

    def _buffer_encrypted(self, data: bytes | bytearray | memoryview = b"") -> None:
        """Encrypts `data`, and makes it pending in the inner stream, behind TLS's own records."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]  # one record at a time
        self._inner.add_pending(self._outgoing.read())

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """See FrameStream."""
        if self._send_lock.locked() or not self._inner.flush():
            return 0
        count = max(1, bisect_right(ends, _ENCRYPT_BYTES))
        try:
            self._buffer_encrypted(memoryview(data)[: ends[count - 1]])
        except ssl.SSLError:  # the connection is closed or broken: `send_all` raises
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
        async with self._send_lock:
            yield self._send_locked

    async def _send_locked(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        try:
            self._buffer_encrypted(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS failed: {error}") from error
        await self._inner.send_all(b"")

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Sends close_notify, then shuts down the sending side. From here on, bytes are received as they come, encrypted."""
        async with self._send_lock:
            self._sent_close_notify = True
            with suppress(ssl.SSLError):  # the peer has not sent its close_notify yet, and need not
                self._tls.unwrap()
            self._buffer_encrypted()
            await self._inner.send_all(b"")
        await self._inner.send_eof()

    def set_send_buffer(self, size: int) -> None:
        """See FrameStream."""
        self._inner.set_send_buffer(size)

    # --- ending

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Closes the connection without close_notify (`send_eof` sends one). Does not wait."""
        self._inner.close()


Stream = FrameStream | TlsStream
"""The stream of a connection, with or without TLS."""
