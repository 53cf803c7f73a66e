"""Where a room's log lies among all messages (see `schema`)."""

from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID


def rowid(pk: int, message_id: int) -> int:
    """The key of a message, and its place among all: the logs lie one behind another."""
    return pk << 32 | message_id


def end_of(db: Connection, pk: int) -> int:
    """The id of the last message of a room, removed or not; 0 if there never was one."""
    row = db.execute(
        "SELECT id & ? FROM messages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
        (LAST_ID, rowid(pk, 1), rowid(pk, LAST_ID)),
    ).fetchone()
    # Only a log without a message pays for the second look.
    return row[0] if row else begin_of(db, pk) - 1


def begin_of(db: Connection, pk: int) -> int:
    """The id of the first message of a room that was not removed, even if it is yet to come."""
    (first_id,) = db.execute("SELECT first_id FROM rooms WHERE pk = ?", (pk,)).fetchone()
    return int(first_id)
