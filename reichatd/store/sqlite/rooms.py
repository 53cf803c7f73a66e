"""Rooms, members and bans in SQLite. What the methods do is said at `reichatd.store.protocol.RoomStore`."""

from collections.abc import Iterable
from sqlite3 import Connection

from reichatd.store.records import (
    BanOutcome,
    JoinOutcome,
    Keep,
    KickOutcome,
    Room,
    RoomHead,
    RoomOverview,
    RoomSummary,
    TransferOutcome,
)
from reichatd.store.sqlite import joined as joined_rows
from reichatd.store.sqlite.logs import end_of
from reichatd.store.sqlite.methods import SqlitePart, read, scan, write
from reichatd.store.sqlite.room_rows import ROOM, SUMMARY, as_head, as_keep, as_room
from reichatd.store.sqlite.schema import NEW_TOKEN

_BEFORE_ALL = (-1e300, 0)


def room_pk(db: Connection, room_id: str) -> int | None:
    """The primary key of a room; None if there is no such room."""
    row = db.execute("SELECT pk FROM rooms WHERE room_id = ?", (room_id,)).fetchone()
    return row[0] if row else None


def is_id_free(db: Connection, room_id: str) -> bool:
    """Whether no room has this id, in upper or lower case."""
    return db.execute("SELECT 1 FROM rooms WHERE room_id = ? COLLATE NOCASE", (room_id,)).fetchone() is None


def create(db: Connection, room: Room) -> bool:
    if not is_id_free(db, room.room_id):
        return False
    created = db.execute(
        "INSERT INTO rooms"
        " (room_id, name, description, owner, password_hash, created_at, first_id, keep_days, keep_messages,"
        " direct, slow_seconds, members_pin, log_token)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {NEW_TOKEN})",
        (
            room.room_id,
            room.name,
            room.description,
            room.owner,
            room.password_hash,
            room.created_at,
            room.first_id,
            *_limits(room.keep),
            room.direct,
            room.slow_seconds,
            room.members_pin,
        ),
    )
    assert created.lastrowid is not None
    _add_members(db, created.lastrowid, room.users, room.created_at)
    return True


def _add_members(db: Connection, pk: int, user_ids: Iterable[str], now: float) -> None:
    db.executemany(
        "INSERT INTO members (room, user_id, place, joined_at)"
        " VALUES (?, ?, (SELECT coalesce(max(place), 0) + 1 FROM members), ?)",
        [(pk, user_id, now) for user_id in user_ids],
    )


def _get(db: Connection, room_id: str) -> Room | None:
    row = db.execute(f"SELECT r.pk, {ROOM} FROM rooms AS r WHERE r.room_id = ?", (room_id,)).fetchone()
    if row is None:
        return None
    users = db.execute("SELECT user_id FROM members WHERE room = ? ORDER BY place", row[:1])
    return as_room(row, [user_id for (user_id,) in users])


def _head(db: Connection, room_id: str, user_id: str = "") -> RoomHead | None:
    row = db.execute(
        f"SELECT {ROOM}, m.moderator FROM rooms AS r"
        " LEFT JOIN members AS m ON m.room = r.pk AND m.user_id = ? WHERE r.room_id = ?",
        (user_id, room_id),
    ).fetchone()
    return as_head(row, is_member=row[-1] is not None) if row is not None else None


def _limits(keep: Keep | None) -> tuple[int | None, int | None]:
    return (keep.days, keep.messages) if keep is not None else (None, None)


def _public(db: Connection, after: str | None, at_most: int) -> list[RoomSummary] | None:
    place: tuple[float, int] | None = _BEFORE_ALL
    if after is not None:
        place = db.execute("SELECT created_at, pk FROM rooms WHERE room_id = ?", (after,)).fetchone()
    if place is None:
        return None
    rows = db.execute(
        f"SELECT {SUMMARY} FROM rooms AS r WHERE r.password_hash IS NULL AND (r.created_at, r.pk) > (?, ?)"
        " ORDER BY r.created_at, r.pk LIMIT ?",
        (*place, at_most),
    )
    return [RoomSummary(*row) for row in rows]


def _page(db: Connection, after: str, at_most: int) -> list[RoomOverview]:
    rows = db.execute(
        "SELECT r.pk, r.room_id, r.name, r.owner, r.password_hash IS NOT NULL, r.created_at,"
        " (SELECT count(*) FROM members AS m WHERE m.room = r.pk)"
        " FROM rooms AS r WHERE r.room_id > ? ORDER BY r.room_id LIMIT ?",
        (after, at_most),
    )
    return [
        RoomOverview(room_id, name, owner, bool(private), created_at, members, end_of(db, pk))
        for pk, room_id, name, owner, private, created_at, members in rows.fetchall()
    ]


def _owned(db: Connection, user_id: str) -> list[str]:
    rows = db.execute("SELECT room_id FROM rooms WHERE owner = ? ORDER BY room_id", (user_id,))
    return [room_id for (room_id,) in rows]


def _count_owned(db: Connection, user_id: str, at_most: int) -> int:
    row = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM rooms WHERE owner = ? LIMIT ?)", (user_id, at_most)
    ).fetchone()
    return int(row[0])


def _transfer(db: Connection, room_id: str, user_id: str, owner: str | None = None) -> TransferOutcome:
    room = db.execute("SELECT pk, owner, direct FROM rooms WHERE room_id = ?", (room_id,)).fetchone()
    if room is None:
        return TransferOutcome.NO_ROOM
    pk, former, direct = room
    if direct is not None:
        return TransferOutcome.DIRECT
    if owner is not None and owner != former:
        return TransferOutcome.NOT_OWNER
    if not _exists(db, "members", pk, user_id):
        return TransferOutcome.NO_MEMBER
    db.execute("UPDATE rooms SET owner = ? WHERE pk = ?", (user_id, pk))
    return TransferOutcome.TRANSFERRED


def _update(
    db: Connection,
    room_id: str,
    name: str,
    description: str,
    slow_seconds: int | None = None,
    members_pin: bool | None = None,
) -> bool:
    changed = db.execute(
        "UPDATE rooms SET name = ?, description = ?, slow_seconds = coalesce(?, slow_seconds),"
        " members_pin = coalesce(?, members_pin) WHERE room_id = ?",
        (name, description, slow_seconds, members_pin, room_id),
    )
    return changed.rowcount > 0


def _update_with_password(
    db: Connection,
    room_id: str,
    name: str,
    description: str,
    password_hash: str | None,
    slow_seconds: int | None = None,
    members_pin: bool | None = None,
) -> bool:
    db.execute("UPDATE rooms SET password_hash = ? WHERE room_id = ?", (password_hash, room_id))
    return _update(db, room_id, name, description, slow_seconds, members_pin)


def _keep(db: Connection, room_id: str, keep: Keep | None) -> bool:
    changed = db.execute(
        "UPDATE rooms SET keep_days = ?, keep_messages = ? WHERE room_id = ?", (*_limits(keep), room_id)
    )
    return changed.rowcount > 0


def _kept(db: Connection, after: str, at_most: int, all_rooms: bool) -> list[tuple[str, Keep | None]]:
    those = "" if all_rooms else " AND keep_days IS NOT NULL"
    rows = db.execute(
        f"SELECT room_id, keep_days, keep_messages FROM rooms WHERE room_id > ?{those} ORDER BY room_id LIMIT ?",
        (after, at_most),
    )
    return [(room_id, as_keep(days, messages)) for room_id, days, messages in rows]


def delete(db: Connection, room_id: str) -> bool:
    pk = room_pk(db, room_id)
    if pk is None:
        return False
    db.execute("DELETE FROM rooms WHERE pk = ?", (pk,))
    db.execute("INSERT INTO deleted_rooms (pk) VALUES (?)", (pk,))
    return True


def join(db: Connection, room_id: str, user_id: str, now: float) -> JoinOutcome:
    pk = room_pk(db, room_id)
    if pk is None:
        return JoinOutcome.NO_ROOM
    if _exists(db, "bans", pk, user_id):
        return JoinOutcome.BANNED
    if _exists(db, "members", pk, user_id):
        return JoinOutcome.ALREADY_JOINED
    _add_members(db, pk, [user_id], now)
    return JoinOutcome.JOINED


def _exists(db: Connection, table: str, pk: int | None, user_id: str) -> bool:
    found = db.execute(f"SELECT 1 FROM {table} WHERE room = ? AND user_id = ?", (pk, user_id))
    return found.fetchone() is not None


def _leave(db: Connection, room_id: str, user_id: str) -> bool:
    return _remove(db, "members", room_pk(db, room_id), user_id)


def _kick(db: Connection, room_id: str, user_id: str) -> KickOutcome:
    if _owns(db, room_id, user_id):
        return KickOutcome.OWNER
    return KickOutcome.KICKED if _leave(db, room_id, user_id) else KickOutcome.NO_MEMBER


def _owns(db: Connection, room_id: str, user_id: str) -> bool:
    found = db.execute("SELECT 1 FROM rooms WHERE room_id = ? AND owner = ?", (room_id, user_id))
    return found.fetchone() is not None


def _remove(db: Connection, table: str, pk: int | None, user_id: str) -> bool:
    return db.execute(f"DELETE FROM {table} WHERE room = ? AND user_id = ?", (pk, user_id)).rowcount > 0


def _is_banned(db: Connection, room_id: str, user_id: str) -> bool:
    return _exists(db, "bans", room_pk(db, room_id), user_id)


def _ban(db: Connection, room_id: str, user_id: str) -> BanOutcome:
    pk = room_pk(db, room_id)
    if pk is None:
        return BanOutcome.NO_ROOM
    if _owns(db, room_id, user_id):
        return BanOutcome.OWNER
    _remove(db, "members", pk, user_id)
    banned = db.execute("INSERT INTO bans (room, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", (pk, user_id))
    return BanOutcome.BANNED if banned.rowcount else BanOutcome.ALREADY_BANNED


def _unban(db: Connection, room_id: str, user_id: str) -> bool:
    return _remove(db, "bans", room_pk(db, room_id), user_id)


def _bans(db: Connection, room_id: str, after: str = "", at_most: int | None = None) -> list[str]:
    rows = db.execute(
        "SELECT user_id FROM bans WHERE room = ? AND user_id > ? ORDER BY user_id LIMIT ?",
        (room_pk(db, room_id), after, -1 if at_most is None else at_most),
    )
    return [user_id for (user_id,) in rows]


def _banned_from(db: Connection, user_id: str) -> list[str]:
    rows = db.execute(
        "SELECT r.room_id FROM bans AS b JOIN rooms AS r ON r.pk = b.room WHERE b.user_id = ? ORDER BY r.room_id",
        (user_id,),
    )
    return [room_id for (room_id,) in rows]


class SqliteRooms(SqlitePart):
    """A `RoomStore`."""

    create = write(create)
    get = read(_get)
    head = read(_head)
    is_free = read(is_id_free)
    public = scan(_public)
    joined = read(joined_rows.rooms)
    joined_heads = read(joined_rows.heads)
    joined_summaries = read(joined_rows.summaries)
    progress = read(joined_rows.progress)
    page = scan(_page)
    owned = scan(_owned)
    count_owned = read(_count_owned)
    memberships = scan(joined_rows.memberships)
    update = write(_update)
    update_with_password = write(_update_with_password)
    transfer = write(_transfer)
    keep = write(_keep)
    kept = scan(_kept)
    delete = write(delete)
    join = write(join)
    leave = write(_leave)
    kick = write(_kick)
    is_banned = read(_is_banned)
    ban = write(_ban)
    unban = write(_unban)
    bans = read(_bans)
    banned_from = read(_banned_from)
