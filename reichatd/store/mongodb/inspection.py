"""Inspects the server and the database without changing them, for `reichatd doctor`."""

from typing import NamedTuple

from pymongo.errors import OperationFailure

from reichatd.settings import MongoDBSettings
from reichatd.store.mongodb.daemons import running
from reichatd.store.mongodb.error_mapping import map_errors
from reichatd.store.mongodb.schema import META_ID, MIGRATIONS, SECRET_ID, oldest_beside
from reichatd.store.mongodb.server import Document, MongoDatabase, connect, hosts
from reichatd.store.records import RunningDaemon

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
        oldest: the oldest version of the schema that a program may know to use the database.
        oldest_beside: the same, once this program has migrated it.
        has_users: whether there is an account.
        replicated: whether it is a replica set or a cluster.
        majority: None if it is not, or if this login may not ask.
        fingerprint: of the secret that the store is used with; "" if there is none yet.
        daemons: those that run.
    """

    where: str
    server: str
    version: int | None
    known: int
    oldest: int
    oldest_beside: int
    has_users: bool
    replicated: bool
    majority: Majority | None
    fingerprint: str
    daemons: list[RunningDaemon]


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
            meta: Document = db.meta.find_one({"_id": META_ID}) or {}
            version = meta.get("version")
            return Facts(
                where=where,
                server=server,
                version=version,
                known=len(MIGRATIONS),
                oldest=int(meta["oldest"]) if "oldest" in meta else version or 0,
                oldest_beside=oldest_beside(version or 0, len(MIGRATIONS)),
                has_users=db.users.find_one({}, {"_id": 1}) is not None,
                replicated=not db.standalone,
                majority=_majority(db),
                fingerprint=(db.meta.find_one({"_id": SECRET_ID}) or {"fingerprint": ""})["fingerprint"],
                daemons=running(db),
            )
    finally:
        db.close()


def _majority(db: MongoDatabase) -> Majority | None:
    try:
        status = db.database.client.admin.command("replSetGetStatus")
    except OperationFailure:
        return None
    answering = sum(member["health"] == 1 and member["state"] in _HAS_DATA for member in status["members"])
    return Majority(answering, int(status["writeMajorityCount"]))
