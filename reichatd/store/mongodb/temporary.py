"""Temporary databases, such as those for benchmarks."""

import secrets

import pymongo

from reichatd.mongouri import without_database
from reichatd.settings import MongoDBSettings
from reichatd.store.mongodb.error_mapping import map_errors
from reichatd.store.mongodb.server import connect, hosts

_PREFIX = "reichatd_scratch_"


def temporary_database(uri: str) -> MongoDBSettings:
    """Settings for a new database with a random name on this server. The caller calls `drop_temporary_database` at the end."""
    return MongoDBSettings(uri=without_database(uri), database=f"{_PREFIX}{secrets.token_hex(8)}")


def drop_temporary_database(settings: MongoDBSettings) -> None:
    """Drops a database of `temporary_database`, and no other. Blocks, for a few times `timeout_seconds` at most.

    Errors: as `open_store`.
    """
    assert settings.database.startswith(_PREFIX)
    where = hosts(settings.uri)
    db = connect(settings, where)
    try:
        with map_errors(where), pymongo.timeout(settings.timeout_seconds):
            db.database.client.drop_database(settings.database)
    finally:
        db.close()
