"""The SQLite file: its connections, its transactions, its faults."""

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

__all__ = ["Connection", "SqliteDatabase", "connect", "faults", "make_file"]

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a write waits for another process that writes to the same file."""

_LOOK_SECONDS = 0.001
"""How often it looks meanwhile. SQLite by itself looks every tenth of a second in the end, and beside a process that writes without
a pause it may find the lock taken each time; this often, it meets one of the moments between that one's commits."""

WAL_BYTES = 64 * 1024 * 1024
"""What the write-ahead log is cut down to, should it ever have grown beyond."""

_TRIES = 3
"""To open the file without it being replaced meanwhile. On an overlay file system the first one gives it another inode."""

_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
"""Errors that may pass without anybody touching the file."""


class SqliteDatabase:
    """One connection that writes and some that read, each used by one worker thread at a time.

    Nothing read is remembered between transactions: another process may write to the file.

    The constructor blocks; errors as in `open_store`.
    """

    def __init__(self, path: Path, readers: int) -> None:
        self._path = path.absolute()
        with faults(self._path):
            make_file(self._path)
            self._real_path = os.path.realpath(self._path)  # SQLite puts log and index beside the target of a link
            self._writer = _open_writer(self._path)
            self._idle_readers: list[Connection] = []
            try:
                self._idle_readers += [_open_reader(self._path) for _ in range(readers)]
                self._presence = FileIdentity(self.files)
            except BaseException:
                self._close_readers()
                self._writer.close()
                raise
        self.faults = FailureCounter()
        self._writing = WorkerThreads(1, str(self._path), self.faults)
        self._reading = BatchedThreads(readers, str(self._path), self.faults, self._read)

    async def read(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `step(connection, …)` in a thread, in a transaction that sees the file as of one moment.

        For what is short: reads that are asked for together share the hop and the transaction.
        """
        return await self._reading.share(lambda db: self._told(step, db, *args, **kwargs))

    async def scan(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for what may take long: nobody else waits for it."""
        return await self._reading.run(self._scan, lambda db: step(db, *args, **kwargs))

    async def write(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `step(connection, …)` in a thread, in a transaction; what it wrote is durable when this returns.

        A step that changed nothing costs no sync. Raises StoreReplaced if the file was removed or replaced: what was written is
        where nobody will find it.
        """
        return await self._writing.run(self._write, lambda db: step(db, *args, **kwargs))

    async def maintain(self, step: Callable[[Connection], T]) -> T:
        """As `write`, but outside of a transaction, for what makes its own; begun anew if another process is in the way."""
        return await self._writing.run(self._maintain, step)

    async def look(self) -> None:
        """Reads something, in a thread, and compares the open files with those under their names.

        What was stored can be read also from a file that is gone, so `read` and `scan` do not look.
        """
        await self.read(self._look)

    @property
    def files(self) -> list[Path]:
        """All that it is made of; some may not be there."""
        return [self._path, *(Path(f"{self._real_path}{suffix}") for suffix in ("-wal", "-shm"))]

    async def aclose(self) -> None:
        await self._reading.aclose(lambda: None)
        await self._writing.aclose(self._close)

    def _read(self, calls: Sequence[ThreadCall[Connection, object]]) -> None:
        with self._reader() as db:
            for call in calls:
                call.make(db)

    def _scan(self, step: Callable[[Connection], T]) -> T:
        with self._reader() as db:
            return step(db)

    def _told(
        self, step: Callable[Concatenate[Connection, P], T], db: Connection, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with faults(self._path):
            return step(db, *args, **kwargs)

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        # As many connections as threads: there is always one left.
        db = self._idle_readers.pop()
        try:
            with faults(self._path), _transaction(db, "BEGIN"):
                yield db
        finally:
            self._idle_readers.append(db)

    def _write(self, step: Callable[[Connection], T]) -> T:
        self._presence.recall()
        with faults(self._path), _transaction(self._writer, "BEGIN IMMEDIATE"):
            result = step(self._writer)
        # After the commit: a look before it would say nothing of the moment at which it became durable.
        self._presence.check()
        return result

    def _maintain(self, step: Callable[[Connection], T]) -> T:
        self._presence.recall()
        with faults(self._path):
            result = _patiently(lambda: step(self._writer))
        self._presence.check()
        return result

    def _look(self, db: Connection) -> None:
        db.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()
        self._presence.check()

    def _close_readers(self) -> None:
        for db in self._idle_readers:
            db.close()

    def _close(self) -> None:
        file, *beside = self.files
        if self._presence.is_missing(file):
            # SQLite would leave what is in the log to a file of this name; if ours was moved, so it is whole.
            with suppress(sqlite3.Error):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        # The last connection to close removes log and index by their names, and of ours only the writer can. Where these names
        # stand for files of another process, the readers are last.
        foreign = any(map(self._presence.is_foreign, beside))
        for close in (
            (self._writer.close, self._close_readers) if foreign else (self._close_readers, self._writer.close)
        ):
            close()


def make_file(path: Path) -> None:
    """Makes the file, with mode 0600, and its directory if they are not there. Root makes it for the owner of the directory.

    What SQLite puts beside it (log, index, journal) has the owner and the mode of the file.

    Errors: OSError; StoreError if root may not give it away.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never opened if it exists: to close it again would drop the locks that another store of this process has on it.
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            _give_away(path, descriptor)
        finally:
            os.close(descriptor)


def _give_away(path: Path, descriptor: int) -> None:
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
    """Opens the file that is under this name before and after."""
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
        # Before the first write: a file that is not ours stays as it is.
        with _transaction(db, "BEGIN"):
            check(db, str(path))
        space.keep_track(db)
        _log_ahead(db, path)
        db.execute("PRAGMA busy_timeout = 0")  # from here on it waits by `_patiently`
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


def _log_ahead(db: Connection, path: Path) -> None:
    # SQLite itself does not wait here for another process that does the same to the same new file.
    (mode,) = _patiently(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
    if mode != "wal":
        raise StoreError(f"{path}: no write-ahead log can be kept here (a network file system?)")


def _open_reader(path: Path) -> Connection:
    db = connect(path, "ro")
    try:
        # SQLite opens the write-ahead log at the first read, which must not be after somebody has replaced it.
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


def _patiently(call: Callable[[], T]) -> T:
    """Calls until no other process is in the way, for BUSY_SECONDS at the most."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_SECONDS)


@contextmanager
def _transaction(db: Connection, begin: str) -> Iterator[None]:
    _patiently(lambda: db.execute(begin))
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Turns what goes wrong with the file into a StoreError that names it."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind of error, the rest its detail.
        passing = getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING
        raise (StoreUnavailable if passing else StoreError)(f"{path}: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: {error.filename}") from error
    except UnicodeEncodeError as error:
        raise StoreError(f"{path}: text that is no Unicode (a lone surrogate)") from error
