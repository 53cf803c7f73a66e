"""Databases that are there for a while only, such as those that a load is put on."""

import secrets

import pymongo

from reichatd.mongouri import without_database
from reichatd.settings import MongoDBSettings
from reichatd.store.mongodb.faults import told
from reichatd.store.mongodb.server import connect, hosts

_PREFIX = "reichatd_scratch_"


def scratch_on(uri: str) -> MongoDBSettings:
    """The settings of a database of this server that nobody has. Whoever uses it calls `drop_scratch` in the end."""
    return MongoDBSettings(uri=without_database(uri), database=f"{_PREFIX}{secrets.token_hex(8)}")


def drop_scratch(settings: MongoDBSettings) -> None:
    """Removes a database of `scratch_on`, and no other. Blocks, for some times `timeout_seconds` at the most.

    Errors: as `open_store`.
    """
    assert settings.database.startswith(_PREFIX)
    where = hosts(settings.uri)
    db = connect(settings, where)
    try:
        with told(where), pymongo.timeout(settings.timeout_seconds):
            db.database.client.drop_database(settings.database)
    finally:
        db.close()
