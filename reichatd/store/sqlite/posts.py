"""Adds the posts of a group commit to their logs: decides from one read of the logs what changes, and writes it at once."""

from sqlite3 import Connection

from reichatd.store.records import PLAIN, Appended, Extras, Outcome, Post
from reichatd.store.sqlite import mentions
from reichatd.store.sqlite.batch import Log, Logs, Member
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.message_rows import as_column

_NO_ROOM = Appended(Outcome.NO_ROOM)
_NO_MEMBER = Appended(Outcome.NO_MEMBER)
_NO_REPLY_TARGET = Appended(Outcome.NO_REPLY_TARGET)
_NO_ROOM_MENTION = Appended(Outcome.NO_ROOM_MENTION)


class Posts:
    """The posts of a batch."""

    def __init__(self, db: Connection, logs: Logs) -> None:
        self._db = db
        self._logs = logs
        self._rows: list[tuple[int, str, str, float, str | None, str | None]] = []
        self._mentions: list[tuple[str, int]] = []

    def take(self, post: Post) -> Appended:
        """Adds a post to the end of its log."""
        log = self._logs.get(post.room_id)
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
        extras, column = PLAIN, None
        if post.reply_to or post.mentions or post.names or post.mention_room:  # most posts have none of it
            if (refusal := self._extras_refusal(post, log, member)) is not None:
                return refusal
            extras = self._extras(post, log)
            column = as_column(extras)
        message_id = log.add(post)
        member.posted(message_id, post.timestamp)
        key = rowid(log.pk, message_id)
        self._rows.append((key, post.user_id, post.content, post.timestamp, post.nonce, column))
        if extras is not PLAIN:
            self._mentions += mentions.rows(key, extras)
        return Appended(Outcome.STORED, message_id, 0.0, member.author.in_direct, extras.mentions)

    def mark(self, room_id: str, user_id: str, message_id: int) -> None:
        """Moves a read mark. To be called after the last `take`, when the end of the log is known."""
        log = self._logs.get(room_id)
        if log is not None and (member := log.member(user_id)) is not None:
            member.mark(min(message_id, log.end))

    def write(self) -> dict[tuple[str, str], int]:
        """Writes posts and read marks; returns the read marks that moved."""
        moved: dict[tuple[str, str], int] = {}
        marks: list[tuple[int, int, str]] = []
        standings: list[tuple[int, str, float]] = []
        for log, user_id, member in self._logs.members():
            if member.has_moved:
                moved[log.room_id, user_id] = member.last_read_id
                marks.append((member.last_read_id, log.pk, user_id))
            if member.has_posted and member.author.is_slowed:
                standings.append((log.pk, user_id, member.author.posted_at))
        self._db.executemany(
            "INSERT INTO messages (id, user_id, content, timestamp, nonce, extras) VALUES (?, ?, ?, ?, ?, ?)",
            self._rows,
        )
        mentions.add(self._db, self._mentions)
        self._db.executemany(
            "UPDATE members SET last_read_id = ? WHERE room = ? AND user_id = ?",
            marks,
        )
        self._db.executemany(
            "INSERT INTO standings (room, user_id, posted_at) VALUES (?, ?, ?)"
            " ON CONFLICT (room, user_id) DO UPDATE SET posted_at = excluded.posted_at",
            standings,
        )
        return moved

    def _extras_refusal(self, post: Post, log: Log, member: Member) -> Appended | None:
        if post.reply_to and not 1 <= post.reply_to <= log.end:
            return _NO_REPLY_TARGET
        if post.mention_room and not member.author.leads and log.has_more_members_than(post.mention_room_members):
            return _NO_ROOM_MENTION
        return None

    def _extras(self, post: Post, log: Log) -> Extras:
        mentioned = mentions.resolved(self._db, log, post)
        return Extras(reply_to=post.reply_to, mentions=mentioned, mention_room=post.mention_room)
