"""Returns the space of removed rows to the disk, in small steps.

All functions are for the writer's connection, and outside of a transaction, except `overwriting`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from sqlite3 import Connection

_INCREMENTAL = 2
"""SQLite's number for a file that keeps track of its free pages, so that it can shrink without being rewritten."""

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


@contextmanager
def overwriting(db: Connection) -> Iterator[None]:
    """SQLite overwrites what is removed inside with zeros, and writes it even if the transaction has removed it again."""
    usual = _pragma(db, "secure_delete")
    db.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        db.execute(f"PRAGMA secure_delete = {usual}")


def _pragma(db: Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
