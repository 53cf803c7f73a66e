"""Reads everything in the file, as of one moment, while others keep writing."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

import trio
from msgspec.structs import fields

from reichatd.store.bounds import LAST_ID
from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom, read_pages
from reichatd.store.errors import StoreError
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
from reichatd.store.sqlite.connections import connect, map_errors
from reichatd.store.sqlite.message_rows import as_extras
from reichatd.store.sqlite.schema import check

T = TypeVar("T")

_COLUMN = re.compile(r"\bt\.(\w+)")
"""A column of the table that a record is read from; an older schema may not have it."""

_OF_ROOM = {"room_id": "r.room_id"}
_OF_MESSAGE = _OF_ROOM | {"message_id": f"t.id & {LAST_ID}"}

_SOURCES: tuple[tuple[type[Stored], str, dict[str, str], str], ...] = (
    (StoredRoom, "rooms", {}, "ORDER BY t.pk"),
    (Member, "members", _OF_ROOM, "JOIN rooms AS r ON r.pk = t.room ORDER BY t.place"),
    (Ban, "bans", _OF_ROOM, "JOIN rooms AS r ON r.pk = t.room ORDER BY t.room, t.user_id"),
    (Standing, "standings", _OF_ROOM, "JOIN rooms AS r ON r.pk = t.room ORDER BY t.room, t.user_id"),
    # The messages of deleted rooms, which are there until they are swept, find no room.
    (
        LogEntry,
        "messages",
        _OF_MESSAGE | {"change_id": "coalesce(t.change_id, 0)"},
        "CROSS JOIN rooms AS r ON r.pk = t.id >> 32 ORDER BY t.id",
    ),
    (
        StoredReaction,
        "reactions",
        _OF_MESSAGE,
        "CROSS JOIN rooms AS r ON r.pk = t.id >> 32 ORDER BY t.id, t.emoji, t.user_id",
    ),
    (
        Invite,
        "invites",
        {"room_id": "coalesce(r.room_id, '')"},
        "LEFT JOIN rooms AS r ON r.pk = t.room ORDER BY t.invite_id",
    ),
    (Registration, "registrations", {}, "ORDER BY t.email, t.expires_at, t.code_hash"),
    (User, "users", {}, "ORDER BY t.user_id"),
    (Block, "blocks", {}, "ORDER BY t.user_id, t.blocked_id"),
    (Totp, "totp", {}, "ORDER BY t.user_id"),
    (AppPassword, "app_passwords", {}, "ORDER BY t.user_id, t.app_password_id"),
    (EmailChange, "email_changes", {}, "ORDER BY t.user_id"),
    (OidcAccount, "oidc_accounts", {}, "ORDER BY t.user_id, t.issuer, t.subject"),
    (Erasure, "erasures", {}, "WHERE t.done_at = 0 ORDER BY t.user_id"),
    (Session, "sessions", {}, "WHERE t.user_id IN (SELECT user_id FROM users) ORDER BY t.session_id"),
    (AuditEntry, "audit", {}, "ORDER BY t.number"),
)
"""Each kind of record: its table, the fields that are not columns of it, and how the rows are joined, filtered and ordered."""


_CONVERSIONS: dict[type[Stored], dict[str, Callable[[Any], object]]] = {
    # SQLite stores booleans as 0 and 1.
    kind: {field.name: bool for field in fields(kind) if field.type is bool}
    for kind, *_ in _SOURCES
}
_CONVERSIONS[LogEntry] = {"extras": as_extras}
"""How the values of some columns become those of the records."""


@asynccontextmanager
async def dumping(path: Path) -> AsyncIterator[AsyncIterator[list[Stored]]]:
    """Everything in the store at `path` as of one moment, page by page; see `reichatd.store.bulk`.

    Another process may read and write meanwhile; what it writes stays in the write-ahead log until this ends. A file with an older
    schema is read as it is.

    Errors: StoreUnavailable, StoreError (no store there), NewerSchema.
    """
    # The connection is for one thread at a time.
    run = partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(1))

    def guarded(step: Callable[[], T]) -> T:
        with map_errors(path):
            return step()

    db = await run(guarded, partial(_open, path))
    try:
        async with aclosing(read_pages(_records(db), partial(run, guarded))) as pages:
            yield pages
    finally:
        with trio.CancelScope(shield=True):
            await run(db.close)


def _open(path: Path) -> Connection:
    # Not read-only: the last one to close the file removes the write-ahead log, which a read-only connection cannot.
    db = connect(path, "rw")
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        if check(db, str(path)) == 0:
            raise StoreError(f"{path} holds no store yet")
    except BaseException:
        db.close()
        raise
    return db


def _records(db: Connection) -> Iterator[Stored]:
    for kind, table, special, source in _SOURCES:
        present = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        if not present:
            continue  # an older schema has no such table
        expressions = {name: special.get(name, f"t.{name}") for name in kind.__struct_fields__}
        columns = [name for name, expression in expressions.items() if set(_COLUMN.findall(expression)) <= present]
        chosen = ", ".join(expressions[name] for name in columns)
        converted = {name: convert for name, convert in _CONVERSIONS[kind].items() if name in columns}
        for row in db.execute(f"SELECT {chosen} FROM {table} AS t {source}"):
            record = dict(zip(columns, row, strict=True))
            record.update({name: convert(record[name]) for name, convert in converted.items()})
            yield kind(**record)
