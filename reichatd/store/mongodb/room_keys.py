"""Looks up rooms by their ids: the key that members and messages belong to, and where the log begins."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bson import ObjectId

from reichatd.store.mongodb.keys import first_id_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase


def room_keys(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, ObjectId]:
    """The keys of those rooms that exist."""
    ids = list(room_ids)
    found = db.rooms.find({"_id": {"$in": ids}}, {"key": 1}, batch_size=PAGE) if ids else ()
    return {room["_id"]: room["key"] for room in found}


def room_key(db: MongoDatabase, room_id: str) -> ObjectId | None:
    """The key of a room; None if there is no such room."""
    return room_keys(db, [room_id]).get(room_id)


class PostedRoom(NamedTuple):
    """A room that is written to: the key that its messages belong to, and what decides about posts and changes.

    `first_id` and `last_change` are those of `LogRef`.
    """

    room_id: str
    key: ObjectId
    owner: str
    slow_seconds: int
    direct: str | None
    members_pin: bool
    first_id: int
    last_change: int
    last_number: int
    """The last number of a change that was given to a message: greater than `last_change` while a standalone server writes it."""


def posted_rooms(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, PostedRoom]:
    """Those rooms that exist."""
    return {room.room_id: room for room in _find_posted(db, {"_id": {"$in": list(room_ids)}})}


def posted_rooms_with(db: MongoDatabase, keys: Iterable[ObjectId]) -> dict[ObjectId, PostedRoom]:
    """As `posted_rooms`, by the keys of the rooms."""
    return {room.key: room for room in _find_posted(db, {"key": {"$in": list(keys)}})}


_POSTED = ("key", "owner", "slow_seconds", "direct", "members_pin", "first_id", "last_change", "last_number")


def _find_posted(db: MongoDatabase, those: Document) -> Iterator[PostedRoom]:
    for room in db.rooms.find(those, _POSTED, batch_size=PAGE):
        last_change = room.get("last_change", 0)
        yield PostedRoom(
            room_id=room["_id"],
            key=room["key"],
            owner=room["owner"],
            slow_seconds=room.get("slow_seconds", 0),
            direct=room.get("direct"),
            members_pin=room.get("members_pin", False),
            first_id=first_id_of(room),
            last_change=last_change,
            last_number=max(last_change, room.get("last_number", 0)),
        )


class LogRef(NamedTuple):
    """A room's log: the key that its messages belong to, the id that it begins with, and whether it is a direct conversation.

    Earlier messages may still exist while they are being removed; no one can read them. All changes up to `last_change` can be
    read.
    """

    key: ObjectId
    first_id: int
    is_direct: bool
    last_change: int
    token: str


def room_logs(db: MongoDatabase, room_ids: Iterable[str]) -> dict[str, LogRef]:
    """The logs of those rooms that exist."""
    return dict(_find_logs(db, {"_id": {"$in": list(room_ids)}}))


def room_log(db: MongoDatabase, room_id: str, log_key: str = "") -> LogRef | None:
    """The log of a room; None if there is no such room, or it has another key. See `MessageStore`."""
    log = room_logs(db, [room_id]).get(room_id)
    return log if log is not None and log_key in ("", str(log.key)) else None


def room_logs_with(db: MongoDatabase, keys: Iterable[ObjectId]) -> list[LogRef]:
    """As `room_logs`, by the keys of the rooms."""
    return [log for _, log in _find_logs(db, {"key": {"$in": list(keys)}})]


_LOG = ("key", "first_id", "direct", "last_change", "log")


def _find_logs(db: MongoDatabase, those: Document) -> Iterator[tuple[str, LogRef]]:
    for room in db.rooms.find(those, _LOG, batch_size=PAGE):
        yield (
            room["_id"],
            LogRef(
                room["key"],
                first_id_of(room),
                room.get("direct") is not None,
                room.get("last_change", 0),
                room.get("log", ""),
            ),
        )
