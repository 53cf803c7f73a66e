"""Standard output and standard error of a daemon: written by a thread of their own, so that nothing else waits for their reader.

Standard error may be a pipe whose reader has stalled, or a terminal stopped with Ctrl+S. A thread that writes there
then stops too, and in a daemon that would be the event loop. To make the descriptor non-blocking is no way out: the open file is
shared with the shell, and with all that it starts.

What bypasses this are lines of the interpreter itself as it dies of a signal (faulthandler).
"""

import atexit
import io
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO, cast

import structlog

FLUSH_SECONDS = 2.0
"""How long the end of the program waits for what is queued: a reader that reads has it in far less, and one that does not must not
keep a service manager waiting until it kills."""

LINE_BYTES = 1024
"""A longer line takes the place of several in the queue, so that the number of lines bounds the memory too."""

_BATCH_BYTES = 65_536
"""What is written at once: as much as a pipe holds."""

log = structlog.get_logger()


class _Piece:
    """What is written as a whole. It is `done` when it is written, or has `failed` to be."""

    def __init__(self, descriptor: int, text: str) -> None:
        self.descriptor = descriptor
        self.data = text.encode("utf-8", "backslashreplace")
        self.lines = max(1, text.count("\n"))
        self.size = max(self.lines, -(-len(self.data) // LINE_BYTES))
        self.done = False
        self.failed = False


class _Gap:
    """Stands in the queue for lines that found no room."""

    def __init__(self) -> None:
        self.lines = 0


class QueuedWriter:
    """Takes text from any thread without making it wait, and writes it in this order.

    What finds no room in the queue, or cannot be written, is counted; the count is logged, in its place, as soon as writing works.

    Arguments:
        limit: how many lines the queue holds; may be changed at any time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._queue: deque[_Piece | _Gap] = deque()
        self._size = 0  # of the queue and of what is being written
        self._busy = False  # something is being written
        self._lost = 0  # lines of which nobody has been told; the thread's own
        # Reentrant: a finalizer that runs in the middle of `put` may have something to say.
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def put(self, descriptor: int, text: str) -> None:
        """Queues text, or counts it as lost. Never waits, never fails."""
        piece = _Piece(descriptor, text)
        if threading.current_thread() is self._thread:
            # What it says itself, of lost lines above all, belongs where it is in its work.
            self._write([piece])
            return
        with self._changed:
            if self._has_room(piece):
                self._add(piece)
            else:
                if not (self._queue and isinstance(self._queue[-1], _Gap)):
                    self._queue.append(_Gap())
                last = self._queue[-1]
                assert isinstance(last, _Gap)
                last.lines += piece.lines

    def deliver(self, descriptor: int, text: str, seconds: float) -> None:
        """Writes text, and waits until it is out. Not for the event loop.

        Raises:
            TimeoutError: it is not out after this time, and will not be, unless its writing had begun.
            OSError: it could not be written.
        """
        piece = _Piece(descriptor, text)
        with self._changed:
            deadline = time.monotonic() + seconds
            if not self._wait(lambda: self._has_room(piece), deadline):
                raise TimeoutError("nobody reads it")
            self._add(piece)
            if not self._wait(lambda: piece.done, deadline):
                if piece in self._queue:
                    self._queue.remove(piece)
                    self._size -= piece.size
                raise TimeoutError("nobody reads it")
            if piece.failed:
                raise OSError("it cannot be written")

    def drain(self, seconds: float) -> bool:
        """Waits until all that was queued is written, for this many seconds at the most; whether it is."""
        with self._changed:
            return self._wait(lambda: not (self._queue or self._busy), time.monotonic() + seconds)

    def _has_room(self, piece: _Piece) -> bool:
        # One that is larger than the whole queue is taken when there is nothing else.
        return not self._size or self._size + piece.size <= self.limit

    def _add(self, piece: _Piece) -> None:
        self._queue.append(piece)
        self._size += piece.size
        self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        return self._changed.wait_for(condition, max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while True:
            pieces, gap = self._take()
            self._tell()
            failed = self._write(pieces)
            if gap is not None:
                self._lost += gap.lines
                self._tell()
            with self._changed:
                self._busy = False
                for piece in pieces:
                    piece.done, piece.failed = True, failed
                    self._size -= piece.size
                self._changed.notify_all()

    def _tell(self) -> None:
        """Logs how many lines were lost; counts them again if that cannot be written either."""
        if lost := self._lost:
            self._lost = 0
            log.error("log lines lost", count=lost)
            self._lost = lost if self._lost else 0

    def _take(self) -> tuple[list[_Piece], _Gap | None]:
        """Waits for what is next: pieces for one descriptor, and the gap behind them if there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue)
            self._busy = True
            pieces: list[_Piece] = []
            length = 0
            while self._queue and length < _BATCH_BYTES:
                first = self._queue[0]
                if isinstance(first, _Gap):
                    self._queue.popleft()
                    return pieces, first
                if pieces and first.descriptor != pieces[0].descriptor:
                    break
                self._queue.popleft()
                pieces.append(first)
                length += len(first.data)
            return pieces, None

    def _write(self, pieces: list[_Piece]) -> bool:
        """Whether it failed: then lines are lost, and nothing else, since a log must not end what it tells of."""
        if not pieces:
            return False
        rest = _write_all(pieces[0].descriptor, b"".join(piece.data for piece in pieces))
        self._lost += rest.count(b"\n")
        return bool(rest)


def _write_all(descriptor: int, data: bytes) -> bytes:
    """Writes, and waits for the reader as long as it takes; what could not be written."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody who shares the open file made it non-blocking
            select.select([], [descriptor], [])
        except OSError:
            break
    return bytes(rest)


class QueuedStream(io.TextIOBase):
    """A text stream that leaves writing to a `QueuedWriter`. What is written goes out line by line; `flush` does not wait."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, writer: QueuedWriter, descriptor: int) -> None:
        self.writer = writer
        self._descriptor = descriptor
        self._begun = ""
        self._lock = threading.RLock()  # never held while something is written

    def write(self, text: str) -> int:
        with self._lock:
            lines, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self.writer.put(self._descriptor, lines + end)
        return len(text)

    def flush(self) -> None:
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self.writer.put(self._descriptor, begun)

    def deliver(self, text: str, seconds: float) -> None:
        """As `Writer.deliver`."""
        self.flush()
        self.writer.deliver(self._descriptor, text, seconds)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True


def queue_standard_streams(limit: int) -> None:
    """From here to the end of the process all that is written to `sys.stdout` and `sys.stderr` is queued. To be called once.

    The end of the program waits FLUSH_SECONDS at the most for what is queued, be it a last line or the traceback of a crash.

    Arguments:
        limit: how many lines the queue holds.
    """
    writer, streams = QueuedWriter(limit), []
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is not None:  # the process may have been started without
            stream.flush()
            streams.append(QueuedStream(writer, stream.fileno()))
            setattr(sys, name, streams[-1])

    def finish() -> None:
        for stream in streams:
            stream.flush()
        writer.drain(FLUSH_SECONDS)

    atexit.register(finish)


def set_limit(stream: TextIO, limit: int) -> None:
    """How many lines the queue of this stream holds from here on; nothing for a stream that is not queued."""
    if (queued := _queued(stream)) is not None:
        queued.writer.limit = limit


def deliver(stream: TextIO, text: str, seconds: float) -> None:
    """Writes text to a stream of any kind, and waits until it is out, but where nobody reads a queued one for that long.

    Raises:
        OSError, ValueError: it is not out.
    """
    if (queued := _queued(stream)) is not None:
        queued.deliver(text, seconds)
    else:
        stream.write(text)
        stream.flush()


def _queued(stream: TextIO) -> QueuedStream | None:
    each = cast("object", stream)  # no checker takes one for the other
    return each if isinstance(each, QueuedStream) else None
