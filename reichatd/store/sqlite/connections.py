"""Connections to the SQLite file: how they are made, their transactions, their locks and their errors."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from reichatd.store.errors import StoreError, StoreUnavailable

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a write waits for another process that writes to the same file."""

_RETRY_SECONDS = 0.001
"""The pause between two tries to get the lock. SQLite's own pauses grow to a tenth of a second: beside a process that writes all
the time it may find the lock taken at each try. With pauses this short one try is between two commits of the other process."""

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


def connect(path: Path, mode: str) -> Connection:
    """A connection without implicit transactions, for one thread at a time. `mode` is "ro" or "rw": it creates no file."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


@contextmanager
def transaction(db: Connection, begin: str) -> Iterator[None]:
    """A transaction, started by the statement `begin`: committed at the end of the block, rolled back after an exception."""
    retry_while_busy(lambda: db.execute(begin))
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has already rolled back.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def retry_while_busy(call: Callable[[], T]) -> T:
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
