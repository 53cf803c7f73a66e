"""The logs in MongoDB. What the methods do is said at `reichatd.store.protocol.MessageStore`."""

import time
from collections.abc import Mapping, Sequence

from bson import ObjectId

from reichatd.store.mongodb import retention
from reichatd.store.mongodb.append import Batch
from reichatd.store.mongodb.logs import search, settle
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.room_keys import LogRef, room_key, room_keys, room_logs
from reichatd.store.mongodb.schema import member_id, members_of, message_id, messages_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.pages import cut
from reichatd.store.records import Change, Committed, Message, Post

_LAST_ID = 2**63 - 1

_GRAVE_SECONDS = 3600.0
"""How long the grave of a room is kept: an append that was running when the room was deleted may still add messages."""


def _commit(
    db: MongoDatabase,
    posts: Sequence[Post],
    read_marks: Mapping[tuple[str, str], int],
    changes: Sequence[Change] = (),
) -> Committed:
    return Committed(Batch(db, posts, read_marks).commit())


def _probe(db: MongoDatabase) -> None:
    # The current time, so that each call is a write: MongoDB does not write an unchanged value.
    db.meta.update_one({"_id": "probe"}, {"$currentDate": {"at": True}}, upsert=True)


def _last_id(db: MongoDatabase, room_id: str) -> int | None:
    key = room_key(db, room_id)
    if key is None:
        return None
    last_id = search(db, [key])[key]
    settle(db, key, last_id)
    return last_id


def _first_ids(db: MongoDatabase, room_ids: Sequence[str]) -> list[int | None]:
    logs = room_logs(db, room_ids)
    return [logs[room_id].first_id if room_id in logs else None for room_id in room_ids]


def _range(db: MongoDatabase, room_id: str, first_id: int, last_id: int, max_chars: int | None = None) -> list[Message]:
    return _shown(db, room_id, first_id, last_id, {}, max_chars)


def _written_by(db: MongoDatabase, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
    return _shown(db, room_id, first_id, last_id, {"user_id": user_id})


def _shown(
    db: MongoDatabase, room_id: str, first_id: int, last_id: int, condition: Document, max_chars: int | None = None
) -> list[Message]:
    """The messages of a range that readers may see."""
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return []
    # Callers may pass any integer, also one that MongoDB cannot represent.
    first_id, last_id = max(first_id, log.first_id), min(last_id, _LAST_ID)
    if first_id > last_id:
        return []
    found = _between(db, log.key, first_id, last_id, condition, max_chars)
    if condition or (found and found[-1]["_id"]["id"] - first_id + 1 != len(found)):
        begin = _begin_now(db, room_id, log)
        if begin is None:
            return []
        if max_chars is not None and found and found[0]["_id"]["id"] < begin:
            # A page that shrinks would look as if it was not cut.
            return _shown(db, room_id, begin, last_id, condition, max_chars)
        found = [message for message in found if message["_id"]["id"] >= begin]
    return _with_authors(db, log, found)


def _read_marks(db: MongoDatabase, members: Sequence[tuple[str, str]]) -> list[int | None]:
    keys = room_keys(db, {room_id for room_id, _ in members})
    pairs = [(keys.get(room_id), user_id) for room_id, user_id in members]
    ids = [member_id(key, user_id) for key, user_id in set(pairs) if key is not None]
    found = db.members.find({"_id": {"$in": ids}}, {"last_read_id": 1}, batch_size=PAGE) if ids else ()
    marks = {(member["_id"]["room"], member["_id"]["user"]): member["last_read_id"] for member in found}
    return [marks.get(pair) for pair in pairs]


def _between(
    db: MongoDatabase, key: ObjectId, first_id: int, last_id: int, condition: Document, max_chars: int | None
) -> list[Document]:
    between = {"$gte": message_id(key, first_id), "$lte": message_id(key, last_id)}
    with db.messages.find({"_id": between, **condition}, batch_size=PAGE).sort("_id") as cursor:
        found = cut(cursor, max_chars, lambda message: message["content"])
    if found:
        settle(db, key, found[-1]["_id"]["id"])
    return found


def _begin_now(db: MongoDatabase, room_id: str, log: LogRef) -> int | None:
    """Where the log begins now, since some of its messages may have been removed during the read; None if the log is gone."""
    now = room_logs(db, [room_id]).get(room_id)
    return None if now is None or now.key != log.key else now.first_id


def _with_authors(db: MongoDatabase, log: LogRef, messages: list[Document]) -> list[Message]:
    if not messages:
        return []
    user_ids = list({message["user_id"] for message in messages})
    found = db.users.find({"_id": {"$in": user_ids}}, {"username": 1, "email": 1})
    authors = {user["_id"]: (user["username"], user["email"]) for user in found}
    members = set() if log.is_direct else _members_among(db, log.key, user_ids)
    return [
        Message(
            message["_id"]["id"],
            message["user_id"],
            *authors.get(message["user_id"], ("", "")),
            message["content"],
            message["timestamp"],
            message["user_id"] in members,
        )
        for message in messages
    ]


def _members_among(db: MongoDatabase, key: ObjectId, user_ids: list[str]) -> set[str]:
    pairs = [member_id(key, user_id) for user_id in user_ids]
    found = db.members.find({"_id": {"$in": pairs}}, {"_id": 1}, batch_size=PAGE)
    return {member["_id"]["user"] for member in found}


def _sweep(db: MongoDatabase, at_most: int) -> int:
    graves = {grave["_id"]: grave["deleted_at"] for grave in db.graveyard.find().sort("deleted_at")}
    # A room with a grave may exist: `delete` was interrupted, or is still running.
    existing = set(db.rooms.distinct("key", {"key": {"$in": list(graves)}}))
    swept = 0
    for key, deleted_at in graves.items():
        if swept >= at_most:
            break
        if key not in existing:
            swept += _sweep_grave(db, key, deleted_at, at_most - swept)
    return swept


def _sweep_grave(db: MongoDatabase, key: ObjectId, deleted_at: float, at_most: int) -> int:
    first = db.messages.find_one(messages_of(key), {"_id": 1}, sort={"_id": 1})
    if first is not None:
        start = first["_id"]["id"]
        part = {"_id": {"$gte": message_id(key, start), "$lt": message_id(key, start + at_most)}}
        return db.messages.delete_many(part).deleted_count
    db.members.delete_many(members_of(key))
    db.bans.delete_many(members_of(key))
    db.invites.delete_many({"room": key})
    db.standings.delete_many(members_of(key))
    if time.time() - deleted_at > _GRAVE_SECONDS:
        db.graveyard.delete_one({"_id": key})
    return 0


class MongoMessages(MongoPart):
    """A `MessageStore`."""

    shared = True

    commit = method(_commit)
    probe = method(_probe)
    last_id = method(_last_id)
    first_ids = method(_first_ids)
    range = method(_range)
    written_by = method(_written_by)
    read_marks = method(_read_marks)
    sweep = method(_sweep)
    expired = method(retention.expired)
    expire = method(retention.expire)
