"""Rooms, members and bans in MongoDB. What the methods do is said at `reichatd.store.protocol.RoomStore`.

Members, bans and messages belong to a room's `key`, which is new for each creation: leftovers of a deleted room can never appear
in a later one with the same id. So one document decides each change, on a standalone server as on a replica set: a room exists if
its own document exists, and what is written before or after that step is not visible. Transactions would only add a second code
path. They would not prevent the race between a ban and a join, which touch different documents. (Changes of messages need them: see
`revision`.)
"""

import time
from collections.abc import Iterable

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb import membership
from reichatd.store.mongodb.keys import folded, like, member_id, members_of, new_token, pair_field
from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.progress import joined_heads, progress
from reichatd.store.mongodb.room_documents import common_fields, keep_of
from reichatd.store.mongodb.room_keys import room_key
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import (
    Keep,
    Room,
    RoomHead,
    RoomOverview,
    RoomSummary,
    TransferOutcome,
)

_SUMMARY = {"name": 1, "description": 1, "direct": 1}


def _as_document(keep: Keep) -> Document:
    return {"days": keep.days, "messages": keep.messages}


def is_id_free(db: MongoDatabase, room_id: str) -> bool:
    """Whether no room has this id, in upper or lower case."""
    return db.rooms.find_one(like(room_id), {"_id": 1}) is None


def create(db: MongoDatabase, room: Room) -> bool:
    # Older rooms may share a `folded` id, and only one of them has it as its unique key. Their number does not grow, so this check
    # is enough. Between two new rooms at the same moment the unique key decides.
    if not is_id_free(db, room.room_id):
        return False
    key = ObjectId()
    # The members first: they are not visible before their room exists, and it never exists without its owner.
    place = time.time_ns()
    joined = [
        membership.member_document(key, user_id, room.created_at, place + n) for n, user_id in enumerate(room.users)
    ]
    if joined:
        db.members.insert_many(joined)
    try:
        db.rooms.insert_one(
            {
                "_id": room.room_id,
                "folded": folded(room.room_id),
                "key": key,
                "log": new_token(),
                "name": room.name,
                "description": room.description,
                "owner": room.owner,
                "password_hash": room.password_hash,
                "created_at": room.created_at,
                "first_id": room.first_id,
                "direct": room.direct,
                **pair_field(room.direct),
                "slow_seconds": room.slow_seconds,
                "members_pin": room.members_pin,
                **({"keep": _as_document(room.keep)} if room.keep is not None else {}),
            }
        )
    except DuplicateKeyError:
        db.members.delete_many(members_of(key))
        return False
    return True


def _get(db: MongoDatabase, room_id: str) -> Room | None:
    found = db.rooms.find_one({"_id": room_id})
    return _with_members(db, [found])[0] if found else None


def _head(db: MongoDatabase, room_id: str, user_id: str = "") -> RoomHead | None:
    room = db.rooms.find_one({"_id": room_id})
    if room is None:
        return None
    member = db.members.find_one({"_id": member_id(room["key"], user_id)}, {"moderator": 1})
    return RoomHead(
        is_member=member is not None,
        is_moderator=member is not None and member.get("moderator", False),
        **common_fields(room),
    )


def _with_members(db: MongoDatabase, rooms: list[Document]) -> list[Room]:
    if not rooms:
        return []
    users: dict[ObjectId, list[str]] = {room["key"]: [] for room in rooms}
    for member in sorted(
        db.members.find({"$or": [members_of(key) for key in users]}, {"place": 1}), key=lambda member: member["place"]
    ):
        users[member["_id"]["room"]].append(member["_id"]["user"])
    return [Room(users=tuple(users[room["key"]]), **common_fields(room)) for room in rooms]


def _summaries(rooms: Iterable[Document]) -> list[RoomSummary]:
    return [RoomSummary(room["_id"], room["name"], room["description"], room.get("direct")) for room in rooms]


def _public(db: MongoDatabase, after: str | None, at_most: int) -> list[RoomSummary] | None:
    those: Document = {"password_hash": None}
    if after is not None:
        place = db.rooms.find_one({"_id": after}, {"created_at": 1, "key": 1})
        if place is None:
            return None
        same_time = {"created_at": place["created_at"], "key": {"$gt": place["key"]}}
        those["$or"] = [same_time, {"created_at": {"$gt": place["created_at"]}}]
        # Says nothing new, but only with it the server reads the index in order, and no more than a page of it.
        those["created_at"] = {"$gte": place["created_at"]}
    rooms = db.rooms.find(those, _SUMMARY, batch_size=PAGE).sort({"created_at": 1, "key": 1}).limit(at_most)
    return _summaries(rooms)


def _joined(db: MongoDatabase, user_id: str) -> list[Room]:
    return _with_members(db, [room for room, _ in membership.rooms_of(db, user_id)])


def _joined_summaries(db: MongoDatabase, user_id: str) -> list[RoomSummary]:
    return _summaries(room for room, _ in membership.rooms_of(db, user_id))


def _page(db: MongoDatabase, after: str, at_most: int) -> list[RoomOverview]:
    rooms = list(db.rooms.find({"_id": {"$gt": after}}, batch_size=PAGE).sort("_id").limit(at_most))
    if not rooms:
        return []
    keys = [room["key"] for room in rooms]
    members = membership.count(db, keys)
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


def _count_owned(db: MongoDatabase, user_id: str, at_most: int) -> int:
    return db.rooms.count_documents({"owner": user_id}, limit=at_most)


def _transfer(db: MongoDatabase, room_id: str, user_id: str, owner: str | None = None) -> TransferOutcome:
    room = db.rooms.find_one({"_id": room_id}, {"key": 1, "owner": 1, "direct": 1})
    if room is None:
        return TransferOutcome.NO_ROOM
    if room.get("direct") is not None:
        return TransferOutcome.DIRECT
    if owner is not None and owner != room["owner"]:
        return TransferOutcome.NOT_OWNER
    # A member who leaves at this moment becomes the owner all the same, as an owner may also leave later.
    if not db.members.find_one({"_id": member_id(room["key"], user_id)}, {"_id": 1}):
        return TransferOutcome.NO_MEMBER
    same = {"_id": room_id, "key": room["key"]} | ({} if owner is None else {"owner": owner})
    if db.rooms.update_one(same, {"$set": {"owner": user_id}}).matched_count:
        # A ban at the same moment is written before it looks for the owner: one of the two sees the other.
        db.bans.delete_one({"_id": member_id(room["key"], user_id)})
        return TransferOutcome.TRANSFERRED
    # Another transfer, or a deletion, came between.
    return TransferOutcome.NO_ROOM if room_key(db, room_id) != room["key"] else TransferOutcome.NOT_OWNER


def _update(
    db: MongoDatabase,
    room_id: str,
    name: str,
    description: str,
    slow_seconds: int | None = None,
    members_pin: bool | None = None,
) -> bool:
    return _set(db, room_id, {"name": name, "description": description} | _given(slow_seconds, members_pin))


def _update_with_password(
    db: MongoDatabase,
    room_id: str,
    name: str,
    description: str,
    password_hash: str | None,
    slow_seconds: int | None = None,
    members_pin: bool | None = None,
) -> bool:
    fields = {"name": name, "description": description, "password_hash": password_hash}
    return _set(db, room_id, fields | _given(slow_seconds, members_pin))


def _given(slow_seconds: int | None, members_pin: bool | None) -> Document:
    fields = {"slow_seconds": slow_seconds, "members_pin": members_pin}
    return {field: value for field, value in fields.items() if value is not None}


def _set(db: MongoDatabase, room_id: str, fields: Document) -> bool:
    return db.rooms.update_one({"_id": room_id}, {"$set": fields}).matched_count > 0


def _keep(db: MongoDatabase, room_id: str, keep: Keep | None) -> bool:
    change = {"$unset": {"keep": ""}} if keep is None else {"$set": {"keep": _as_document(keep)}}
    return db.rooms.update_one({"_id": room_id}, change).matched_count > 0


def _kept(db: MongoDatabase, after: str, at_most: int, all_rooms: bool) -> list[tuple[str, Keep | None]]:
    those: Document = {"_id": {"$gt": after}} | ({} if all_rooms else {"keep": {"$exists": True}})
    rooms = db.rooms.find(those, {"keep": 1}, batch_size=PAGE).sort("_id").limit(at_most)
    return [(room["_id"], keep_of(room)) for room in rooms]


def delete(db: MongoDatabase, room_id: str) -> bool:
    key = room_key(db, room_id)
    if key is None:
        return False
    # The grave first, so that no deleted room is without one; `sweep` skips the graves of rooms that exist.
    db.graveyard.replace_one({"_id": key}, {"deleted_at": time.time()}, upsert=True)
    return db.rooms.delete_one({"_id": room_id, "key": key}).deleted_count > 0


class MongoRooms(MongoPart):
    """A `RoomStore`."""

    create = method(create)
    get = method(_get)
    head = method(_head)
    is_free = method(is_id_free)
    public = method(_public)
    joined = method(_joined)
    joined_heads = method(joined_heads)
    joined_summaries = method(_joined_summaries)
    progress = method(progress)
    page = method(_page)
    owned = method(_owned)
    count_owned = method(_count_owned)
    memberships = method(membership.memberships)
    update = method(_update)
    update_with_password = method(_update_with_password)
    transfer = method(_transfer)
    keep = method(_keep)
    kept = method(_kept)
    delete = method(delete)
    join = method(membership.join)
    leave = method(membership.leave)
    kick = method(membership.kick)
    is_banned = method(membership.is_banned)
    ban = method(membership.ban)
    unban = method(membership.unban)
    bans = method(membership.bans)
    banned_from = method(membership.banned_from)
