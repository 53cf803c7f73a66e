"""Inspects the server and the database without changing them, for `reichatd doctor`."""

from typing import NamedTuple

from pymongo.errors import OperationFailure

from reichatd.settings import MongoDBSettings
from reichatd.store.mongodb.error_mapping import map_errors
from reichatd.store.mongodb.schema import META_ID, MIGRATIONS
from reichatd.store.mongodb.server import MongoDatabase, connect, hosts

_HAS_DATA = {1, 2}
"""The states of replica set members that hold data: primary, secondary."""


class Majority(NamedTuple):
    """How many members that hold data answer, and how many a write waits for."""

    answering: int
    needed: int


class Facts(NamedTuple):
    """What the inspection found.

    Arguments:
        where: the server's name in messages.
        server: its version.
        version, known: of the schema, in the database (None: there is none yet) and in this program.
        has_users: whether there is an account.
        replicated: whether it is a replica set or a cluster.
        majority: None if it is not, or if this login may not ask.
    """

    where: str
    server: str
    version: int | None
    known: int
    has_users: bool
    replicated: bool
    majority: Majority | None


def inspect(settings: MongoDBSettings) -> Facts:
    """Connects, logs in and reads. Blocks, for a few times `timeout_seconds` at most.

    Raises:
        StoreError: see `open_store`; a newer schema is no error here.
    """
    where = hosts(settings.uri)
    db = connect(settings, where)
    try:
        with map_errors(where):
            server = db.database.client.server_info()["version"]
            meta = db.meta.find_one({"_id": META_ID})
            version = None if meta is None else int(meta["version"])
            has_users = db.users.find_one({}, {"_id": 1}) is not None
            return Facts(where, server, version, len(MIGRATIONS), has_users, not db.standalone, _majority(db))
    finally:
        db.close()


def _majority(db: MongoDatabase) -> Majority | None:
    try:
        status = db.database.client.admin.command("replSetGetStatus")
    except OperationFailure:
        return None
    answering = sum(member["health"] == 1 and member["state"] in _HAS_DATA for member in status["members"])
    return Majority(answering, int(status["writeMajorityCount"]))
