"""Registrations and users in SQLite. What the methods do is written at `reichatd.store.protocol.Users`."""

from reichatd.store.records import Registration, User
from reichatd.store.sqlite.database import Connection, Database

_REGISTRATION = "email, username, password_hash, code_hash, tries_left, expires_at"
_USER = "user_id, email, username, password_hash, created_at"


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

    async def by_email(self, email: str) -> User | None:
        return await self._database.read(_by_email, email)

    async def rename(self, user_id: str, username: str) -> bool:
        return await self._database.write(_rename, user_id, username)

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        return await self._database.write(_change_password, user_id, old_hash, new_hash, keep_session_id)

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
        f"INSERT INTO users ({_USER}) VALUES (?, ?, ?, ?, ?)",
        (user.user_id, user.email, user.username, user.password_hash, user.created_at),
    )
    return True


def _by_id(db: Connection, user_id: str) -> User | None:
    row = db.execute(f"SELECT {_USER} FROM users WHERE user_id = ?", (user_id,)).fetchone()
    return User(*row) if row else None


def _by_email(db: Connection, email: str) -> User | None:
    row = db.execute(f"SELECT {_USER} FROM users WHERE email = ?", (email,)).fetchone()
    return User(*row) if row else None


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
    others = "FROM sessions WHERE user_id = ? AND session_id <> ?"
    ended = [session_id for (session_id,) in db.execute(f"SELECT session_id {others}", (user_id, keep_session_id))]
    db.execute(f"DELETE {others}", (user_id, keep_session_id))
    return ended


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM registrations WHERE expires_at <= ?", (now,)).rowcount
