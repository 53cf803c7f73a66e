"""Which store it is."""

from pathlib import Path

from reichatd.config import Storage
from reichatd.store.protocol import Store


async def open_store(storage: Storage, data_file: Path) -> Store:
    """Opens the store that the settings name. To be called from the event loop; waits for worker threads.

    Arguments:
        data_file: the SQLite file, where that is the store.

    Errors: as the `open_store` of the backend.
    """
    # Imported late: pymongo takes a while, and only those who use it should wait for it.
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return await mongodb.open_store(storage.mongodb)
    from reichatd.store import sqlite

    return await sqlite.open_store(data_file)
