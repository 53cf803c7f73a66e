"""The store in MongoDB: for those who run one already, and for more than one daemon on the same rooms."""

from reichatd.store.mongodb.dump import dumping, is_there
from reichatd.store.mongodb.load import restoring
from reichatd.store.mongodb.scratch import drop_scratch, scratch_on
from reichatd.store.mongodb.store import MongoStore, open_store

__all__ = ["MongoStore", "drop_scratch", "dumping", "is_there", "open_store", "restoring", "scratch_on"]
