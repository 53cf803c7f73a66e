"""Registrations and users in SQLite. What the methods do is written at `reichatd.store.protocol.Users`."""

from collections.abc import Sequence
from typing import Any

from reichatd.store.records import Registration, User
from reichatd.store.sqlite.database import Connection, Database
from reichatd.store.sqlite.sessions import USER, end_sessions, user_of

_REGISTRATION = "email, username, password_hash, code_hash, tries_left, expires_at"


class SqliteUsers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, registration: Registration) -> bool:
        return await self._database.write(_register, registration)

    async def take_try(self, email: str) -> Registration | None:
        return await self._database.write(_take_try, email)

    async def confirm(self, registration: Registration, user: User) -> bool:
        return await self._database.write(_confirm, registration, user)

    async def by_id(self, user_id: str) -> User | None:
        return await self._database.read(_by_id, user_id)

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        return await self._database.read(_by_ids, user_ids)

    async def by_email(self, email: str) -> User | None:
        return await self._database.read(_by_email, email)

    async def page(self, after: str, at_most: int) -> list[User]:
        return await self._database.scan(_page, after, at_most)

    async def registrations(self, after: str, at_most: int) -> list[Registration]:
        return await self._database.scan(_registrations, after, at_most)

    async def rename(self, user_id: str, username: str) -> bool:
        return await self._database.write(_rename, user_id, username)

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        return await self._database.write(_change_password, user_id, old_hash, new_hash, keep_session_id)

    async def set_password(self, user_id: str, new_hash: str) -> list[str] | None:
        return await self._database.write(_change, user_id, "password_hash", new_hash)

    async def disable(self, user_id: str) -> list[str] | None:
        return await self._database.write(_change, user_id, "disabled", True)

    async def enable(self, user_id: str) -> bool:
        return await self._database.write(_enable, user_id)

    async def delete(self, user_id: str) -> bool:
        return await self._database.write(_delete, user_id)

    async def delete_expired(self, now: float) -> int:
        return await self._database.write(_delete_expired, now)


def _register(db: Connection, registration: Registration) -> bool:
    if _by_email(db, registration.email):
        return False
    db.execute(
        f"INSERT OR REPLACE INTO registrations ({_REGISTRATION}) VALUES (?, ?, ?, ?, ?, ?)",
        (
            registration.email,
            registration.username,
            registration.password_hash,
            registration.code_hash,
            registration.tries_left,
            registration.expires_at,
        ),
    )
    return True


def _take_try(db: Connection, email: str) -> Registration | None:
    row = db.execute(f"SELECT {_REGISTRATION} FROM registrations WHERE email = ?", (email,)).fetchone()
    if row is None:
        return None
    db.execute("UPDATE registrations SET tries_left = tries_left - 1 WHERE email = ? AND tries_left > 0", (email,))
    return Registration(*row)


def _confirm(db: Connection, registration: Registration, user: User) -> bool:
    if _by_email(db, user.email):
        return False
    confirmed = db.execute(
        "DELETE FROM registrations WHERE email = ? AND code_hash = ?", (registration.email, registration.code_hash)
    )
    if not confirmed.rowcount:
        return False
    db.execute(
        "INSERT INTO users (user_id, email, username, password_hash, created_at, disabled) VALUES (?, ?, ?, ?, ?, ?)",
        (user.user_id, user.email, user.username, user.password_hash, user.created_at, user.disabled),
    )
    return True


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
    rows = db.execute(
        f"SELECT {_REGISTRATION} FROM registrations WHERE email > ? ORDER BY email LIMIT ?", (after, at_most)
    )
    return [Registration(*row) for row in rows]


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
    return end_sessions(db, user_id, keep_session_id)


def _change(db: Connection, user_id: str, column: str, value: object) -> list[str] | None:
    """A change of a user that no session outlives."""
    changed = db.execute(f"UPDATE users SET {column} = ? WHERE user_id = ?", (value, user_id))
    return end_sessions(db, user_id) if changed.rowcount else None


def _enable(db: Connection, user_id: str) -> bool:
    return db.execute("UPDATE users SET disabled = 0 WHERE user_id = ?", (user_id,)).rowcount > 0


def _delete(db: Connection, user_id: str) -> bool:
    db.execute("DELETE FROM registrations WHERE email = (SELECT email FROM users WHERE user_id = ?)", (user_id,))
    for table in ("members", "bans", "sessions"):
        db.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
    return db.execute("DELETE FROM users WHERE user_id = ?", (user_id,)).rowcount > 0


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM registrations WHERE expires_at <= ?", (now,)).rowcount
