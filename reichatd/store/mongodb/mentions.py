"""Whom a message mentions, and how many unread messages mention a user."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

from bson import ObjectId

from reichatd.store.changing import EVERYONE
from reichatd.store.mongodb.keys import name_key
from reichatd.store.mongodb.logs import batches
from reichatd.store.mongodb.message_documents import members_among
from reichatd.store.mongodb.schema import MENTIONED
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.records import MOST_MENTIONS, Edit, Post

_NAMESAKES = 200
"""How many users of one name are looked at: names are not unique, and anyone may take any name."""

_NAMES_FOR_EACH = 5
"""How many names are looked up for each user that may be mentioned: the word after an "@" may be no name."""


def resolve(db: MongoDatabase, texts: Sequence[tuple[ObjectId, Post | Edit]]) -> list[tuple[str, ...]]:
    """The members that posts and edits mention, each member once.

    Arguments:
        texts: with the keys of their rooms.

    Returns:
        for each of them the user ids, in the same order.
    """
    names = [_names(text) for _, text in texts]
    named = _find_named(db, set(chain.from_iterable(names)))
    candidates = [
        list(dict.fromkeys(text.mentions or chain.from_iterable(named.get(name, ()) for name in some)))
        for (_, text), some in zip(texts, names, strict=True)
    ]
    members = members_among(
        db, [(key, user_id) for (key, _), users in zip(texts, candidates, strict=True) for user_id in users]
    )
    return [
        tuple(
            islice(
                (user_id for user_id in users if (key, user_id) in members),
                text.resolved_at_most if text.mentions is None else None,
            )
        )
        for (key, text), users in zip(texts, candidates, strict=True)
    ]


def _names(text: Post | Edit) -> list[str]:
    if text.mentions is not None:
        return []
    return list(dict.fromkeys(map(name_key, text.names)))[: _NAMES_FOR_EACH * text.resolved_at_most]


def _find_named(db: MongoDatabase, names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The users with each of these names, the first ones by their ids."""
    found: dict[str, list[str]] = {}
    for some in batches(sorted(names)):
        first, *others = ([{"$match": {"name_key": name}}, *_FIRST_USERS] for name in some)
        unions = [{"$unionWith": {"coll": db.users.name, "pipeline": other}} for other in others]
        for user in db.users.aggregate([*first, *unions]):
            found.setdefault(user["name_key"], []).append(user["_id"])
    return found


_FIRST_USERS: list[Document] = [{"$sort": {"_id": 1}}, {"$limit": _NAMESAKES}, {"$project": {"name_key": 1}}]


def count_unread(db: MongoDatabase, user_id: str, unread: Mapping[ObjectId, tuple[int, int]]) -> Mapping[ObjectId, int]:
    """How many messages mention a user or all members; at most `MOST_MENTIONS` for each room.

    Arguments:
        unread: by the key of a room, the first and the last message that count.
    """
    counts = dict.fromkeys(unread, 0)
    for some in batches((key, first, last) for key, (first, last) in unread.items() if first <= last):
        first, *others = (_counting(user_id, *one) for one in some)
        unions = [{"$unionWith": {"coll": db.messages.name, "pipeline": other}} for other in others]
        counts.update(
            (count["room"], count["mentions"]) for count in db.messages.aggregate([*first, *unions], hint=MENTIONED)
        )
    return counts


def _counting(user_id: str, key: ObjectId, first_id: int, last_id: int) -> list[Document]:
    those = {
        "mentioned": {"$in": [EVERYONE, user_id]},
        "_id.room": key,
        "_id.id": {"$gte": first_id, "$lte": last_id},
    }
    return [
        {"$match": those},
        {"$limit": MOST_MENTIONS},
        {"$count": "mentions"},
        {"$set": {"room": {"$literal": key}}},
    ]
