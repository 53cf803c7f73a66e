"""Members and bans in MongoDB. What the functions do is said at `reichatd.store.protocol.RoomStore`."""

import time
from collections.abc import Sequence

from bson import ObjectId
from pymongo import DeleteOne, UpdateOne
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.keys import member_id, members_after, members_of
from reichatd.store.mongodb.logs import batches
from reichatd.store.mongodb.room_keys import posted_rooms, room_key
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import BanOutcome, JoinOutcome, KickOutcome, Membership


def member_document(key: ObjectId, user_id: str, now: float, place: int) -> Document:
    # `place` also orders members who joined at the same time.
    return {"_id": member_id(key, user_id), "joined_at": now, "place": place, "last_read_id": 0}


def rooms_of(db: MongoDatabase, user_id: str) -> list[tuple[Document, Document]]:
    """Each room that a user has joined, with the membership."""
    members = list(db.members.find({"_id.user": user_id}, batch_size=PAGE).sort("place"))
    keys = [member["_id"]["room"] for member in members]
    rooms = {room["key"]: room for room in db.rooms.find({"key": {"$in": keys}}, batch_size=PAGE)}
    return [(rooms[key], member) for key, member in zip(keys, members, strict=True) if key in rooms]


def count(db: MongoDatabase, keys: Sequence[ObjectId]) -> dict[ObjectId, int]:
    """How many members rooms have, by key; without empty rooms."""
    if not keys:
        return {}
    counted = db.members.aggregate(
        [
            {"$match": {"$or": [members_of(key) for key in keys]}},
            {"$group": {"_id": "$_id.room", "members": {"$sum": 1}}},
        ]
    )
    return {each["_id"]: each["members"] for each in counted}


def count_some(db: MongoDatabase, keys: Sequence[ObjectId], at_most: int) -> dict[ObjectId, int]:
    """As `count`, up to `at_most` for each room, which bounds the cost."""
    counts: dict[ObjectId, int] = {}
    for some in batches(keys):
        first, *others = (_counting(key, at_most) for key in some)
        unions: list[Document] = [{"$unionWith": {"coll": db.members.name, "pipeline": other}} for other in others]
        grouped = {"$group": {"_id": "$_id.room", "members": {"$sum": 1}}}
        counts |= {each["_id"]: each["members"] for each in db.members.aggregate([*first, *unions, grouped])}
    return counts


def _counting(key: ObjectId, at_most: int) -> list[Document]:
    return [{"$match": members_of(key)}, {"$limit": at_most}]


def memberships(db: MongoDatabase, user_id: str) -> list[Membership]:
    return [
        Membership(room["_id"], member["joined_at"], member["last_read_id"]) for room, member in rooms_of(db, user_id)
    ]


def join(db: MongoDatabase, room_id: str, user_id: str, now: float) -> JoinOutcome:
    key = room_key(db, room_id)
    return JoinOutcome.NO_ROOM if key is None else join_room(db, key, user_id, now)


def join_room(db: MongoDatabase, key: ObjectId, user_id: str, now: float) -> JoinOutcome:
    """As `join`, for the key of a room that exists."""
    pair = {"_id": member_id(key, user_id)}
    if db.bans.find_one(pair):
        return JoinOutcome.BANNED
    try:
        db.members.insert_one(member_document(key, user_id, now, time.time_ns()))
    except DuplicateKeyError:
        return JoinOutcome.ALREADY_JOINED
    # A ban at the same moment is written before it looks for the member: one of the two sees the other.
    if db.bans.find_one(pair):
        db.members.delete_one(pair)
        return JoinOutcome.BANNED
    return JoinOutcome.JOINED


def leave(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.members.delete_one({"_id": member_id(key, user_id)}).deleted_count > 0


def kick(db: MongoDatabase, room_id: str, user_id: str) -> KickOutcome:
    # A transfer at this moment may still make the user the owner, as it may if the user leaves.
    room = posted_rooms(db, [room_id]).get(room_id)
    if room is None:
        return KickOutcome.NO_MEMBER
    if room.owner == user_id:
        return KickOutcome.OWNER
    pair = {"_id": member_id(room.key, user_id)}
    return KickOutcome.KICKED if db.atomically(lambda: _kick(db, pair)) else KickOutcome.NO_MEMBER


def _kick(db: MongoDatabase, pair: Document) -> bool:
    """Removes a member; returns whether there was one. The mark tells the feed why: of a deletion it is told the key only."""
    if db.members.find_one(pair) is None:
        return False
    if not db.standalone:
        db.write_all(db.members, [UpdateOne(pair, {"$set": {"kicked": True}})])
    db.write_all(db.members, [DeleteOne(pair)], is_last=True)
    return True


def is_banned(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.bans.find_one({"_id": member_id(key, user_id)}) is not None


def ban(db: MongoDatabase, room_id: str, user_id: str) -> BanOutcome:
    room = posted_rooms(db, [room_id]).get(room_id)
    if room is None:
        return BanOutcome.NO_ROOM
    if room.owner == user_id:
        return BanOutcome.OWNER
    pair = {"_id": member_id(room.key, user_id)}
    try:
        db.bans.insert_one(dict(pair))
        outcome = BanOutcome.BANNED
    except DuplicateKeyError:
        outcome = BanOutcome.ALREADY_BANNED
    # Before the membership ends: a transfer at the same moment keeps it.
    if db.rooms.find_one({"key": room.key, "owner": user_id}, {"_id": 1}):
        db.bans.delete_one(pair)
        return BanOutcome.OWNER
    # Also if the user was banned already: a crash may have left the membership.
    db.members.delete_one(pair)
    return outcome


def unban(db: MongoDatabase, room_id: str, user_id: str) -> bool:
    key = room_key(db, room_id)
    return key is not None and db.bans.delete_one({"_id": member_id(key, user_id)}).deleted_count > 0


def bans(db: MongoDatabase, room_id: str, after: str = "", at_most: int | None = None) -> list[str]:
    key = room_key(db, room_id)
    if key is None or at_most == 0:  # MongoDB takes a limit of 0 for none
        return []
    found = db.bans.find(members_after(key, after), batch_size=PAGE).sort("_id").limit(at_most or 0)
    return [ban["_id"]["user"] for ban in found]


def banned_from(db: MongoDatabase, user_id: str) -> list[str]:
    keys = [ban["_id"]["room"] for ban in db.bans.find({"_id.user": user_id}, batch_size=PAGE)]
    return [room["_id"] for room in db.rooms.find({"key": {"$in": keys}}, {"_id": 1}, batch_size=PAGE).sort("_id")]
