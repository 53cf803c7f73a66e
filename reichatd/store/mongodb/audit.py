"""The audit log in MongoDB. What the methods do is said at `reichatd.store.protocol.AuditStore`."""

from msgspec.structs import asdict
from pymongo import ReturnDocument

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.schema import BY_TIME
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import CLOCK_SETBACK, AuditEntry, AuditFilter

_NUMBERS = "audit"
"""The document in `meta` that has the last number."""


def _add(db: MongoDatabase, entry: AuditEntry) -> int:
    counter: Document = db.meta.find_one_and_update(  # type: ignore[assignment] # never None with `upsert`
        {"_id": _NUMBERS}, {"$inc": {"last": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    number = int(counter["last"])
    fields = asdict(entry)
    db.audit.insert_one(fields | {"_id": number})
    return number


def _page(db: MongoDatabase, chosen: AuditFilter, at_most: int) -> list[AuditEntry]:
    first = _first_since(db, chosen.since) if chosen.since > 0 and not chosen.after else chosen.after + 1
    if first is None:
        return []
    selection: Document = {"_id": {"$gte": first, "$lt": chosen.before}, "at": {"$gte": chosen.since}}
    if chosen.user_id:
        selection["$or"] = [{"actor": chosen.user_id}, {"user_id": chosen.user_id}]
    if chosen.room_id:
        selection["room_id"] = chosen.room_id
    found = db.audit.find(selection, batch_size=PAGE).sort("_id", -1 if chosen.newest_first else 1).limit(at_most)
    return [entry_of(document) for document in found]


def _first_since(db: MongoDatabase, since: float) -> int | None:
    """The number at which reading begins, for entries since a time; None if there are none. Numbers have no index by time."""
    oldest = next(iter(db.audit.find({"at": {"$gte": since}}, {"at": 1}).sort("at").limit(1)), None)
    if oldest is None:
        return None
    near = {"at": {"$gte": oldest["at"], "$lte": oldest["at"] + CLOCK_SETBACK}}
    # Without the hint, the server might search the numbers from the first one on.
    found = db.audit.find(near, {"_id": 1}, hint=BY_TIME).sort("_id").limit(1)
    return next((int(entry["_id"]) for entry in found), int(oldest["_id"]))


def _expire(db: MongoDatabase, before: float, addresses_before: float, at_most: int) -> int:
    old = [one["_id"] for one in db.audit.find({"at": {"$lt": before}}, {"_id": 1}).sort("at").limit(at_most)]
    removed = db.audit.delete_many({"_id": {"$in": old}}).deleted_count if old else 0
    selection = {"at": {"$lt": addresses_before}, "address": {"$gt": ""}}
    named = [one["_id"] for one in db.audit.find(selection, {"_id": 1}).sort("at").limit(at_most)]
    cut = db.audit.update_many({"_id": {"$in": named}}, {"$set": {"address": ""}}).modified_count if named else 0
    return max(removed, cut)


def number_on(db: MongoDatabase) -> None:
    """Lets the numbers of further entries follow those that there are. To be called after a restore."""
    last = next((entry["_id"] for entry in db.audit.find({}, {"_id": 1}).sort("_id", -1).limit(1)), 0)
    db.meta.replace_one({"_id": _NUMBERS}, {"last": last}, upsert=True)


def entry_of(document: Document) -> AuditEntry:
    fields = {name: document[name] for name in AuditEntry.__struct_fields__ if name in document}
    return AuditEntry(**fields | {"number": document["_id"]})


class MongoAudit(MongoPart):
    """An `AuditStore`."""

    add = method(_add)
    page = method(_page)
    expire = method(_expire)
