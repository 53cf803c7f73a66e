"""Opens the store that the settings name."""

from pathlib import Path

from reichatd.settings import StorageSettings
from reichatd.store.protocol import Store


async def open_store(storage: StorageSettings, data_file: Path) -> Store:
    """Opens it, makes it if there is none, and brings its schema up to date.

    Arguments:
        data_file: the SQLite file, where that is the store.

    Errors: those of `sqlite.open_store` and `mongodb.open_store`.
    """
    # Imported late: pymongo takes a while, and only those who use it should wait for it.
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return await mongodb.open_store(storage.mongodb)
    from reichatd.store import sqlite

    return await sqlite.open_store(data_file)
