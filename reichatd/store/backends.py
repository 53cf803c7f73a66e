"""What else can be done with the store that the settings name, of whichever kind, than to open it (see opening.py)."""

from pathlib import Path
from typing import TYPE_CHECKING

import trio

from reichatd.settings import StorageSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from reichatd.store.bulk import Loader, Stored

# Imported late: pymongo takes a while, and only those who use it should wait for it.


async def is_there(storage: StorageSettings, data_file: Path) -> bool:
    """Whether the store has been made; `open_store` would make it. Errors: as `dumping`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return await mongodb.is_there(storage.mongodb)
    return await trio.Path(data_file).exists()


async def held(storage: StorageSettings, data_file: Path) -> str:
    """In words, what a restore with `replace` would throw away; "" if there is nothing. Changes nothing, unlike `open_store`.

    Errors: NewerSchema, or StoreError: it is not a store, or cannot be read.
    """
    if storage.backend == "mongodb":
        if not await is_there(storage, data_file):
            return ""
        return f"everything in the MongoDB database {storage.mongodb.store_database}"
    from reichatd.store.sqlite.inspection import totals

    found = await trio.to_thread.run_sync(totals, data_file)
    if found is None or not (found.users or found.registrations or found.rooms):
        return ""
    counts = f"{found.users:,} users, {found.rooms:,} rooms, {found.messages:,} messages"
    return f"what is in {data_file}: {counts}"


def dumping(storage: StorageSettings, data_file: Path) -> "AbstractAsyncContextManager[AsyncIterator[list[Stored]]]":
    """All that is in the store; errors as the two `dumping`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return mongodb.dumping(storage.mongodb)
    from reichatd.store import sqlite

    return sqlite.dumping(data_file)


def restoring(storage: StorageSettings, data_file: Path, *, replace: bool) -> "AbstractAsyncContextManager[Loader]":
    """The store, empty, to be filled; errors as the two `restoring`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return mongodb.restoring(storage.mongodb, replace=replace)
    from reichatd.store import sqlite

    return sqlite.restoring(data_file, replace=replace)
