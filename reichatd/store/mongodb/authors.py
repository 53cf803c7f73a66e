"""What the group commit knows of the authors, and how it takes their turn in slow mode."""

from collections.abc import Iterable, Mapping

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from reichatd.store.mongodb.keys import block_id, member_id
from reichatd.store.mongodb.room_keys import PostedRoom
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.posting import Author
from reichatd.store.records import other_of

DUPLICATE_KEY = 11000
"""The server's code for a write that a unique index refuses."""

Member = tuple[ObjectId, str]
"""A member, by the key of the room and the user's id."""


def find_members(db: MongoDatabase, pairs: Iterable[Member]) -> dict[Member, Document]:
    """Those of the pairs that are members, with their documents: of their fields, `moderator` and `last_read_id`."""
    ids = [member_id(*pair) for pair in pairs]
    found = db.members.find({"_id": {"$in": ids}}, ("moderator", "last_read_id"), batch_size=PAGE) if ids else ()
    return {_pair(member): member for member in found}


def find_authors(
    db: MongoDatabase, members: Mapping[Member, Document], rooms: Iterable[PostedRoom]
) -> dict[Member, Author]:
    """What decides about the posts of these members. `rooms` has all of their rooms."""
    ids = [member_id(*pair) for pair in members]
    found = db.standings.find({"_id": {"$in": ids}}, batch_size=PAGE) if ids else ()
    standings = {_pair(standing): standing for standing in found}
    by_key = {room.key: room for room in rooms}
    blocked = _find_blocked(db, [(pair, direct) for pair in members if (direct := by_key[pair[0]].direct) is not None])
    authors = {}
    for pair, member in members.items():
        (key, user_id), standing = pair, standings.get(pair, {})
        authors[pair] = Author(
            is_owner=user_id == by_key[key].owner,
            is_moderator=member.get("moderator", False),
            slow_seconds=by_key[key].slow_seconds,
            muted_until=standing.get("muted_until", 0.0),
            posted_at=standing.get("posted_at", 0.0),
            turn=standing.get("turn"),
            in_direct=by_key[key].direct is not None,
            is_blocked=pair in blocked,
            members_pin=by_key[key].members_pin,
        )
    return authors


def _find_blocked(db: MongoDatabase, in_directs: Iterable[tuple[Member, str]]) -> set[Member]:
    """The members among these that the other user of their direct conversation has blocked."""
    others = {pair: other_of(direct, pair[1]) for pair, direct in in_directs}
    ids = [block_id(other, user_id) for (_, user_id), other in others.items()]
    blocks = [block["_id"] for block in db.blocks.find({"_id": {"$in": ids}}, batch_size=PAGE)] if ids else ()
    found = {(block["user"], block["blocked"]) for block in blocks}
    return {pair for pair, other in others.items() if (other, pair[1]) in found}


def take_turns(db: MongoDatabase, turns: Mapping[Member, Author]) -> set[Member]:
    """Takes the turns of members in slow mode, at the `posted_at` of each and for the post with the nonce `turn`.

    Returns those whose turn another daemon has taken.

    They are taken before the messages are stored, each in one step: of two daemons only one gets it. If the commit fails after it,
    the same post can be tried again, and any other one waits for the next turn.
    """
    if not turns:
        return set()
    try:
        db.standings.bulk_write([_turn(pair, author) for pair, author in turns.items()], ordered=False)
    except BulkWriteError as error:
        refusals = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or any(refusal["code"] != DUPLICATE_KEY for refusal in refusals):
            raise
        pairs = list(turns)
        return {pairs[refusal["index"]] for refusal in refusals}
    return set()


def _turn(pair: Member, author: Author) -> UpdateOne:
    """Fails with a duplicate key if the turn is taken."""
    at, slow_seconds = author.posted_at, author.slow_seconds
    taken: Document = {"posted_at": {"$gt": at - slow_seconds, "$lt": at + slow_seconds}}
    if author.turn is not None:
        taken["turn"] = {"$ne": author.turn}
    return UpdateOne(
        {"_id": member_id(*pair), "$nor": [taken]}, {"$set": {"posted_at": at, "turn": author.turn}}, upsert=True
    )


def _pair(document: Document) -> Member:
    return document["_id"]["room"], document["_id"]["user"]
