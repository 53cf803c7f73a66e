"""The open SQLite file: one writer, several readers, and their worker threads."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, TypeVar

from reichatd.store.errors import FailureCounter
from reichatd.store.sqlite.connections import map_errors, retry_while_busy, transaction
from reichatd.store.sqlite.file_identity import FileIdentity
from reichatd.store.sqlite.opening import make_file, open_reader, open_writer
from reichatd.store.worker_threads import BatchedThreads, ThreadCall, WorkerThreads

P = ParamSpec("P")
T = TypeVar("T")


class SqliteDatabase:
    """One connection that writes and several that read, each used by one worker thread at a time.

    Nothing that was read is cached between transactions: another process may write to the file.

    The constructor blocks. Errors: as `open_store`.
    """

    def __init__(self, path: Path, readers: int) -> None:
        self._path = path.absolute()
        with map_errors(self._path):
            make_file(self._path)
            self._real_path = os.path.realpath(self._path)  # SQLite puts log and index beside the target of a link
            self._writer = open_writer(self._path)
            self._idle_readers: list[Connection] = []
            try:
                self._idle_readers += [open_reader(self._path) for _ in range(readers)]
                self._identity = FileIdentity(self.files)
            except BaseException:
                self._close_readers()
                self._writer.close()
                raise
        self.has_old_contents = True
        """Whether the write-ahead log may have contents of messages that have others now. True at first: it may be the log of a
        process that was killed."""
        self.has_copies = True
        """Whether parts of the file that are not in use may have such contents. True at first: the file does not tell."""
        self.failures = FailureCounter()
        self._writing = WorkerThreads(1, str(self._path), self.failures)
        self._reading = BatchedThreads(readers, str(self._path), self.failures, self._read)

    def note_old_contents(self) -> None:
        """Messages were changed: to be called after the commit."""
        self.has_old_contents = self.has_copies = True

    async def read(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `step(connection, …)` in a thread, in a transaction that sees a snapshot of the file.

        For short reads: those that are requested together share the thread and the transaction.
        """
        return await self._reading.run_batched(lambda db: self._read_one(step, db, *args, **kwargs))

    async def scan(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for reads that may take long: no other read waits for it."""
        return await self._reading.run(self._scan, lambda db: step(db, *args, **kwargs))

    async def write(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `step(connection, …)` in a thread, in a transaction; what it wrote is durable when this returns.

        A step that changed nothing costs no sync. Raises StoreReplaced if the file was removed or replaced: the data was written
        to a file that the next start will not find.
        """
        return await self._writing.run(self._write, lambda db: step(db, *args, **kwargs))

    async def maintain(self, step: Callable[[Connection], T]) -> T:
        """As `write`, but outside of a transaction, for steps that make their own. Repeated while another process has the lock."""
        return await self._writing.run(self._maintain, step)

    async def check(self) -> None:
        """Reads something, in a thread, and checks that the open files are still the ones under their names.

        `read` and `scan` do not check that: the data can also be read from a removed file.
        """
        await self.read(self._check)

    @property
    def files(self) -> list[Path]:
        """The file, its log and its index; some may not exist."""
        return [self._path, *(Path(f"{self._real_path}{suffix}") for suffix in ("-wal", "-shm"))]

    async def aclose(self) -> None:
        await self._reading.aclose(lambda: None)
        await self._writing.aclose(self._close)

    def _read(self, calls: Sequence[ThreadCall[Connection, object]]) -> None:
        with self._reader() as db:
            for call in calls:
                call.run(db)

    def _scan(self, step: Callable[[Connection], T]) -> T:
        with self._reader() as db:
            return step(db)

    def _read_one(
        self, step: Callable[Concatenate[Connection, P], T], db: Connection, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with map_errors(self._path):
            return step(db, *args, **kwargs)

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        # There are as many connections as threads, so one is always free.
        db = self._idle_readers.pop()
        try:
            with map_errors(self._path), transaction(db, "BEGIN"):
                yield db
        finally:
            self._idle_readers.append(db)

    def _write(self, step: Callable[[Connection], T]) -> T:
        self._identity.raise_if_lost()
        with map_errors(self._path), transaction(self._writer, "BEGIN IMMEDIATE"):
            result = step(self._writer)
        # After the commit: an earlier check would say nothing about the moment at which it became durable.
        self._identity.check()
        return result

    def _maintain(self, step: Callable[[Connection], T]) -> T:
        self._identity.raise_if_lost()
        with map_errors(self._path):
            result = retry_while_busy(lambda: step(self._writer))
        self._identity.check()
        return result

    def _check(self, db: Connection) -> None:
        db.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()
        self._identity.check()

    def _close_readers(self) -> None:
        for db in self._idle_readers:
            db.close()

    def _close(self) -> None:
        file, *beside = self.files
        if self._identity.is_missing(file):
            # SQLite would leave the contents of the log to a file with this name. If ours was moved, this makes it complete.
            with suppress(sqlite3.Error):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        # The last connection to close removes log and index by name, and of ours only the writer can. If these names now belong to
        # files of another process, the readers close last.
        foreign = any(map(self._identity.is_foreign, beside))
        for close in (
            (self._writer.close, self._close_readers) if foreign else (self._close_readers, self._writer.close)
        ):
            close()
