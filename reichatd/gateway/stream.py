"""The stream of one connection. It sends frames whole and in order."""

import fcntl
import socket
import sys
import termios
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

_RECEIVE_BYTES = 16_384
_STALL_CHECKS = 8
"""How often a peer's progress is checked in each `stall_seconds`."""


class Stalled(trio.BrokenResourceError):
    """The peer took no byte for `stall_seconds`, while bytes were pending."""


class FrameStream(trio.abc.HalfCloseableStream):
    """A Trio stream over a TCP or Unix socket, with a `try_send` beside `send_all`.

    What either of them has begun to send goes out whole before anything else. The unsent rest of a frame, or of a `send_all` that
    was cancelled or stalled, stays *pending* and is sent first. So a pong or a close frame can follow a broadcast that was cut by a
    full socket (the libraries above go on sending after a send that failed).

    Any task may call `try_send` and `send_all` at any time; in `send_all` tasks wait for each other. Only one task may receive.

    Arguments:
        sock: connected. The stream owns it from here on.
        stall_seconds: how long a peer may take nothing while bytes are pending.
    """

    __slots__ = (
        "_is_drained",
        "_pending",
        "_send_lock",
        "_stall_seconds",
        "_unread",
        "is_receiving",
        "last_heard",
        "socket",
    )

    def __init__(self, sock: socket.socket, *, stall_seconds: float) -> None:
        sock.setblocking(False)
        self.socket = sock  # for its addresses: only the stream reads and writes it
        self.last_heard = trio.current_time()
        self.is_receiving = False  # whether a task waits for the peer's bytes
        self._stall_seconds = stall_seconds
        self._unread = b""
        self._is_drained = False  # whether the last receive took everything that had come
        self._pending = memoryview(b"")
        self._send_lock: trio.Lock | None = None  # held by the task that waits to send; made for the first one

    # --- receiving

    def has_unread(self) -> bool:
        """Whether bytes have come that no task has received yet. Does not wait."""
        try:
            return fcntl.ioctl(self.socket, termios.FIONREAD, b"\0\0\0\0") != b"\0\0\0\0"
        except (OSError, ValueError):  # the connection is gone
            return False

    def unread(self, data: bytes) -> None:
        """Puts bytes back: they are received again, before all others."""
        self._unread = data + self._unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        limit = max_bytes or _RECEIVE_BYTES
        if self._unread:
            await trio.lowlevel.checkpoint()
            data, self._unread = self._unread[:limit], self._unread[limit:]
            return data
        try:
            if self._is_drained:  # most likely nothing has come since
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
        self._is_drained = len(data) < limit
        self.last_heard = trio.current_time()
        return data

    async def _wait_until_readable(self) -> None:
        self.is_receiving = True
        try:
            await _wait(trio.lowlevel.wait_readable, self.socket)
        finally:
            self.is_receiving = False

    # --- sending

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """Sends what the socket takes at once. Does not wait.

        Arguments:
            data: frames, one after the other.
            ends: the offset of each frame's end in `data`, ascending.

        Returns:
            how many frames, from the first on, need not be sent again: they are sent, or begun and pending. 0 if another task is
            sending, if bytes are still pending, or if the connection is broken (`send_all` then raises).
        """
        if (self._pending and not self.flush()) or (self._send_lock is not None and self._send_lock.locked()):
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
        """Whether bytes were begun or buffered and are not sent yet. Only `flush` or another send sends them."""
        return bool(self._pending)

    def add_pending(self, data: bytes) -> None:
        """Buffers bytes: `flush` or the next send sends them, before anything else."""
        self._pending = memoryview(bytes(self._pending) + data)

    def flush(self) -> bool:
        """Sends as many pending bytes as the socket takes at once. Returns whether all of them are sent. Does not wait."""
        try:
            while self._pending:
                self._pending = self._pending[self.socket.send(self._pending) :]
        except OSError:  # it would block, or the connection is gone
            return False
        return True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Sends all bytes; waits while the socket is full.

        Raises:
            Stalled: the peer takes nothing. The rest is pending, and the connection is intact.
            trio.BrokenResourceError, trio.ClosedResourceError: the connection is gone.
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
        """Yields a `send_all` to call any number of times: no other task sends in between. Waits until no other task is sending.

        A task that waits for this in `send_all`, and is cancelled before it can send, has sent nothing.
        """
        self._send_lock = self._send_lock or trio.Lock()
        async with self._send_lock:
            yield self._send_locked

    async def _send_locked(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.add_pending(data)
        with self._errors():
            while self._pending:
                try:
                    self._pending = self._pending[self.socket.send(self._pending) :]
                except BlockingIOError:
                    await self._wait_until_writable()

    async def _wait_until_writable(self) -> None:
        """Waits as long as the peer takes some bytes at least every `stall_seconds`.

        That must be measured: Linux calls a socket writable only when a third of its buffer is free.
        """
        unsent, progress_at = self._unacknowledged(), trio.current_time()
        while True:
            with trio.move_on_after(self._stall_seconds / _STALL_CHECKS) as check:
                await _wait(trio.lowlevel.wait_writable, self.socket)
            if not check.cancelled_caught:
                return
            left, now = self._unacknowledged(), trio.current_time()
            if left < unsent:
                unsent, progress_at = left, now
            elif now - progress_at >= self._stall_seconds:
                raise Stalled

    def _unacknowledged(self) -> int:
        """How many bytes are in the kernel's send buffer because the peer has not acknowledged them."""
        return int.from_bytes(fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    async def wait_send_all_might_not_block(self) -> None:
        with self._errors():
            await _wait(trio.lowlevel.wait_writable, self.socket)

    def set_send_buffer(self, size: int) -> None:
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
        """Like `aclose`, without waiting. Tasks that wait in this stream get ClosedResourceError."""
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
        """The socket's error as Trio's streams raise it. A ValueError means that the file descriptor is -1."""
        if isinstance(error, ValueError) or self.socket.fileno() == -1:
            return trio.ClosedResourceError("this stream was closed")
        return trio.BrokenResourceError(f"connection broken: {error}")


async def _wait(until_ready: Callable[[socket.socket], Awaitable[None]], sock: socket.socket) -> None:
    """Waits for a socket. Raises ValueError if it was closed: Trio takes its number, -1, for one that another task waits for."""
    if sock.fileno() == -1:
        raise ValueError("closed")
    await until_ready(sock)
