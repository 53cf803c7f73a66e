"""Removes messages from the front of a log in SQLite. What the methods do is said at `reichatd.store.protocol.MessageStore`."""

from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.retention import Cutoff, LogRange, RetentionEntry, leading
from reichatd.store.sqlite.logs import begin_of, end_of, remove, rowid
from reichatd.store.sqlite.rooms import room_pk


def expired(db: Connection, room_id: str, cutoff: Cutoff, first_id: int, at_most: int) -> LogRange:
    pk = room_pk(db, room_id)
    return LogRange(first_id) if pk is None else _front(db, pk, cutoff, max(first_id, begin_of(db, pk)), at_most)


def expire(db: Connection, room_id: str, cutoff: Cutoff, at_most: int) -> LogRange:
    pk = room_pk(db, room_id)
    if pk is None:
        return LogRange(1)
    first_id = begin_of(db, pk)
    front = _front(db, pk, cutoff, first_id, at_most)
    if front.messages:
        remove(db, rowid(pk, first_id), rowid(pk, front.next_id - 1))
        db.execute("UPDATE rooms SET first_id = ? WHERE pk = ?", (front.next_id, pk))
    return front


def _front(db: Connection, pk: int, cutoff: Cutoff, first_id: int, at_most: int) -> LogRange:
    rows = db.execute(
        "SELECT id & ?, timestamp, length(CAST(content AS BLOB)) + length(user_id) + coalesce(length(nonce), 0)"
        " FROM messages WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (LAST_ID, rowid(pk, first_id), rowid(pk, LAST_ID), at_most),
    )
    return leading(first_id, (RetentionEntry(*row) for row in rows), cutoff, end_of(db, pk))
