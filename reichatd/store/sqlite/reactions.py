"""The reactions: one row for each user, message and emoji. `key` is the key of a message in the table of messages."""

from collections.abc import Sequence
from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.records import Reaction, Reactor
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.message_rows import IDS, as_ids
from reichatd.store.sqlite.rooms import room_pk

_ONE = "FROM reactions WHERE id = ? AND emoji = ? AND user_id = ?"


def exists(db: Connection, key: int, emoji: str, user_id: str) -> bool:
    return db.execute(f"SELECT 1 {_ONE}", (key, emoji, user_id)).fetchone() is not None


def add(db: Connection, key: int, emoji: str, user_id: str, at: float) -> None:
    db.execute("INSERT INTO reactions (id, emoji, user_id, at) VALUES (?, ?, ?, ?)", (key, emoji, user_id, at))


def remove(db: Connection, key: int, emoji: str, user_id: str) -> None:
    db.execute(f"DELETE {_ONE}", (key, emoji, user_id))


def remove_all(db: Connection, key: int) -> None:
    """Removes the reactions to a message."""
    db.execute("DELETE FROM reactions WHERE id = ?", (key,))


def count_own(db: Connection, key: int, user_id: str) -> int:
    """How many reactions this user gave to the message."""
    (own,) = db.execute("SELECT count(*) FROM reactions WHERE user_id = ? AND id = ?", (user_id, key)).fetchone()
    return int(own)


def counted(db: Connection, key: int, emoji: str, shown_users: int) -> Reaction | None:
    """The reactions with one emoji, and the first users who gave them; None if there are none."""
    (count,) = db.execute("SELECT count(*) FROM reactions WHERE id = ? AND emoji = ?", (key, emoji)).fetchone()
    if not count:
        return None
    first = db.execute(
        "SELECT user_id FROM reactions WHERE id = ? AND emoji = ? ORDER BY at, user_id LIMIT ?",
        (key, emoji, shown_users),
    )
    return Reaction(emoji, count, tuple(user_id for (user_id,) in first))


def own_reactions(
    db: Connection, user_id: str, room_id: str, message_ids: Sequence[int], log_key: str = ""
) -> dict[int, list[str]]:
    """See `MessageStore`."""
    found: dict[int, list[str]] = {}
    pk = room_pk(db, room_id)
    if pk is not None:
        rows = db.execute(
            f"SELECT id & ?, emoji FROM reactions WHERE user_id = ? AND id {IDS} ORDER BY id, emoji",
            (LAST_ID, user_id, as_ids(pk, message_ids)),
        )
        for message_id, emoji in rows:
            found.setdefault(message_id, []).append(emoji)
    return found


def reactors(db: Connection, room_id: str, message_id: int, emoji: str, after: str, at_most: int) -> list[Reactor]:
    """See `MessageStore`."""
    pk = room_pk(db, room_id)
    if pk is None or not 1 <= message_id <= LAST_ID:
        return []
    rows = db.execute(
        "SELECT r.user_id, coalesce(u.username, '') FROM reactions AS r LEFT JOIN users AS u ON u.user_id = r.user_id"
        " WHERE r.id = ? AND r.emoji = ? AND r.user_id > ? ORDER BY r.user_id LIMIT ?",
        (rowid(pk, message_id), emoji, after, at_most),
    )
    return [Reactor(*row) for row in rows]
