"""The logs in SQLite. What the methods do is said at `reichatd.store.protocol.MessageStore`."""

from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.pages import cut
from reichatd.store.records import Change, Committed, LogHead, Message, Post
from reichatd.store.sqlite import pins, reactions, retention
from reichatd.store.sqlite.batch import Logs
from reichatd.store.sqlite.changes import Changes
from reichatd.store.sqlite.logs import begin_of, end_of, remove, rowid
from reichatd.store.sqlite.message_rows import select, with_ids
from reichatd.store.sqlite.methods import SqlitePart, read, scan, write
from reichatd.store.sqlite.posts import Posts
from reichatd.store.sqlite.rooms import room_pk

_PROBE_BYTES = 64 * 1024
"""More than most commits write. A commit that failed on a full disk leaves unused pages in the write-ahead log: a write that fits
into them does not show whether the disk has space."""

_CHANGED = "WHERE id >> 32 = ? AND change_id > ? AND id BETWEEN ? AND ? ORDER BY change_id LIMIT ?"
_BY_NUMBER = f"SELECT id FROM messages INDEXED BY messages_by_change {_CHANGED}"
_BY_ID = f"SELECT id FROM messages NOT INDEXED {_CHANGED}"
"""Two ways to the same keys: through the changes after a number, or through a range of messages."""


def _commit(
    db: Connection,
    posts: Sequence[Post],
    read_marks: Mapping[tuple[str, str], int],
    changes: Sequence[Change] = (),
) -> Committed:
    logs = Logs(db)
    added = Posts(db, logs)
    answers = [added.take(post) for post in posts]
    for (room_id, user_id), message_id in read_marks.items():
        added.mark(room_id, user_id, message_id)
    moved = added.write()
    if not changes:
        return Committed(answers, read_marks=moved)
    return Committed(answers, *Changes(db, logs).take_all(changes), moved)


def _probe(db: Connection) -> None:
    # SQLite writes the row, because what it removes is overwritten with zeros.
    db.execute("INSERT INTO messages (id, user_id, content, timestamp) VALUES (0, '', zeroblob(?), 0)", (_PROBE_BYTES,))
    db.execute("DELETE FROM messages WHERE id = 0")  # the ids of rooms are greater


def _last_id(db: Connection, room_id: str, log_key: str = "") -> int | None:
    pk = room_pk(db, room_id)
    return None if pk is None else end_of(db, pk)


def _first_ids(db: Connection, room_ids: Sequence[str]) -> list[int | None]:
    pks = [room_pk(db, room_id) for room_id in room_ids]
    return [None if pk is None else begin_of(db, pk) for pk in pks]


def _head(db: Connection, room_id: str) -> LogHead | None:
    room = db.execute("SELECT pk, first_id, change_id, log_token FROM rooms WHERE room_id = ?", (room_id,)).fetchone()
    if room is None:
        return None
    pk, first_id, change_id, log_token = room
    return LogHead(first_id, end_of(db, pk), change_id, log_token)


def _range(
    db: Connection, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
) -> list[Message]:
    pk = room_pk(db, room_id)
    return [] if pk is None else cut(_between(db, pk, first_id, last_id), max_chars)


def _written_by(db: Connection, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
    pk = room_pk(db, room_id)
    return [] if pk is None else list(_between(db, pk, first_id, last_id, "AND m.user_id = ?", user_id))


def _between(
    db: Connection, pk: int, first_id: int, last_id: int, condition: str = "", *values: str
) -> Iterator[Message]:
    # Callers may pass any integer, also one that SQLite cannot represent.
    first_id, last_id = max(first_id, 1), min(last_id, LAST_ID)
    if first_id > last_id:
        return iter(())
    return select(db, pk, f"m.id BETWEEN ? AND ? {condition}", rowid(pk, first_id), rowid(pk, last_id), *values)


def _changed(
    db: Connection,
    room_id: str,
    after_change: int,
    first_id: int,
    last_id: int,
    at_most: int,
    max_chars: int | None = None,
    log_key: str = "",
) -> list[Message]:
    head = _head(db, room_id)
    if head is None:
        return []
    first_id, last_id, after_change = max(first_id, head.first_id), min(last_id, head.last_id), max(after_change, 0)
    messages, behind = last_id - first_id + 1, head.change_id - after_change
    if messages <= 0 or behind <= 0:
        return []
    pk = room_pk(db, room_id)
    assert pk is not None
    found = select(
        db,
        pk,
        f"m.id IN ({_BY_NUMBER if behind <= messages else _BY_ID})",
        *(pk, after_change, rowid(pk, first_id), rowid(pk, last_id), at_most),
        order="m.change_id",
    )
    return cut(found, max_chars)


def _by_ids(db: Connection, room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
    pk = room_pk(db, room_id)
    return [] if pk is None else list(with_ids(db, pk, message_ids))


def _read_marks(db: Connection, members: Sequence[tuple[str, str]]) -> list[int | None]:
    return [_read_mark(db, *member) for member in members]


def _read_mark(db: Connection, room_id: str, user_id: str) -> int | None:
    row = db.execute(
        "SELECT m.last_read_id FROM rooms AS r JOIN members AS m ON m.room = r.pk WHERE r.room_id = ? AND m.user_id = ?",
        (room_id, user_id),
    ).fetchone()
    return row[0] if row else None


def _sweep(db: Connection, at_most: int) -> int:
    swept = 0
    while swept < at_most:
        deleted = db.execute("SELECT pk FROM deleted_rooms LIMIT 1").fetchone()
        if deleted is None:
            break
        (pk,) = deleted
        (last,) = db.execute(
            "SELECT max(id) FROM (SELECT id FROM messages WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)",
            (rowid(pk, 1), rowid(pk, LAST_ID), at_most - swept),
        ).fetchone()
        if last is not None:
            swept += remove(db, rowid(pk, 1), last)
        if swept < at_most:
            db.execute("DELETE FROM deleted_rooms WHERE pk = ?", (pk,))
    return swept


class SqliteMessages(SqlitePart):
    """A `MessageStore`. Its logs have no keys, so `log_key` is always empty."""

    shared = False

    probe = write(_probe)
    last_id = read(_last_id)
    first_ids = read(_first_ids)
    head = read(_head)
    changed = scan(_changed)
    by_ids = read(_by_ids)
    pinned = read(pins.pinned)
    own_reactions = read(reactions.own_reactions)
    reactors = read(reactions.reactors)
    range = scan(_range)
    written_by = scan(_written_by)
    read_marks = read(_read_marks)
    sweep = write(_sweep)
    expired = scan(retention.expired)
    expire = write(retention.expire)
    _commit = write(_commit)

    async def log_keys(self, room_ids: Sequence[str]) -> dict[str, str]:
        return {}

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        committed = await self._commit(posts, read_marks, changes)
        if any(not each.only_reactions for each in committed.changed):
            self.database.note_old_contents()
        return committed
