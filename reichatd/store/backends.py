"""The kinds of stores: one class for each says what the rest of the program needs to know, and opens, reads or fills the store.

A further kind is a folder beside `sqlite/` and `mongodb/`, a class here and a line in `backend_for`; its settings are in
`reichatd.settings`, and what `reichatd doctor` finds out about it is in `reichatd.doctor`.

Modules are imported when they are needed: trio and pymongo take long, and many commands need neither.
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from msgspec import Struct

from reichatd.settings import MongoDBSettings, StorageSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from reichatd.store.bulk import Loader, Stored
    from reichatd.store.protocol import Store


class Backend(Protocol):
    """A place for a store, and how to use it. Making one costs nothing, and touches no file and no server."""

    title: ClassVar[str]
    """The name of the software, for people."""

    keeps_space: ClassVar[bool]
    """Whether the space of removed messages stays with the store until `Store.compact`."""

    @property
    def file(self) -> Path | None:
        """The file that holds the data; None where a server does."""

    @property
    def description(self) -> str:
        """Where the data is, for the operator."""

    async def open(self) -> "Store":
        """Opens the store, creates it if there is none, and brings its schema up to date.

        Errors: those of `open_store` in `store.sqlite.store` or `store.mongodb.store`.
        """

    async def exists(self) -> bool:
        """Whether there is a store; creates none. Errors: as `dumping`."""

    async def contents(self) -> str:
        """In words, what a restore with `replace` would delete; "" if there is nothing. Changes nothing.

        Errors: NewerSchema, or StoreError: it is not a store, or cannot be read.
        """

    def dumping(self) -> "AbstractAsyncContextManager[AsyncIterator[list[Stored]]]":
        """All that is in the store. Errors: those of `dumping` in `store.sqlite.dump` or `store.mongodb.dump`."""

    def restoring(self, *, replace: bool) -> "AbstractAsyncContextManager[Loader]":
        """The store, empty, to be filled. Errors: those of `restoring` in `store.sqlite.load` or `store.mongodb.load`."""


def backend_for(storage: StorageSettings, data_file: Path) -> Backend:
    """The backend that the settings name.

    Arguments:
        data_file: the SQLite file, if that is the backend.
    """
    match storage.backend:
        case "sqlite":
            return SqliteBackend(data_file)
        case "mongodb":
            return MongoBackend(storage.mongodb)


class SqliteBackend(Struct, frozen=True):
    """A `Backend`: the store in one SQLite file."""

    title: ClassVar[str] = "SQLite"
    keeps_space: ClassVar[bool] = False

    file: Path

    @property
    def description(self) -> str:
        return str(self.file)

    async def open(self) -> "Store":
        from reichatd.store.sqlite.store import open_store

        return await open_store(self.file)

    async def exists(self) -> bool:
        import trio

        return await trio.Path(self.file).exists()

    async def contents(self) -> str:
        import trio

        from reichatd.store.sqlite.inspection import totals

        found = await trio.to_thread.run_sync(totals, self.file)
        if found is None or not (found.users or found.registrations or found.rooms):
            return ""
        counts = f"{found.users:,} users, {found.rooms:,} rooms, {found.messages:,} messages"
        return f"what is in {self.file}: {counts}"

    def dumping(self) -> "AbstractAsyncContextManager[AsyncIterator[list[Stored]]]":
        from reichatd.store.sqlite.dump import dumping

        return dumping(self.file)

    def restoring(self, *, replace: bool) -> "AbstractAsyncContextManager[Loader]":
        from reichatd.store.sqlite.load import restoring

        return restoring(self.file, replace=replace)


class MongoBackend(Struct, frozen=True):
    """A `Backend`: the store in a database of a MongoDB server."""

    title: ClassVar[str] = "MongoDB"
    keeps_space: ClassVar[bool] = True

    settings: MongoDBSettings

    @property
    def file(self) -> None:
        return None

    @property
    def description(self) -> str:
        return f"MongoDB, database {self.settings.store_database}"

    async def open(self) -> "Store":
        from reichatd.store.mongodb.store import open_store

        return await open_store(self.settings)

    async def exists(self) -> bool:
        from reichatd.store.mongodb.dump import exists

        return await exists(self.settings)

    async def contents(self) -> str:
        return f"everything in the MongoDB database {self.settings.store_database}" if await self.exists() else ""

    def dumping(self) -> "AbstractAsyncContextManager[AsyncIterator[list[Stored]]]":
        from reichatd.store.mongodb.dump import dumping

        return dumping(self.settings)

    def restoring(self, *, replace: bool) -> "AbstractAsyncContextManager[Loader]":
        from reichatd.store.mongodb.load import restoring

        return restoring(self.settings, replace=replace)
