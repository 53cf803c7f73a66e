"""The one daemon that has the file, and the fingerprint of its secret; see `DaemonStore`."""

from sqlite3 import Connection

from reichatd.store.records import Daemon, Lease, Leased, RunningDaemon
from reichatd.store.sqlite.methods import SqlitePart, write
from reichatd.store.sqlite.schema import MIGRATIONS


def _fingerprint(db: Connection, offered: str) -> str:
    has_users = "EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM registrations)"
    # Without users nothing depends on the former secret.
    db.execute(f"DELETE FROM secret WHERE NOT ({has_users})")
    db.execute("INSERT INTO secret (fingerprint) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secret)", (offered,))
    (found,) = db.execute("SELECT fingerprint FROM secret").fetchone()
    return str(found)


def _replace_fingerprint(db: Connection, fingerprint: str) -> None:
    db.execute("DELETE FROM secret")
    db.execute("INSERT INTO secret (fingerprint) VALUES (?)", (fingerprint,))


class SqliteDaemons(SqlitePart):
    """A `DaemonStore`. Other processes do not see the daemon here; they find it by its control socket."""

    is_exclusive = False
    fingerprint = write(_fingerprint)
    replace_fingerprint = write(_replace_fingerprint)
    _daemon: Daemon | None = None

    async def beat(self, daemon: Daemon, seconds: float) -> None:
        self._daemon = daemon

    async def running(self) -> list[RunningDaemon]:
        return [] if self._daemon is None else [RunningDaemon(self._daemon, len(MIGRATIONS), 0.0, is_keeper=True)]

    async def leave(self, daemon_id: str) -> None:
        self._daemon = None

    async def lease(self, what: Leased, daemon_id: str, seconds: float) -> Lease:
        return Lease(daemon_id, 0)
