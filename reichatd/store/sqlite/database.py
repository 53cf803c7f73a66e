"""The SQLite file: its connections, its transactions, its errors."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, TypeVar

from reichatd.store.errors import FailureCounter, StoreError, StoreUnavailable
from reichatd.store.sqlite import space
from reichatd.store.sqlite.file_identity import FileIdentity, identity
from reichatd.store.sqlite.schema import check, migrate
from reichatd.store.worker_threads import BatchedThreads, ThreadCall, WorkerThreads

__all__ = ["Connection", "SqliteDatabase", "connect", "make_file", "map_errors"]

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a write waits for another process that writes to the same file."""

_RETRY_SECONDS = 0.001
"""The pause between two tries to get the lock. SQLite's own pauses grow to a tenth of a second: beside a process that writes all
the time it may find the lock taken at each try. With pauses this short one try is between two commits of the other process."""

WAL_BYTES = 64 * 1024 * 1024
"""The write-ahead log is truncated to this size if it has grown larger."""

_TRIES = 3
"""Tries to open the file without it being replaced meanwhile. On an overlay file system the first try gives it another inode."""

_TEMPORARY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
"""Errors that may go away without a change to the file."""


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
            self._writer = _open_writer(self._path)
            self._idle_readers: list[Connection] = []
            try:
                self._idle_readers += [_open_reader(self._path) for _ in range(readers)]
                self._identity = FileIdentity(self.files)
            except BaseException:
                self._close_readers()
                self._writer.close()
                raise
        self.failures = FailureCounter()
        self._writing = WorkerThreads(1, str(self._path), self.failures)
        self._reading = BatchedThreads(readers, str(self._path), self.failures, self._read)

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
            with map_errors(self._path), _transaction(db, "BEGIN"):
                yield db
        finally:
            self._idle_readers.append(db)

    def _write(self, step: Callable[[Connection], T]) -> T:
        self._identity.raise_if_lost()
        with map_errors(self._path), _transaction(self._writer, "BEGIN IMMEDIATE"):
            result = step(self._writer)
        # After the commit: an earlier check would say nothing about the moment at which it became durable.
        self._identity.check()
        return result

    def _maintain(self, step: Callable[[Connection], T]) -> T:
        self._identity.raise_if_lost()
        with map_errors(self._path):
            result = _retry_while_busy(lambda: step(self._writer))
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


def make_file(path: Path) -> None:
    """Creates the file, with mode 0600, and its directory if they are missing. Root creates it for the owner of the directory.

    The files that SQLite creates beside it (log, index, journal) get the owner and the mode of the file.

    Errors: OSError; StoreError if root cannot change the owner.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not opened if it exists: closing it again would drop the locks that another store of this process has on it.
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            _change_owner(path, descriptor)
        finally:
            os.close(descriptor)


def _change_owner(path: Path, descriptor: int) -> None:
    owner = path.parent.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as error:
        path.unlink()
        whose = f"the owner of its directory (user id {owner.st_uid})"
        text = f"{path} cannot be given to {whose}, who could not open it: run this as that user ({error.strerror})"
        raise StoreError(text) from error


def _open_writer(path: Path) -> Connection:
    """Opens the file, and makes sure that the path still leads to it afterwards."""
    for _ in range(_TRIES):
        before = identity(path)
        db = _open_and_migrate(path)
        if identity(path) == before:
            return db
        db.close()
    raise StoreUnavailable(f"{path} is being replaced again and again")


def _open_and_migrate(path: Path) -> Connection:
    db = connect(path, "rw")
    try:
        # Before the first write: a file of another program is not changed.
        with _transaction(db, "BEGIN"):
            check(db, str(path))
        space.make_shrinkable(db)
        _enable_wal(db, path)
        db.execute("PRAGMA busy_timeout = 0")  # from here on `_retry_while_busy` waits
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        while True:
            with _transaction(db, "BEGIN IMMEDIATE"):
                if not migrate(db, str(path)):
                    return db
    except BaseException:
        db.close()
        raise


def _enable_wal(db: Connection, path: Path) -> None:
    # SQLite does not wait here for another process that does the same with the same new file.
    (mode,) = _retry_while_busy(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
    if mode != "wal":
        raise StoreError(f"{path}: no write-ahead log can be kept here (a network file system?)")


def _open_reader(path: Path) -> Connection:
    db = connect(path, "ro")
    try:
        # SQLite opens the write-ahead log at the first read. Done now, so that nothing can replace it before.
        db.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def connect(path: Path, mode: str) -> Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _retry_while_busy(call: Callable[[], T]) -> T:
    """Repeats a call while another process has the lock, for up to BUSY_SECONDS."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


@contextmanager
def _transaction(db: Connection, begin: str) -> Iterator[None]:
    _retry_while_busy(lambda: db.execute(begin))
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has already rolled back.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def map_errors(path: Path) -> Iterator[None]:
    """Turns an error of SQLite or of the system into a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind of error, the rest its detail.
        temporary = getattr(error, "sqlite_errorcode", 0) & 0xFF in _TEMPORARY
        raise (StoreUnavailable if temporary else StoreError)(f"{path}: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: {error.filename}") from error
    except UnicodeEncodeError as error:
        raise StoreError(f"{path}: text that is not valid Unicode (a lone surrogate)") from error
