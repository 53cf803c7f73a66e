"""Changes of e-mail addresses in MongoDB. What the methods do is said at `reichatd.store.protocol.EmailChangeStore`."""

from msgspec.structs import asdict

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import MongoDatabase
from reichatd.store.records import EmailChange


def _put(db: MongoDatabase, change: EmailChange) -> None:
    fields = asdict(change)
    db.email_changes.replace_one({"_id": fields.pop("user_id")}, fields, upsert=True)


def _take_try(db: MongoDatabase, user_id: str) -> EmailChange | None:
    left = {"$max": [0, {"$subtract": ["$tries_left", 1]}]}
    before = db.email_changes.find_one_and_update({"_id": user_id}, [{"$set": {"tries_left": left}}])
    if before is None:
        return None
    return EmailChange(before.pop("_id"), **before)


def _delete_expired(db: MongoDatabase, now: float) -> int:
    return db.email_changes.delete_many({"expires_at": {"$lte": now}}).deleted_count


class MongoEmailChanges(MongoPart):
    """An `EmailChangeStore`."""

    put = method(_put)
    take_try = method(_take_try)
    delete_expired = method(_delete_expired)
