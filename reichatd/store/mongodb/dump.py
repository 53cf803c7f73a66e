"""Reads everything in the database while others keep writing; as of one moment if the server is a replica set.

A replica set keeps a snapshot for 5 minutes, unless configured otherwise (minSnapshotHistoryWindowInSeconds). A standalone server
has no snapshots; there the order of `reichatd.store.bulk` gives a weaker consistency.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from reichatd.settings import MongoDBSettings
from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom, read_pages
from reichatd.store.errors import FailureCounter, StoreError, StoreUnavailable
from reichatd.store.mongodb import schema
from reichatd.store.mongodb.keys import first_id_of
from reichatd.store.mongodb.message_documents import extras_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase, MongoServer, connect, hosts
from reichatd.store.mongodb.sessions import is_alive, session_of
from reichatd.store.mongodb.users import registrations_of, user_of
from reichatd.store.records import (
    AppPassword,
    AuditEntry,
    Block,
    EmailChange,
    Erasure,
    Invite,
    OidcAccount,
    Standing,
    Totp,
)
from reichatd.store.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from bson import ObjectId
    from pymongo.collection import Collection

T = TypeVar("T", bound=Stored)

BULK_FACTOR = 12
"""A step of bulk work, such as sorting all members, may take this many times as long as one of the daemon's."""


@asynccontextmanager
async def dumping(settings: MongoDBSettings) -> AsyncIterator[AsyncIterator[list[Stored]]]:
    """Everything in the store, page by page; see `reichatd.store.bulk`. A store with an older schema is read as it is.

    Errors: StoreUnavailable, StoreError (no store there, or one whose restore is incomplete), NewerSchema.
    """
    async with bulk_server(settings) as server:
        records = await server.run(_open)
        async with aclosing(read_pages(records, lambda step: server.run(lambda _: step()))) as pages:
            yield pages


async def exists(settings: MongoDBSettings) -> bool:
    """Whether there is a store; creates none. Errors: as `dumping`."""
    async with bulk_server(settings) as server:
        return await server.run(schema.found_version) is not None


@asynccontextmanager
async def bulk_server(settings: MongoDBSettings) -> AsyncIterator[MongoServer]:
    """A server for bulk work; the database is not changed yet. Errors: as `open_store`."""
    where = hosts(settings.uri)
    threads = WorkerThreads(1, where, FailureCounter())
    db = await threads.run(connect, settings, where)
    db.timeout *= BULK_FACTOR
    server = MongoServer(db, threads)
    try:
        yield server
    finally:
        await server.aclose()


def _open(db: MongoDatabase) -> Iterator[Stored]:
    if schema.found_version(db) is None:
        raise StoreError(f"the database {db.database.name} on {db.where} holds no store yet")
    return _Reader(db).records()


class _Reader:
    """Reads everything once. Used by one thread at a time."""

    def __init__(self, db: MongoDatabase) -> None:
        self._db = db
        self._session = db.snapshot()
        self._rooms: dict[ObjectId, str] = {}
        """The ids of the rooms that were read, by their keys. Records of other rooms are skipped."""
        self._first_ids: dict[ObjectId, int] = {}
        """Where the logs of these rooms begin."""

    def records(self) -> Iterator[Stored]:
        try:
            yield from self._read_rooms()
            yield from self._members()
            yield from self._bans()
            yield from self._standings()
            yield from self._log()
            yield from self._reactions()
            yield from self._invites()
            yield from chain.from_iterable(map(registrations_of, self._walk(self._db.registrations)))
            yield from map(user_of, self._walk(self._db.users))
            yield from self._of_users()
            yield from self._sessions()
            for entry in self._walk(self._db.audit):
                yield _record(AuditEntry, entry | {"number": entry["_id"]})
        finally:
            if self._session:
                self._session.end_session()

    def _walk(self, collection: "Collection[Document]", field: str = "_id") -> Iterator[Document]:
        """Every document, in the order of an indexed field. Each page is a separate command, so that no cursor times out."""
        selection: Document = {}
        while True:
            last = None
            for last in collection.find(selection, session=self._session, batch_size=PAGE).sort(field).limit(PAGE):
                yield last
            if last is None:
                return
            selection = {field: {"$gt": last[field]}}

    def _read_rooms(self) -> Iterator[Stored]:
        for room in self._walk(self._db.rooms, "key"):
            self._rooms[room["key"]] = room["_id"]
            self._first_ids[room["key"]] = first_id_of(room)
            kept = {f"keep_{name}": value for name, value in room.get("keep", {}).items()}
            change_id = max(room.get("last_change", 0), room.get("last_number", 0))
            yield _record(StoredRoom, room | kept | {"room_id": room["_id"], "change_id": change_id})

    def _members(self) -> Iterator[Stored]:
        # There is no index on `place`: the server sorts all members once.
        found = self._db.members.find({}, session=self._session, batch_size=PAGE, allow_disk_use=True)
        for member in found.sort({"place": 1, "_id": 1}):
            if (room_id := self._rooms.get(member["_id"]["room"])) is not None:
                yield _record(Member, member | {"room_id": room_id, "user_id": member["_id"]["user"]})

    def _bans(self) -> Iterator[Stored]:
        for ban in self._walk(self._db.bans):
            if (room_id := self._rooms.get(ban["_id"]["room"])) is not None:
                yield Ban(room_id, ban["_id"]["user"])

    def _standings(self) -> Iterator[Stored]:
        for standing in self._walk(self._db.standings):
            if (room_id := self._rooms.get(standing["_id"]["room"])) is not None:
                yield _record(Standing, standing | {"room_id": room_id, "user_id": standing["_id"]["user"]})

    def _invites(self) -> Iterator[Stored]:
        rooms = self._rooms | {None: ""}
        for invite in self._walk(self._db.invites):
            if (room_id := rooms.get(invite["room"])) is not None:
                yield _record(Invite, invite | {"room_id": room_id, "invite_id": invite["_id"]})

    def _of_users(self) -> Iterator[Stored]:
        for block in self._walk(self._db.blocks):
            yield Block(block["_id"]["user"], block["_id"]["blocked"])
        for totp in self._walk(self._db.totp):
            yield _record(Totp, totp | {"user_id": totp["_id"]})
        yield from self._sorted(AppPassword, self._db.app_passwords, "app_password_id")
        for change in self._walk(self._db.email_changes):
            yield _record(EmailChange, change | {"user_id": change["_id"]})
        yield from self._sorted(OidcAccount, self._db.oidc_accounts)
        for erasure in self._walk(self._db.erasures):
            if not erasure["done_at"]:
                yield Erasure(erasure["_id"])

    def _sorted(self, kind: type[T], collection: "Collection[Document]", id_field: str | None = None) -> Iterator[T]:
        """Records with an id of their own, in the order of their users. There are few: the server sorts them at once."""
        found = collection.find({}, session=self._session, batch_size=PAGE, allow_disk_use=True)
        for one in found.sort({"user_id": 1, "_id": 1}):
            yield _record(kind, one | ({id_field: one["_id"]} if id_field else one["_id"]))

    def _log(self) -> Iterator[Stored]:
        key, last_id = None, 0
        for message in self._walk(self._db.messages):
            place = message["_id"]
            if (room_id := self._rooms.get(place["room"])) is None:
                continue
            if place["id"] < (first_id := self._first_ids[place["room"]]):
                continue  # expired, and about to be removed
            if not self._session:
                self._must_follow(room_id, last_id if place["room"] == key else first_id - 1, place["id"])
            key, last_id = place["room"], place["id"]
            yield LogEntry(
                room_id,
                last_id,
                message["user_id"],
                message["content"],
                message["timestamp"],
                message.get("nonce"),
                message.get("change", 0),
                extras_of(message),
            )

    def _reactions(self) -> Iterator[Stored]:
        for reaction in self._walk(self._db.reactions):
            place = reaction["_id"]
            room_id = self._rooms.get(place["room"])
            if room_id is not None and place["id"] >= self._first_ids[place["room"]]:
                yield StoredReaction(room_id, place["id"], place["emoji"], place["user"], reaction["at"])

    def _must_follow(self, room_id: str, last_id: int, next_id: int) -> None:
        """Raises StoreUnavailable if a log lost its beginning while it was read, which can happen without a snapshot."""
        if next_id != last_id + 1:
            raise StoreUnavailable(
                f"{self._db.where}: the log of the room {room_id} was cut, or the room deleted, while it was read: "
                "run the backup once more (on a replica set this does not happen)"
            )

    def _sessions(self) -> Iterator[Stored]:
        of_user = {"from": self._db.users.name, "localField": "user_id", "foreignField": "_id", "as": "users"}
        steps: list[Document] = [{"$sort": {"_id": 1}}, {"$limit": PAGE}, {"$lookup": of_user}]
        selection: Document = {}
        while True:
            last = None
            for last in self._db.sessions.aggregate([{"$match": selection}, *steps], session=self._session):
                if any(is_alive(last, user) for user in last["users"]):
                    yield session_of(last)
            if last is None:
                return
            selection = {"_id": {"$gt": last["_id"]}}


def _record(kind: type[T], document: Document) -> T:
    """A record made of a document. A field that is missing was added by a later schema, and has its default."""
    return kind(**{name: document[name] for name in kind.__struct_fields__ if name in document})
