"""Blocks in MongoDB. What the methods do is said at `reichatd.store.protocol.BlockStore`."""

from bson import MaxKey, MinKey
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.keys import block_id
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import Block, BlockOutcome


def _add(db: MongoDatabase, block: Block, at_most: int) -> BlockOutcome:
    if _exists(db, block.user_id, block.blocked_id):
        return BlockOutcome.ALREADY_BLOCKED
    # Calls at the same moment may go beyond the limit by their number.
    if at_most and db.blocks.count_documents(_blocks_of(block.user_id), limit=at_most) >= at_most:
        return BlockOutcome.TOO_MANY
    try:
        db.blocks.insert_one({"_id": block_id(block.user_id, block.blocked_id)})
    except DuplicateKeyError:
        return BlockOutcome.ALREADY_BLOCKED
    return BlockOutcome.BLOCKED


def _remove(db: MongoDatabase, user_id: str, blocked_id: str) -> bool:
    return db.blocks.delete_one({"_id": block_id(user_id, blocked_id)}).deleted_count > 0


def _of_user(db: MongoDatabase, user_id: str) -> list[str]:
    found = db.blocks.find(_blocks_of(user_id), batch_size=PAGE).sort("_id")
    return [block["_id"]["blocked"] for block in found]


def _exists(db: MongoDatabase, user_id: str, blocked_id: str) -> bool:
    return db.blocks.find_one({"_id": block_id(user_id, blocked_id)}) is not None


def _blocks_of(user_id: str) -> Document:
    """Selects all blocks of a user."""
    return {"_id": {"$gt": {"user": user_id, "blocked": MinKey()}, "$lt": {"user": user_id, "blocked": MaxKey()}}}


def delete_blocks_of(db: MongoDatabase, user_id: str) -> None:
    """Removes the blocks of a user, and those of this user by others."""
    for those in (_blocks_of(user_id), {"_id.blocked": user_id}):
        db.blocks.delete_many(those)


class MongoBlocks(MongoPart):
    """A `BlockStore`."""

    add = method(_add)
    remove = method(_remove)
    of_user = method(_of_user)
    exists = method(_exists)
