"""The logs in SQLite. What the methods do is said at `reichatd.store.protocol.MessageStore`."""

from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.pages import cut
from reichatd.store.records import Change, Committed, Message, Post
from reichatd.store.sqlite import retention
from reichatd.store.sqlite.append import Batch
from reichatd.store.sqlite.logs import begin_of, end_of, rowid
from reichatd.store.sqlite.methods import SqlitePart, read, scan, write
from reichatd.store.sqlite.rooms import room_pk
from reichatd.store.sqlite.space import overwriting

_PROBE_BYTES = 64 * 1024
"""More than most commits write. A commit that failed on a full disk leaves unused pages in the write-ahead log: a write that fits
into them does not show whether the disk has space."""


def _commit(
    db: Connection,
    posts: Sequence[Post],
    read_marks: Mapping[tuple[str, str], int],
    changes: Sequence[Change] = (),
) -> Committed:
    batch = Batch(db)
    answers = [batch.take(post) for post in posts]
    for (room_id, user_id), message_id in read_marks.items():
        batch.mark(room_id, user_id, message_id)
    batch.write()
    return Committed(answers)


def _probe(db: Connection) -> None:
    with overwriting(db):
        db.execute(
            "INSERT INTO messages (id, user_id, content, timestamp) VALUES (0, '', zeroblob(?), 0)", (_PROBE_BYTES,)
        )
        db.execute("DELETE FROM messages WHERE id = 0")  # the ids of rooms are greater


def _last_id(db: Connection, room_id: str) -> int | None:
    pk = room_pk(db, room_id)
    return None if pk is None else end_of(db, pk)


def _first_ids(db: Connection, room_ids: Sequence[str]) -> list[int | None]:
    pks = [room_pk(db, room_id) for room_id in room_ids]
    return [None if pk is None else begin_of(db, pk) for pk in pks]


def _range(db: Connection, room_id: str, first_id: int, last_id: int, max_chars: int | None = None) -> list[Message]:
    pk = room_pk(db, room_id)
    return [] if pk is None else cut(_between(db, pk, first_id, last_id), max_chars)


def _written_by(db: Connection, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
    pk = room_pk(db, room_id)
    return [] if pk is None else list(_between(db, pk, first_id, last_id, "AND m.user_id = ?", user_id))


def _read_marks(db: Connection, members: Sequence[tuple[str, str]]) -> list[int | None]:
    return [_read_mark(db, *member) for member in members]


def _read_mark(db: Connection, room_id: str, user_id: str) -> int | None:
    row = db.execute(
        "SELECT m.last_read_id FROM rooms AS r JOIN members AS m ON m.room = r.pk WHERE r.room_id = ? AND m.user_id = ?",
        (room_id, user_id),
    ).fetchone()
    return row[0] if row else None


def _between(
    db: Connection, pk: int, first_id: int, last_id: int, condition: str = "", *values: str
) -> Iterator[Message]:
    # Callers may pass any integer, also one that SQLite cannot represent.
    first_id, last_id = max(first_id, 1), min(last_id, LAST_ID)
    if first_id > last_id:
        return iter(())
    rows = db.execute(
        "SELECT m.id & ?, m.user_id, coalesce(u.username, ''), coalesce(u.email, ''), m.content, m.timestamp,"
        " o.room IS NOT NULL AND (SELECT r.direct IS NULL FROM rooms AS r WHERE r.pk = ?)"
        " FROM messages AS m LEFT JOIN users AS u ON u.user_id = m.user_id"
        " LEFT JOIN members AS o ON o.room = ? AND o.user_id = m.user_id"
        f" WHERE m.id BETWEEN ? AND ? {condition} ORDER BY m.id",
        (LAST_ID, pk, pk, rowid(pk, first_id), rowid(pk, last_id), *values),
    )
    return (
        Message(message_id, user_id, username, email, content, timestamp, bool(shares_room))
        for message_id, user_id, username, email, content, timestamp, shares_room in rows
    )


def _sweep(db: Connection, at_most: int) -> int:
    swept = 0
    while swept < at_most:
        deleted = db.execute("SELECT pk FROM deleted_rooms LIMIT 1").fetchone()
        if deleted is None:
            break
        (pk,) = deleted
        removed = db.execute(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)",
            (rowid(pk, 1), rowid(pk, LAST_ID), at_most - swept),
        ).rowcount
        swept += removed
        if swept < at_most:
            db.execute("DELETE FROM deleted_rooms WHERE pk = ?", (pk,))
    return swept


class SqliteMessages(SqlitePart):
    """A `MessageStore`."""

    shared = False

    commit = write(_commit)
    probe = write(_probe)
    last_id = read(_last_id)
    first_ids = read(_first_ids)
    range = scan(_range)
    written_by = scan(_written_by)
    read_marks = read(_read_marks)
    sweep = write(_sweep)
    expired = scan(retention.expired)
    expire = write(retention.expire)
