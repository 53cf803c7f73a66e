"""The store in one SQLite file: the default, nothing to install."""

from reichatd.store.sqlite.dump import dumping
from reichatd.store.sqlite.load import restoring
from reichatd.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "dumping", "open_store", "restoring"]
