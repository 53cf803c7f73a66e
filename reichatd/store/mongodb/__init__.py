"""The store in MongoDB: for operators who already run it, and for several daemons on one store."""

from reichatd.store.mongodb.dump import dumping, exists
from reichatd.store.mongodb.load import restoring
from reichatd.store.mongodb.store import MongoStore, open_store
from reichatd.store.mongodb.temporary import drop_temporary_database, temporary_database

__all__ = [
    "MongoStore",
    "drop_temporary_database",
    "dumping",
    "exists",
    "open_store",
    "restoring",
    "temporary_database",
]
