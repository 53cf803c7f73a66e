"""Limits on how many documents a user may have."""

from typing import TYPE_CHECKING

from reichatd.store.mongodb.server import Document

if TYPE_CHECKING:
    from pymongo.collection import Collection


def insert_at_most(collection: "Collection[Document]", document: Document, others: Document, at_most: int) -> bool:
    """Inserts a document; False, with nothing stored, if there are `at_most` already.

    Each call counts again after its insert, and removes its document if there are too many. So of several calls at the same moment
    more may fail than necessary, and never too few.

    Arguments:
        others: selects the documents that count, this one included.
    """
    if not at_most or collection.count_documents(others, limit=at_most) >= at_most:
        return False
    collection.insert_one(document)
    if collection.count_documents(others, limit=at_most + 1) > at_most:
        collection.delete_one({"_id": document["_id"]})
        return False
    return True
