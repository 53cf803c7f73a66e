"""Returns the space of removed rows to the disk, in small steps.

All functions are for the writer's connection, and outside of a transaction.
"""

import sqlite3
from contextlib import suppress
from sqlite3 import Connection

_INCREMENTAL = 2
"""SQLite's number for a file that keeps track of its free pages, so that it can shrink without being rewritten."""

_WAIT_MS = 100

_PAGES = 100
"""Pages returned in one step: some milliseconds of work, during which posts wait."""


def make_shrinkable(db: Connection) -> None:
    """Lets the file shrink. An empty file gets a mark; an older file is rewritten, once.

    Rewriting needs as much free disk space as the file has. It is skipped until the next time if anything prevents it; it does not
    wait for another process that has the file open.
    """
    if _pragma(db, "auto_vacuum") == _INCREMENTAL:
        return
    db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    if _pragma(db, "page_count"):
        with suppress(sqlite3.Error):
            db.execute("PRAGMA journal_mode = DELETE")  # refused while another process has the file open
            db.execute("VACUUM")


def shrink(db: Connection) -> int:
    """Cuts some free pages off the file; returns how many bytes, 0 if there are no more or the file cannot shrink."""
    if not _pragma(db, "freelist_count"):
        return 0
    before = _pragma(db, "page_count")
    # executescript, because `execute` stops after the first page.
    db.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
    if not _pragma(db, "freelist_count"):
        # The file gets shorter only when the write-ahead log is written back. PASSIVE waits for no other process.
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return max(0, before - _pragma(db, "page_count")) * _pragma(db, "page_size")


def empty_log(db: Connection) -> bool:
    """Cuts the write-ahead log, which has earlier contents of pages; returns whether it is empty now.

    A long read may need the log: then it stays, and no one waits. Posts wait while it is written to the file, and up to _WAIT_MS
    for short reads to end.
    """
    _, pages, copied = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if copied < pages:
        return False
    db.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
    try:
        (is_busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute("PRAGMA busy_timeout = 0")
    return not is_busy


def rewrite(db: Connection) -> None:
    """Rewrites the whole file without its unused parts. Posts wait. The disk needs free space for twice the file's size."""
    # Where SQLite moved a row from one page to another, the first one keeps a copy until something is written there:
    # "secure_delete" clears what is deleted, but not what is moved.
    db.execute("VACUUM")


def _pragma(db: Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
