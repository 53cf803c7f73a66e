"""Login sessions in SQLite. What the methods do is said at `reichatd.store.protocol.SessionStore`."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from msgspec.structs import astuple

from reichatd.store.records import RotateOutcome, Session, User
from reichatd.store.sqlite.methods import SqlitePart, read, write

USER = "u.user_id, u.email, u.username, u.password_hash, u.created_at, u.disabled"
"""The columns of `user_of`."""

_FIELDS = Session.__struct_fields__
_SESSION = ", ".join(f"s.{name}" for name in _FIELDS)
_LIVING = "FROM sessions AS s JOIN users AS u ON u.user_id = s.user_id AND NOT u.disabled"


def user_of(row: tuple[Any, ...]) -> User:
    user_id, email, username, password_hash, created_at, disabled = row
    return User(user_id, email, username, password_hash, created_at, bool(disabled))


def end_sessions(db: Connection, user_id: str) -> list[str]:
    """Ends all sessions of a user, and returns their ids."""
    return _end_those(db, "user_id = ?", user_id)


def end_other_logins(db: Connection, user_id: str, keep_session_id: str) -> list[str]:
    """Ends the login sessions of a user except one, and returns their ids. Tokens for programs stay valid."""
    return _end_those(db, "user_id = ? AND token_name IS NULL AND session_id <> ?", user_id, keep_session_id)


def end_sessions_of_app_password(db: Connection, app_password_id: str) -> list[str]:
    """Ends the sessions that were begun with an app password, and returns their ids."""
    return _end_those(db, "app_password_id <> '' AND app_password_id = ?", app_password_id)


def _end_those(db: Connection, condition: str, *values: str) -> list[str]:
    chosen = f"FROM sessions WHERE {condition}"
    ended = [session_id for (session_id,) in db.execute(f"SELECT session_id {chosen}", values)]
    db.execute(f"DELETE {chosen}", values)
    return ended


def _create(db: Connection, session: Session) -> None:
    # A repetition succeeds: an earlier call may have created the session although it ended in an error.
    db.execute(
        f"INSERT INTO sessions ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})"
        " ON CONFLICT (session_id) DO NOTHING",
        astuple(session),
    )


def _create_token(db: Connection, session: Session, at_most: int) -> bool:
    tokens = "FROM sessions WHERE user_id = ? AND token_name IS NOT NULL AND session_id <> ?"
    (others,) = db.execute(f"SELECT count(*) {tokens}", (session.user_id, session.session_id)).fetchone()
    if others >= at_most:
        return False
    _create(db, session)
    return True


def _get(db: Connection, session_id: str) -> tuple[Session, User] | None:
    row = db.execute(f"SELECT {_SESSION}, {USER} {_LIVING} WHERE s.session_id = ?", (session_id,)).fetchone()
    return (Session(*row[: len(_FIELDS)]), user_of(row[len(_FIELDS) :])) if row else None


def _by_refresh_hash(db: Connection, refresh_hash: str) -> Session | None:
    row = db.execute(f"SELECT {_SESSION} {_LIVING} WHERE s.refresh_hash = ?", (refresh_hash,)).fetchone()
    return Session(*row) if row else None


def _living(db: Connection, session_ids: Sequence[str]) -> set[str]:
    return {session_id for session_id in session_ids if _get(db, session_id)}


def _of_user(db: Connection, user_id: str) -> list[Session]:
    rows = db.execute(
        f"SELECT {_SESSION} {_LIVING} WHERE s.user_id = ? ORDER BY s.created_at, s.session_id", (user_id,)
    )
    return [Session(*row) for row in rows]


def _is_known_network(db: Connection, email: str, network: str) -> bool:
    found = db.execute(f"SELECT 1 {_LIVING} WHERE u.email = ? AND s.network = ? LIMIT 1", (email, network)).fetchone()
    return found is not None


def _end(db: Connection, session_id: str) -> bool:
    return db.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,)).rowcount > 0


def _end_some(db: Connection, user_id: str, session_ids: Sequence[str]) -> list[str]:
    ending = "DELETE FROM sessions WHERE session_id = ? AND user_id = ?"
    return [session_id for session_id in session_ids if db.execute(ending, (session_id, user_id)).rowcount]


def _end_all(db: Connection, user_id: str) -> list[str] | None:
    known = db.execute("SELECT 1 FROM users WHERE user_id = ?", (user_id,)).fetchone()
    return end_sessions(db, user_id) if known else None


def _rotate(db: Connection, session_id: str, generation: int, now: float, grace: float) -> RotateOutcome:
    row = db.execute("SELECT generation, rotated_at FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if row is None:
        return RotateOutcome.ENDED
    current, rotated_at = row
    if generation >= current:
        db.execute(
            "UPDATE sessions SET generation = ?, rotated_at = ? WHERE session_id = ?", (generation + 1, now, session_id)
        )
        return RotateOutcome.ROTATED
    if generation == current - 1 and now - rotated_at <= grace:
        return RotateOutcome.REPEATED
    _end(db, session_id)
    return RotateOutcome.REUSED


def _used(db: Connection, last_uses: Mapping[str, float]) -> None:
    db.executemany(
        "UPDATE sessions SET used_at = ? WHERE session_id = ?",
        [(used_at, session_id) for session_id, used_at in last_uses.items()],
    )


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,)).rowcount


class SqliteSessions(SqlitePart):
    """A `SessionStore`."""

    create = write(_create)
    create_token = write(_create_token)
    get = read(_get)
    by_refresh_hash = read(_by_refresh_hash)
    living = read(_living)
    of_user = read(_of_user)
    is_known_network = read(_is_known_network)
    end = write(_end)
    end_some = write(_end_some)
    end_all = write(_end_all)
    rotate = write(_rotate)
    used = write(_used)
    delete_expired = write(_delete_expired)
