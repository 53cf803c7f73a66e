"""The heartbeats of the daemons on one database, as documents. They end by the server's clock."""

from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase


def alive(db: MongoDatabase) -> list[Document]:
    """The daemons whose heartbeats have not expired, in the order of their starts; `idle` has the milliseconds since the last."""
    steps: list[Document] = [
        {"$match": {"$expr": {"$gt": ["$expires", "$$NOW"]}}},
        {"$addFields": {"idle": {"$subtract": ["$$NOW", "$beat"]}}},
        {"$sort": {"started_at": 1, "_id": 1}},
    ]
    return list(db.daemons.aggregate(steps, batchSize=PAGE))
