"""Login sessions in SQLite. What the methods do is written at `reichatd.store.protocol.Sessions`."""

from reichatd.store.records import Session, User
from reichatd.store.sqlite.database import Connection, Database

_SESSION = "session_id, user_id, refresh_hash, created_at, expires_at"


class SqliteSessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, session: Session) -> None:
        await self._database.write(_create, session)

    async def get(self, session_id: str) -> tuple[Session, User] | None:
        return await self._database.read(_get, session_id)

    async def by_refresh_hash(self, refresh_hash: str) -> Session | None:
        return await self._database.read(_by_refresh_hash, refresh_hash)

    async def end(self, session_id: str) -> bool:
        return await self._database.write(_end, session_id)

    async def delete_expired(self, now: float) -> int:
        return await self._database.write(_delete_expired, now)


def _create(db: Connection, session: Session) -> None:
    # Created again is created: a caller that was told of a fault may have had its way.
    db.execute(
        f"INSERT INTO sessions ({_SESSION}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (session_id) DO NOTHING",
        (session.session_id, session.user_id, session.refresh_hash, session.created_at, session.expires_at),
    )


def _get(db: Connection, session_id: str) -> tuple[Session, User] | None:
    row = db.execute(
        "SELECT s.session_id, s.user_id, s.refresh_hash, s.created_at, s.expires_at,"
        " u.user_id, u.email, u.username, u.password_hash, u.created_at"
        " FROM sessions AS s JOIN users AS u ON u.user_id = s.user_id WHERE s.session_id = ?",
        (session_id,),
    ).fetchone()
    return (Session(*row[:5]), User(*row[5:])) if row else None


def _by_refresh_hash(db: Connection, refresh_hash: str) -> Session | None:
    row = db.execute(f"SELECT {_SESSION} FROM sessions WHERE refresh_hash = ?", (refresh_hash,)).fetchone()
    return Session(*row) if row else None


def _end(db: Connection, session_id: str) -> bool:
    return db.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,)).rowcount > 0


def _delete_expired(db: Connection, now: float) -> int:
    return db.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,)).rowcount
