"""The daemons on one database, their leases, and the fingerprint of their secret; see `DaemonStore`.

All times are the server's (`$$NOW`): the clocks of the daemons' machines may differ. A lease is one document, which one atomic
update gives, renews or leaves as it is.
"""

import time
from functools import partial
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from reichatd.store.errors import StoreUnavailable
from reichatd.store.mongodb.heartbeats import alive
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.schema import MIGRATIONS, SECRET_ID
from reichatd.store.mongodb.server import Document, MongoDatabase, MongoServer
from reichatd.store.records import Daemon, Lease, Leased, RunningDaemon


def _beat(db: MongoDatabase, daemon: Daemon, seconds: float) -> None:
    fields = {
        name: {"$literal": value} for name, value in msgspec.structs.asdict(daemon).items() if name != "daemon_id"
    }
    times = {"beat": "$$NOW", "expires": _in(seconds)}
    db.daemons.update_one(
        {"_id": daemon.daemon_id}, [{"$set": fields | times | {"schema": len(MIGRATIONS)}}], upsert=True
    )


def running(db: MongoDatabase) -> list[RunningDaemon]:
    """See `DaemonStore.running`."""
    keeper = db.leases.find_one({"_id": Leased.HOUSEKEEPING}) or {"daemon_id": ""}
    return [
        RunningDaemon(_daemon(each), each["schema"], each["idle"] / 1000, each["_id"] == keeper["daemon_id"])
        for each in alive(db)
    ]


def _leave(db: MongoDatabase, daemon_id: str) -> None:
    db.daemons.delete_one({"_id": daemon_id})
    db.leases.delete_many({"daemon_id": daemon_id})


def _lease(db: MongoDatabase, what: Leased, daemon_id: str, seconds: float) -> Lease:
    asked_at = _boot_seconds()
    found = _give(db, what, daemon_id, seconds)
    if what is Leased.STORE:
        until = asked_at + seconds if found.daemon_id == daemon_id else asked_at
        db.require_ownership = partial(_require_ownership, db, daemon_id, seconds, until)
    return found


def _give(db: MongoDatabase, what: Leased, daemon_id: str, seconds: float) -> Lease:
    mine = {"daemon_id": daemon_id, "expires": _in(seconds), "renewals": {"$add": [{"$ifNull": ["$renewals", 0]}, 1]}}
    has_ended = {"$lte": [{"$ifNull": ["$expires", "$$NOW"]}, "$$NOW"]}
    is_free = {"$or": [has_ended, {"$eq": ["$daemon_id", daemon_id]}]}
    update = [{"$replaceWith": {"$mergeObjects": ["$$ROOT", {"$cond": [is_free, mine, {}]}]}}]
    while True:
        try:
            found: Any = db.leases.find_one_and_update(
                {"_id": what}, update, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            continue  # another daemon has just made the document
        return Lease(found["daemon_id"], found["renewals"])


def _require_ownership(db: MongoDatabase, daemon_id: str, seconds: float, until: float) -> None:
    """Raises StoreUnavailable if another daemon has taken the store while this one hung, or could not reach the server."""
    if _boot_seconds() >= until and _lease(db, Leased.STORE, daemon_id, seconds).daemon_id != daemon_id:
        raise StoreUnavailable(f"{db.where} has been taken over by another daemon")


def _boot_seconds() -> float:
    """A monotonic time that also goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _fingerprint(db: MongoDatabase, offered: str) -> str:
    update = {"$setOnInsert": {"fingerprint": offered}}
    after = ReturnDocument.AFTER
    found: Any = db.meta.find_one_and_update({"_id": SECRET_ID}, update, upsert=True, return_document=after)
    return str(found["fingerprint"])


def _replace_fingerprint(db: MongoDatabase, fingerprint: str) -> None:
    db.meta.update_one({"_id": SECRET_ID}, {"$set": {"fingerprint": fingerprint}}, upsert=True)


def _daemon(document: Document) -> Daemon:
    fields = {name: document[name] for name in Daemon.__struct_fields__ if name != "daemon_id"}
    return Daemon(daemon_id=document["_id"], **fields)


def _in(seconds: float) -> dict[str, Any]:
    """The server's time in some seconds."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}


class MongoDaemons(MongoPart):
    """A `DaemonStore`."""

    beat = method(_beat)
    running = method(running)
    leave = method(_leave)
    lease = method(_lease)
    fingerprint = method(_fingerprint)
    replace_fingerprint = method(_replace_fingerprint)

    def __init__(self, server: MongoServer) -> None:
        super().__init__(server)
        self.is_exclusive = server.standalone
