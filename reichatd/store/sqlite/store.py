"""The SQLite store: opens the file, and puts the parts together."""

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING

import trio

from reichatd.rate_limits import Counts, MemoryCounts
from reichatd.store.bounds import LAST_ID
from reichatd.store.records import LogHead, Totals
from reichatd.store.sqlite import space
from reichatd.store.sqlite.app_passwords import SqliteAppPasswords
from reichatd.store.sqlite.audit import SqliteAudit
from reichatd.store.sqlite.blocks import SqliteBlocks
from reichatd.store.sqlite.daemons import SqliteDaemons
from reichatd.store.sqlite.database import SqliteDatabase
from reichatd.store.sqlite.directs import SqliteDirects
from reichatd.store.sqlite.email_changes import SqliteEmailChanges
from reichatd.store.sqlite.erasures import SqliteErasures
from reichatd.store.sqlite.invites import SqliteInvites
from reichatd.store.sqlite.load import SqliteBulkImport
from reichatd.store.sqlite.members import SqliteMembers
from reichatd.store.sqlite.messages import SqliteMessages
from reichatd.store.sqlite.oidc import SqliteOidc
from reichatd.store.sqlite.rooms import SqliteRooms
from reichatd.store.sqlite.second_factors import SqliteSecondFactors
from reichatd.store.sqlite.sessions import SqliteSessions
from reichatd.store.sqlite.tickets import MemoryTickets
from reichatd.store.sqlite.users import SqliteUsers

if TYPE_CHECKING:
    from reichatd.store.bulk import BulkImport
    from reichatd.store.feed import Tell, Wants
    from reichatd.store.protocol import (
        AppPasswordStore,
        AuditStore,
        BlockStore,
        DaemonStore,
        DirectStore,
        EmailChangeStore,
        ErasureStore,
        InviteStore,
        MemberStore,
        MessageStore,
        OidcStore,
        RoomStore,
        SecondFactorStore,
        SessionStore,
        TicketStore,
        UserStore,
    )


async def open_store(path: Path, *, readers: int = 4) -> "SqliteStore":
    """Opens the store in the file at `path`, creates it if there is none, and brings its schema up to date.

    A missing directory is created with mode 0700, a missing file with 0600; existing ones keep their mode. To be called from the
    event loop; waits for a worker thread.

    Arguments:
        readers: how many reads may run at once, beside the one writer.

    Errors: StoreUnavailable or StoreError (a directory that cannot be created; a file that is no database, is read-only, or is
        another program's), NewerSchema. Each names the path in one line; a file of another program is not changed.
    """
    return SqliteStore(await trio.to_thread.run_sync(SqliteDatabase, path, readers))


class SqliteStore:
    """A `Store`; made by `open_store`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.users: UserStore = SqliteUsers(database)
        self.sessions: SessionStore = SqliteSessions(database)
        self.second_factors: SecondFactorStore = SqliteSecondFactors(database)
        self.app_passwords: AppPasswordStore = SqliteAppPasswords(database)
        self.oidc: OidcStore = SqliteOidc(database)
        self.rooms: RoomStore = SqliteRooms(database)
        self.members: MemberStore = SqliteMembers(database)
        self.messages: MessageStore = SqliteMessages(database)
        self.directs: DirectStore = SqliteDirects(database)
        self.blocks: BlockStore = SqliteBlocks(database)
        self.invites: InviteStore = SqliteInvites(database)
        self.email_changes: EmailChangeStore = SqliteEmailChanges(database)
        self.erasures: ErasureStore = SqliteErasures(database)
        self.audit: AuditStore = SqliteAudit(database)
        self.daemons: DaemonStore = SqliteDaemons(database)
        self.tickets: TicketStore = MemoryTickets()
        self.caution = ""
        self.failures = database.failures
        self.counts: Counts = MemoryCounts()  # one daemon has the file
        self.bulk_import: BulkImport = SqliteBulkImport(database)
        self._database = database

    async def ping(self) -> None:
        await self._database.check()

    async def totals(self) -> Totals:
        return await self._database.scan(count, self._database.files)

    async def reclaim(self) -> int:
        return await self._database.maintain(space.shrink)

    async def compact(self) -> int:
        return 0  # `reclaim` frees everything

    async def follow(
        self, wants: "Wants", tell: "Tell", *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        task_status.started()  # one daemon has the file

    async def heads(self, log_keys: Sequence[str]) -> dict[str, LogHead]:
        return {}  # the logs have no keys

    async def aclose(self) -> None:
        await self._database.aclose()


def count(db: Connection, files: Sequence[Path]) -> Totals:
    """How much is in the store that consists of these files. Works with every schema version."""
    users, registrations, sessions, rooms = (
        db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("users", "(SELECT DISTINCT email FROM registrations)", "sessions", "rooms")
    )
    # The ids of a log have no gap, so its first and last id tell the number of messages. Counting would read them all.
    of_room = "FROM messages AS m WHERE m.id BETWEEN r.pk << 32 AND r.pk << 32 | ?1"
    (messages,) = db.execute(
        f"SELECT coalesce(sum((SELECT max(m.id) {of_room}) - (SELECT min(m.id) {of_room}) + 1), 0) FROM rooms AS r",
        (LAST_ID,),
    ).fetchone()
    size = sum(file.stat().st_size for file in files if file.exists())
    return Totals(users, registrations, sessions, rooms, messages, size)
