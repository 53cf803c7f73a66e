"""A connection's bytes: one place through which everything goes out, whole and in order."""

import fcntl
import socket
import sys
import termios
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

_RECEIVE_BYTES = 16_384
_LOOKS = 8
"""How often in `stall_seconds` a peer is looked at: so much finer is the time it has."""


class Stalled(trio.BrokenResourceError):
    """The peer took no byte for the whole of `stall_seconds`, though some were waiting for it."""


class FrameStream(trio.abc.HalfCloseableStream):
    """A connection, by TCP or a Unix socket, as a Trio stream, with a `try_send` beside `send_all`.

    What either of them has begun to send goes out whole before anything else does: the unsent rest of a frame, of a cancelled
    or a stalled `send_all` is *pending*, and paid first. So a broadcast that was cut by a full socket can be followed by a pong or
    a close frame (the libraries above us send on after a send that failed).

    `try_send` may be called by any task at any time; `send_all` likewise, tasks wait for each other; one task receives.

    Arguments:
        sock: connected; owned by the stream from here on.
        stall_seconds: how long a peer may take nothing while something waits for it.
    """

    def __init__(self, sock: socket.socket, *, stall_seconds: float) -> None:
        sock.setblocking(False)
        self.socket = sock  # for those who want addresses; nobody else reads or writes it
        self.last_heard = trio.current_time()
        self.listening = False  # whether a task waits for the peer's bytes
        self._stall_seconds = stall_seconds
        self._unread = b""
        self._exhausted = False  # whether the last receive took all that had come
        self._pending = memoryview(b"")
        self._writer: trio.Lock | None = None  # held by who waits to send; made for the first one who has to

    # --- receiving

    def unread(self, data: bytes) -> None:
        """Puts bytes back: they are received again before all others."""
        self._unread = data + self._unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        limit = max_bytes or _RECEIVE_BYTES
        if self._unread:
            await trio.lowlevel.checkpoint()
            data, self._unread = self._unread[:limit], self._unread[limit:]
            return data
        try:
            if self._exhausted:  # most likely nothing has come since
                await self._wait_until_readable()
            else:
                await trio.lowlevel.checkpoint()
            while True:
                try:
                    data = self.socket.recv(limit)
                    break
                except BlockingIOError:
                    await self._wait_until_readable()
        except (OSError, ValueError) as error:
            raise self._broken(error) from error
        self._exhausted = len(data) < limit
        self.last_heard = trio.current_time()
        return data

    async def _wait_until_readable(self) -> None:
        self.listening = True
        try:
            await trio.lowlevel.wait_readable(self.socket)
        finally:
            self.listening = False

    # --- sending

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """Sends what the socket takes at once.

        Arguments:
            data: frames, one behind the other.
            ends: the offset of each frame's end in `data`, ascending.

        Returns:
            how many frames, from the first on, are out of the caller's hands: sent, or begun and pending. 0 where another task is
            sending, something is pending still, or the connection is broken (which `send_all` will say).
        """
        if (self._pending and not self.flush()) or (self._writer is not None and self._writer.locked()):
            return 0
        try:
            sent = self.socket.send(data)
        except OSError:  # it would block, or the connection is gone
            return 0
        if sent == len(data):
            return len(ends)
        whole = bisect_right(ends, sent)
        if sent == (ends[whole - 1] if whole else 0):
            return whole
        self._pending = memoryview(data[sent : ends[whole]])
        return whole + 1

    @property
    def has_pending(self) -> bool:
        """Whether something was begun, or handed over, and is not sent: only a further send takes it on its way."""
        return bool(self._pending)

    def add_pending(self, data: bytes) -> None:
        """Takes bytes that go out before all that is sent from here on: by `flush`, or with the next send."""
        self._pending = memoryview(bytes(self._pending) + data)

    def flush(self) -> bool:
        """Sends as much as the socket takes at once of what is pending; whether nothing is pending any more."""
        try:
            while self._pending:
                self._pending = self._pending[self.socket.send(self._pending) :]
        except OSError:  # it would block, or the connection is gone
            return False
        return True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Sends everything.

        Raises:
            Stalled: the peer takes nothing; the rest is pending, and the connection is still whole.
            trio.BrokenResourceError, trio.ClosedResourceError: it is gone.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        data = bytes(data)
        taken = self.try_send(data, (len(data),))
        if taken and not self._pending:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        async with self.unbroken() as send:
            await send(b"" if taken else data)

    @asynccontextmanager
    async def unbroken(self) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        """Gives a `send_all` to be called again and again, with nothing of others in between; waits for its turn.

        Who waits behind it, and is cancelled before his turn has come or while it comes, has sent nothing.
        """
        self._writer = self._writer or trio.Lock()
        async with self._writer:
            yield self._send_in_turn

    async def _send_in_turn(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.add_pending(data)
        with self._errors():
            while self._pending:
                try:
                    self._pending = self._pending[self.socket.send(self._pending) :]
                except BlockingIOError:
                    await self._wait_until_writable()

    async def _wait_until_writable(self) -> None:
        """Linux calls a socket writable only when a third of its buffer is free: a slow peer may well take something before."""
        unsent, moved_at = self._unsent(), trio.current_time()
        while True:
            with trio.move_on_after(self._stall_seconds / _LOOKS) as patience:
                await trio.lowlevel.wait_writable(self.socket)
            if not patience.cancelled_caught:
                return
            left, now = self._unsent(), trio.current_time()
            if left < unsent:
                unsent, moved_at = left, now
            elif now - moved_at >= self._stall_seconds:
                raise Stalled

    def _unsent(self) -> int:
        """How many bytes the kernel still has, which the peer has not acknowledged."""
        return int.from_bytes(fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    async def wait_send_all_might_not_block(self) -> None:
        with self._errors():
            await trio.lowlevel.wait_writable(self.socket)

    def widen(self, size: int) -> None:
        """Sets the size of the kernel's send buffer, in bytes (Linux doubles it)."""
        with self._errors():
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    # --- ending

    async def send_eof(self) -> None:
        async with self.unbroken():
            with self._errors():
                self.socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """As `aclose`, without waiting. Tasks that wait in this stream are told by ClosedResourceError."""
        if self.socket.fileno() != -1:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise self._broken(error) from error

    def _broken(self, error: OSError | ValueError) -> trio.BrokenResourceError | trio.ClosedResourceError:
        """What an error of the socket means for who uses the stream. A ValueError is about a file descriptor of -1."""
        if isinstance(error, ValueError) or self.socket.fileno() == -1:
            return trio.ClosedResourceError("this stream was closed")
        return trio.BrokenResourceError(f"connection broken: {error}")
