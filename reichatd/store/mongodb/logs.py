"""Finds the ends of the rooms' logs."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from bson import ObjectId

from reichatd.store.mongodb.keys import first_id_of, message_id, messages_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase

AT_ONCE = 100
"""Pipelines in one command; a server accepts no more than 1,000."""

T = TypeVar("T")


def find_ends(db: MongoDatabase, keys: Collection[ObjectId]) -> dict[ObjectId, int]:
    """As `search`, faster for logs whose end this process knows."""
    # A known end is right if that message exists and the next one does not: two index look-ups for each log. A search costs
    # twenty times as much.
    known = db.ends.known(keys)
    points = [message_id(key, end + step) for key, end in known.items() for step in (0, 1)]
    found = {_place(message) for message in db.messages.find({"_id": {"$in": points}}, {"_id": 1}, batch_size=PAGE)}
    right = {key: end for key, end in known.items() if (key, end) in found and (key, end + 1) not in found}
    return right | search(db, [key for key in keys if key not in right])


def settle(db: MongoDatabase, key: ObjectId, last_id: int, *, is_changing: bool = False) -> None:
    """Makes messages durable that were just read, up to `last_id`.

    On a standalone server a read may return what is not yet in the journal, and would be lost in a crash. An update waits for the
    journal even if it changes nothing, and so for all that was written before it.

    Arguments:
        is_changing: whether some of them have a change that is just being written.
    """
    if db.standalone and (is_changing or last_id > db.ends.known([key]).get(key, 0)):
        db.meta.update_one({"_id": "nothing"}, {"$set": {"found": True}})
        db.ends.advance(key, last_id)


def search(db: MongoDatabase, keys: Iterable[ObjectId]) -> dict[ObjectId, int]:
    """The ids of the last messages, removed or not; 0 for a log that never had one."""
    ends = dict.fromkeys(keys, 0)
    for some in batches(ends):
        first, *others = (_last_of(key) for key in some)
        unions = [{"$unionWith": {"coll": db.messages.name, "pipeline": other}} for other in others]
        ends.update(_place(message) for message in db.messages.aggregate([*first, *unions]))
    if empty := [key for key, end in ends.items() if not end]:
        rooms = db.rooms.find({"key": {"$in": empty}}, {"key": 1, "first_id": 1}, batch_size=PAGE)
        ends.update((room["key"], first_id_of(room) - 1) for room in rooms)
    return ends


def batches(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The same items in lists of this size; the last one may be shorter."""
    rest = iter(list(items))
    while some := list(islice(rest, size)):
        yield some


def _last_of(key: ObjectId) -> list[Document]:
    return [{"$match": messages_of(key)}, {"$sort": {"_id": -1}}, {"$limit": 1}, {"$project": {"_id": 1}}]


def _place(message: Document) -> tuple[ObjectId, int]:
    return message["_id"]["room"], message["_id"]["id"]
