"""Loads data in bulk: a backup into an empty database, or the users and rooms of another program."""

import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby

from bson import ObjectId
from msgspec.structs import asdict
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from reichatd.settings import MongoDBSettings
from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom, UserOutcome
from reichatd.store.errors import StoreError, StoreInUse, StoreNotEmpty
from reichatd.store.mongodb import schema
from reichatd.store.mongodb.audit import number_on
from reichatd.store.mongodb.bulk_documents import (
    ban_document,
    collection_of,
    member_document,
    of_user_document,
    room_document,
    standing_document,
)
from reichatd.store.mongodb.dump import bulk_server
from reichatd.store.mongodb.heartbeats import alive
from reichatd.store.mongodb.invites import invite_document
from reichatd.store.mongodb.keys import (
    folded,
    folded_beside_another,
    members_of,
    messages_of,
    reaction_id,
)
from reichatd.store.mongodb.message_documents import entry_document
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.rooms import is_id_free
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase, MongoServer
from reichatd.store.mongodb.sessions import session_document
from reichatd.store.mongodb.users import adding, document_of
from reichatd.store.records import (
    AppPassword,
    AuditEntry,
    Block,
    EmailChange,
    Erasure,
    Invite,
    OidcAccount,
    Registration,
    Session,
    Standing,
    Totp,
    User,
)

_ARRIVING = "arriving"
"""The document in `meta` that holds the key of a room while it is being added."""


@asynccontextmanager
async def restoring(settings: MongoDBSettings, *, replace: bool) -> AsyncIterator["MongoLoader"]:
    """An empty store to be filled. It is durable and complete when the block ends without an error.

    Until then no daemon opens it, and after an interrupted restore the only way is another restore. The caller must stop daemons
    that already have it open; those with a heartbeat are found.

    Arguments:
        replace: delete what the store holds, before anything else.

    Errors: StoreNotEmpty (without `replace`), StoreInUse (daemons run), StoreUnavailable, StoreError (another program's database),
        NewerSchema.
    """
    async with bulk_server(settings) as server:
        await server.run(_begin, replace)
        yield MongoLoader(server)
        await server.run(_finish)


def _begin(db: MongoDatabase, replace: bool) -> None:
    schema.found_version(db, half_restored=True)
    if running := alive(db):
        names = ", ".join(f"{each['host']} (process {each['pid']})" for each in running)
        raise StoreInUse(f"daemons use the database {db.database.name} on {db.where}, stop them first: {names}")
    mark = {"_id": schema.RESTORE_ID}
    holds_something = any(
        collection.find_one({}, {"_id": 1}) for collection in (db.rooms, db.users, db.registrations, db.sessions)
    )
    if holds_something and not replace and not db.meta.find_one(mark):
        raise StoreNotEmpty(f"the database {db.database.name} on {db.where} is not empty")
    db.meta.replace_one(mark, {"began_at": time.time()}, upsert=True)
    schema.clear(db)


def _finish(db: MongoDatabase) -> None:
    number_on(db)
    # Once this is durable, all earlier writes are.
    db.meta.delete_one({"_id": schema.RESTORE_ID})


class MongoLoader:
    """A `Loader`; made by `restoring`."""

    def __init__(self, server: MongoServer) -> None:
        self._server = server
        self._keys = _ascending_keys()
        self._rooms: dict[str, ObjectId] = {}
        self._folded: set[str] = set()
        self._members = 0

    async def load(self, records: Sequence[Stored]) -> None:
        await self._server.run(self._load, records)

    def _load(self, db: MongoDatabase, records: Sequence[Stored]) -> None:
        for kind, some in groupby(records, type):
            if kind is Registration:
                registrations = [record for record in some if isinstance(record, Registration)]
                db.registrations.bulk_write([UpdateOne(*adding(one), upsert=True) for one in registrations])
            else:
                documents = [self._document(record) for record in some]
                collection_of(db, kind).insert_many(documents, ordered=False)
                if kind is LogEntry:
                    _raise_last_changes(db, documents)

    def _document(self, record: Stored) -> Document:
        """The document of a record. Registrations are not handled here: all those of an address share one document."""
        match record:
            case StoredRoom():
                key = self._rooms[record.room_id] = next(self._keys)
                return room_document(key, record) | {"folded": self._fold(record.room_id)}
            case Member():
                self._members += 1
                return member_document(self._key(record.room_id), record, self._members)
            case Ban():
                return ban_document(self._key(record.room_id), record)
            case LogEntry():
                return entry_document(self._key(record.room_id), record)
            case StoredReaction():
                key = self._key(record.room_id)
                return {"_id": reaction_id(key, record.message_id, record.emoji, record.user_id), "at": record.at}
            case User():
                return document_of(record)
            case Session():
                return session_document(record) | {"password_number": 0}
            case Standing():
                return standing_document(self._key(record.room_id), record)
            case Invite():
                return invite_document(self._key(record.room_id) if record.room_id else None, record)
            case AuditEntry():
                fields = asdict(record)
                return {"_id": fields.pop("number"), **fields}
            case Block() | Totp() | AppPassword() | EmailChange() | OidcAccount() | Erasure():
                return of_user_document(record)
            case Registration():
                raise NotImplementedError

    def _fold(self, room_id: str) -> str:
        if folded(room_id) in self._folded:
            return folded_beside_another(room_id)
        self._folded.add(folded(room_id))
        return folded(room_id)

    def _key(self, room_id: str) -> ObjectId:
        if room_id not in self._rooms:
            raise StoreError(f"a record of the room {room_id}, which does not exist")
        return self._rooms[room_id]


def _raise_last_changes(db: MongoDatabase, messages: Sequence[Document]) -> None:
    """Raises the numbers that the rooms begin to count changes from. In a backup that was no snapshot a message may be newer."""
    last: dict[ObjectId, int] = {}
    for message in messages:
        key, change_id = message["_id"]["room"], message.get("change", 0)
        last[key] = max(change_id, last.get(key, 0))
    if raised := [UpdateOne({"key": key}, {"$max": {"last_change": number}}) for key, number in last.items() if number]:
        db.rooms.bulk_write(raised, ordered=False)


def _add_users(db: MongoDatabase, users: Sequence[User]) -> list[UserOutcome]:
    return [_add_user(db, user) for user in users]


def _add_user(db: MongoDatabase, user: User) -> UserOutcome:
    try:
        db.users.insert_one(document_of(user))
    except DuplicateKeyError:
        there = db.users.find_one({"_id": user.user_id}, {"_id": 1})
        return UserOutcome.ALREADY_THERE if there else UserOutcome.EMAIL_TAKEN
    return UserOutcome.ADDED


def _expect(db: MongoDatabase, room_id: str) -> ObjectId | None:
    """The key for a room that is about to be added; None if its id is taken. Removes what an interrupted call has left."""
    if not is_id_free(db, room_id):
        return None
    noted = db.meta.find_one({"_id": _ARRIVING})
    if noted and not db.rooms.find_one({"key": noted["key"]}, {"_id": 1}):
        _remove_contents(db, noted["key"])
    key = ObjectId()
    db.meta.replace_one({"_id": _ARRIVING}, {"key": key}, upsert=True)
    return key


def _remove_contents(db: MongoDatabase, key: ObjectId) -> None:
    db.messages.delete_many(messages_of(key))
    db.members.delete_many(members_of(key))
    db.bans.delete_many(members_of(key))


def _put_messages(db: MongoDatabase, key: ObjectId, log: Sequence[LogEntry]) -> None:
    db.messages.insert_many([entry_document(key, entry) for entry in log], ordered=False)


def _settle(
    db: MongoDatabase, key: ObjectId, room: StoredRoom, members: Sequence[Member], bans: Sequence[Ban], messages: int
) -> bool:
    if db.messages.count_documents(messages_of(key)) != messages:
        raise StoreError(
            f"{db.where}: the room {room.room_id} was removed while it was being added (by a second import?)"
        )
    place = time.time_ns()
    if members:
        db.members.insert_many([member_document(key, member, place + n) for n, member in enumerate(members)])
    if bans:
        db.bans.insert_many([ban_document(key, ban) for ban in bans])
    try:
        db.rooms.insert_one(room_document(key, room))
    except DuplicateKeyError:
        _remove_contents(db, key)
        return False
    return True


class MongoBulkImport(MongoPart):
    """A `BulkImport`.

    The room's own document is stored last, so no one sees an incomplete room. What an interrupted call has left is removed by the
    next call.
    """

    add_users = method(_add_users)

    async def add_room(
        self, room: StoredRoom, members: Sequence[Member], bans: Sequence[Ban], log: Sequence[LogEntry]
    ) -> bool:
        key = await self.server.run(_expect, room.room_id)
        if key is None:
            return False
        for start in range(0, len(log), PAGE):
            await self.server.run(_put_messages, key, log[start : start + PAGE])
        return await self.server.run(_settle, key, room, members, bans, len(log))


def _ascending_keys() -> Iterator[ObjectId]:
    """New keys for rooms, each greater than the one before, which ObjectId alone does not guarantee."""
    # As in an ObjectId: 4 bytes of time, 5 random bytes, a counter. So the keys of later rooms are greater too.
    number = int.from_bytes(ObjectId().binary[:4] + os.urandom(5) + bytes(3))
    while True:
        yield ObjectId(number.to_bytes(12))
        number += 1
