"""A look at the server and the database that changes nothing, for `reichatd doctor`."""

from typing import NamedTuple

from pymongo.errors import OperationFailure

from reichatd.settings import MongoDBSettings
from reichatd.store.mongodb.faults import told
from reichatd.store.mongodb.schema import META_ID, MIGRATIONS
from reichatd.store.mongodb.server import MongoDatabase, connect, hosts

_HAS_DATA = {1, 2}
"""The states of a replica set's member that has data to answer for: primary, secondary."""


class Majority(NamedTuple):
    """How many members with data answer, and how many a write waits for."""

    answering: int
    needed: int


class Facts(NamedTuple):
    """What there is to be known.

    Arguments:
        where: the server's name in messages.
        server: its version.
        version, known: of the schema, in the database (None: there is none yet) and in this program.
        replicated: whether it is a replica set or a cluster.
        majority: None where it is not, or where this login may not know.
    """

    where: str
    server: str
    version: int | None
    known: int
    replicated: bool
    majority: Majority | None


def inspect(settings: MongoDBSettings) -> Facts:
    """Connects, logs in and reads. Blocks, for some times `timeout_seconds` at the most.

    Raises:
        StoreError: see `open_store`; a newer schema is no error here.
    """
    where = hosts(settings.uri)
    db = connect(settings, where)
    try:
        with told(where):
            server = db.database.client.server_info()["version"]
            meta = db.meta.find_one({"_id": META_ID})
            version = None if meta is None else int(meta["version"])
            return Facts(where, server, version, len(MIGRATIONS), not db.standalone, _majority(db))
    finally:
        db.close()


def _majority(db: MongoDatabase) -> Majority | None:
    try:
        status = db.database.client.admin.command("replSetGetStatus")
    except OperationFailure:
        return None
    answering = sum(member["health"] == 1 and member["state"] in _HAS_DATA for member in status["members"])
    return Majority(answering, int(status["writeMajorityCount"]))
