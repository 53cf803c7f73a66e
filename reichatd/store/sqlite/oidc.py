"""Accounts at an OpenID provider in SQLite. What the methods do is said at `reichatd.store.protocol.OidcStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import OidcAccount, User
from reichatd.store.sqlite.methods import SqlitePart, read, write
from reichatd.store.sqlite.sessions import USER, user_of


def _link(db: Connection, account: OidcAccount) -> str | None:
    if not db.execute("SELECT 1 FROM users WHERE user_id = ?", (account.user_id,)).fetchone():
        return None
    db.execute(
        "INSERT INTO oidc_accounts (issuer, subject, user_id) VALUES (?, ?, ?) ON CONFLICT (issuer, subject) DO NOTHING",
        astuple(account),
    )
    of_account = "SELECT user_id FROM oidc_accounts WHERE issuer = ? AND subject = ?"
    user_id: str = db.execute(of_account, (account.issuer, account.subject)).fetchone()[0]
    return user_id


def _unlink(db: Connection, user_id: str, issuer: str) -> bool:
    return db.execute("DELETE FROM oidc_accounts WHERE user_id = ? AND issuer = ?", (user_id, issuer)).rowcount > 0


def _user_of(db: Connection, issuer: str, subject: str) -> User | None:
    row = db.execute(
        f"SELECT {USER} FROM oidc_accounts AS a JOIN users AS u ON u.user_id = a.user_id"
        " WHERE a.issuer = ? AND a.subject = ?",
        (issuer, subject),
    ).fetchone()
    return user_of(row) if row else None


def _of_user(db: Connection, user_id: str) -> list[OidcAccount]:
    rows = db.execute(
        "SELECT issuer, subject, user_id FROM oidc_accounts WHERE user_id = ? ORDER BY issuer, subject", (user_id,)
    )
    return [OidcAccount(*row) for row in rows]


class SqliteOidc(SqlitePart):
    """An `OidcStore`."""

    link = write(_link)
    unlink = write(_unlink)
    user_of = read(_user_of)
    of_user = read(_of_user)
