"""The space that removed rows leave in the file: kept track of, and given back to the disk piece by piece.

All of it is for the writer, outside of a transaction.
"""

import sqlite3
from contextlib import suppress
from sqlite3 import Connection

_INCREMENTAL = 2
"""SQLite's number for a file that knows where its free pages are, and can be cut without being written anew."""

_PAGES = 100
"""Pages given back in one step: some milliseconds of work, during which posts wait."""


def keep_track(db: Connection) -> None:
    """Makes the file one that can be cut. For an empty file that is a mark; an older one is written anew, once.

    The latter takes as much free disk as the file has, and is left for another time if anything hinders it: another process
    that has the file open would have to wait too long.
    """
    if _pragma(db, "auto_vacuum") == _INCREMENTAL:
        return
    db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    if _pragma(db, "page_count"):
        with suppress(sqlite3.Error):
            db.execute("PRAGMA journal_mode = DELETE")  # refused unless nobody else has the file open
            db.execute("VACUUM")


def cut(db: Connection) -> int:
    """Cuts some free pages off the file; returns how many bytes, 0 when none are left or the file cannot be cut."""
    if not _pragma(db, "freelist_count"):
        return 0
    before = _pragma(db, "page_count")
    # As a script: `execute` stops after the first page.
    db.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
    if not _pragma(db, "freelist_count"):
        # Only when the write-ahead log is written back is the file really shorter. This waits for nobody.
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return max(0, before - _pragma(db, "page_count")) * _pragma(db, "page_size")


def _pragma(db: Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
