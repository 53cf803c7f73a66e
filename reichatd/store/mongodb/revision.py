"""Messages that are being changed: as they were, as they become, and how they are written.

The number of a change comes from the room's document (`last_change`). On a replica set it is written in the same transaction as
the messages, so the numbers become visible in their order: a reader at 7 has seen all changes up to 7. A number that was read from
the messages would not do, even with a unique index: a message that changes again gives its number back, and a daemon that was
slow could take it, behind the readers.

A standalone server has no transactions. There `last_number` is written first, then the messages, then `last_change`, up to which
readers look. After a crash in between, the numbers in between are not used again, and what was written becomes visible with the
next change in the room.
"""

from collections.abc import Iterable, Mapping

import msgspec
from bson import ObjectId
from pymongo import UpdateOne

from reichatd.store.changing import added_mentions, as_changed, reacted
from reichatd.store.mongodb.keys import message_id
from reichatd.store.mongodb.message_documents import (
    Place,
    changed_fields,
    find_bylines,
    find_places,
    message_of,
    place_of,
)
from reichatd.store.mongodb.room_keys import PostedRoom
from reichatd.store.mongodb.server import MongoDatabase
from reichatd.store.records import ChangedMessage, Message, Reaction


class Revision:
    """The messages that one transaction reads and changes. Lives for it, in its thread; `changed` may be called afterwards.

    Arguments:
        rooms: all rooms of the messages.
        places: the messages.
    """

    def __init__(self, db: MongoDatabase, rooms: Mapping[ObjectId, PostedRoom], places: Iterable[Place]) -> None:
        self._db = db
        self._rooms = rooms
        self._before = {place_of(document): message_of(document) for document in find_places(db, places)}
        self.now = dict(self._before)
        """The messages as they become, by their places; those that exist."""
        self._touched: dict[Place, None] = {}
        """Those that were changed, in the order of their numbers."""
        self._numbers: dict[ObjectId, int] = {}
        """The last number that was given, by the keys of the rooms that change."""

    def change(self, place: Place, message: Message) -> None:
        """Gives a message a new state, and, the first time, a new number."""
        if place not in self._touched:
            self._touched[place] = None
            key = place[0]
            number = self._numbers[key] = self._numbers.get(key, self._rooms[key].last_number) + 1
            message = msgspec.structs.replace(message, change_id=number)
        self.now[place] = message

    def deleted(self) -> list[Place]:
        """The messages that were not deleted before."""
        return [
            place
            for place in self._touched
            if self.now[place].extras.deleted and not self._before[place].extras.deleted
        ]

    def write_numbers(self) -> None:
        """Writes how far the numbers have come. To be called before other writes."""
        self._write_numbers("last_number" if self._db.standalone else "last_change", self._numbers)

    def write(self, counted: Mapping[Place, Mapping[str, Reaction | None]]) -> None:
        """Writes the messages, and lets readers see them.

        Arguments:
            counted: the reactions that changed.
        """
        for place, reactions in counted.items():
            self.now[place] = reacted(self.now[place], reactions)
        self._db.write_all(self._db.messages, [self._update(place) for place in self._touched])
        if self._db.standalone:
            # Also what a crash has left, before it is acknowledged.
            left = {key: room.last_number for key, room in self._rooms.items() if room.last_number > room.last_change}
            self._write_numbers("last_change", left | self._numbers, is_last=True)

    def _update(self, place: Place) -> UpdateOne:
        added = added_mentions(self._before[place], self.now[place])
        return UpdateOne({"_id": message_id(*place)}, changed_fields(self.now[place], added, self._db.by))

    def _write_numbers(self, field: str, numbers: Mapping[ObjectId, int], *, is_last: bool = False) -> None:
        # Not "$inc": nothing has changed the room since it was read, or the transaction fails.
        updates = [UpdateOne({"key": key}, {"$set": {field: number}}) for key, number in numbers.items()]
        self._db.write_all(self._db.rooms, updates, is_last=is_last)

    @property
    def keys(self) -> dict[str, ObjectId]:
        """The keys of the rooms, by their ids."""
        return {room.room_id: key for key, room in self._rooms.items()}

    def changed(self) -> list[ChangedMessage]:
        """The changed messages, room by room in the order of their numbers, with the names of their authors."""
        authors = {(place[0], self.now[place].user_id) for place in self._touched}
        directs = {key for key, room in self._rooms.items() if room.direct is not None}
        bylines = find_bylines(self._db, authors, directs) if authors else {}
        found = []
        for place in sorted(self._touched, key=lambda place: (place[0], self.now[place].change_id)):
            room, message = self._rooms[place[0]], self.now[place]
            username, email, shares_room = bylines[room.key, message.user_id]
            named = msgspec.structs.replace(message, username=username, email=email, shares_room=shares_room)
            found.append(as_changed(room.room_id, self._before[place], named))
        return found
