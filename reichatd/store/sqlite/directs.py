"""Direct conversations in SQLite. What the methods do is said at `reichatd.store.protocol.DirectStore`."""

from sqlite3 import Connection

from reichatd.store.records import DirectHead, Room
from reichatd.store.sqlite.methods import SqlitePart, read, write
from reichatd.store.sqlite.rooms import create, delete, join
from reichatd.store.sqlite.schema import SECOND_OF_PAIR


def _find(db: Connection, pair: str) -> DirectHead | None:
    rows = db.execute(
        "SELECT r.room_id, m.user_id FROM rooms AS r LEFT JOIN members AS m ON m.room = r.pk WHERE r.direct = ?",
        (pair,),
    ).fetchall()
    return DirectHead(rows[0][0], frozenset(user_id for _, user_id in rows if user_id is not None)) if rows else None


def _open(db: Connection, room: Room, now: float) -> DirectHead | None:
    assert room.direct is not None
    found = _find(db, room.direct)
    if found is None:
        return DirectHead(room.room_id, frozenset(room.users)) if create(db, room) else None
    for user_id in room.users:
        join(db, found.room_id, user_id, now)
    return found


def _share_room(db: Connection, user_id: str, other_id: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM members AS m JOIN members AS o ON o.room = m.room AND o.user_id = ? JOIN rooms AS r ON r.pk = m.room"
        " WHERE m.user_id = ? AND r.direct IS NULL LIMIT 1",
        (other_id, user_id),
    )
    return found.fetchone() is not None


def delete_directs_left_by(db: Connection, user_id: str) -> None:
    """Deletes the direct conversations of this user, who is about to be deleted, that the other one is not a member of.

    The user may have left them too: no one can open them again.
    """
    no_other = "NOT EXISTS (SELECT 1 FROM members AS m WHERE m.room = r.pk AND m.user_id <> :user)"
    abandoned = db.execute(
        # As the first of the pair: a "!" comes after the space.
        f"SELECT room_id FROM rooms AS r WHERE direct > :user || ' ' AND direct < :user || '!' AND {no_other} UNION ALL"
        f" SELECT room_id FROM rooms AS r WHERE {SECOND_OF_PAIR} = :user AND direct IS NOT NULL AND {no_other}",
        {"user": user_id},
    )
    for (room_id,) in abandoned.fetchall():
        delete(db, room_id)


class SqliteDirects(SqlitePart):
    """A `DirectStore`."""

    find = read(_find)
    open = write(_open)
    share_room = read(_share_room)
