"""The connection to the server: its collections, its threads, its time limits and its guarantees."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import pymongo
import trio
from pymongo import DeleteMany, DeleteOne, UpdateOne
from pymongo.errors import ConfigurationError, OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from reichatd.settings import MongoDBSettings
from reichatd.store.errors import StoreError, StoreUnavailable
from reichatd.store.mongodb.ends import DurableEnds
from reichatd.store.mongodb.error_mapping import map_errors
from reichatd.store.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession
    from pymongo.collection import Collection

THREADS = 16
"""Calls that may be under way at once."""

PAGE = 1000
"""Documents in one answer of the server; by default the first answer has 101."""

_APP_NAME = "reichatd"
"""The name of the daemons on the server."""

_PROMPT = {"heartbeatFrequencyMS": 1000, "connectTimeoutMS": 3000}
"""When the driver gives up a server that says nothing any more: after the sum of both. Then all that waits for its answer fails,
and is tried again at the new primary as soon as there is one. By default that takes 30 seconds, and every operation meanwhile fails
only at the end of its time. The URI may set both."""

_MONGODB_5 = 13
"""The first version of the server's protocol with snapshots outside of transactions."""

Document = dict[str, Any]
Write = DeleteMany | DeleteOne | UpdateOne
P = ParamSpec("P")
T = TypeVar("T")


_transaction: ContextVar["ClientSession | None"] = ContextVar("_transaction", default=None)
"""The session of `MongoDatabase.atomically` in this thread."""


class MongoDatabase:
    """The collections, with the guarantees of every read and write.

    A write is answered when a majority of the replica set has it in the journal, and a read returns nothing less durable. A
    standalone server gives the first guarantee only: see `logs.settle`.
    """

    def __init__(self, client: pymongo.MongoClient[Document], settings: MongoDBSettings, where: str) -> None:
        self.where = where
        self.timeout = settings.timeout_seconds
        self._client = client
        self.database = client.get_database(
            settings.store_database,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern(w="majority", j=True),
        )
        hello = client.admin.command("hello")
        self.standalone = "setName" not in hello and hello.get("msg") != "isdbgrid"
        self._has_snapshots = not self.standalone and hello["maxWireVersion"] >= _MONGODB_5
        self.users: Collection[Document] = self.database["users"]
        self.registrations: Collection[Document] = self.database["registrations"]
        self.sessions: Collection[Document] = self.database["sessions"]
        self.rooms: Collection[Document] = self.database["rooms"]
        self.members: Collection[Document] = self.database["members"]
        self.bans: Collection[Document] = self.database["bans"]
        self.messages: Collection[Document] = self.database["messages"]
        self.graveyard: Collection[Document] = self.database["graveyard"]
        self.counts: Collection[Document] = self.database["counts"]
        self.standings: Collection[Document] = self.database["standings"]
        self.invites: Collection[Document] = self.database["invites"]
        self.blocks: Collection[Document] = self.database["blocks"]
        self.totp: Collection[Document] = self.database["totp"]
        self.app_passwords: Collection[Document] = self.database["app_passwords"]
        self.email_changes: Collection[Document] = self.database["email_changes"]
        self.oidc_accounts: Collection[Document] = self.database["oidc_accounts"]
        self.audit: Collection[Document] = self.database["audit"]
        self.erasures: Collection[Document] = self.database["erasures"]
        self.reactions: Collection[Document] = self.database["reactions"]
        self.tickets: Collection[Document] = self.database["tickets"]
        self.daemons: Collection[Document] = self.database["daemons"]
        self.leases: Collection[Document] = self.database["leases"]
        self.meta: Collection[Document] = self.database["meta"]
        self.ends = DurableEnds()
        self.by = secrets.randbits(30)
        """A number unlike those of other processes. Messages have it, and read marks (`keys.mark_by`): the server need not send to
        the feed of a process what it has written itself, which would be most of it."""
        self.require_ownership: Callable[[], None] = lambda: None
        """On a standalone server: raises StoreUnavailable if another daemon has taken the store from this one."""
        self._atomic = Lock()
        """Held by a step of `atomically`: those of one process would only make each other fail."""
        self._has_failed = False  # whether the last transaction failed; changed under `_atomic`

    @property
    def caution(self) -> str:
        """See `Store.caution`."""
        if not self.standalone:
            return ""
        return (
            f"{self.where} is a standalone server, which has no transactions: a second daemon on it is refused, since edits, "
            "deletions, reactions and pins would fail or get lost; run one daemon only, or make it a replica set (rs.initiate())"
        )

    def snapshot(self) -> "ClientSession | None":
        """A session whose reads all see one snapshot; None if the server has none. The caller ends it."""
        return self._client.start_session(snapshot=True) if self._has_snapshots else None

    def atomically(self, step: Callable[[], T]) -> T:
        """Runs a step in a transaction, again if one of another daemon came between; all of its reads see one snapshot.

        A standalone server has no transactions. There the step is only alone in this process, and if it fails, it may be half done.
        """
        with self._atomic:
            if self.standalone:
                self.require_ownership()
                return step()
            if self._has_failed:
                self._end_abandoned()
            with self._client.start_session() as session, session.bind(end_session=False):
                return self._in_transaction(session, step)

    def _in_transaction(self, session: "ClientSession", step: Callable[[], T]) -> T:
        token = _transaction.set(session)
        self._has_failed = True
        try:
            result = session.with_transaction(
                lambda _: step(), ReadConcern("snapshot"), WriteConcern(w="majority", j=True)
            )
        finally:
            _transaction.reset(token)
        self._has_failed = False
        return result

    def _end_abandoned(self) -> None:
        """Ends the transactions of daemons that were killed, or stand still.

        The server keeps them for a minute (transactionLifetimeLimitSeconds), and meanwhile refuses all others that change the same
        rooms. A daemon that goes on after all makes its changes in a new transaction.
        """
        idle = {
            "type": "idleSession",
            "appName": _APP_NAME,
            "transaction.timeInactiveMicros": {"$gt": self.timeout * 1_000_000},
        }
        with suppress(OperationFailure):  # not every server lets its users do this
            found = self._client.admin.aggregate([{"$currentOp": {}}, {"$match": idle}])
            if sessions := [{"id": each["lsid"]["id"]} for each in found]:
                self._client.admin.command("killSessions", sessions)

    def write_all(
        self, collection: "Collection[Document]", writes: "Sequence[Write]", *, is_last: bool = False
    ) -> None:
        """Makes the writes of a step of `atomically`, in no order.

        Arguments:
            is_last: whether to wait until these and all earlier ones are durable. A transaction does so at its end.
        """
        if not writes:
            return
        if self.standalone and not is_last:
            # The journal keeps the order, so that the last write waits for all.
            collection = collection.with_options(write_concern=WriteConcern(w=1))
        # The driver would add a write concern for each command, which a transaction refuses, if it only knew the bound session.
        collection.bulk_write(writes, ordered=False, session=_transaction.get())

    def close(self) -> None:
        # The driver ends its sessions on the server. Without a limit it would wait 30 s for a server that is down.
        with pymongo.timeout(self.timeout):
            self._client.close()


class MongoServer:
    """Runs steps against the database in worker threads, each within the time that the settings allow."""

    def __init__(self, db: MongoDatabase, threads: WorkerThreads) -> None:
        self.db = db
        """Only steps in `run` may read and write."""
        self._threads = threads
        self.standalone = db.standalone
        self.caution = db.caution
        self.failures = threads.failures

    async def run(self, step: Callable[Concatenate[MongoDatabase, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Waits for a free thread, runs `step(database, …)` there and returns its result.

        A step that has begun is finished, even if the caller is cancelled. Its answer comes within twice the time limit: once
        for the thread, once for the server.

        Errors: StoreUnavailable, StoreError.
        """
        return await self.run_for(self.db.timeout, lambda db: step(db, *args, **kwargs))

    async def run_for(self, seconds: float, step: Callable[[MongoDatabase], T]) -> T:
        """As `run`, for a step that may take `seconds`."""
        with trio.move_on_after(seconds):
            return await self._threads.run(self._guarded, seconds, step)
        error = StoreUnavailable(f"{self.db.where} is overloaded: no thread was free in {seconds:g} s")
        self.failures.count(error)
        raise error

    def _guarded(self, seconds: float, step: Callable[[MongoDatabase], T]) -> T:
        with map_errors(self.db.where), pymongo.timeout(seconds):
            return step(self.db)

    async def aclose(self) -> None:
        """Waits for running steps, then closes the connections."""
        await self._threads.aclose(self.db.close)


SETTING = "storage.mongodb.uri"
"""The setting that holds the URI of the store."""


def hosts(uri: str, source: str = SETTING) -> str:
    """The name of a server in messages: the hosts of the URI, and nothing else of it. The URI is from `source`.

    Errors: StoreError if it is not a MongoDB URI.
    """
    scheme, _, rest = uri.partition("://")
    credentials, _, rest = rest.rpartition("@")
    authority = rest.partition("/")[0].partition("?")[0]
    # With an unescaped "/" in a password the rest of it would look like a path, and its beginning like a host.
    if scheme not in ("mongodb", "mongodb+srv") or not authority or "/" in credentials:
        raise _not_a_uri(source)
    return f"MongoDB at {authority}"


def connect(settings: MongoDBSettings, where: str, options: Mapping[str, Any] | None = None) -> MongoDatabase:
    """Connects and logs in. Blocks, for `settings.timeout_seconds` at most.

    Arguments:
        options: of the driver's client, beside those of the URI.

    Errors: as `open_store`.
    """
    client = client_for(settings.uri, settings.timeout_seconds, options=options)
    try:
        with map_errors(where), pymongo.timeout(settings.timeout_seconds):
            return MongoDatabase(client, settings, where)
    except BaseException:
        client.close()
        raise


def client_for(
    uri: str, timeout: float, source: str = SETTING, options: Mapping[str, Any] | None = None
) -> pymongo.MongoClient[Document]:
    """A client for a URI, which is from `source`; it connects when it is used. Errors: StoreError."""
    try:
        # MongoClient only warns about an unknown option; this raises.
        given = parse_uri(uri, warn=False, connect_timeout=timeout)["options"]
        prompt = {name: value for name, value in _PROMPT.items() if name not in given}
        ours = {"appname": _APP_NAME, "maxPoolSize": THREADS + 2, **prompt}
        return pymongo.MongoClient(uri, **{**ours, **(options or {})})
    except (ConfigurationError, ValueError, TypeError):
        # Without the driver's text, also in the traceback: it may quote the URI, and with it the password.
        raise _not_a_uri(source) from None
    except OSError as error:
        raise StoreError(f"a file named in the MongoDB URI ({source}): {error}") from None


def _not_a_uri(source: str) -> StoreError:
    return StoreError(
        f"the MongoDB URI ({source}) is not valid, or its hosts have no DNS record: "
        "mongodb://user:password@host:port/?options, special characters in user and password percent-encoded"
    )
