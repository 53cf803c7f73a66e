"""The tickets that were used, for all daemons on one database; see `TicketStore`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import PAGE, MongoDatabase

_KEPT = timedelta(hours=1)
"""How long a use is known after the ticket has expired: the clocks of the machines may differ, and one may be set back."""


def _use(db: MongoDatabase, number: str, expires_at: float) -> bool:
    try:
        db.tickets.insert_one({"_id": number, "expires": datetime.fromtimestamp(expires_at, UTC) + _KEPT})
    except DuplicateKeyError:
        return False
    return True


def _used(db: MongoDatabase, numbers: Sequence[str]) -> set[str]:
    return {each["_id"] for each in db.tickets.find({"_id": {"$in": list(numbers)}}, {"_id": 1}, batch_size=PAGE)}


class MongoTickets(MongoPart):
    """A `TicketStore`."""

    epoch = ""
    use = method(_use)
    used = method(_used)
