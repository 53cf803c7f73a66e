"""Loads data in bulk: a backup into an empty file, or the users and rooms of another program."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import trio
from msgspec.structs import astuple

from reichatd.store.bounds import LAST_ID
from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom, UserOutcome
from reichatd.store.errors import StoreError, StoreNotEmpty, StoreUnavailable
from reichatd.store.records import (
    AppPassword,
    AuditEntry,
    Block,
    EmailChange,
    Erasure,
    Invite,
    OidcAccount,
    Registration,
    Session,
    Standing,
    Totp,
    User,
)
from reichatd.store.sqlite import mentions, pins, space
from reichatd.store.sqlite.connections import connect, map_errors
from reichatd.store.sqlite.invites import INSERT_INVITE, invite_row
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.message_rows import as_column
from reichatd.store.sqlite.methods import SqlitePart, write
from reichatd.store.sqlite.opening import make_file
from reichatd.store.sqlite.rooms import is_id_free, room_pk
from reichatd.store.sqlite.schema import NEW_TOKEN, check, migrate

_TABLES: dict[type[Stored], str] = {
    Registration: "registrations",
    User: "users",
    Block: "blocks",
    Totp: "totp",
    AppPassword: "app_passwords",
    EmailChange: "email_changes",
    OidcAccount: "oidc_accounts",
    Erasure: "erasures",
    Session: "sessions",
    AuditEntry: "audit",
}
"""The tables whose columns are the fields of the record."""

_ALL_TABLES = (
    "rooms",
    "members",
    "bans",
    "standings",
    "invites",
    "messages",
    "reactions",
    "mentions",
    "pins",
    "deleted_rooms",
    "tries",
    *_TABLES.values(),
)

_CACHE_KIB = 65_536

_OfMessage = TypeVar("_OfMessage", LogEntry, StoredReaction)


@asynccontextmanager
async def restoring(path: Path, *, replace: bool) -> AsyncIterator["SqliteLoader"]:
    """An empty store in the file at `path`, to be filled. It is durable and complete when the block ends without an error.

    All of it is one transaction: a restore that is interrupted at any point leaves the earlier contents.

    Arguments:
        replace: delete what the store holds.

    Errors: StoreNotEmpty (without `replace`), StoreUnavailable (a daemon uses the file), StoreError (the file is another
        program's, or cannot be created), NewerSchema.
    """
    limiter = trio.CapacityLimiter(1)  # The connection is for one thread at a time.
    loader = SqliteLoader(path, limiter)
    try:
        await trio.to_thread.run_sync(loader.open, replace, limiter=limiter)
        yield loader
        await trio.to_thread.run_sync(loader.commit, limiter=limiter)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(loader.close, limiter=limiter)


class SqliteLoader:
    """A `Loader`; made by `restoring`. All but `load` block."""

    def __init__(self, path: Path, limiter: trio.CapacityLimiter) -> None:
        self._path = path
        self._limiter = limiter
        self._db: Connection | None = None
        self._created = False
        """Whether the file is new, and is to be removed if the restore fails."""

    async def load(self, records: Sequence[Stored]) -> None:
        await trio.to_thread.run_sync(self._load, records, limiter=self._limiter)

    def open(self, replace: bool) -> None:
        with map_errors(self._path):
            self._created = not self._path.exists()
            make_file(self._path)
            self._db = connect(self._path, "rw")
            check(self._db, str(self._path))
            space.make_shrinkable(self._db)
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._lock_file()
            while migrate(self._db, str(self._path)):
                pass
            if not replace and not _is_empty(self._db):
                raise StoreNotEmpty(f"{self._path} is not empty")
            for table in _ALL_TABLES:
                self._db.execute(f"DELETE FROM {table}")

    def commit(self) -> None:
        assert self._db is not None
        with map_errors(self._path):
            self._db.execute("COMMIT")
        self._created = False

    def close(self) -> None:
        """Undoes what is not committed."""
        if self._db is not None:
            if self._db.in_transaction:
                with suppress(sqlite3.Error):  # on a full disk
                    self._db.execute("ROLLBACK")
            self._db.close()
        if self._created:
            # A remaining journal would be taken for that of the next file with this name, so it is removed first.
            self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)

    def _lock_file(self) -> None:
        """From here until `close` no other process can open the file."""
        assert self._db is not None
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            # SQLite leaves WAL mode only if no other process has the file open; an idle daemon has it open too.
            self._db.execute("PRAGMA journal_mode = DELETE")
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise StoreUnavailable(f"{self._path} is in use: stop the daemon first") from error

    def _load(self, records: Sequence[Stored]) -> None:
        assert self._db is not None
        with map_errors(self._path):
            _insert(self._db, records)


def _add_users(db: Connection, users: Sequence[User]) -> list[UserOutcome]:
    return [_add_user(db, user) for user in users]


def _add_user(db: Connection, user: User) -> UserOutcome:
    if db.execute("SELECT 1 FROM users WHERE user_id = ?", (user.user_id,)).fetchone():
        return UserOutcome.ALREADY_THERE
    if db.execute("SELECT 1 FROM users WHERE email = ?", (user.email,)).fetchone():
        return UserOutcome.EMAIL_TAKEN
    _insert(db, [user])
    return UserOutcome.ADDED


def _add_room(
    db: Connection, room: StoredRoom, members: Sequence[Member], bans: Sequence[Ban], log: Sequence[LogEntry]
) -> bool:
    if not is_id_free(db, room.room_id):
        return False
    _insert(db, [room, *members, *bans, *log])
    return True


class SqliteBulkImport(SqlitePart):
    """A `BulkImport`."""

    add_users = write(_add_users)
    add_room = write(_add_room)


def _is_empty(db: Connection) -> bool:
    tables = ("rooms", "registrations", "users", "sessions")
    return not any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in tables)


def _insert(db: Connection, records: Sequence[Stored]) -> None:
    for kind, some in groupby(records, type):
        if kind is LogEntry:
            _insert_messages(db, [entry for entry in some if isinstance(entry, LogEntry)])
        elif kind is StoredReaction:
            reactions = [reaction for reaction in some if isinstance(reaction, StoredReaction)]
            rows = [(key, each.emoji, each.user_id, each.at) for key, each in _with_keys(db, reactions)]
            db.executemany(_INSERT_REACTION, rows)
        elif kind is Invite:
            invites = [invite for invite in some if isinstance(invite, Invite)]
            db.executemany(INSERT_INVITE, list(_invite_rows(db, invites)))
        else:
            db.executemany(_INSERTS[kind], map(astuple, some))


def _insert_messages(db: Connection, log: Sequence[LogEntry]) -> None:
    """Inserts messages, and what is kept of them in other tables, apart from reactions."""
    entries = list(_with_keys(db, log))
    db.executemany(_INSERT_MESSAGE, [_message_row(key, entry) for key, entry in entries])
    mentions.add(db, [row for key, entry in entries for row in mentions.rows(key, entry.extras)])
    for key, entry in entries:
        if entry.extras.pinned is not None:
            pins.add(db, key)
    # Without a snapshot, a message may have been changed after its room was read.
    numbers = [(entry.change_id, entry.room_id) for _, entry in entries if entry.change_id]
    db.executemany("UPDATE rooms SET change_id = max(change_id, ?) WHERE room_id = ?", numbers)


def _message_row(key: int, entry: LogEntry) -> tuple[object, ...]:
    plain = (entry.user_id, entry.content, entry.timestamp, entry.nonce)
    return key, *plain, entry.change_id or None, as_column(entry.extras)


def _with_keys(db: Connection, records: Sequence[_OfMessage]) -> Iterator[tuple[int, _OfMessage]]:
    """Records with the keys of their messages. Errors: StoreError."""
    for room_id, some in groupby(records, lambda record: record.room_id):
        pk = room_pk(db, room_id)
        if pk is None:
            raise StoreError(f"a message of the room {room_id}, which does not exist")
        for record in some:
            if not 1 <= record.message_id <= LAST_ID:
                raise StoreError(f"the message {record.message_id} of the room {room_id}: its id is out of range")
            yield rowid(pk, record.message_id), record


def _invite_rows(db: Connection, invites: Sequence[Invite]) -> Iterator[tuple[object, ...]]:
    for invite in invites:
        pk = room_pk(db, invite.room_id) if invite.room_id else None
        if invite.room_id and pk is None:
            raise StoreError(f"an invitation to the room {invite.room_id}, which does not exist")
        yield invite_row(invite, pk)


def _into(table: str, kind: type[Stored]) -> str:
    names = kind.__struct_fields__
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _insert_room() -> str:
    """What is loaded is another log: it gets a new token."""
    names = StoredRoom.__struct_fields__
    return f"INSERT INTO rooms ({', '.join(names)}, log_token) VALUES ({', '.join('?' * len(names))}, {NEW_TOKEN})"


_ROOM = "(SELECT pk FROM rooms WHERE room_id = ?)"

_INSERTS: dict[type[Stored], str] = {
    **{kind: _into(table, kind) for kind, table in _TABLES.items()},
    StoredRoom: _insert_room(),
    Member: "INSERT INTO members (room, user_id, joined_at, last_read_id, moderator, place)"
    f" VALUES ({_ROOM}, ?, ?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM members))",
    Ban: f"INSERT INTO bans (room, user_id) VALUES ({_ROOM}, ?)",
    Standing: f"INSERT INTO standings (room, user_id, muted_until, posted_at) VALUES ({_ROOM}, ?, ?, ?)",
}

_INSERT_MESSAGE = (
    "INSERT INTO messages (id, user_id, content, timestamp, nonce, change_id, extras) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REACTION = "INSERT INTO reactions (id, emoji, user_id, at) VALUES (?, ?, ?, ?)"
