"""The rooms that a user has joined, in SQLite. What the functions do is said at `reichatd.store.protocol.RoomStore`."""

import json
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from reichatd.store.bounds import LAST_ID
from reichatd.store.records import (
    MOST_MEMBERS,
    MOST_MENTIONS,
    JoinedHead,
    Membership,
    Progress,
    Room,
    RoomMember,
    RoomSummary,
)
from reichatd.store.sqlite.mentions import UNREAD
from reichatd.store.sqlite.room_rows import ROOM, SUMMARY, as_head, as_room

_JOINED = "FROM members AS m JOIN rooms AS r ON r.pk = m.room WHERE m.user_id = ? ORDER BY m.place"
_PROGRESS = (
    "r.room_id, m.last_read_id, coalesce("
    "(SELECT max(id) & :last FROM messages WHERE id BETWEEN r.pk << 32 | 1 AND r.pk << 32 | :last), r.first_id - 1),"
    f" r.change_id, {UNREAD}"
)
"""The fields of `Progress`."""
_PROGRESS_FIELDS = len(Progress.__struct_fields__)


def rooms(db: Connection, user_id: str) -> list[Room]:
    users: dict[int, list[str]] = {}
    members = db.execute(
        "SELECT o.room, o.user_id FROM members AS m JOIN members AS o ON o.room = m.room"
        " WHERE m.user_id = ? ORDER BY o.place",
        (user_id,),
    )
    for pk, member in members:
        users.setdefault(pk, []).append(member)
    rows = db.execute(f"SELECT r.pk, {ROOM} {_JOINED}", (user_id,))
    return [as_room(row, users[row[0]]) for row in rows]


def summaries(db: Connection, user_id: str) -> list[RoomSummary]:
    return [RoomSummary(*row) for row in db.execute(f"SELECT {SUMMARY}, r.direct {_JOINED}", (user_id,))]


def progress(db: Connection, user_id: str) -> list[Progress]:
    rows = db.execute(
        f"SELECT {_PROGRESS} {_JOINED.replace('?', ':user')}",
        {"last": LAST_ID, "user": user_id, "most": MOST_MENTIONS},
    )
    return [Progress(*row) for row in rows]


def heads(db: Connection, user_id: str, room_ids: Sequence[str] | None = None) -> list[JoinedHead]:
    some = "" if room_ids is None else " AND r.room_id IN (SELECT value FROM json_each(:rooms))"
    rows = db.execute(
        f"SELECT {ROOM}, m.moderator, {_PROGRESS}, m.joined_at, coalesce(s.muted_until, 0.0),"
        " (SELECT count(*) FROM (SELECT 1 FROM members AS o WHERE o.room = r.pk LIMIT :members)),"
        " EXISTS (SELECT 1 FROM members AS o WHERE o.room = r.pk AND o.user_id = r.owner)"
        " FROM members AS m JOIN rooms AS r ON r.pk = m.room"
        " LEFT JOIN standings AS s ON s.room = m.room AND s.user_id = m.user_id"
        f" WHERE m.user_id = :user{some} ORDER BY m.place",
        {
            "last": LAST_ID,
            "user": user_id,
            "most": MOST_MENTIONS,
            "members": MOST_MEMBERS,
            "rooms": json.dumps(room_ids),
        },
    )
    return [_head(user_id, row) for row in rows]


def _head(user_id: str, row: tuple[Any, ...]) -> JoinedHead:
    *room, joined_at, muted_until, members, owner_is_member = row
    head = as_head(room[:-_PROGRESS_FIELDS], is_member=True)
    member = RoomMember(user_id, joined_at, head.owner == user_id, head.is_moderator, muted_until)
    return JoinedHead(head, member, Progress(*room[-_PROGRESS_FIELDS:]), members, bool(owner_is_member))


def memberships(db: Connection, user_id: str) -> list[Membership]:
    rows = db.execute(f"SELECT r.room_id, m.joined_at, m.last_read_id {_JOINED}", (user_id,))
    return [Membership(*row) for row in rows]
