"""The group commit: decides from one read of the logs what a batch of posts changes, and writes it at once."""

from sqlite3 import Connection

from reichatd.store.bounds import LAST_ID
from reichatd.store.errors import StoreError
from reichatd.store.records import Appended, Outcome, Post
from reichatd.store.sqlite.logs import end_of, rowid
from reichatd.store.sqlite.rooms import room_pk

_NO_ROOM = Appended(Outcome.NO_ROOM)
_NO_MEMBER = Appended(Outcome.NO_MEMBER)


class Batch:
    """The logs that a batch changes. Lives for one write transaction, in its thread.

    Each room, each member and each nonce is looked up once, when a post first needs it.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._logs: dict[str, _Log | None] = {}
        self._rows: list[tuple[int, str, str, float, str | None]] = []

    def take(self, post: Post) -> Appended:
        """Adds a post to the end of its log."""
        log = self._log(post.room_id)
        if log is None:
            return _NO_ROOM
        if not log.has_member(post.user_id):
            return _NO_MEMBER
        if post.nonce is not None and (earlier := log.stored_as(post.user_id, post.nonce)):
            log.mark(post.user_id, earlier)
            return Appended(Outcome.REPEATED, earlier)
        message_id = log.add(post)
        self._rows.append((rowid(log.pk, message_id), post.user_id, post.content, post.timestamp, post.nonce))
        return Appended(Outcome.STORED, message_id)

    def mark(self, room_id: str, user_id: str, message_id: int) -> None:
        """Moves a read mark. To be called after the last `take`, when the end of the log is known."""
        log = self._log(room_id)
        if log is not None and log.has_member(user_id):
            log.mark(user_id, min(message_id, log.end))

    def write(self) -> None:
        self._db.executemany(
            "INSERT INTO messages (id, user_id, content, timestamp, nonce) VALUES (?, ?, ?, ?, ?)", self._rows
        )
        self._db.executemany(
            "UPDATE members SET last_read_id = ? WHERE room = ? AND user_id = ?",
            [
                (message_id, log.pk, user_id)
                for log in self._logs.values()
                if log is not None
                for user_id, message_id in log.moved.items()
            ],
        )

    def _log(self, room_id: str) -> "_Log | None":
        if room_id not in self._logs:
            pk = room_pk(self._db, room_id)
            self._logs[room_id] = None if pk is None else _Log(self._db, pk)
        return self._logs[room_id]


class _Log:
    """One room's log in a batch."""

    def __init__(self, db: Connection, pk: int) -> None:
        self.pk = pk
        self.end = end_of(db, pk)
        self.moved: dict[str, int] = {}
        self._db = db
        self._marks: dict[str, int | None] = {}
        self._ids: dict[tuple[str, str], int] = {}

    def has_member(self, user_id: str) -> bool:
        if user_id not in self._marks:
            row = self._db.execute(
                "SELECT last_read_id FROM members WHERE room = ? AND user_id = ?", (self.pk, user_id)
            ).fetchone()
            self._marks[user_id] = row[0] if row else None
        return self._marks[user_id] is not None

    def stored_as(self, user_id: str, nonce: str) -> int:
        """The id of the message with this nonce, in the store or earlier in the batch; 0 if there is none."""
        if (user_id, nonce) not in self._ids:
            row = self._db.execute(
                "SELECT id & ? FROM messages WHERE id >> 32 = ? AND user_id = ? AND nonce = ?",
                (LAST_ID, self.pk, user_id, nonce),
            ).fetchone()
            self._ids[user_id, nonce] = row[0] if row else 0
        return self._ids[user_id, nonce]

    def add(self, post: Post) -> int:
        if self.end == LAST_ID:
            raise StoreError(f"the log of room {post.room_id} is full")
        self.end += 1
        self.mark(post.user_id, self.end)
        if post.nonce is not None:
            self._ids[post.user_id, post.nonce] = self.end
        return self.end

    def mark(self, user_id: str, message_id: int) -> None:
        """Moves a member's read mark, forward only."""
        mark = self._marks[user_id]
        if mark is not None and message_id > mark:
            self._marks[user_id] = self.moved[user_id] = message_id
