"""The logs in MongoDB. What the methods do is said at `reichatd.store.protocol.MessageStore`."""

import time
from collections.abc import Mapping, Sequence

import trio
from bson import ObjectId
from pymongo.errors import PyMongoError

from reichatd.store.bounds import LAST_ID
from reichatd.store.mongodb import retention
from reichatd.store.mongodb.append import Batch
from reichatd.store.mongodb.changes import make_changes
from reichatd.store.mongodb.heads import head
from reichatd.store.mongodb.keys import (
    member_id,
    members_of,
    message_id,
    messages_of,
    reactions_between,
    readable,
)
from reichatd.store.mongodb.logs import search, settle
from reichatd.store.mongodb.message_documents import find_bylines, find_places, message_of, place_of
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.reactions import own_reactions, reactors
from reichatd.store.mongodb.room_keys import LogRef, room_key, room_keys, room_log, room_logs
from reichatd.store.mongodb.schema import BY_CHANGE, PINNED
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase, MongoServer
from reichatd.store.pages import cut
from reichatd.store.records import Change, Changed, ChangeOutcome, Committed, Message, Post

_GRAVE_SECONDS = 3600.0
"""How long the grave of a room is kept: an append that was running when the room was deleted may still add messages."""


def _commit(
    db: MongoDatabase,
    posts: Sequence[Post],
    read_marks: Mapping[tuple[str, str], int],
    changes: Sequence[Change] = (),
) -> Committed:
    # Not in one transaction: the end of a log, where all daemons post, would make their transactions wait for each other.
    answers, moved, keys = Batch(db, posts, read_marks).commit() if posts or read_marks else ([], {}, {})
    try:
        decided, changed, changed_keys = make_changes(db, changes)
        return Committed(answers, decided, changed, moved, _as_log_keys(db, keys), _as_log_keys(db, changed_keys))
    except PyMongoError:
        if not posts:
            raise
        # The posts are durable: they must not count as failed.
        failed = [Changed(ChangeOutcome.FAILED) for _ in changes]
        return Committed(answers, failed, [], moved, _as_log_keys(db, keys))


def _probe(db: MongoDatabase) -> None:
    # The current time, so that each call is a write: MongoDB does not write an unchanged value.
    db.meta.update_one({"_id": "probe"}, {"$currentDate": {"at": True}}, upsert=True)


def _last_id(db: MongoDatabase, room_id: str, log_key: str = "") -> int | None:
    key = room_key(db, room_id)
    if key is None or log_key not in ("", str(key)):
        return None
    last_id = search(db, [key])[key]
    settle(db, key, last_id)
    return last_id


def _first_ids(db: MongoDatabase, room_ids: Sequence[str]) -> list[int | None]:
    logs = room_logs(db, room_ids)
    return [logs[room_id].first_id if room_id in logs else None for room_id in room_ids]


def _log_keys(db: MongoDatabase, room_ids: Sequence[str]) -> dict[str, str]:
    return _as_log_keys(db, room_keys(db, room_ids))


def _as_log_keys(db: MongoDatabase, keys: Mapping[str, ObjectId]) -> dict[str, str]:
    # A standalone server has no feed.
    return {} if db.standalone else {room_id: str(key) for room_id, key in keys.items()}


def _range(
    db: MongoDatabase, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
) -> list[Message]:
    return _shown(db, room_id, first_id, last_id, {}, max_chars, log_key)


def _written_by(db: MongoDatabase, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
    return _shown(db, room_id, first_id, last_id, {"user_id": user_id})


def _shown(
    db: MongoDatabase,
    room_id: str,
    first_id: int,
    last_id: int,
    condition: Document,
    max_chars: int | None = None,
    log_key: str = "",
) -> list[Message]:
    """The messages of a range that readers may see."""
    log = room_log(db, room_id, log_key)
    if log is None:
        return []
    # Callers may pass any integer, also one that MongoDB cannot represent.
    first_id, last_id = max(first_id, log.first_id), min(last_id, LAST_ID)
    if first_id > last_id:
        return []
    found = _between(db, log.key, first_id, last_id, condition, max_chars)
    if condition or (found and found[-1]["_id"]["id"] - first_id + 1 != len(found)):
        begin = _begin_now(db, room_id, log)
        if begin is None:
            return []
        if max_chars is not None and found and found[0]["_id"]["id"] < begin:
            # A page that shrinks would look as if it was not cut.
            return _shown(db, room_id, begin, last_id, condition, max_chars, log_key)
        found = [message for message in found if message["_id"]["id"] >= begin]
    return _as_messages(db, log, found)


def _changed(
    db: MongoDatabase,
    room_id: str,
    after_change: int,
    first_id: int,
    last_id: int,
    at_most: int,
    max_chars: int | None = None,
    log_key: str = "",
) -> list[Message]:
    log = room_log(db, room_id, log_key)
    if log is None:
        return []
    first_id, last_id = max(first_id, log.first_id), min(last_id, LAST_ID)
    after_change = max(after_change, 0)
    if first_id > last_id or after_change >= log.last_change or at_most == 0:
        return []
    # Those that come during the read are left for the next call: of a message that changes meanwhile, it might miss the last one.
    those = {"_id.room": log.key, "_id": _ids_between(log.key, first_id, last_id)}
    numbers = {"change": {"$gt": after_change, "$lte": log.last_change}}
    by_number = log.last_change - after_change <= last_id - first_id
    cursor = db.messages.find(
        those | numbers, batch_size=PAGE, hint=BY_CHANGE if by_number else "_id_", allow_disk_use=True
    )
    with cursor.sort("change").limit(at_most) as rows:
        found = cut(rows, max_chars, lambda message: message["content"])
    return _as_messages(db, log, found)


def _by_ids(db: MongoDatabase, room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
    log = room_log(db, room_id, log_key)
    if log is None:
        return []
    found = find_places(db, [(log.key, number) for number in readable(message_ids, log.first_id)])
    return _as_messages(db, log, sorted(found, key=place_of))


def _pinned(db: MongoDatabase, room_id: str) -> list[Message]:
    log = room_log(db, room_id)
    if log is None:
        return []
    those = {"_id.room": log.key, "_id.id": {"$gte": log.first_id}, "extras.pinned": {"$exists": True}}
    return _as_messages(
        db, log, list(db.messages.find(those, hint=PINNED, batch_size=PAGE).sort({"_id.room": 1, "_id.id": 1}))
    )


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
    between = _ids_between(key, first_id, last_id)
    with db.messages.find({"_id": between, **condition}, batch_size=PAGE).sort("_id") as cursor:
        return cut(cursor, max_chars, lambda message: message["content"])


def _ids_between(key: ObjectId, first_id: int, last_id: int) -> Document:
    return {"$gte": message_id(key, first_id), "$lte": message_id(key, last_id)}


def _begin_now(db: MongoDatabase, room_id: str, log: LogRef) -> int | None:
    """Where the log begins now, since some of its messages may have been removed during the read; None if the log is gone."""
    now = room_log(db, room_id, str(log.key))
    return None if now is None else now.first_id


def _as_messages(db: MongoDatabase, log: LogRef, documents: Sequence[Document]) -> list[Message]:
    """Messages of a log, with the names of their authors; all of them are durable."""
    if not documents:
        return []
    settle(
        db,
        log.key,
        max(document["_id"]["id"] for document in documents),
        is_changing=any(document.get("change", 0) > log.last_change for document in documents),
    )
    authors = {(log.key, document["user_id"]) for document in documents}
    bylines = find_bylines(db, authors, [log.key] if log.is_direct else [])
    return [message_of(document, bylines[log.key, document["user_id"]]) for document in documents]


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
        db.reactions.delete_many(reactions_between(key, start, start + at_most))
        part = {"_id": {"$gte": message_id(key, start), "$lt": message_id(key, start + at_most)}}
        return db.messages.delete_many(part).deleted_count
    db.reactions.delete_many(reactions_between(key, 0, LAST_ID + 1))
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

    def __init__(self, server: MongoServer) -> None:
        super().__init__(server)
        self._changing = trio.Lock()

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        if not changes:
            return await self.server.run(_commit, posts, read_marks)
        # Changes wait for each other in any case. Here the wait takes nothing from the time limit of the commit.
        async with self._changing:
            return await self.server.run(_commit, posts, read_marks, changes)

    probe = method(_probe)
    last_id = method(_last_id)
    first_ids = method(_first_ids)
    log_keys = method(_log_keys)
    head = method(head)
    changed = method(_changed)
    by_ids = method(_by_ids)
    pinned = method(_pinned)
    own_reactions = method(own_reactions)
    reactors = method(reactors)
    range = method(_range)
    written_by = method(_written_by)
    read_marks = method(_read_marks)
    sweep = method(_sweep)
    expired = method(retention.expired)
    expire = method(retention.expire)
