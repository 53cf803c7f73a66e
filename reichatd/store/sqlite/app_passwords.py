"""App passwords in SQLite. What the methods do is said at `reichatd.store.protocol.AppPasswordStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import AppPassword
from reichatd.store.sqlite.methods import SqlitePart, read, write
from reichatd.store.sqlite.sessions import end_sessions_of_app_password

_FIELDS = ", ".join(AppPassword.__struct_fields__)


def _create(db: Connection, app_password: AppPassword, at_most: int) -> bool:
    (there,) = db.execute("SELECT count(*) FROM app_passwords WHERE user_id = ?", (app_password.user_id,)).fetchone()
    if there >= at_most:
        return False
    db.execute(f"INSERT INTO app_passwords ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?)", astuple(app_password))
    return True


def _of_user(db: Connection, user_id: str) -> list[AppPassword]:
    rows = db.execute(
        f"SELECT {_FIELDS} FROM app_passwords WHERE user_id = ? ORDER BY created_at, app_password_id", (user_id,)
    )
    return [AppPassword(*row) for row in rows]


def _by_hash(db: Connection, user_id: str, password_hash: str) -> AppPassword | None:
    row = db.execute(
        f"SELECT {_FIELDS} FROM app_passwords WHERE user_id = ? AND password_hash = ?", (user_id, password_hash)
    ).fetchone()
    return AppPassword(*row) if row else None


def _used(db: Connection, app_password_id: str, now: float) -> bool:
    used = db.execute("UPDATE app_passwords SET used_at = ? WHERE app_password_id = ?", (now, app_password_id))
    return used.rowcount > 0


def _delete(db: Connection, user_id: str, app_password_id: str) -> list[str] | None:
    deleted = db.execute(
        "DELETE FROM app_passwords WHERE app_password_id = ? AND user_id = ?", (app_password_id, user_id)
    )
    return end_sessions_of_app_password(db, app_password_id) if deleted.rowcount else None


class SqliteAppPasswords(SqlitePart):
    """An `AppPasswordStore`."""

    create = write(_create)
    of_user = read(_of_user)
    by_hash = read(_by_hash)
    used = write(_used)
    delete = write(_delete)
