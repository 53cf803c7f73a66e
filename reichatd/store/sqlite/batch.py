"""What one group commit knows of the logs that it writes to. Lives for one write transaction, in its thread."""

from collections.abc import Iterator
from sqlite3 import Connection

import msgspec

from reichatd.store.bounds import LAST_ID
from reichatd.store.errors import StoreError
from reichatd.store.posting import Author
from reichatd.store.records import Post, other_of
from reichatd.store.sqlite.blocks import has_blocked
from reichatd.store.sqlite.logs import end_of

_ROOM = "SELECT pk, room_id, owner, slow_seconds, direct, members_pin, change_id FROM rooms WHERE"


class Logs:
    """The logs of a batch. Each room, each member and each nonce is looked up once, when it is first needed."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._logs: dict[str, Log | None] = {}

    def get(self, room_id: str) -> "Log | None":
        """The log of a room; None if there is no such room."""
        if room_id not in self._logs:
            self._logs[room_id] = self._find("room_id = ?", room_id)
        return self._logs[room_id]

    def by_pk(self, pk: int) -> "Log | None":
        """As `get`, by the room's key."""
        log = next((log for log in self.all() if log.pk == pk), None) or self._find("pk = ?", pk)
        if log is not None:
            self._logs[log.room_id] = log
        return log

    def all(self) -> Iterator["Log"]:
        """The logs that were looked up."""
        return (log for log in self._logs.values() if log is not None)

    def members(self) -> Iterator[tuple["Log", str, "Member"]]:
        """The members who were looked up: the room's log, the user's id, the member."""
        for log in self.all():
            for user_id, member in log.members.items():
                if member is not None:
                    yield log, user_id, member

    def _find(self, condition: str, value: str | int) -> "Log | None":
        room = self._db.execute(f"{_ROOM} {condition}", (value,)).fetchone()
        return None if room is None else Log(self._db, *room)


class Member(msgspec.Struct):
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


class Log:
    """One room's log in a batch."""

    def __init__(
        self,
        db: Connection,
        pk: int,
        room_id: str,
        owner: str,
        slow_seconds: int,
        direct: str | None,
        members_pin: int,
        change_id: int,
    ) -> None:
        self.pk = pk
        self.room_id = room_id
        self.end = end_of(db, pk)
        self.change_id = change_id
        """The number of the last change of a message, in the store or earlier in the batch."""
        self.members: dict[str, Member | None] = {}
        self._db = db
        self._owner = owner
        self._slow_seconds = slow_seconds
        self._direct = direct
        self._members_pin = bool(members_pin)
        self._ids: dict[tuple[str, str], int] = {}
        self._larger_than: dict[int, bool] = {}

    def member(self, user_id: str) -> Member | None:
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
    ) -> Member:
        author = Author(
            is_owner=user_id == self._owner,
            is_moderator=bool(moderator),
            slow_seconds=self._slow_seconds,
            muted_until=muted_until or 0.0,
            posted_at=posted_at or 0.0,
            in_direct=self._direct is not None,
            members_pin=self._members_pin,
            is_blocked=self._direct is not None and has_blocked(self._db, other_of(self._direct, user_id), user_id),
        )
        return Member(last_read_id, author)

    def has_more_members_than(self, limit: int) -> bool:
        """Whether the room has more members than this. Reads no more of them than it must."""
        if limit not in self._larger_than:
            (members,) = self._db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM members WHERE room = ? LIMIT ?)", (self.pk, limit + 1)
            ).fetchone()
            self._larger_than[limit] = members > limit
        return self._larger_than[limit]

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
