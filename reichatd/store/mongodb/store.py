"""The MongoDB store as a whole."""

from typing import TYPE_CHECKING

from pymongo.errors import OperationFailure

from reichatd.settings import DEFAULT_DATABASE, MongoDBSettings
from reichatd.store.errors import FailureCounter, StoreError
from reichatd.store.mongodb import schema
from reichatd.store.mongodb.load import MongoBulkImport
from reichatd.store.mongodb.messages import MongoMessages
from reichatd.store.mongodb.rooms import MongoRooms
from reichatd.store.mongodb.server import THREADS, MongoDatabase, MongoServer, connect, hosts
from reichatd.store.mongodb.sessions import MongoSessions
from reichatd.store.mongodb.users import MongoUsers
from reichatd.store.records import Totals
from reichatd.store.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from reichatd.store.bulk import BulkImport
    from reichatd.store.protocol import MessageStore, RoomStore, SessionStore, UserStore


_COMPACT_SECONDS = 3600.0
_UNAUTHORIZED = {13, 8000}
"""The server's codes for a user who may not do this; the second one is Atlas's."""


async def open_store(settings: MongoDBSettings) -> "MongoStore":
    """Opens the store in a database of a MongoDB server, and brings its schema up to date.

    To be called from the event loop; waits for worker threads, three times `settings.timeout_seconds` at the very most.
    Several daemons may do this at once.

    Errors: StoreUnavailable (no answer, login refused), StoreError (a URI that is none, another program's database),
        NewerSchema. Each is one line that names the hosts and no password.
    """
    where = hosts(settings.uri)
    hop = WorkerThreads(THREADS, where, FailureCounter())
    server = MongoServer(await hop.run(connect, settings, where), hop)
    try:
        if not settings.database:
            await server.run(_refuse_to_leave_a_store)
        await server.run(schema.migrate)
    except BaseException:
        await server.aclose()
        raise
    return MongoStore(server)


def _refuse_to_leave_a_store(db: MongoDatabase) -> None:
    """Up to 2.0 a database in the URI was ignored: an upgrade must not begin an empty store beside the one that there is.

    Errors: StoreError.
    """
    name = db.database.name
    if name == DEFAULT_DATABASE or db.meta.find_one({"_id": schema.META_ID}) is not None:
        return
    try:
        former = db.database.client[DEFAULT_DATABASE]["meta"].find_one({"_id": schema.META_ID})
    except OperationFailure as error:
        if error.code in _UNAUTHORIZED:
            return  # a user who may not read there has no store there
        raise
    if former is not None:
        raise StoreError(
            f"{db.where} has no store in the database {name}, which the URI names, but one in {DEFAULT_DATABASE}, where it was "
            f"kept so far: name {DEFAULT_DATABASE} in the URI (with authSource={name} if its user is kept there), or set "
            f'storage.mongodb.database = "{name}" to begin with an empty store'
        )


class MongoStore:
    """A `Store`; made by `open_store`."""

    def __init__(self, server: MongoServer) -> None:
        self.users: UserStore = MongoUsers(server)
        self.sessions: SessionStore = MongoSessions(server)
        self.rooms: RoomStore = MongoRooms(server)
        self.messages: MessageStore = MongoMessages(server)
        self.faults = server.faults
        self.arrivals: BulkImport = MongoBulkImport(server)
        self._server = server

    async def ping(self) -> None:
        await self._server.run(_read_something)

    async def totals(self) -> Totals:
        return await self._server.run(_totals)

    async def reclaim(self) -> int:
        return 0  # WiredTiger keeps the space for what comes next, until it is told to `compact`

    async def compact(self) -> int:
        return await self._server.run_for(_COMPACT_SECONDS, _compact)

    async def aclose(self) -> None:
        await self._server.aclose()


def _compact(db: MongoDatabase) -> int:
    # `force`: on a primary too, which refuses otherwise. Since MongoDB 4.4 it holds up neither reads nor writes.
    answer = db.database.command("compact", db.messages.name, force=True)
    return int(answer.get("bytesFreed", 0))


def _read_something(db: MongoDatabase) -> None:
    db.rooms.find_one({}, {"_id": 1})


def _totals(db: MongoDatabase) -> Totals:
    # As the server keeps count, wherever to count the documents it would read many.
    return Totals(
        users=db.users.estimated_document_count(),
        # By the index of those that expire: documents without any are left for a while.
        registrations=db.registrations.count_documents({"pending.expires_at": {"$gt": 0}}),
        sessions=db.sessions.estimated_document_count(),
        rooms=db.rooms.estimated_document_count(),
        messages=db.messages.estimated_document_count(),
        bytes=int(db.database.command("dbStats")["totalSize"]),
    )
