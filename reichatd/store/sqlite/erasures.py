"""Erases the messages of deleted users in SQLite. What the methods do is said at `reichatd.store.protocol.ErasureStore`."""

from sqlite3 import Connection

from reichatd.store.records import ERASED, Erasure
from reichatd.store.sqlite.connections import BUSY_SECONDS
from reichatd.store.sqlite.methods import SqlitePart, read, write
from reichatd.store.sqlite.space import overwriting

_CHECKPOINT_MS = 100


def _all(db: Connection) -> list[Erasure]:
    return [Erasure(*row) for row in db.execute("SELECT user_id, done_at FROM erasures ORDER BY user_id")]


def _step(db: Connection, user_id: str, at_most: int, now: float) -> int:
    begun = db.execute("SELECT next FROM erasures WHERE user_id = ? AND done_at = 0", (user_id,)).fetchone()
    if begun is None:
        return 0
    (first,) = begun
    found, last = db.execute(
        "SELECT count(*), max(id) FROM (SELECT id FROM messages WHERE id >= ? ORDER BY id LIMIT ?)", (first, at_most)
    ).fetchone()
    if found:
        with overwriting(db):
            db.execute(
                "UPDATE messages SET content = ? WHERE id BETWEEN ? AND ? AND user_id = ? AND content <> ?",
                (ERASED, first, last, user_id, ERASED),
            )
        db.execute("UPDATE erasures SET next = ? WHERE user_id = ?", (last + 1, user_id))
    if found < at_most:
        db.execute("UPDATE erasures SET done_at = ? WHERE user_id = ?", (now, user_id))
    return int(found)


def _empty_log(db: Connection) -> None:
    """Cuts the write-ahead log, which has earlier contents of pages, if no one is reading them."""
    db.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MS}")
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")


def _forget_done(db: Connection, before: float) -> None:
    db.execute("DELETE FROM erasures WHERE done_at > 0 AND done_at < ?", (before,))


class SqliteErasures(SqlitePart):
    """An `ErasureStore`. Erased contents are overwritten, not only released."""

    all = read(_all)
    forget_done = write(_forget_done)
    _step = write(_step)

    async def step(self, user_id: str, at_most: int, now: float) -> int:
        found = await self._step(user_id, at_most, now)
        if found < at_most:
            await self.database.maintain(_empty_log)
        return found
