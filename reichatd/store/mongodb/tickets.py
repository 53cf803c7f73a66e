"""The tickets that were used, for all daemons on one database; see `TicketStore`."""

from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import MongoDatabase

_KEPT = timedelta(hours=1)
"""How long a use is known after the ticket has expired: the clocks of the machines may differ, and one may be set back."""


def _use(db: MongoDatabase, number: str, expires_at: float) -> bool:
    try:
        db.tickets.insert_one({"_id": number, "expires": datetime.fromtimestamp(expires_at, UTC) + _KEPT})
    except DuplicateKeyError:
        return False
    return True


class MongoTickets(MongoPart):
    """A `TicketStore`."""

    epoch = ""
    use = method(_use)
