"""Rooms, members and bans in MongoDB. What the methods do is said at `reichatd.store.protocol.RoomStore`.

Members, bans and messages hang on a room's `key`, which is new with each creation: what is left of a deleted room can never turn up
in a later one of the same id. So one document decides each change, on a standalone server as on a replica set: a room is there
when its own document is, and what comes before or after that step cannot be seen. Transactions would add nothing but a
second way through the code, and none to the race between a ban and a join, which touch different documents.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.schema import first_id_of, folded, like, member_id, members_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import (
    BanOutcome,
    JoinOutcome,
    Keep,
    Membership,
    Progress,
    Room,
    RoomHead,
    RoomOverview,
    RoomSummary,
    TransferOutcome,
)

_SUMMARY = {"name": 1, "description": 1}


def room_keys(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, ObjectId]:
    """The keys of those rooms that exist."""
    found = db.rooms.find({"_id": {"$in": list(room_ids)}}, {"key": 1})
    return {room["_id"]: room["key"] for room in found}


def room_key(db: MongoDatabase, room_id: str) -> ObjectId | None:
    """The key of a room; None if there is no such room."""
    return room_keys(db, [room_id]).get(room_id)


class LogRef(NamedTuple):
    """A room's log: the key that its messages hang on, and the id that it begins with.

    Messages before that may still be there, being removed; nobody is shown them.
    """

    key: ObjectId
    first_id: int


def room_logs(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, LogRef]:
    """The logs of those rooms that exist."""
    found = db.rooms.find({"_id": {"$in": list(room_ids)}}, {"key": 1, "first_id": 1}, batch_size=PAGE)
    return {room["_id"]: LogRef(room["key"], first_id_of(room)) for room in found}


def _as_document(keep: Keep) -> Document:
    return {"days": keep.days, "messages": keep.messages}


def _keep_of(room: Document) -> Keep | None:
    return Keep(**room["keep"]) if "keep" in room else None


def is_id_free(db: MongoDatabase, room_id: str) -> bool:
    """Whether no room has this id, in upper or lower case."""
    return db.rooms.find_one(like(room_id), {"_id": 1}) is None


def _create(db: MongoDatabase, room: Room) -> bool:
    # Rooms from before the rule may share a `folded` id, which only one of them has as a unique key. No more of them come, so this
    # look is enough; of two new rooms at once the unique key decides.
    if not is_id_free(db, room.room_id):
        return False
    key = ObjectId()
    # The members first: nobody sees them before their room is there, and it is never there without its owner.
    place = time.time_ns()
    members = [_member(key, user_id, room.created_at, place + n) for n, user_id in enumerate(room.users)]
    if members:
        db.members.insert_many(members)
    try:
        db.rooms.insert_one(
            {
                "_id": room.room_id,
                "folded": folded(room.room_id),
                "key": key,
                "name": room.name,
                "description": room.description,
                "owner": room.owner,
                "password_hash": room.password_hash,
                "created_at": room.created_at,
                "first_id": room.first_id,
                **({"keep": _as_document(room.keep)} if room.keep is not None else {}),
            }
        )
    except DuplicateKeyError:
        db.members.delete_many(members_of(key))
        return False
    return True


def _member(key: ObjectId, user_id: str, now: float, place: int) -> Document:
    # `place` orders the members of one moment too.
    return {"_id": member_id(key, user_id), "joined_at": now, "place": place, "last_read_id": 0}


def _get(db: MongoDatabase, room_id: str) -> Room | None:
    found = db.rooms.find_one({"_id": room_id})
    return _with_members(db, [found])[0] if found else None


def _head(db: MongoDatabase, room_id: str, user_id: str = "") -> RoomHead | None:
    room = db.rooms.find_one({"_id": room_id})
    if room is None:
        return None
    is_member = db.members.find_one({"_id": member_id(room["key"], user_id)}, {"_id": 1}) is not None
    return RoomHead(
        room_id=room["_id"],
        name=room["name"],
        description=room["description"],
        owner=room["owner"],
        password_hash=room["password_hash"],
        created_at=room["created_at"],
        first_id=first_id_of(room),
        keep=_keep_of(room),
        is_member=is_member,
    )


def _with_members(db: MongoDatabase, rooms: list[Document]) -> list[Room]:
    if not rooms:
        return []
    users: dict[ObjectId, list[str]] = {room["key"]: [] for room in rooms}
    for member in sorted(
        db.members.find({"$or": [members_of(key) for key in users]}, {"place": 1}), key=lambda member: member["place"]
    ):
        users[member["_id"]["room"]].append(member["_id"]["user"])
    return [
        Room(
            room_id=room["_id"],
            name=room["name"],
            description=room["description"],
            owner=room["owner"],
            password_hash=room["password_hash"],
            created_at=room["created_at"],
            users=tuple(users[room["key"]]),
            first_id=first_id_of(room),
            keep=_keep_of(room),
        )
        for room in rooms
    ]


def _summaries(rooms: Iterable[Document]) -> list[RoomSummary]:
    return [RoomSummary(room["_id"], room["name"], room["description"]) for room in rooms]


def _public(db: MongoDatabase) -> list[RoomSummary]:
    return _summaries(db.rooms.find({"password_hash": None}, _SUMMARY).sort({"created_at": 1, "key": 1}))


def _places_of(db: MongoDatabase, user_id: str) -> list[tuple[Document, Document]]:
    """Each room that a user has joined, with his membership."""
    members = list(db.members.find({"_id.user": user_id}, batch_size=PAGE).sort("place"))
    keys = [member["_id"]["room"] for member in members]
    rooms = {room["key"]: room for room in db.rooms.find({"key": {"$in": keys}}, batch_size=PAGE)}
    return [(rooms[key], member) for key, member in zip(keys, members, strict=True) if key in rooms]


def _joined(db: MongoDatabase, user_id: str) -> list[Room]:
    return _with_members(db, [room for room, _ in _places_of(db, user_id)])


def _joined_summaries(db: MongoDatabase, user_id: str) -> list[RoomSummary]:
    return _summaries(room for room, _ in _places_of(db, user_id))


def _memberships(db: MongoDatabase, user_id: str) -> list[Membership]:
    return [
        Membership(room["_id"], member["joined_at"], member["last_read_id"]) for room, member in _places_of(db, user_id)
    ]


def _progress(db: MongoDatabase, user_id: str) -> list[Progress]:
    places = _places_of(db, user_id)
    ends = search(db, [room["key"] for room, _ in places])
    return [Progress(room["_id"], member["last_read_id"], ends[room["key"]]) for room, member in places]


def _page(db: MongoDatabase, after: str, at_most: int) -> list[RoomOverview]:
    rooms = list(db.rooms.find({"_id": {"$gt": after}}, batch_size=PAGE).sort("_id").limit(at_most))
    if not rooms:
        return []
    keys = [room["key"] for room in rooms]
    counted = db.members.aggregate(
        [
            {"$match": {"$or": [members_of(key) for key in keys]}},
            {"$group": {"_id": "$_id.room", "members": {"$sum": 1}}},
        ]
    )
    members = {count["_id"]: count["members"] for count in counted}
    ends = search(db, keys)
    return [
        RoomOverview(
            room_id=room["_id"],
            name=room["name"],
            owner=room["owner"],
            private=room["password_hash"] is not None,
            created_at=room["created_at"],
            members=members.get(room["key"], 0),
            last_id=ends[room["key"]],
        )
        for room in rooms
    ]


def _owned(db: MongoDatabase, user_id: str) -> list[str]:
    return [room["_id"] for room in db.rooms.find({"owner": user_id}, {"_id": 1}, batch_size=PAGE).sort("_id")]


def _transfer(db: MongoDatabase, room_id: str, user_id: str) -> TransferOutcome:
    key = room_key(db, room_id)
    if key is None:
        return TransferOutcome.NO_ROOM
    # One who leaves at this very moment owns the room all the same, as does an owner who leaves later.
    if not db.members.find_one({"_id": member_id(key, user_id)}, {"_id": 1}):
        return TransferOutcome.NO_MEMBER
    found = db.rooms.update_one({"_id": room_id, "key": key}, {"$set": {"owner": user_id}}).matched_count
    return TransferOutcome.TRANSFERRED if found else TransferOutcome.NO_ROOM


def _update(db: MongoDatabase, room_id: str, name: str, description: str) -> bool:
    return _set(db, room_id, {"name": name, "description": description})


def _update_with_password(
    db: MongoDatabase, room_id: str, name: str, description: str, password_hash: str | None
) -> bool:
    return _set(db, room_id, {"name": name, "description": description, "password_hash": password_hash})


def _set(db: MongoDatabase, room_id: str, fields: Document) -> bool:
    return db.rooms.update_one({"_id": room_id}, {"$set": fields}).matched_count > 0


def _keep(db: MongoDatabase, room_id: str, keep: Keep | None) -> bool:
    change = {"$unset": {"keep": ""}} if keep is None else {"$set": {"keep": _as_document(keep)}}
    return db.rooms.update_one({"_id": room_id}, change).matched_count > 0


def _kept(db: MongoDatabase, after: str, at_most: int, all_rooms: bool) -> list[tuple[str, Keep | None]]:
    those: Document = {"_id": {"$gt": after}} | ({} if all_rooms else {"keep": {"$exists": True}})
    rooms = db.rooms.find(those, {"keep": 1}, batch_size=PAGE).sort("_id").limit(at_most)
    return [(room["_id"], _keep_of(room)) for room in rooms]


def _delete(db: MongoDatabase, room_id: str) -> bool:
    key = room_key(db, room_id)
    if key is None:
        return False
    # The grave first: `sweep` passes over the graves of the living, and no deleted room is ever without one.
    db.graveyard.replace_one({"_id": key}, {"deleted_at": time.time()}, upsert=True)
    return db.rooms.delete_one({"_id": room_id, "key": key}).deleted_count > 0


def _join(db: MongoDatabase, room_id: str, user_id: str, now: float) -> JoinOutcome:
    key = room_key(db, room_id)
    if key is None:
        return JoinOutcome.NO_ROOM
    pair = {"_id": member_id(key, user_id)}
    if db.bans.find_one(pair):
        return JoinOutcome.BANNED
    try:
        db.members.insert_one(_member(key, user_id, now, time.time_ns()))
    except DuplicateKeyError:
        return JoinOutcome.ALREADY_JOINED
    # A ban at the same moment is written before it looks for the member: one of the two sees the other.
    if db.bans.find_one(pair):
        db.members.delete_one(pair)
        return JoinOutcome.BANNED
    return JoinOutcome.JOINED


def _leave(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.members.delete_one({"_id": member_id(key, user_id)}).deleted_count > 0


def _is_banned(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.bans.find_one({"_id": member_id(key, user_id)}) is not None


def _ban(db: MongoDatabase, room_id: str, user_id: str) -> BanOutcome:
    key = room_key(db, room_id)
    if key is None:
        return BanOutcome.NO_ROOM
    pair = {"_id": member_id(key, user_id)}
    try:
        db.bans.insert_one(dict(pair))
        outcome = BanOutcome.BANNED
    except DuplicateKeyError:
        outcome = BanOutcome.ALREADY_BANNED
    # In that case too: it ends what a crash at this place left.
    db.members.delete_one(pair)
    return outcome


def _unban(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.bans.delete_one({"_id": member_id(key, user_id)}).deleted_count > 0


def _bans(db: MongoDatabase, room_id: str) -> list[str]:
    key = room_key(db, room_id)
    found = () if key is None else db.bans.find(members_of(key), batch_size=PAGE).sort("_id")
    return [ban["_id"]["user"] for ban in found]


def _banned_from(db: MongoDatabase, user_id: str) -> list[str]:
    keys = [ban["_id"]["room"] for ban in db.bans.find({"_id.user": user_id}, batch_size=PAGE)]
    return [room["_id"] for room in db.rooms.find({"key": {"$in": keys}}, {"_id": 1}, batch_size=PAGE).sort("_id")]


class MongoRooms(MongoPart):
    """A `RoomStore`."""

    create = method(_create)
    get = method(_get)
    head = method(_head)
    is_free = method(is_id_free)
    public = method(_public)
    joined = method(_joined)
    joined_summaries = method(_joined_summaries)
    progress = method(_progress)
    page = method(_page)
    owned = method(_owned)
    memberships = method(_memberships)
    update = method(_update)
    update_with_password = method(_update_with_password)
    transfer = method(_transfer)
    keep = method(_keep)
    kept = method(_kept)
    delete = method(_delete)
    join = method(_join)
    leave = method(_leave)
    is_banned = method(_is_banned)
    ban = method(_ban)
    unban = method(_unban)
    bans = method(_bans)
    banned_from = method(_banned_from)
