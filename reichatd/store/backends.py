"""What else can be done with the store that the settings name, of whichever kind, than to open it (see opening.py)."""

from pathlib import Path
from typing import TYPE_CHECKING

import trio

from reichatd.config import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from reichatd.store.bulk import Loader, Stored

# Imported late: pymongo takes a while, and only those who use it should wait for it.


async def is_there(storage: Storage, data_file: Path) -> bool:
    """Whether the store has been made; `open_store` would make it. Errors: as `dumping`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return await mongodb.is_there(storage.mongodb)
    return await trio.Path(data_file).exists()


def dumping(storage: Storage, data_file: Path) -> "AbstractAsyncContextManager[AsyncIterator[list[Stored]]]":
    """All that is in the store; errors as the two `dumping`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return mongodb.dumping(storage.mongodb)
    from reichatd.store import sqlite

    return sqlite.dumping(data_file)


def restoring(storage: Storage, data_file: Path, *, replace: bool) -> "AbstractAsyncContextManager[Loader]":
    """The store, empty, to be filled; errors as the two `restoring`."""
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return mongodb.restoring(storage.mongodb, replace=replace)
    from reichatd.store import sqlite

    return sqlite.restoring(data_file, replace=replace)
