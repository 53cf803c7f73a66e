"""Erases the messages of deleted users in MongoDB. What the methods do is said at `reichatd.store.protocol.ErasureStore`."""

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import ERASED, Erasure


def _all(db: MongoDatabase) -> list[Erasure]:
    return [Erasure(one["_id"], one["done_at"]) for one in db.erasures.find(batch_size=PAGE).sort("_id")]


def _step(db: MongoDatabase, user_id: str, at_most: int, now: float) -> int:
    mine = {"_id": user_id, "done_at": 0.0}
    begun = db.erasures.find_one(mine)
    if begun is None:
        return 0
    further: Document = {} if begun["next"] is None else {"_id": {"$gt": begun["next"]}}
    found = [one["_id"] for one in db.messages.find(further, {"_id": 1}, batch_size=PAGE).sort("_id").limit(at_most)]
    progress: Document = {}
    if found:
        these = {"_id": {"$gte": found[0], "$lte": found[-1]}, "user_id": user_id}
        db.messages.update_many(these, {"$set": {"content": ERASED}}, hint="_id_")
        progress["next"] = found[-1]
    if len(found) < at_most:
        progress["done_at"] = now
    if progress:
        db.erasures.update_one(mine, {"$set": progress})
    return len(found)


def _forget_done(db: MongoDatabase, before: float) -> None:
    db.erasures.delete_many({"done_at": {"$gt": 0.0, "$lt": before}})


class MongoErasures(MongoPart):
    """An `ErasureStore`."""

    all = method(_all)
    step = method(_step)
    forget_done = method(_forget_done)

    async def purge(self) -> None:
        """Does nothing: what the server keeps in its journal and its log of operations is the operator's (see the manual)."""
