"""Blocks in SQLite. What the methods do is said at `reichatd.store.protocol.BlockStore`."""

from sqlite3 import Connection

from reichatd.store.records import Block, BlockOutcome
from reichatd.store.sqlite.methods import SqlitePart, read, write


def _add(db: Connection, block: Block, at_most: int) -> BlockOutcome:
    if has_blocked(db, block.user_id, block.blocked_id):
        return BlockOutcome.ALREADY_BLOCKED
    if at_most:
        (count,) = db.execute("SELECT count(*) FROM blocks WHERE user_id = ?", (block.user_id,)).fetchone()
        if count >= at_most:
            return BlockOutcome.TOO_MANY
    db.execute("INSERT INTO blocks (user_id, blocked_id) VALUES (?, ?)", (block.user_id, block.blocked_id))
    return BlockOutcome.BLOCKED


def _remove(db: Connection, user_id: str, blocked_id: str) -> bool:
    return db.execute("DELETE FROM blocks WHERE user_id = ? AND blocked_id = ?", (user_id, blocked_id)).rowcount > 0


def _of_user(db: Connection, user_id: str) -> list[str]:
    rows = db.execute("SELECT blocked_id FROM blocks WHERE user_id = ? ORDER BY blocked_id", (user_id,))
    return [blocked_id for (blocked_id,) in rows]


def has_blocked(db: Connection, user_id: str, blocked_id: str) -> bool:
    """Whether `user_id` has blocked `blocked_id`."""
    found = db.execute("SELECT 1 FROM blocks WHERE user_id = ? AND blocked_id = ?", (user_id, blocked_id))
    return found.fetchone() is not None


class SqliteBlocks(SqlitePart):
    """A `BlockStore`."""

    add = write(_add)
    remove = write(_remove)
    of_user = read(_of_user)
    exists = read(has_blocked)
