"""The front of a log in MongoDB: what has to go from it. What the methods do is written at `reichatd.store.protocol`.

A log is cut by one document, the room's: from the moment that its `first_id` has moved on nobody is shown what is before it, and
that is removed afterwards, in the order of ids. So a log is whole from its first id on wherever a daemon or a server is killed, and
the next cut removes what was left.
"""

import time
from collections.abc import Iterator

from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.rooms import LogRef, room_logs
from reichatd.store.mongodb.schema import message_id, messages_before
from reichatd.store.mongodb.server import PAGE, MongoDatabase
from reichatd.store.retention import Cutoff, LogRange, RetentionEntry, leading

_GRACE_SECONDS = 600.0
"""The age below which no message is removed, or four times the time limit of a call, if that is more.

Another daemon may be about to append behind a message that was the last one a moment ago, and is refused if that place is taken by
now. A place that was taken and is free again would let its message in, before the beginning of the log, where nobody sees it.
"""


def expired(db: MongoDatabase, room_id: str, horizon: Cutoff, first_id: int, at_most: int) -> LogRange:
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return LogRange(first_id)
    return _front(db, LogRef(log.key, max(first_id, log.first_id)), horizon, at_most)


def expire(db: MongoDatabase, room_id: str, horizon: Cutoff, at_most: int) -> LogRange:
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return LogRange(1)
    front = _front(db, log, horizon, at_most)
    if front.messages:
        db.rooms.update_one({"_id": room_id, "key": log.key}, {"$max": {"first_id": front.next_id}})
        # By that index, so in the order of ids: what is left after a crash still tells where the log ended.
        db.messages.delete_many(messages_before(log.key, front.next_id), hint="_id_")
    return front


def _front(db: MongoDatabase, log: LogRef, horizon: Cutoff, at_most: int) -> LogRange:
    (last_id,) = search(db, [log.key]).values()
    return leading(log.first_id, _entries(db, log, at_most), horizon, last_id)


def _entries(db: MongoDatabase, log: LogRef, at_most: int) -> Iterator[RetentionEntry]:
    rest = {"_id": {"$gte": message_id(log.key, log.first_id), "$lt": message_id(log.key, log.first_id + at_most)}}
    found = db.messages.find(rest, {"timestamp": 1, "size": {"$bsonSize": "$$ROOT"}}, batch_size=PAGE).sort("_id")
    settled = time.time() - max(_GRACE_SECONDS, 4 * db.timeout)
    for message in found:
        if message["timestamp"] >= settled:
            break
        yield RetentionEntry(message["_id"]["id"], message["timestamp"], message["size"])
