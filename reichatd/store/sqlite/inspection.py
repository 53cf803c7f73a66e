"""Inspects the file without changing it, for `reichatd doctor`: while the daemon runs, and when it cannot start."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from reichatd.store.errors import StoreError
from reichatd.store.records import Totals
from reichatd.store.sqlite.connections import BUSY_SECONDS
from reichatd.store.sqlite.schema import FINGERPRINT_VERSION, MIGRATIONS, check
from reichatd.store.sqlite.store import count

_STEPS = 10_000
"""Instructions of SQLite's virtual machine between two looks at the clock."""


class Facts(NamedTuple):
    """What the inspection found.

    Arguments:
        version, known: of the schema, in the file and in this program.
        data_bytes, log_bytes: the size of the file, and of the write-ahead log beside it.
        has_users: whether there is an account.
        fingerprint: of the secret that the store is used with; "" if there is none yet.
        fault: the first damage found inside; "" if there is none; None if there was no time to check everything.
    """

    version: int
    known: int
    data_bytes: int
    log_bytes: int
    has_users: bool
    fingerprint: str
    fault: str | None


def inspect(path: Path, seconds: float) -> Facts | None:
    """Opens the file read-only and checks it; None if it does not exist. Blocks, for `seconds` and a little more.

    Raises:
        NewerSchema, StoreError: it is not this store's, or cannot be read.
    """
    if not path.exists():
        return None
    log = _log_of(path)
    log_bytes = log.stat().st_size if log.exists() else 0
    with _opened(path) as db:
        version = check(db, str(path))
        fault = _fault(db, time.monotonic() + seconds)
        # A damaged file may not even tell; then this is not what matters.
        has_users = bool(fault) or _has_users(db, version)
        fingerprint = "" if fault else _fingerprint(db, version)
        return Facts(version, len(MIGRATIONS), path.stat().st_size, log_bytes, has_users, fingerprint, fault)


def totals(path: Path) -> Totals | None:
    """How much the store holds; None if there is none. Blocks. Errors: as `inspect`."""
    if not path.exists():
        return None
    with _opened(path) as db:
        return count(db, [path]) if check(db, str(path)) else None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Without a log no process has the file open. SQLite would create a log to read it, unless the file is declared immutable.
    mode = "mode=ro" if _log_of(path).exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_SECONDS)) as db:
            yield db
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path}: {error}") from error


def _log_of(path: Path) -> Path:
    return Path(f"{os.path.realpath(path)}-wal")  # beside the target of a link


def processes_with_removed(path: Path) -> list[int]:
    """The processes that have the removed file of this path open, or its removed log or index.

    Only processes that this user may inspect; none if the system has no /proc like that of Linux. Blocks.
    """
    links = {f"{os.path.realpath(path)}{suffix} (deleted)" for suffix in ("", "-wal", "-shm")}
    return [process for process in _processes() if links & set(_open_files(process))]


def _processes() -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except FileNotFoundError:
        return []


def _open_files(process: int) -> Iterator[str]:
    """The names of a process's open files; none if it has ended, or belongs to another user."""
    with suppress(OSError):
        for name in os.listdir(f"/proc/{process}/fd"):
            with suppress(OSError):
                yield os.readlink(f"/proc/{process}/fd/{name}")


def _has_users(db: sqlite3.Connection, version: int) -> bool:
    return version > 0 and db.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None


def _fingerprint(db: sqlite3.Connection, version: int) -> str:
    found = db.execute("SELECT fingerprint FROM secret").fetchone() if version >= FINGERPRINT_VERSION else None
    return found[0] if found else ""


def _fault(db: sqlite3.Connection, deadline: float) -> str | None:
    db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        (first,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise
    return "" if first == "ok" else " ".join(str(first).split())
