"""Invitations in SQLite. What the methods do is said at `reichatd.store.protocol.InviteStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import Confirmation, Invite, InviteOutcome, JoinOutcome, Registration, User
from reichatd.store.sqlite.methods import SqlitePart, read, write
from reichatd.store.sqlite.rooms import join, room_pk
from reichatd.store.sqlite.users import confirm, made_by

_INVITE = (
    "i.invite_id, i.token_hash, coalesce(r.room_id, ''), i.created_by, i.created_at, i.expires_at, i.uses_left"
    " FROM invites AS i LEFT JOIN rooms AS r ON r.pk = i.room"
)


INSERT_INVITE = (
    "INSERT INTO invites (invite_id, token_hash, room, created_by, created_at, expires_at, uses_left)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
"""Inserts an `invite_row`."""


def invite_row(invite: Invite, pk: int | None) -> tuple[object, ...]:
    """An invitation as a row. `pk` is its room's key, None for an invitation to the server."""
    invite_id, token_hash, _, *others = astuple(invite)
    return (invite_id, token_hash, pk, *others)


def _create(db: Connection, invite: Invite, at_most: int) -> InviteOutcome:
    pk = room_pk(db, invite.room_id) if invite.room_id else None
    if invite.room_id and pk is None:
        return InviteOutcome.NO_ROOM
    counted = "SELECT count(*) FROM invites WHERE room IS ? AND expires_at > ? AND uses_left IS NOT 0"
    if at_most and db.execute(counted, (pk, invite.created_at)).fetchone()[0] >= at_most:
        return InviteOutcome.TOO_MANY
    # A repetition succeeds: an earlier call may have created it although it ended in an error.
    db.execute(f"{INSERT_INVITE} ON CONFLICT (invite_id) DO NOTHING", invite_row(invite, pk))
    return InviteOutcome.CREATED


def _by_hash(db: Connection, token_hash: str) -> Invite | None:
    row = db.execute(f"SELECT {_INVITE} WHERE i.token_hash = ?", (token_hash,)).fetchone()
    return Invite(*row) if row else None


def _by_id(db: Connection, invite_id: str) -> Invite | None:
    row = db.execute(f"SELECT {_INVITE} WHERE i.invite_id = ?", (invite_id,)).fetchone()
    return Invite(*row) if row else None


def _of_room(db: Connection, room_id: str) -> list[Invite]:
    pk = room_pk(db, room_id) if room_id else None
    if room_id and pk is None:
        return []
    return [
        Invite(*row)
        for row in db.execute(f"SELECT {_INVITE} WHERE i.room IS ? ORDER BY i.created_at, i.invite_id", (pk,))
    ]


def _delete(db: Connection, room_id: str, invite_id: str) -> bool:
    found = _by_id(db, invite_id)
    if found is None or found.room_id != room_id:
        return False
    return db.execute("DELETE FROM invites WHERE invite_id = ?", (invite_id,)).rowcount > 0


def _join(db: Connection, invite_id: str, user_id: str, now: float) -> JoinOutcome:
    invite = _by_id(db, invite_id)
    if invite is None or not invite.is_valid(now) or not invite.room_id:
        return JoinOutcome.NO_ROOM
    outcome = join(db, invite.room_id, user_id, now)
    if outcome is JoinOutcome.JOINED:
        _use(db, invite_id)
    return outcome


def _confirm(db: Connection, registration: Registration, user: User, now: float, needed: bool) -> Confirmation:
    invite = _by_id(db, registration.invite_id)
    valid = invite if invite is not None and invite.is_valid(now) else None
    if needed and valid is None and made_by(db, registration) is None:
        return Confirmation(is_invite_gone=True)
    confirmed = confirm(db, registration, user)
    if valid is None or confirmed != user:
        return Confirmation(confirmed)
    _use(db, valid.invite_id)
    if valid.room_id:
        join(db, valid.room_id, user.user_id, now)
    return Confirmation(confirmed, valid)


def _use(db: Connection, invite_id: str) -> None:
    # NULL, for any number, stays NULL.
    db.execute("UPDATE invites SET uses_left = uses_left - 1 WHERE invite_id = ?", (invite_id,))


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM invites WHERE expires_at <= ?", (now,)).rowcount


class SqliteInvites(SqlitePart):
    """An `InviteStore`."""

    create = write(_create)
    by_hash = read(_by_hash)
    by_id = read(_by_id)
    of_room = read(_of_room)
    delete = write(_delete)
    join = write(_join)
    confirm = write(_confirm)
    delete_expired = write(_delete_expired)
