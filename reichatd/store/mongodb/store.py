"""The MongoDB store: opens the database, and puts the parts together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio
from pymongo.errors import OperationFailure

from reichatd.settings import DEFAULT_DATABASE, MongoDBSettings
from reichatd.store.errors import FailureCounter, StoreError
from reichatd.store.mongodb import schema
from reichatd.store.mongodb.app_passwords import MongoAppPasswords
from reichatd.store.mongodb.audit import MongoAudit
from reichatd.store.mongodb.blocks import MongoBlocks
from reichatd.store.mongodb.counts import MongoCounts
from reichatd.store.mongodb.daemons import MongoDaemons
from reichatd.store.mongodb.directs import MongoDirects
from reichatd.store.mongodb.email_changes import MongoEmailChanges
from reichatd.store.mongodb.erasures import MongoErasures
from reichatd.store.mongodb.feed import MongoFeed
from reichatd.store.mongodb.heads import heads
from reichatd.store.mongodb.invites import MongoInvites
from reichatd.store.mongodb.load import MongoBulkImport
from reichatd.store.mongodb.members import MongoMembers
from reichatd.store.mongodb.messages import MongoMessages
from reichatd.store.mongodb.oidc import MongoOidc
from reichatd.store.mongodb.rooms import MongoRooms
from reichatd.store.mongodb.second_factors import MongoSecondFactors
from reichatd.store.mongodb.server import THREADS, MongoDatabase, MongoServer, connect, hosts
from reichatd.store.mongodb.sessions import MongoSessions
from reichatd.store.mongodb.tickets import MongoTickets
from reichatd.store.mongodb.users import MongoUsers
from reichatd.store.records import LogHead, Totals
from reichatd.store.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from reichatd.rate_limits import Counts
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


_COMPACT_SECONDS = 3600.0
_MIGRATION_SECONDS = 3600.0
"""A new index of the messages takes about a minute for each ten million of them."""
_UNAUTHORIZED = {13, 8000}
"""The server's codes for a user without the right to do this; the second one is Atlas's."""


async def open_store(settings: MongoDBSettings) -> "MongoStore":
    """Opens the store in a database of a MongoDB server, and brings its schema up to date.

    To be called from the event loop; waits for worker threads, for three times `settings.timeout_seconds` at most, or for as long
    as the server needs to make new indexes. Several daemons may do this at once.

    Errors: StoreUnavailable (no answer, login refused), StoreError (an invalid URI, another program's database), NewerSchema. Each
        text is one line that names the hosts and no password.
    """
    where = hosts(settings.uri)
    threads = WorkerThreads(THREADS, where, FailureCounter())
    server = MongoServer(await threads.run(connect, settings, where), threads)
    try:
        if not settings.database:
            await server.run(_refuse_to_leave_a_store)
        if not await server.run(schema.is_current):
            await server.run_for(_MIGRATION_SECONDS, schema.migrate)
    except BaseException:
        await server.aclose()
        raise
    return MongoStore(server, settings)


def _refuse_to_leave_a_store(db: MongoDatabase) -> None:
    """Raises StoreError if an upgrade would create an empty store beside the existing one.

    Up to version 2.0 a database in the URI was ignored.
    """
    name = db.database.name
    if name == DEFAULT_DATABASE or db.meta.find_one({"_id": schema.META_ID}) is not None:
        return
    try:
        former = db.database.client[DEFAULT_DATABASE]["meta"].find_one({"_id": schema.META_ID})
    except OperationFailure as error:
        if error.code in _UNAUTHORIZED:
            return  # a user who may not read that database has no store in it
        raise
    if former is not None:
        raise StoreError(
            f"{db.where} has no store in the database {name}, which the URI names, but one in {DEFAULT_DATABASE}, which earlier "
            f"versions used: name {DEFAULT_DATABASE} in the URI (with authSource={name} if its user is defined there), or set "
            f'storage.mongodb.database = "{name}" to begin with an empty store'
        )


class MongoStore:
    """A `Store`; made by `open_store`."""

    def __init__(self, server: MongoServer, settings: MongoDBSettings) -> None:
        self.users: UserStore = MongoUsers(server)
        self.sessions: SessionStore = MongoSessions(server)
        self.second_factors: SecondFactorStore = MongoSecondFactors(server)
        self.app_passwords: AppPasswordStore = MongoAppPasswords(server)
        self.oidc: OidcStore = MongoOidc(server)
        self.rooms: RoomStore = MongoRooms(server)
        self.members: MemberStore = MongoMembers(server)
        self.messages: MessageStore = MongoMessages(server)
        self.directs: DirectStore = MongoDirects(server)
        self.blocks: BlockStore = MongoBlocks(server)
        self.invites: InviteStore = MongoInvites(server)
        self.email_changes: EmailChangeStore = MongoEmailChanges(server)
        self.erasures: ErasureStore = MongoErasures(server)
        self.audit: AuditStore = MongoAudit(server)
        self.daemons: DaemonStore = MongoDaemons(server)
        self.tickets: TicketStore = MongoTickets(server)
        self.caution = server.caution
        self.failures = server.failures
        self.counts: Counts = MongoCounts(server)
        self.bulk_import: BulkImport = MongoBulkImport(server)
        self._server = server
        self._settings = settings

    async def ping(self) -> None:
        await self._server.run(_read_something)

    async def totals(self) -> Totals:
        return await self._server.run(_totals)

    async def reclaim(self) -> int:
        return 0  # WiredTiger keeps the space for new data until `compact`

    async def compact(self) -> int:
        return await self._server.run_for(_COMPACT_SECONDS, _compact)

    async def follow(
        self, wants: "Wants", tell: "Tell", *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        if self._server.db.standalone:
            task_status.started()
        else:
            await MongoFeed(self._server.db, self._settings, wants, tell).run(task_status)

    async def heads(self, log_keys: Sequence[str]) -> dict[str, LogHead]:
        return await self._server.run(heads, log_keys)

    async def aclose(self) -> None:
        await self._server.aclose()


def _compact(db: MongoDatabase) -> int:
    # `force`: without it a primary refuses. Since MongoDB 4.4 compact blocks neither reads nor writes.
    answer = db.database.command("compact", db.messages.name, force=True)
    return int(answer.get("bytesFreed", 0))


def _read_something(db: MongoDatabase) -> None:
    db.rooms.find_one({}, {"_id": 1})


def _totals(db: MongoDatabase) -> Totals:
    # The server's own counts where possible: counting the documents would read many of them.
    return Totals(
        users=db.users.estimated_document_count(),
        # Counts by an index, so that documents without a pending registration, which are kept for a while, do not count.
        registrations=db.registrations.count_documents({"pending.expires_at": {"$gt": 0}}),
        sessions=db.sessions.estimated_document_count(),
        rooms=db.rooms.estimated_document_count(),
        messages=db.messages.estimated_document_count(),
        bytes=int(db.database.command("dbStats")["totalSize"]),
    )
