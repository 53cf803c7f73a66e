"""The database of the older Reis-Chatroom, read as it is and never written to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import pymongo
import trio
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.errors import ConfigurationError

from reichatd.store.errors import StoreError
from reichatd.store.mongodb.dump import PATIENCE
from reichatd.store.mongodb.faults import told
from reichatd.store.mongodb.server import PAGE, Document, client_for, hosts

if TYPE_CHECKING:
    from pymongo.database import Database

T = TypeVar("T")

SOURCE = "of the older program"
_USER = ("user_id", "email", "hashed_password", "username", "created_at", "rooms")

# Whatever is in the documents, they are read: text that is no UTF-8, dates that Python does not know.
_CODECS: CodecOptions[Document] = CodecOptions(
    unicode_decode_error_handler="replace", tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


@asynccontextmanager
async def reading(uri: str, database: str | None, *, timeout_seconds: float) -> AsyncIterator["ReisChatroom"]:
    """The older program's database.

    Arguments:
        database: its name; None where the URI has it.
        timeout_seconds: how long the server may take to answer at all; a room of 16 MB may take longer.

    Errors: StoreUnavailable, StoreError (a URI that is none, no name for the database, nothing of the older program in it).
    """
    where = hosts(uri, SOURCE)
    client = await trio.to_thread.run_sync(client_for, uri, timeout_seconds, SOURCE)
    try:
        older = ReisChatroom(_database(client, database), where, timeout_seconds)
        await older.check()
        yield older
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(client.close)


def _database(client: pymongo.MongoClient[Document], name: str | None) -> "Database[Document]":
    try:
        return client.get_database(name, _CODECS) if name else client.get_default_database(codec_options=_CODECS)
    except ConfigurationError:
        raise StoreError("which database? Name it in the URI (mongodb://host/NAME), or by --database") from None


class ReisChatroom:
    """Made by `reading`. Every method waits for a thread. Errors: StoreUnavailable, StoreError."""

    def __init__(self, database: "Database[Document]", where: str, timeout: float) -> None:
        self._database = database
        self._where = where
        self._timeout = timeout

    async def check(self) -> None:
        names = await self._run(self._database.list_collection_names, patience=1)
        if not {"users", "room"} & set(names):
            raise StoreError(
                f"the database {self._database.name} on {self._where} is none of Reis-Chatroom: no collection users or room"
            )

    async def users(self) -> list[Document]:
        """All users, in the order they were stored."""
        return await self._run(lambda: list(self._database["users"].find({}, _USER, batch_size=PAGE).sort("_id")))

    async def rooms(self) -> list[Document]:
        """All rooms, in the order they were stored; of each `_id`, `room_id` and `created_at` only."""
        fields = ("room_id", "created_at")
        return await self._run(lambda: list(self._database["room"].find({}, fields, batch_size=PAGE).sort("_id")))

    async def room(self, key: object) -> Document | None:
        """A whole room, by its `_id`, with its whole log; None if it is gone meanwhile."""
        return await self._run(lambda: self._database["room"].find_one({"_id": key}))

    async def waiting(self) -> int:
        """How many wait for the verification of their address."""
        return await self._run(lambda: self._database["verification_queue"].count_documents({}))

    async def _run(self, step: Callable[[], T], *, patience: int = PATIENCE) -> T:
        return await trio.to_thread.run_sync(self._guarded, step, self._timeout * patience)

    def _guarded(self, step: Callable[[], T], timeout: float) -> T:
        with told(self._where), pymongo.timeout(timeout):
            return step()
