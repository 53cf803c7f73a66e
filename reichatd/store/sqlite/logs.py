"""Finds a room's log among all messages (see `schema`)."""

from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID


def rowid(pk: int, message_id: int) -> int:
    """The key of a message. The messages of one log are next to each other."""
    return pk << 32 | message_id


def end_of(db: Connection, pk: int) -> int:
    """The id of the last message of a room, removed or not; 0 if there never was one."""
    row = db.execute(
        "SELECT id & ? FROM messages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
        (LAST_ID, rowid(pk, 1), rowid(pk, LAST_ID)),
    ).fetchone()
    # Only a log without messages needs the second query.
    return row[0] if row else begin_of(db, pk) - 1


def begin_of(db: Connection, pk: int) -> int:
    """The id of the first message of a room that was not removed, even if it is not posted yet."""
    (first_id,) = db.execute("SELECT first_id FROM rooms WHERE pk = ?", (pk,)).fetchone()
    return int(first_id)


def remove(db: Connection, first: int, last: int) -> int:
    """Removes messages with all that belongs to them; returns how many.

    Arguments:
        first, last: keys, both included.
    """
    for table in ("reactions", "mentions", "pins"):
        db.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", (first, last))
    return db.execute("DELETE FROM messages WHERE id BETWEEN ? AND ?", (first, last)).rowcount
