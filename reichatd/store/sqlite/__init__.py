"""The store in one SQLite file: the default, nothing to install."""

from reichatd.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
