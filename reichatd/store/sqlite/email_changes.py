"""Changes of e-mail addresses in SQLite. What the methods do is said at `reichatd.store.protocol.EmailChangeStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import EmailChange
from reichatd.store.sqlite.methods import SqlitePart, write

_FIELDS = EmailChange.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)


def _put(db: Connection, change: EmailChange) -> None:
    db.execute(
        f"INSERT OR REPLACE INTO email_changes ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})", astuple(change)
    )


def _take_try(db: Connection, user_id: str) -> EmailChange | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM email_changes WHERE user_id = ?", (user_id,)).fetchone()
    db.execute("UPDATE email_changes SET tries_left = tries_left - 1 WHERE user_id = ? AND tries_left > 0", (user_id,))
    return EmailChange(*row) if row else None


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM email_changes WHERE expires_at <= ?", (now,)).rowcount


class SqliteEmailChanges(SqlitePart):
    """An `EmailChangeStore`."""

    put = write(_put)
    take_try = write(_take_try)
    delete_expired = write(_delete_expired)
