"""Second factors in SQLite. What the methods do is said at `reichatd.store.protocol.SecondFactorStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import Totp
from reichatd.store.sqlite.methods import SqlitePart, read, write

_FIELDS = ", ".join(Totp.__struct_fields__)


def _get(db: Connection, user_id: str) -> Totp | None:
    row = db.execute(f"SELECT {_FIELDS} FROM totp WHERE user_id = ?", (user_id,)).fetchone()
    if row is None:
        return None
    user_id, secret, confirmed, last_step, recovery = row
    return Totp(user_id, secret, bool(confirmed), last_step, recovery)


def _begin(db: Connection, totp: Totp) -> bool:
    stored = db.execute(
        f"INSERT INTO totp ({_FIELDS}) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret WHERE NOT confirmed",
        astuple(totp),
    )
    return stored.rowcount > 0


def _confirm(db: Connection, totp: Totp) -> bool:
    confirmed = db.execute(
        "UPDATE totp SET confirmed = 1, last_step = ?, recovery = ? WHERE user_id = ? AND secret = ? AND NOT confirmed",
        (totp.last_step, totp.recovery, totp.user_id, totp.secret),
    )
    return confirmed.rowcount > 0


def _use_step(db: Connection, user_id: str, step: int) -> bool:
    used = db.execute(
        "UPDATE totp SET last_step = ? WHERE user_id = ? AND confirmed AND last_step < ?", (step, user_id, step)
    )
    return used.rowcount > 0


def _use_recovery(db: Connection, user_id: str, code_hash: str) -> bool:
    row = db.execute("SELECT recovery FROM totp WHERE user_id = ? AND confirmed", (user_id,)).fetchone()
    unused: list[str] = row[0].split() if row else []
    if code_hash not in unused:
        return False
    unused.remove(code_hash)
    db.execute("UPDATE totp SET recovery = ? WHERE user_id = ?", (" ".join(unused), user_id))
    return True


def _delete(db: Connection, user_id: str) -> bool:
    return db.execute("DELETE FROM totp WHERE user_id = ?", (user_id,)).rowcount > 0


class SqliteSecondFactors(SqlitePart):
    """A `SecondFactorStore`."""

    get = read(_get)
    begin = write(_begin)
    confirm = write(_confirm)
    use_step = write(_use_step)
    use_recovery = write(_use_recovery)
    delete = write(_delete)
