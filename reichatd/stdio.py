"""Queues standard output and standard error. A thread writes them, so that nothing else waits for their reader.

Standard error may be a pipe whose reader has stalled, or a terminal stopped with Ctrl+S. A thread that writes there stops too, and
in a daemon that would be the event loop. Making the descriptor non-blocking is no solution: the open file is shared with the shell,
and with all that the shell starts.

Only what the interpreter itself writes when it dies of a signal (faulthandler) bypasses the queue.
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
"""How long the end of the program waits for the queue to be written. A reader that reads needs far less; one that does not must not
delay the end until the service manager kills the process."""

LINE_BYTES = 1024
"""A longer line counts as several, so that the number of lines bounds the memory, too."""

_BATCH_BYTES = 65_536
"""How much is written at once: the capacity of a pipe."""

log = structlog.get_logger()


class _Piece:
    """Text that is queued and written as a whole. It is `done` when it is written, or when writing has `failed`."""

    def __init__(self, descriptor: int, text: str) -> None:
        self.descriptor = descriptor
        self.data = text.encode("utf-8", "backslashreplace")
        self.lines = max(1, text.count("\n"))
        self.size = max(self.lines, -(-len(self.data) // LINE_BYTES))
        self.done = False
        self.failed = False


class _Gap:
    """Stands in the queue for lines that were dropped there."""

    def __init__(self) -> None:
        self.lines = 0


class QueuedWriter:
    """Takes text from any thread without making it wait, and writes it in order.

    Lines that do not fit into the queue, or cannot be written, are dropped and counted. The count is logged in their place as soon
    as writing works again.

    Arguments:
        limit: how many lines the queue holds; may be changed at any time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._queue: deque[_Piece | _Gap] = deque()
        self._size = 0  # lines in the queue and in the batch that is being written
        self._busy = False  # a batch is being written
        self._lost = 0  # lines lost and not yet logged; only the thread uses it
        # Reentrant: a finalizer that runs in the middle of `put` may log something.
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def put(self, descriptor: int, text: str) -> None:
        """Queues text, or drops and counts it. Never waits, never fails."""
        piece = _Piece(descriptor, text)
        if threading.current_thread() is self._thread:
            # The thread's own log lines, above all the count of lost lines, belong right here in the output.
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
        """Writes text, and waits until it is written. Not for the event loop.

        Raises:
            TimeoutError: it is not written after this time, and will not be, unless writing has begun.
            OSError: it cannot be written.
        """
        piece = _Piece(descriptor, text)
        with self._changed:
            deadline = time.monotonic() + seconds
            if not self._wait(lambda: self._has_room(piece), deadline):
                raise TimeoutError("its reader does not read")
            self._add(piece)
            if not self._wait(lambda: piece.done, deadline):
                if piece in self._queue:
                    self._queue.remove(piece)
                    self._size -= piece.size
                raise TimeoutError("its reader does not read")
            if piece.failed:
                raise OSError("it cannot be written")

    def drain(self, seconds: float) -> bool:
        """Waits up to this many seconds until the queue is written; returns whether it is."""
        with self._changed:
            return self._wait(lambda: not (self._queue or self._busy), time.monotonic() + seconds)

    def _has_room(self, piece: _Piece) -> bool:
        # A piece larger than the whole queue is taken when the queue is empty.
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
            self._log_lost()
            failed = self._write(pieces)
            if gap is not None:
                self._lost += gap.lines
                self._log_lost()
            with self._changed:
                self._busy = False
                for piece in pieces:
                    piece.done, piece.failed = True, failed
                    self._size -= piece.size
                self._changed.notify_all()

    def _log_lost(self) -> None:
        """Logs how many lines were lost; keeps the count if that line cannot be written, either."""
        if lost := self._lost:
            self._lost = 0
            log.error("log lines lost", count=lost)
            self._lost = lost if self._lost else 0

    def _take(self) -> tuple[list[_Piece], _Gap | None]:
        """Waits for the next batch: pieces for one descriptor, and the gap that follows them, if any."""
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
        """Returns whether writing failed. Then lines are lost, but nothing is raised: a failing log must not stop the daemon."""
        if not pieces:
            return False
        rest = _write_all(pieces[0].descriptor, b"".join(piece.data for piece in pieces))
        self._lost += rest.count(b"\n")
        return bool(rest)


def _write_all(descriptor: int, data: bytes) -> bytes:
    """Writes, and waits for the reader as long as it takes; returns what could not be written."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process that shares the open file made it non-blocking
            select.select([], [descriptor], [])
        except OSError:
            break
    return bytes(rest)


class QueuedStream(io.TextIOBase):
    """A text stream on top of a `QueuedWriter`. It queues whole lines; `flush` queues the rest and does not wait."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, writer: QueuedWriter, descriptor: int) -> None:
        self.writer = writer
        self._descriptor = descriptor
        self._partial = ""
        self._lock = threading.RLock()  # never held while something is written

    def write(self, text: str) -> int:
        with self._lock:
            lines, end, self._partial = (self._partial + text).rpartition("\n")
        if end:
            self.writer.put(self._descriptor, lines + end)
        return len(text)

    def flush(self) -> None:
        with self._lock:
            partial, self._partial = self._partial, ""
        if partial:
            self.writer.put(self._descriptor, partial)

    def deliver(self, text: str, seconds: float) -> None:
        """Flushes, then does the same as `QueuedWriter.deliver`."""
        self.flush()
        self.writer.deliver(self._descriptor, text, seconds)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True


def queue_standard_streams(limit: int) -> None:
    """Queues all that is written to `sys.stdout` and `sys.stderr` until the process ends. To be called once.

    The end of the program waits up to FLUSH_SECONDS for the queue, which may hold the traceback of a crash.

    Arguments:
        limit: how many lines the queue holds.
    """
    writer, streams = QueuedWriter(limit), []
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is not None:  # None if the process was started without
            stream.flush()
            streams.append(QueuedStream(writer, stream.fileno()))
            setattr(sys, name, streams[-1])

    def finish() -> None:
        for stream in streams:
            stream.flush()
        writer.drain(FLUSH_SECONDS)

    atexit.register(finish)


def set_limit(stream: TextIO, limit: int) -> None:
    """Sets how many lines the queue of this stream holds. Does nothing if the stream is not queued."""
    if (queued := _queued(stream)) is not None:
        queued.writer.limit = limit


def deliver(stream: TextIO, text: str, seconds: float) -> None:
    """Writes text to any stream, and waits until it is written. For a queued stream it waits up to `seconds`.

    Raises:
        OSError, ValueError: it is not written.
    """
    if (queued := _queued(stream)) is not None:
        queued.deliver(text, seconds)
    else:
        stream.write(text)
        stream.flush()


def _queued(stream: TextIO) -> QueuedStream | None:
    each = cast("object", stream)  # to mypy, no TextIO can be a QueuedStream
    return each if isinstance(each, QueuedStream) else None
