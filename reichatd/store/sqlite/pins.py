"""The pins of a room: one row for each pinned message. `key` is the key of a message in the table of messages."""

from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.records import Message
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.message_rows import select
from reichatd.store.sqlite.rooms import room_pk

_OF_ROOM = "FROM pins WHERE id BETWEEN ? AND ?"


def add(db: Connection, key: int) -> None:
    db.execute("INSERT INTO pins (id) VALUES (?)", (key,))


def remove(db: Connection, key: int) -> None:
    db.execute("DELETE FROM pins WHERE id = ?", (key,))


def count(db: Connection, pk: int) -> int:
    """How many pins a room has, which are limited."""
    (pins,) = db.execute(f"SELECT count(*) {_OF_ROOM}", (rowid(pk, 1), rowid(pk, LAST_ID))).fetchone()
    return int(pins)


def pinned(db: Connection, room_id: str) -> list[Message]:
    """See `MessageStore`."""
    pk = room_pk(db, room_id)
    if pk is None:
        return []
    return list(select(db, pk, f"m.id IN (SELECT id {_OF_ROOM})", rowid(pk, 1), rowid(pk, LAST_ID)))
