"""The reactions to messages, one document for each user and emoji, and the summary of them that a message has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pymongo import DeleteMany, DeleteOne, UpdateOne

from reichatd.store.mongodb.keys import reaction_id, reactions_between, reactors_after, readable
from reichatd.store.mongodb.logs import batches
from reichatd.store.mongodb.message_documents import Place, place_of
from reichatd.store.mongodb.room_keys import room_log
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase, Write
from reichatd.store.records import Message, React, Reaction, Reactor

if TYPE_CHECKING:
    from bson import ObjectId

Reacted = tuple[Place, str]
"""A message and an emoji."""

Row = tuple[Place, str, str]
"""A message, an emoji and a user."""


class ReactionRows:
    """The reactions that one group commit adds and takes back. Lives for one transaction, in its thread.

    Arguments:
        reacts: the changes of the commit, with their messages.
    """

    def __init__(self, db: MongoDatabase, reacts: Sequence[tuple[Place, React]]) -> None:
        self._db = db
        self._own: dict[tuple[Place, str], set[str]] = {(place, react.user_id): set() for place, react in reacts}
        """The emojis of a user on a message, as far as the commit has come."""
        self._kinds: dict[Place, dict[str, int]] = {}
        """For the messages of the commit, how many users reacted with each emoji, as far as it has come."""
        self._set: dict[Row, float | None] = {}
        """When the reaction was added; None if it was taken back."""
        self._shown: dict[Reacted, int] = {}
        """How many users are shown where the commit changes something."""
        for place, user_id, emoji in _find_own(db, self._own):
            self._own[place, user_id].add(emoji)

    def own(self, place: Place, user_id: str) -> set[str]:
        """The emojis with which a user of the commit has reacted."""
        return self._own[place, user_id]

    def kinds(self, place: Place, message: Message) -> set[str]:
        """The emojis that a message of the commit has."""
        return {emoji for emoji, users in self._counts(place, message).items() if users > 0}

    def set(self, place: Place, message: Message, react: React) -> None:
        """Adds a reaction that is not there, or takes one back that is."""
        emoji, user_id = react.emoji, react.user_id
        counts = self._counts(place, message)
        counts[emoji] = counts.get(emoji, 0) + (1 if react.is_set else -1)
        (self._own[place, user_id].add if react.is_set else self._own[place, user_id].remove)(emoji)
        self._set[place, emoji, user_id] = react.at if react.is_set else None
        self._shown[place, emoji] = react.shown_users

    def clear(self, place: Place) -> None:
        """Forgets what the commit would have set on a message that it deletes."""
        self._set = {key: at for key, at in self._set.items() if key[0] != place}
        self._shown = {key: shown for key, shown in self._shown.items() if key[0] != place}
        for (other, _), emojis in self._own.items():
            if other == place:
                emojis.clear()

    def _counts(self, place: Place, message: Message) -> dict[str, int]:
        if place not in self._kinds:
            self._kinds[place] = {each.emoji: each.count for each in message.extras.reactions}
        return self._kinds[place]

    def write(self, deleted: Iterable[Place]) -> dict[Place, dict[str, Reaction | None]]:
        """Writes the reactions; returns those that changed, counted again.

        Arguments:
            deleted: messages that lose all of them.
        """
        return write(self._db, self._set, self._shown, deleted)


def write(
    db: MongoDatabase, rows: Mapping[Row, float | None], shown: Mapping[Reacted, int], deleted: Iterable[Place] = ()
) -> dict[Place, dict[str, Reaction | None]]:
    """Adds and removes rows, and counts again: by message and emoji; None where there is none any more.

    Arguments:
        rows: when a reaction was added; None to remove it.
        shown: what to count, and how many users are named.
        deleted: messages that lose all of their rows.
    """
    steps: list[Write] = [DeleteMany(reactions_between(key, number, number + 1)) for key, number in deleted]
    for (place, emoji, user_id), at in rows.items():
        one = {"_id": reaction_id(*place, emoji, user_id)}
        steps.append(DeleteOne(one) if at is None else UpdateOne(one, {"$setOnInsert": {"at": at}}, upsert=True))
    db.write_all(db.reactions, steps)
    return _counted(db, shown)


def _find_own(db: MongoDatabase, pairs: Iterable[tuple[Place, str]]) -> Iterable[tuple[Place, str, str]]:
    """The reactions of users to messages: message, user, emoji."""
    numbers: dict[tuple[str, ObjectId], list[int]] = {}
    for (key, number), user_id in pairs:
        numbers.setdefault((user_id, key), []).append(number)
    for some in batches(numbers.items(), PAGE):
        each = [{"_id.user": user_id, "_id.room": key, "_id.id": {"$in": ids}} for (user_id, key), ids in some]
        for row in db.reactions.find({"$or": each}, {"_id": 1}, batch_size=PAGE):
            yield (row["_id"]["room"], row["_id"]["id"]), row["_id"]["user"], row["_id"]["emoji"]


def _counted(db: MongoDatabase, shown: Mapping[Reacted, int]) -> dict[Place, dict[str, Reaction | None]]:
    counts = _count(db, shown)
    reactions: dict[Place, dict[str, Reaction | None]] = {}
    for (place, emoji), users in shown.items():
        count = counts.get((place, emoji), 0)
        first = _first_users(db, place, emoji, users) if count and users else ()
        reactions.setdefault(place, {})[emoji] = Reaction(emoji, count, tuple(first)) if count else None
    return reactions


def _count(db: MongoDatabase, those: Iterable[Reacted]) -> Mapping[Reacted, int]:
    selections = [_with_emoji(*one) for one in those]
    if not selections:
        return {}
    by_emoji = {"room": "$_id.room", "id": "$_id.id", "emoji": "$_id.emoji"}
    groups = db.reactions.aggregate(
        [{"$match": {"$or": selections}}, {"$group": {"_id": by_emoji, "count": {"$sum": 1}}}], batchSize=PAGE
    )
    return {(place_of(group), group["_id"]["emoji"]): group["count"] for group in groups}


def _first_users(db: MongoDatabase, place: Place, emoji: str, at_most: int) -> list[str]:
    found = db.reactions.find(_with_emoji(place, emoji), {"_id.user": 1}).sort({"at": 1, "_id.user": 1}).limit(at_most)
    return [row["_id"]["user"] for row in found]


def _with_emoji(place: Place, emoji: str) -> Document:
    key, number = place
    return {"_id.room": key, "_id.id": number, "_id.emoji": emoji}


def own_reactions(
    db: MongoDatabase, user_id: str, room_id: str, message_ids: Sequence[int], log_key: str = ""
) -> dict[int, list[str]]:
    log = room_log(db, room_id, log_key)
    if log is None:
        return {}
    found: dict[int, list[str]] = {}
    pairs = [((log.key, number), user_id) for number in readable(message_ids, log.first_id)]
    for (_, number), _, emoji in _find_own(db, pairs):
        found.setdefault(number, []).append(emoji)
    return {number: sorted(found[number]) for number in sorted(found)}


def reactors(db: MongoDatabase, room_id: str, message_id: int, emoji: str, after: str, at_most: int) -> list[Reactor]:
    log = room_log(db, room_id)
    if log is None or at_most == 0 or not readable([message_id], log.first_id):  # MongoDB takes a limit of 0 for none
        return []
    found = db.reactions.find(reactors_after(log.key, message_id, emoji, after), {"_id": 1}, batch_size=PAGE)
    user_ids = [row["_id"]["user"] for row in found.sort("_id").limit(at_most)]
    users = db.users.find({"_id": {"$in": user_ids}}, {"username": 1}, batch_size=PAGE)
    names = {user["_id"]: user["username"] for user in users}
    return [Reactor(user_id, names.get(user_id, "")) for user_id in user_ids]
