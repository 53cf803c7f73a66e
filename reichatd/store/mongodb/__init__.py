"""The store in MongoDB: for those who run one already, and for more than one daemon on the same rooms."""

from reichatd.store.mongodb.dump import dumping, is_there
from reichatd.store.mongodb.load import restoring
from reichatd.store.mongodb.store import MongoStore, open_store
from reichatd.store.mongodb.temporary import drop_scratch, scratch_on

__all__ = ["MongoStore", "drop_scratch", "dumping", "is_there", "open_store", "restoring", "scratch_on"]
