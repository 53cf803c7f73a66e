"""The changes of a group commit: edits, deletions, reactions and pins, decided and written in one transaction."""

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId

from reichatd.store.changing import applied, author_of, reaction_refusal, refusal
from reichatd.store.mongodb.authors import find_authors, find_members
from reichatd.store.mongodb.keys import readable
from reichatd.store.mongodb.mentions import resolve
from reichatd.store.mongodb.message_documents import Place, place_of
from reichatd.store.mongodb.reactions import ReactionRows
from reichatd.store.mongodb.revision import Revision
from reichatd.store.mongodb.room_keys import posted_rooms, room_keys
from reichatd.store.mongodb.schema import PINNED
from reichatd.store.mongodb.server import PAGE, MongoDatabase
from reichatd.store.posting import Author
from reichatd.store.records import Change, Changed, ChangedMessage, ChangeOutcome, Delete, Edit, Message, Pin, React

_TOO_MANY_PINS = Changed(ChangeOutcome.TOO_MANY_PINS)
_NO_MESSAGE = Changed(ChangeOutcome.NO_MESSAGE)


def make_changes(
    db: MongoDatabase, changes: Sequence[Change]
) -> tuple[list[Changed], list[ChangedMessage], dict[str, ObjectId]]:
    """Decides about changes and writes them.

    Returns:
        an answer for each, the messages that they changed, and the keys of the rooms, by their ids.

    If it fails, on a replica set nothing is changed; on a standalone server some changes may be made, and a repeat makes the rest.
    """
    if not changes:
        return [], [], {}
    mentions = _resolve_mentions(db, changes)
    answers, revision = db.atomically(lambda: _Attempt(db, changes, mentions).commit())
    return answers, revision.changed(), revision.keys


def _resolve_mentions(db: MongoDatabase, changes: Sequence[Change]) -> Mapping[int, tuple[str, ...]]:
    """The users that each edit mentions, by its place in the batch. Before the transaction: it allows no `$unionWith`."""
    edits = {n: change for n, change in enumerate(changes) if isinstance(change, Edit)}
    keys = room_keys(db, {edit.room_id for edit in edits.values() if edit.mentions or edit.names})
    known = {n: edit for n, edit in edits.items() if edit.room_id in keys}
    found = resolve(db, [(keys[edit.room_id], edit) for edit in known.values()])
    return dict(zip(known, found, strict=True))


class _Attempt:
    """One attempt to make the changes of a group commit. Lives for one transaction, in its thread."""

    def __init__(self, db: MongoDatabase, changes: Sequence[Change], mentions: Mapping[int, tuple[str, ...]]) -> None:
        self._changes = changes
        self._mentions = mentions
        self._rooms = posted_rooms(db, {change.room_id for change in changes})
        pairs = {(room.key, change.user_id) for change in changes if (room := self._rooms.get(change.room_id))}
        self._authors = find_authors(db, find_members(db, pairs), self._rooms.values())
        places = {place for change in changes for place in self._places(change)}
        self._revision = Revision(db, {room.key: room for room in self._rooms.values()}, places)
        reacts = [(place, change) for change in changes if isinstance(change, React) for place in self._places(change)]
        self._reactions = ReactionRows(db, reacts)
        self._pins = _find_pins(
            db, {place[0] for change in changes if isinstance(change, Pin) for place in self._places(change)}
        )
        """The pins of each room where the commit pins something, before the commit."""

    def commit(self) -> tuple[list[Changed], Revision]:
        """Decides and writes. To be called once."""
        outcomes = [self._decide(n, change) for n, change in enumerate(self._changes)]
        self._revision.write_numbers()
        self._revision.write(self._reactions.write(self._revision.deleted()))
        return [self._answer(*pair) for pair in zip(self._changes, outcomes, strict=True)], self._revision

    def _answer(self, change: Change, outcome: ChangeOutcome | Changed) -> Changed:
        if isinstance(outcome, Changed):
            return outcome
        numbers = (self._revision.now[place].change_id for place in self._places(change))
        return Changed(outcome, max(numbers, default=0))

    def _places(self, change: Change) -> list[Place]:
        """The messages of a change that the log may have."""
        room = self._rooms.get(change.room_id)
        if room is None:
            return []
        return [(room.key, number) for number in readable(_ids(change), room.first_id)]

    def _decide(self, n: int, change: Change) -> ChangeOutcome | Changed:
        """Notes what a change does, or says why it is refused."""
        room = self._rooms.get(change.room_id)
        if room is None:
            return Changed(ChangeOutcome.NO_ROOM)
        author = author_of(change, self._authors.get((room.key, change.user_id)))
        if author is None:
            return Changed(ChangeOutcome.NO_MEMBER)
        places = self._places(change)
        if len(places) < len(_ids(change)) or not all(place in self._revision.now for place in places):
            return _NO_MESSAGE
        if isinstance(change, React):
            return self._react(change, places[0], author)
        done: list[tuple[Place, Message]] = []
        for place in places:
            now = self._revision.now[place]
            new = applied(change, now, author, self._mentions.get(n, ()))
            if isinstance(new, Changed):
                return new
            if new is not now:
                done.append((place, new))
        if done and isinstance(change, Pin) and change.is_set and self._count_pins(room.key) >= change.at_most:
            return _TOO_MANY_PINS
        for place, new in done:
            if new.extras.deleted:
                self._reactions.clear(place)
            self._revision.change(place, new)
        return ChangeOutcome.CHANGED if done else ChangeOutcome.UNCHANGED

    def _react(self, change: React, place: Place, author: Author) -> ChangeOutcome | Changed:
        message, rows = self._revision.now[place], self._reactions
        own = rows.own(place, change.user_id)
        if (change.emoji in own) == change.is_set:
            return ChangeOutcome.UNCHANGED
        refused = refusal(change, message, author)
        if refused is None and change.is_set:
            refused = reaction_refusal(change, kinds=rows.kinds(place, message), own=len(own))
        if refused is not None:
            return refused
        rows.set(place, message, change)
        self._revision.change(place, message)
        return ChangeOutcome.CHANGED

    def _count_pins(self, key: ObjectId) -> int:
        """The pins of a room, as far as the commit has come."""
        now = {place: message.extras.pinned for place, message in self._revision.now.items() if place[0] == key}
        return sum(place not in now for place in self._pins[key]) + sum(pin is not None for pin in now.values())


def _ids(change: Change) -> tuple[int, ...]:
    return tuple(dict.fromkeys(change.message_ids)) if isinstance(change, Delete) else (change.message_id,)


def _find_pins(db: MongoDatabase, keys: Iterable[ObjectId]) -> Mapping[ObjectId, Sequence[Place]]:
    """The pinned messages of each of these rooms; their number is limited."""
    pins: dict[ObjectId, list[Place]] = {key: [] for key in keys}
    if pins:
        those = {"_id.room": {"$in": list(pins)}, "extras.pinned": {"$exists": True}}
        for message in db.messages.find(those, {"_id": 1}, hint=PINNED, batch_size=PAGE):
            pins[message["_id"]["room"]].append(place_of(message))
    return pins
