"""Opens the SQLite file: creates it if it is missing, and brings its schema up to date. Everything blocks."""

import os
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from reichatd.store.errors import StoreError, StoreUnavailable
from reichatd.store.sqlite import space
from reichatd.store.sqlite.connections import connect, retry_while_busy, transaction
from reichatd.store.sqlite.file_identity import identity
from reichatd.store.sqlite.schema import check, migrate

WAL_BYTES = 64 * 1024 * 1024
"""The write-ahead log is truncated to this size if it has grown larger."""

_TRIES = 3
"""Tries to open the file without it being replaced meanwhile. On an overlay file system the first try gives it another inode."""


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


def open_writer(path: Path) -> Connection:
    """The connection that writes, with the schema up to date. The path still leads to the file when this returns.

    Errors: as `open_store`, and those that `map_errors` maps.
    """
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
        with transaction(db, "BEGIN"):
            check(db, str(path))
        space.make_shrinkable(db)
        _enable_wal(db, path)
        db.execute("PRAGMA busy_timeout = 0")  # from here on `retry_while_busy` waits
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")  # removed and changed contents are overwritten with zeros
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        while True:
            with transaction(db, "BEGIN IMMEDIATE"):
                if not migrate(db, str(path)):
                    return db
    except BaseException:
        db.close()
        raise


def _enable_wal(db: Connection, path: Path) -> None:
    # SQLite does not wait here for another process that does the same with the same new file.
    (mode,) = retry_while_busy(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
    if mode != "wal":
        raise StoreError(f"{path}: no write-ahead log can be kept here (a network file system?)")


def open_reader(path: Path) -> Connection:
    """A connection that only reads. Errors: as `open_writer`."""
    db = connect(path, "ro")
    try:
        # SQLite opens the write-ahead log at the first read. Done now, so that nothing can replace it before.
        db.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()
    except BaseException:
        db.close()
        raise
    return db
