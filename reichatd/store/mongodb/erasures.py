"""Erases the messages of deleted users in MongoDB. What the methods do is said at `reichatd.store.protocol.ErasureStore`."""

from collections.abc import Sequence
from functools import partial

from reichatd.store.changing import deleted
from reichatd.store.mongodb import reactions
from reichatd.store.mongodb.logs import batches
from reichatd.store.mongodb.message_documents import Place, place_of
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.revision import Revision
from reichatd.store.mongodb.room_keys import posted_rooms_with
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import ChangedMessage, Erasure, ErasureStep


def _all(db: MongoDatabase) -> list[Erasure]:
    return [Erasure(one["_id"], one["done_at"]) for one in db.erasures.find(batch_size=PAGE).sort("_id")]


def _step(db: MongoDatabase, user_id: str, at_most: int, now: float) -> ErasureStep:
    mine = {"_id": user_id, "done_at": 0.0}
    begun = db.erasures.find_one(mine)
    if begun is None:
        return ErasureStep(0)
    reacted, changed = _take_back_reactions(db, user_id, at_most)
    left = at_most - reacted
    if not left:
        return ErasureStep(at_most, changed)
    further: Document = {} if begun["next"] is None else {"_id": {"$gt": begun["next"]}}
    found = [one["_id"] for one in db.messages.find(further, {"_id": 1}, batch_size=PAGE).sort("_id").limit(left)]
    progress: Document = {}
    if found:
        changed += _erase_between(db, user_id, found[0], found[-1])
        progress["next"] = found[-1]
    if len(found) < left:
        progress["done_at"] = now
    if progress:
        db.erasures.update_one(mine, {"$set": progress})
    return ErasureStep(reacted + len(found), changed)


# In parts: a long transaction would often fail, because another one came between.


def _take_back_reactions(db: MongoDatabase, user_id: str, at_most: int) -> tuple[int, list[ChangedMessage]]:
    """Takes back reactions of a user; returns how many, and the messages that changed."""
    found = db.reactions.find({"_id.user": user_id}, {"_id": 1}, batch_size=PAGE).limit(at_most)
    rows = [(place_of(row), row["_id"]["emoji"]) for row in found]
    changed: list[ChangedMessage] = []
    for some in batches(rows):
        changed += db.atomically(partial(_take_back, db, user_id, some)).changed()
    return len(rows), changed


def _take_back(db: MongoDatabase, user_id: str, rows: Sequence[tuple[Place, str]]) -> Revision:
    rooms = posted_rooms_with(db, {place[0] for place, _ in rows})
    revision = Revision(db, rooms, {place for place, _ in rows if place[0] in rooms})
    shown: dict[reactions.Reacted, int] = {}
    for place, emoji in rows:
        if (message := revision.now.get(place)) is not None:
            users = (len(each.users) for each in message.extras.reactions if each.emoji == emoji)
            shown[place, emoji] = next(users, 0)
            revision.change(place, message)
    revision.write_numbers()
    revision.write(reactions.write(db, {(place, emoji, user_id): None for place, emoji in rows}, shown))
    return revision


def _erase_between(db: MongoDatabase, user_id: str, first: Document, last: Document) -> list[ChangedMessage]:
    """Erases a user's messages; `first` and `last` are keys of messages."""
    those = {"_id": {"$gte": first, "$lte": last}, "user_id": user_id}
    places = [place_of(message) for message in db.messages.find(those, {"_id": 1}, hint="_id_", batch_size=PAGE)]
    changed: list[ChangedMessage] = []
    for some in batches(places):
        changed += db.atomically(partial(_erase, db, some)).changed()
    return changed


def _erase(db: MongoDatabase, places: Sequence[Place]) -> Revision:
    rooms = posted_rooms_with(db, {place[0] for place in places})
    # Not those of deleted rooms: all of their messages are about to be removed.
    revision = Revision(db, rooms, [place for place in places if place[0] in rooms])
    for place, message in list(revision.now.items()):
        if message.extras.deleted != "erased":
            revision.change(place, deleted(message, "erased"))
    revision.write_numbers()
    revision.write(reactions.write(db, {}, {}, revision.deleted()))
    return revision


def _forget_done(db: MongoDatabase, before: float) -> None:
    db.erasures.delete_many({"done_at": {"$gt": 0.0, "$lt": before}})


class MongoErasures(MongoPart):
    """An `ErasureStore`."""

    all = method(_all)
    step = method(_step)
    forget_done = method(_forget_done)

    async def purge(self) -> None:
        """Does nothing: what the server keeps in its journal and its log of operations is the operator's (see the manual)."""

    async def rewrite(self, at_most_bytes: int) -> bool:
        """Does nothing, as `purge`."""
        return False
