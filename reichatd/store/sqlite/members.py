"""Roles and mutes of members in SQLite. What the methods do is said at `reichatd.store.protocol.MemberStore`."""

from collections.abc import Sequence
from sqlite3 import Connection

from reichatd.store.records import RoomMember
from reichatd.store.sqlite.batch import Logs
from reichatd.store.sqlite.methods import SqlitePart, read, scan, write
from reichatd.store.sqlite.rooms import room_pk

_MEMBER = "r.room_id, m.user_id, m.joined_at, r.owner = m.user_id, m.moderator, coalesce(s.muted_until, 0.0)"
_MEMBERS = "members AS m JOIN rooms AS r ON r.pk = m.room LEFT JOIN standings AS s ON s.room = m.room AND s.user_id = m.user_id"


def _page(db: Connection, room_id: str, after: str, at_most: int) -> list[RoomMember]:
    rows = db.execute(
        f"SELECT {_MEMBER} FROM {_MEMBERS} WHERE m.room = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?",
        (room_pk(db, room_id), after, at_most),
    )
    return [_member(*fields) for _, *fields in rows]


def _of_user(db: Connection, user_id: str) -> dict[str, RoomMember]:
    rows = db.execute(f"SELECT {_MEMBER} FROM {_MEMBERS} WHERE m.user_id = ?", (user_id,))
    return {room_id: _member(*fields) for room_id, *fields in rows}


def _member(user_id: str, joined_at: float, owner: int, moderator: int, muted_until: float) -> RoomMember:
    return RoomMember(user_id, joined_at, bool(owner), bool(moderator), muted_until)


def _set_moderator(db: Connection, room_id: str, user_id: str, moderator: bool) -> bool:
    changed = db.execute(
        "UPDATE members SET moderator = ? WHERE room = ? AND user_id = ?", (moderator, room_pk(db, room_id), user_id)
    )
    return changed.rowcount > 0


def _mute(db: Connection, room_id: str, user_id: str, until: float) -> bool:
    pk = room_pk(db, room_id)
    if pk is None:
        return False
    if not until:
        # No row for a user who never had one: anyone may own a room, and end the mute of any id.
        db.execute("UPDATE standings SET muted_until = 0 WHERE room = ? AND user_id = ?", (pk, user_id))
        return True
    db.execute(
        "INSERT INTO standings (room, user_id, muted_until) VALUES (?, ?, ?)"
        " ON CONFLICT (room, user_id) DO UPDATE SET muted_until = excluded.muted_until",
        (pk, user_id, until),
    )
    return True


def _silenced(db: Connection, room_id: str, user_ids: Sequence[str], at: float) -> set[str]:
    log = Logs(db).get(room_id)
    if log is None:
        return set(user_ids)
    members = {user_id: log.member(user_id) for user_id in user_ids}
    return {user_id for user_id, member in members.items() if member is None or member.author.is_silenced(at)}


class SqliteMembers(SqlitePart):
    """A `MemberStore`."""

    page = scan(_page)
    of_user = read(_of_user)
    set_moderator = write(_set_moderator)
    mute = write(_mute)
    silenced = read(_silenced)
