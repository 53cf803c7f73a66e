"""Looks up rooms by their ids: the key that members and messages belong to, and where the log begins."""

from collections.abc import Iterable
from typing import NamedTuple

from bson import ObjectId

from reichatd.store.mongodb.schema import first_id_of
from reichatd.store.mongodb.server import PAGE, MongoDatabase


def room_keys(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, ObjectId]:
    """The keys of those rooms that exist."""
    found = db.rooms.find({"_id": {"$in": list(room_ids)}}, {"key": 1})
    return {room["_id"]: room["key"] for room in found}


def room_key(db: MongoDatabase, room_id: str) -> ObjectId | None:
    """The key of a room; None if there is no such room."""
    return room_keys(db, [room_id]).get(room_id)


class PostedRoom(NamedTuple):
    """A room that is posted to: the key that its messages belong to, and what decides about posts."""

    key: ObjectId
    owner: str
    slow_seconds: int
    direct: str | None


def posted_rooms(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, PostedRoom]:
    """Those rooms that exist."""
    found = db.rooms.find(
        {"_id": {"$in": list(room_ids)}}, {"key": 1, "owner": 1, "slow_seconds": 1, "direct": 1}, batch_size=PAGE
    )
    return {
        room["_id"]: PostedRoom(room["key"], room["owner"], room.get("slow_seconds", 0), room.get("direct"))
        for room in found
    }


class LogRef(NamedTuple):
    """A room's log: the key that its messages belong to, the id that it begins with, and whether it is a direct conversation.

    Earlier messages may still exist while they are being removed; no one can read them.
    """

    key: ObjectId
    first_id: int
    is_direct: bool = False


def room_logs(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, LogRef]:
    """The logs of those rooms that exist."""
    fields = {"key": 1, "first_id": 1, "direct": 1}
    found = db.rooms.find({"_id": {"$in": list(room_ids)}}, fields, batch_size=PAGE)
    return {room["_id"]: LogRef(room["key"], first_id_of(room), room.get("direct") is not None) for room in found}
