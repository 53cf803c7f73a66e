"""Reads the database of the older program, Reis-Chatroom. Never writes to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import pymongo
import trio
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.errors import ConfigurationError

from reichatd.store.errors import StoreError
from reichatd.store.mongodb.dump import BULK_FACTOR
from reichatd.store.mongodb.error_mapping import map_errors
from reichatd.store.mongodb.server import PAGE, Document, client_for, hosts

if TYPE_CHECKING:
    from pymongo.database import Database

T = TypeVar("T")

SOURCE = "of the older program"
_USER = ("user_id", "email", "hashed_password", "username", "created_at", "rooms")

# Every document can be read, also with text that is not UTF-8 or dates outside Python's range.
_CODECS: CodecOptions[Document] = CodecOptions(
    unicode_decode_error_handler="replace", tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


@asynccontextmanager
async def reading(uri: str, database: str | None, *, timeout_seconds: float) -> AsyncIterator["ReisChatroom"]:
    """The older program's database.

    Arguments:
        database: its name; None if the URI has it.
        timeout_seconds: how long the server may take for a first answer; a room of 16 MB may take longer.

    Errors: StoreUnavailable, StoreError (an invalid URI, no name for the database, nothing of the older program in it).
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
        names = await self._run(self._database.list_collection_names, factor=1)
        if not {"users", "room"} & set(names):
            raise StoreError(
                f"the database {self._database.name} on {self._where} is not one of Reis-Chatroom: no collection users or room"
            )

    async def users(self) -> list[Document]:
        """All users, in the order they were stored."""
        return await self._run(lambda: list(self._database["users"].find({}, _USER, batch_size=PAGE).sort("_id")))

    async def rooms(self) -> list[Document]:
        """All rooms, in the order they were stored, with only `_id`, `room_id` and `created_at`."""
        fields = ("room_id", "created_at")
        return await self._run(lambda: list(self._database["room"].find({}, fields, batch_size=PAGE).sort("_id")))

    async def room(self, key: object) -> Document | None:
        """A room with its whole log, by its `_id`; None if it was deleted meanwhile."""
        return await self._run(lambda: self._database["room"].find_one({"_id": key}))

    async def waiting(self) -> int:
        """How many addresses are waiting for verification."""
        return await self._run(lambda: self._database["verification_queue"].count_documents({}))

    async def _run(self, step: Callable[[], T], *, factor: int = BULK_FACTOR) -> T:
        return await trio.to_thread.run_sync(self._guarded, step, self._timeout * factor)

    def _guarded(self, step: Callable[[], T], timeout: float) -> T:
        with map_errors(self._where), pymongo.timeout(timeout):
            return step()
