"""Where the rooms' logs end."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from threading import Lock

from bson import ObjectId

from reichatd.store.mongodb.schema import first_id_of, message_id, messages_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase

_REMEMBERED = 10_000
"""Logs whose end is remembered; each further one takes the place of the one not touched for longest."""

_AT_ONCE = 100
"""Logs looked at by one command: each is a pipeline of its own in it, and a server takes no more than 1,000."""


class Ends:
    """What this process knows to be durable of each log: all up to an id.

    Another daemon may have gone further, so it is never more than a lower bound. May be used from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._durable: OrderedDict[ObjectId, int] = OrderedDict()

    def advance(self, key: ObjectId, last_id: int) -> None:
        """To be called when the message `last_id`, and thus all before it, is durable."""
        with self._lock:
            self._durable[key] = max(last_id, self._durable.get(key, 0))
            self._durable.move_to_end(key)
            if len(self._durable) > _REMEMBERED:
                self._durable.popitem(last=False)

    def find(self, db: MongoDatabase, keys: Collection[ObjectId]) -> dict[ObjectId, int]:
        """The ids of the last messages, removed or not; 0 for a log that never had one."""
        # A remembered end holds if that message is there and the next is not: two points of an index for each log,
        # where a search costs twenty times as much.
        with self._lock:
            hoped = {key: self._durable[key] for key in keys if key in self._durable}
        points = [message_id(key, end + step) for key, end in hoped.items() for step in (0, 1)]
        found = {_place(message) for message in db.messages.find({"_id": {"$in": points}}, {"_id": 1}, batch_size=PAGE)}
        sure = {key: end for key, end in hoped.items() if (key, end) in found and (key, end + 1) not in found}
        return sure | search(db, [key for key in keys if key not in sure])

    def settle(self, db: MongoDatabase, key: ObjectId, last_id: int) -> None:
        """Makes messages durable that were just read, up to `last_id`.

        On a standalone server a read may see what is not yet in the journal, and would be gone after a crash. An update
        waits for the journal even if it finds nothing to do, and thus for all that was written before it.
        """
        with self._lock:
            known = self._durable.get(key, 0)
        if db.standalone and last_id > known:
            db.meta.update_one({"_id": "nothing"}, {"$set": {"found": True}})
            self.advance(key, last_id)


def search(db: MongoDatabase, keys: Iterable[ObjectId]) -> dict[ObjectId, int]:
    """The ids of the last messages, removed or not; 0 for a log that never had one."""
    ends = dict.fromkeys(keys, 0)
    for some in _batches(ends):
        first, *others = (_last_of(key) for key in some)
        unions = [{"$unionWith": {"coll": db.messages.name, "pipeline": other}} for other in others]
        ends.update(_place(message) for message in db.messages.aggregate([*first, *unions]))
    if empty := [key for key, end in ends.items() if not end]:
        rooms = db.rooms.find({"key": {"$in": empty}}, {"key": 1, "first_id": 1}, batch_size=PAGE)
        ends.update((room["key"], first_id_of(room) - 1) for room in rooms)
    return ends


def _batches(keys: Iterable[ObjectId]) -> Iterator[list[ObjectId]]:
    rest = iter(list(keys))
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _last_of(key: ObjectId) -> list[Document]:
    return [{"$match": messages_of(key)}, {"$sort": {"_id": -1}}, {"$limit": 1}, {"$project": {"_id": 1}}]


def _place(message: Document) -> tuple[ObjectId, int]:
    return message["_id"]["room"], message["_id"]["id"]
