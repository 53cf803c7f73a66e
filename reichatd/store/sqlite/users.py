"""Registrations and users in SQLite. What the methods do is said at `reichatd.store.protocol.UserStore`."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from msgspec.structs import astuple

from reichatd.store.records import Attempt, ConfirmedCode, EmailOutcome, RegisterOutcome, Registration, User
from reichatd.store.sqlite.directs import delete_directs_left_by
from reichatd.store.sqlite.methods import SqlitePart, read, scan, write
from reichatd.store.sqlite.sessions import USER, end_other_logins, end_sessions, user_of

_REGISTRATION = ", ".join(Registration.__struct_fields__)

_OF_USERS = (
    "members",
    "bans",
    "standings",
    "mentions",
    "sessions",
    "blocks",
    "totp",
    "app_passwords",
    "email_changes",
    "oidc_accounts",
)
"""The tables whose rows go with their user."""


def _register(db: Connection, registration: Registration, at_most: int) -> RegisterOutcome:
    if _by_email(db, registration.email):
        return RegisterOutcome.USER_EXISTS
    registered = db.execute(
        f"INSERT INTO registrations ({_REGISTRATION}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (email, code_hash) DO NOTHING",
        astuple(registration),
    )
    if not registered.rowcount:
        return RegisterOutcome.CODE_TAKEN
    db.execute(
        "DELETE FROM registrations WHERE pk IN"
        " (SELECT pk FROM registrations WHERE email = ? ORDER BY pk DESC LIMIT -1 OFFSET ?)",
        (registration.email, at_most),
    )
    return RegisterOutcome.REGISTERED


def _pending(db: Connection, email: str) -> list[Registration]:
    row = db.execute("SELECT taken FROM tries WHERE email = ?", (email,)).fetchone()
    return _after(db, email, row[0] if row else 0)


def _after(db: Connection, email: str, tries: int) -> list[Registration]:
    """The registrations of an address after this many tries of it."""
    rows = db.execute(f"SELECT {_REGISTRATION} FROM registrations WHERE email = ? ORDER BY pk", (email,))
    return [Registration(*row).after(tries) for row in rows]


def _take_try(db: Connection, email: str, now: float, ends_at: float) -> Attempt | None:
    row = db.execute("SELECT taken, ends_at FROM tries WHERE email = ? AND ends_at > ?", (email, now)).fetchone()
    earlier, ends_at = row or (0, ends_at)
    pending = _after(db, email, earlier)
    if not pending:
        return _confirmed_attempt(db, email, now)
    db.execute("INSERT OR REPLACE INTO tries (email, taken, ends_at) VALUES (?, ?, ?)", (email, earlier + 1, ends_at))
    return Attempt(pending)


def _confirmed_attempt(db: Connection, email: str, now: float) -> Attempt | None:
    row = db.execute(
        "SELECT email, code_hash FROM users WHERE email = ? AND code_expires_at > ?", (email, now)
    ).fetchone()
    return Attempt([], ConfirmedCode(*row)) if row else None


def made_by(db: Connection, registration: Registration) -> User | None:
    """The user that this registration became."""
    made = f"SELECT {USER} FROM users AS u WHERE u.email = ? AND u.code_hash = ?"
    return _user(db.execute(made, (registration.email, registration.code_hash)).fetchone())


def confirm(db: Connection, registration: Registration, user: User) -> User | None:
    if _by_email(db, registration.email):
        return made_by(db, registration)
    confirmed = db.execute(
        "DELETE FROM registrations WHERE email = ? AND code_hash = ?", (registration.email, registration.code_hash)
    )
    if not confirmed.rowcount:
        return None
    for table in ("registrations", "tries"):
        db.execute(f"DELETE FROM {table} WHERE email = ?", (registration.email,))
    db.execute(
        "INSERT INTO users (user_id, email, username, password_hash, created_at, disabled, code_hash, code_expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*astuple(user), registration.code_hash, registration.expires_at),
    )
    return user


def _by_id(db: Connection, user_id: str) -> User | None:
    return _user(db.execute(f"SELECT {USER} FROM users AS u WHERE u.user_id = ?", (user_id,)).fetchone())


def _by_ids(db: Connection, user_ids: Sequence[str]) -> list[User | None]:
    return [_by_id(db, user_id) for user_id in user_ids]


def _by_email(db: Connection, email: str) -> User | None:
    return _user(db.execute(f"SELECT {USER} FROM users AS u WHERE u.email = ?", (email,)).fetchone())


def _user(row: tuple[Any, ...] | None) -> User | None:
    return user_of(row) if row else None


def _page(db: Connection, after: str, at_most: int) -> list[User]:
    rows = db.execute(f"SELECT {USER} FROM users AS u WHERE u.email > ? ORDER BY u.email LIMIT ?", (after, at_most))
    return [user_of(row) for row in rows]


def _registrations(db: Connection, after: str, at_most: int) -> list[Registration]:
    emails = db.execute(
        "SELECT DISTINCT email FROM registrations WHERE email > ? ORDER BY email LIMIT ?", (after, at_most)
    )
    return [registration for (email,) in emails.fetchall() for registration in _pending(db, email)]


def _rename(db: Connection, user_id: str, username: str) -> bool:
    return db.execute("UPDATE users SET username = ? WHERE user_id = ?", (username, user_id)).rowcount > 0


def _change_password(
    db: Connection, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
) -> list[str] | None:
    changed = db.execute(
        "UPDATE users SET password_hash = ? WHERE user_id = ? AND password_hash = ?", (new_hash, user_id, old_hash)
    )
    if not changed.rowcount:
        return None
    return end_other_logins(db, user_id, keep_session_id)


def _set_password(db: Connection, user_id: str, new_hash: str) -> list[str] | None:
    for table in ("app_passwords", "oidc_accounts"):
        db.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
    return _change(db, user_id, "password_hash", new_hash)


def _reset_password(db: Connection, user: User, new_hash: str) -> list[str] | None:
    now = _by_id(db, user.user_id)
    if now is None or (now.password_hash, now.email) != (user.password_hash, user.email):
        return None
    return _set_password(db, user.user_id, new_hash)


def _change_email(db: Connection, user: User, email: str) -> EmailOutcome:
    other = _by_email(db, email)
    if other is not None and other.user_id != user.user_id:
        return EmailOutcome.TAKEN
    changed = db.execute(
        "UPDATE users SET email = ? WHERE user_id = ? AND password_hash = ?", (email, user.user_id, user.password_hash)
    )
    return EmailOutcome.CHANGED if changed.rowcount else EmailOutcome.OUTDATED


def _disable(db: Connection, user_id: str) -> list[str] | None:
    return _change(db, user_id, "disabled", True)


def _change(db: Connection, user_id: str, column: str, value: object) -> list[str] | None:
    """Changes a user and ends all sessions; returns their ids."""
    changed = db.execute(f"UPDATE users SET {column} = ? WHERE user_id = ?", (value, user_id))
    return end_sessions(db, user_id) if changed.rowcount else None


def _enable(db: Connection, user_id: str) -> bool:
    return db.execute("UPDATE users SET disabled = 0 WHERE user_id = ?", (user_id,)).rowcount > 0


def _delete(db: Connection, user_id: str) -> bool:
    for table in ("registrations", "tries"):
        db.execute(f"DELETE FROM {table} WHERE email = (SELECT email FROM users WHERE user_id = ?)", (user_id,))
    delete_directs_left_by(db, user_id)
    for table in _OF_USERS:
        db.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
    db.execute("DELETE FROM blocks WHERE blocked_id = ?", (user_id,))
    return db.execute("DELETE FROM users WHERE user_id = ?", (user_id,)).rowcount > 0


def _delete_and_erase(db: Connection, user_id: str) -> bool:
    if _by_id(db, user_id) is None:
        return False
    db.execute("INSERT OR REPLACE INTO erasures (user_id) VALUES (?)", (user_id,))
    return _delete(db, user_id)


def _delete_unless_owner(db: Connection, user_id: str, *, erase: bool) -> bool:
    if db.execute("SELECT 1 FROM rooms WHERE owner = ? LIMIT 1", (user_id,)).fetchone():
        return False
    (_delete_and_erase if erase else _delete)(db, user_id)
    return True


def _delete_expired(db: Connection, now: float) -> int:
    db.execute("DELETE FROM tries WHERE ends_at <= ?", (now,))
    return db.execute("DELETE FROM registrations WHERE expires_at <= ?", (now,)).rowcount


class SqliteUsers(SqlitePart):
    """A `UserStore`."""

    register = write(_register)
    pending = read(_pending)
    take_try = write(_take_try)
    confirm = write(confirm)
    by_id = read(_by_id)
    by_ids = read(_by_ids)
    by_email = read(_by_email)
    page = scan(_page)
    registrations = scan(_registrations)
    rename = write(_rename)
    change_password = write(_change_password)
    set_password = write(_set_password)
    reset_password = write(_reset_password)
    change_email = write(_change_email)
    disable = write(_disable)
    enable = write(_enable)
    delete = write(_delete)
    delete_and_erase = write(_delete_and_erase)
    delete_unless_owner = write(_delete_unless_owner)
    delete_expired = write(_delete_expired)
