"""Counts that all daemons on one database share. What the methods do is said at `reichatd.rate_limits.Counts`.

The sliding windows are those of `limits`, with its storage for MongoDB: each hit is one atomic update of one document, which a
TTL index removes. The library would open a connection of its own; here it uses the store's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limits.storage.mongodb import MongoDBStorageBase
from limits.strategies import SlidingWindowCounterRateLimiter

from reichatd.rate_limits.counts import Count, item, seconds_until_one_more
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import Document, MongoDatabase

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.collection import Collection


class _Storage(MongoDBStorageBase):
    """The library's storage, in a collection of the store."""

    STORAGE_SCHEME = None

    def __init__(self, collection: "Collection[Document]") -> None:
        super().__init__("")
        self._collection = collection

    @property
    def windows(self) -> "Collection[Document]":
        return self._collection

    def _init_mongo_client(self, uri: str | None, **options: int | str | bool) -> "MongoClient[Document]":
        raise NotImplementedError

    def __del__(self) -> None:
        """Leaves the store's connection open."""


def _retry_after(db: MongoDatabase, count: Count) -> int:
    return seconds_until_one_more(_Storage(db.counts), count)


def _window(db: MongoDatabase) -> SlidingWindowCounterRateLimiter:
    return SlidingWindowCounterRateLimiter(_Storage(db.counts))


def _hit(db: MongoDatabase, counts: Sequence[Count]) -> int | None:
    window = _window(db)
    for position, count in enumerate(counts):
        if not window.hit(item(count), count.key):
            _give_back(db, counts[:position])
            return position
    return None


def _give_back(db: MongoDatabase, counts: Sequence[Count]) -> None:
    window = _window(db)
    for count in counts:
        window.hit(item(count), count.key, cost=-1)


class MongoCounts(MongoPart):
    """`Counts` in the store."""

    hit = method(_hit)
    give_back = method(_give_back)
    retry_after = method(_retry_after)
