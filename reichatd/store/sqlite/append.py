"""The group commit: decides from one read of the logs what a batch of posts changes, and writes it at once."""

from collections.abc import Iterator
from sqlite3 import Connection

import msgspec

from reichatd.store.bounds import LAST_ID
from reichatd.store.errors import StoreError
from reichatd.store.posting import Author
from reichatd.store.records import Appended, Outcome, Post, other_of
from reichatd.store.sqlite.blocks import has_blocked
from reichatd.store.sqlite.logs import end_of, rowid

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
        member = log.member(post.user_id)
        if member is None:
            return _NO_MEMBER
        if post.nonce is not None and (earlier := log.stored_as(post.user_id, post.nonce)):
            member.mark(earlier)
            return Appended(Outcome.REPEATED, earlier)
        if (refusal := member.author.refusal(post.timestamp)) is not None:
            return refusal
        message_id = log.add(post)
        member.posted(message_id, post.timestamp)
        self._rows.append((rowid(log.pk, message_id), post.user_id, post.content, post.timestamp, post.nonce))
        return Appended(Outcome.STORED, message_id, in_direct=member.author.in_direct)

    def mark(self, room_id: str, user_id: str, message_id: int) -> None:
        """Moves a read mark. To be called after the last `take`, when the end of the log is known."""
        log = self._log(room_id)
        if log is not None and (member := log.member(user_id)) is not None:
            member.mark(min(message_id, log.end))

    def write(self) -> None:
        self._db.executemany(
            "INSERT INTO messages (id, user_id, content, timestamp, nonce) VALUES (?, ?, ?, ?, ?)", self._rows
        )
        self._db.executemany(
            "UPDATE members SET last_read_id = ? WHERE room = ? AND user_id = ?",
            [(member.last_read_id, pk, user_id) for pk, user_id, member in self._members() if member.has_moved],
        )
        self._db.executemany(
            "INSERT INTO standings (room, user_id, posted_at) VALUES (?, ?, ?)"
            " ON CONFLICT (room, user_id) DO UPDATE SET posted_at = excluded.posted_at",
            [
                (pk, user_id, member.author.posted_at)
                for pk, user_id, member in self._members()
                if member.author.is_slowed and member.has_posted
            ],
        )

    def _members(self) -> Iterator[tuple[int, str, "_Member"]]:
        """The members who were looked up: the room's `pk`, the user's id, the member."""
        for log in self._logs.values():
            if log is not None:
                for user_id, member in log.members.items():
                    if member is not None:
                        yield log.pk, user_id, member

    def _log(self, room_id: str) -> "_Log | None":
        if room_id not in self._logs:
            room = self._db.execute(
                "SELECT pk, owner, slow_seconds, direct FROM rooms WHERE room_id = ?", (room_id,)
            ).fetchone()
            self._logs[room_id] = None if room is None else _Log(self._db, *room)
        return self._logs[room_id]


class _Member(msgspec.Struct):
    """A member in a batch: the read mark, and what decides about the posts."""

    last_read_id: int
    author: Author
    has_moved: bool = False
    has_posted: bool = False

    def mark(self, message_id: int) -> None:
        """Moves the read mark, forward only."""
        if message_id > self.last_read_id:
            self.last_read_id = message_id
            self.has_moved = True

    def posted(self, message_id: int, at: float) -> None:
        self.mark(message_id)
        self.author.posted_at = at
        self.has_posted = True


class _Log:
    """One room's log in a batch."""

    def __init__(self, db: Connection, pk: int, owner: str, slow_seconds: int, direct: str | None) -> None:
        self.pk = pk
        self.end = end_of(db, pk)
        self.members: dict[str, _Member | None] = {}
        self._db = db
        self._owner = owner
        self._slow_seconds = slow_seconds
        self._direct = direct
        self._ids: dict[tuple[str, str], int] = {}

    def member(self, user_id: str) -> _Member | None:
        if user_id not in self.members:
            row = self._db.execute(
                "SELECT m.last_read_id, m.moderator, s.muted_until, s.posted_at FROM members AS m"
                " LEFT JOIN standings AS s ON s.room = m.room AND s.user_id = m.user_id"
                " WHERE m.room = ? AND m.user_id = ?",
                (self.pk, user_id),
            ).fetchone()
            self.members[user_id] = None if row is None else self._member(user_id, *row)
        return self.members[user_id]

    def _member(
        self, user_id: str, last_read_id: int, moderator: int, muted_until: float | None, posted_at: float | None
    ) -> _Member:
        author = Author(
            is_owner=user_id == self._owner,
            is_moderator=bool(moderator),
            slow_seconds=self._slow_seconds,
            muted_until=muted_until or 0.0,
            posted_at=posted_at or 0.0,
            in_direct=self._direct is not None,
            is_blocked=self._direct is not None and has_blocked(self._db, other_of(self._direct, user_id), user_id),
        )
        return _Member(last_read_id, author)

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
        if post.nonce is not None:
            self._ids[post.user_id, post.nonce] = self.end
        return self.end
