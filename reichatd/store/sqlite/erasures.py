"""Erases the messages of deleted users in SQLite. What the methods do is said at `reichatd.store.protocol.ErasureStore`."""

from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection

from reichatd.store import changing
from reichatd.store.bounds import LAST_ID
from reichatd.store.records import ERASED, Erasure, ErasureStep
from reichatd.store.sqlite import reactions, space
from reichatd.store.sqlite.batch import Logs
from reichatd.store.sqlite.changes import Changes
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.methods import SqlitePart, read, write

_KEY = f"id >> 32, id & {LAST_ID}"
_first = itemgetter(0)

_REACTION_WEIGHT = 10
"""A reaction counts as this many messages: those that remain are counted again, and there may be thousands."""


def _all(db: Connection) -> list[Erasure]:
    return [Erasure(*row) for row in db.execute("SELECT user_id, done_at FROM erasures ORDER BY user_id")]


def _step(db: Connection, user_id: str, at_most: int, now: float) -> ErasureStep:
    begun = db.execute("SELECT next FROM erasures WHERE user_id = ? AND done_at = 0", (user_id,)).fetchone()
    if begun is None:
        return ErasureStep(0)
    (first,) = begun
    found, last = db.execute(
        "SELECT count(*), max(id) FROM (SELECT id FROM messages WHERE id >= ? ORDER BY id LIMIT ?)", (first, at_most)
    ).fetchone()
    step = _Step(db, user_id)
    if found:
        step.erase_messages(first, last)
        db.execute("UPDATE erasures SET next = ? WHERE user_id = ?", (last + 1, user_id))
    if found < at_most:
        found += step.take_back_reactions(-(-(at_most - found) // _REACTION_WEIGHT)) * _REACTION_WEIGHT
    if found < at_most:
        db.execute("UPDATE erasures SET done_at = ? WHERE user_id = ?", (now, user_id))
    return ErasureStep(min(found, at_most), step.changes.write())


class _Step:
    """One step of the erasure of a user."""

    def __init__(self, db: Connection, user_id: str) -> None:
        self._db = db
        self._user_id = user_id
        self._logs = Logs(db)
        self.changes = Changes(db, self._logs)

    def erase_messages(self, first: int, last: int) -> None:
        """Erases the user's messages whose keys are in a range, both ends included."""
        rows = self._db.execute(
            f"SELECT {_KEY} FROM messages WHERE id BETWEEN ? AND ? AND user_id = ?", (first, last, self._user_id)
        )
        for pk, some in groupby(rows.fetchall(), _first):
            message_ids = [message_id for _, message_id in some]
            log = self._logs.by_pk(pk)
            if log is None:  # the room was deleted, and its messages are not swept yet
                self._db.executemany(
                    "UPDATE messages SET content = ? WHERE id = ?", [(ERASED, rowid(pk, each)) for each in message_ids]
                )
                continue
            for draft in self.changes.read(log, message_ids):
                erased = changing.deleted(draft.now, "erased")
                if erased != draft.now:
                    self.changes.erase(draft, erased)

    def take_back_reactions(self, at_most: int) -> int:
        """Takes back reactions of the user; returns how many."""
        rows = self._db.execute(
            f"SELECT {_KEY}, emoji FROM reactions WHERE user_id = ? ORDER BY id LIMIT ?", (self._user_id, at_most)
        ).fetchall()
        for pk, of_room in groupby(rows, _first):
            emojis = [(message_id, emoji) for _, message_id, emoji in of_room]
            log = self._logs.by_pk(pk)
            drafts = [] if log is None else self.changes.read(log, [message_id for message_id, _ in emojis])
            by_id = {draft.now.message_id: draft for draft in drafts}
            for message_id, emoji in emojis:
                if message_id in by_id:
                    self.changes.take_back(by_id[message_id], emoji, self._user_id)
                else:
                    reactions.remove(self._db, rowid(pk, message_id), emoji, self._user_id)
        return len(rows)


def _forget_done(db: Connection, before: float) -> None:
    db.execute("DELETE FROM erasures WHERE done_at > 0 AND done_at < ?", (before,))


class SqliteErasures(SqlitePart):
    """An `ErasureStore`."""

    all = read(_all)
    forget_done = write(_forget_done)
    _step = write(_step)

    async def step(self, user_id: str, at_most: int, now: float) -> ErasureStep:
        step = await self._step(user_id, at_most, now)
        self.database.note_old_contents()
        return step

    async def purge(self) -> None:
        if not self.database.has_old_contents:
            return
        self.database.has_old_contents = False  # before the log is emptied: the next commit may add some again
        try:
            emptied = await self.database.maintain(space.empty_log)
        except BaseException:
            self.database.has_old_contents = True
            raise
        if not emptied:
            self.database.has_old_contents = True

    async def rewrite(self, at_most_bytes: int) -> bool:
        database = self.database
        if (
            not database.has_copies
            or sum(file.stat().st_size for file in database.files if file.exists()) > at_most_bytes
        ):
            return False
        database.has_copies = False  # before the file is rewritten, as above
        try:
            await database.maintain(space.rewrite)
        except BaseException:
            database.has_copies = True
            raise
        database.has_old_contents = True  # the log has the file as it was
        await self.purge()
        return True
