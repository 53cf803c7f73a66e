"""Removes messages from the front of a log in MongoDB. What the methods do is said at `reichatd.store.protocol.MessageStore`.

One document, the room's, cuts the log: as soon as its `first_id` is moved, no one can read earlier messages. They are removed
afterwards, in the order of ids. So a log is complete from its first id on, whenever a daemon or a server is killed, and the next
cut removes what was left.
"""

import time
from collections.abc import Iterator

from reichatd.store.mongodb.keys import message_id, messages_before, reactions_between
from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.room_keys import LogRef, room_logs
from reichatd.store.mongodb.server import PAGE, MongoDatabase
from reichatd.store.retention import Cutoff, LogRange, RetentionEntry, leading

_GRACE_SECONDS = 600.0
"""No message younger than this is removed, nor younger than four times the time limit of a call.

Another daemon may be about to append after a message that was the last one a moment ago. If the next id is taken by now, its
insert is refused. If that id was taken and is free again, the insert would succeed, before the beginning of the log, where no one
sees it.
"""


def expired(db: MongoDatabase, room_id: str, cutoff: Cutoff, first_id: int, at_most: int) -> LogRange:
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return LogRange(first_id)
    return _front(db, log._replace(first_id=max(first_id, log.first_id)), cutoff, at_most)


def expire(db: MongoDatabase, room_id: str, cutoff: Cutoff, at_most: int) -> LogRange:
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return LogRange(1)
    front = _front(db, log, cutoff, at_most)
    if front.messages:
        db.rooms.update_one({"_id": room_id, "key": log.key}, {"$max": {"first_id": front.next_id}})
        # With this index, so in the order of ids: what is left after a crash still shows where the log ended.
        db.messages.delete_many(messages_before(log.key, front.next_id), hint="_id_")
        db.reactions.delete_many(reactions_between(log.key, 0, front.next_id))
    return front


def _front(db: MongoDatabase, log: LogRef, cutoff: Cutoff, at_most: int) -> LogRange:
    (last_id,) = search(db, [log.key]).values()
    return leading(log.first_id, _entries(db, log, at_most), cutoff, last_id)


def _entries(db: MongoDatabase, log: LogRef, at_most: int) -> Iterator[RetentionEntry]:
    rest = {"_id": {"$gte": message_id(log.key, log.first_id), "$lt": message_id(log.key, log.first_id + at_most)}}
    found = db.messages.find(rest, {"timestamp": 1, "size": {"$bsonSize": "$$ROOT"}}, batch_size=PAGE).sort("_id")
    settled = time.time() - max(_GRACE_SECONDS, 4 * db.timeout)
    for message in found:
        if message["timestamp"] >= settled:
            break
        yield RetentionEntry(message["_id"]["id"], message["timestamp"], message["size"])
