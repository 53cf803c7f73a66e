"""The rows of rooms in SQLite."""

from collections.abc import Sequence
from typing import Any

from reichatd.store.records import Keep, Room, RoomHead

SUMMARY = "r.room_id, r.name, r.description"
ROOM = (
    f"{SUMMARY}, r.owner, r.password_hash, r.created_at, r.first_id, r.keep_days, r.keep_messages,"
    " r.direct, r.slow_seconds, r.members_pin"
)
"""The fields of a room `r`, in SQL."""


def as_head(row: Sequence[Any], *, is_member: bool) -> RoomHead:
    """The fields of `ROOM`, and whether the user is a moderator."""
    *plain, days, messages, direct, slow_seconds, members_pin, moderator = row
    roles = (is_member, bool(moderator))
    fields = (*plain, as_keep(days, messages), *roles, direct, slow_seconds, bool(members_pin))
    return RoomHead(*fields)


def as_room(row: Sequence[Any], users: list[str]) -> Room:
    """The primary key and the fields of `ROOM`, with the members."""
    *plain, first_id, days, messages, direct, slow_seconds, members_pin = row[1:]
    keep = as_keep(days, messages)
    fields = (*plain, tuple(users), first_id, keep, direct, slow_seconds, bool(members_pin))
    return Room(*fields)


def as_keep(days: int | None, messages: int | None) -> Keep | None:
    return Keep(days, messages) if days is not None and messages is not None else None
