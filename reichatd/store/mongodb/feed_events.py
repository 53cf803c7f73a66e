"""What the server tells of the store's changes, and the events that the feed makes of it (see `reichatd.store.feed`)."""

from collections.abc import Callable, Iterable, Sequence

from bson import ObjectId

from reichatd.store.feed import (
    FeedEvent,
    LogCut,
    MemberChanged,
    MentionsAdded,
    MessagesChanged,
    MessagesPosted,
    RoomChanged,
    RoomDeleted,
    SessionEnded,
    UserChanged,
    Wants,
)
from reichatd.store.mongodb.keys import marks_by, members_of
from reichatd.store.mongodb.message_documents import Byline, Place, find_places, message_of, place_of
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase

_REMEMBERED = 10_000
"""Authors, rooms and graves that are remembered, of each kind."""


def pipeline(by: int) -> list[Document]:
    """The stages after `$changeStream`: the server sends what the feed tells of, and of each change only what is needed.

    Arguments:
        by: see `MongoDatabase.by`.
    """
    updated, there, absent = "updateDescription.updatedFields", {"$exists": True}, {"$exists": False}
    watched = [
        _of("messages", "insert") | {"fullDocument.by": {"$ne": by}},
        _of("messages", "update") | {f"{updated}.change": there},
        _of("members", "update") | {f"{updated}.by": {"$not": marks_by(by)}},
        _of("members", "insert", "delete"),
        _of("bans", "insert", "delete"),
        # Most standings only say when someone posted in slow mode.
        _of("standings", "insert") | {"fullDocument.muted_until": there},
        _of("standings", "update") | {f"{updated}.muted_until": there},
        _of("rooms", "insert", "delete"),
        # The number of a change comes with its message.
        _of("rooms", "update") | {f"{updated}.last_change": absent, f"{updated}.last_number": absent},
        _of("graveyard", "insert", "replace"),
        _of("sessions", "delete"),
        _of("users", "update", "delete"),
    ]
    needed = ["operationType", "ns.coll", "documentKey", "fullDocument.key"]
    needed += [f"{updated}.{field}" for field in ("change", "added", "first_id", "last_read_id", "kicked")]
    needed += [f"fullDocument.{field}" for field in ("user_id", "content", "timestamp", "change", "extras")]
    return [{"$match": {"$or": watched}}, {"$project": dict.fromkeys(needed, 1)}]


def _of(collection: str, *operations: str) -> Document:
    return {"ns.coll": collection, "operationType": {"$in": list(operations)}}


class Translator:
    """Makes events of changes, and reads what the changes do not say. Lives as long as the feed, in its thread.

    Arguments:
        db: of the feed's own client.
        by: see `MongoDatabase.by`.
        wants: see `Store.follow`.
        heard: called with the key of a wanted log and the id of its last message, stored by another daemon.
    """

    def __init__(self, db: MongoDatabase, by: int, wants: Wants, heard: Callable[[ObjectId, int], None]) -> None:
        self._db = db
        self._by = by
        self._wants = wants
        self._heard = heard
        self._authors: dict[str, tuple[str, str]] = {}
        """Names and addresses, by user id. Forgotten when the user changes, so never older than the stream."""
        self._directs: dict[ObjectId, bool] = {}
        """Whether a room is a direct conversation, by its key. That never changes."""
        self._graves: dict[ObjectId, None] = {}
        """Keys of rooms that are about to be deleted; the change that deletes one has only its `room_id`."""
        self._deleted_logs: dict[str, None] = {}
        """Keys of rooms that were deleted: of these the housekeeping removes all members, which is no news."""

    def begin(self) -> None:
        """Prepares for a stream that begins now: changes before it were not seen."""
        self._authors.clear()
        newest = self._db.graveyard.find({}, {"_id": 1}, batch_size=PAGE).sort("deleted_at", -1).limit(_REMEMBERED)
        keys = [grave["_id"] for grave in newest]
        existing = self._existing(keys)
        self._graves = dict.fromkeys(existing)
        self._deleted_logs = {str(key): None for key in keys if key not in existing}

    def translate(self, changes: Iterable[Document]) -> list[FeedEvent]:
        """The events of changes, in their order: messages, then all else.

        Errors: PyMongoError; then the same changes can be translated again.
        """
        batch = _Batch(changes, self._graves)
        for user_id in batch.users:
            self._authors.pop(user_id, None)
        hints = [each for each in batch.hints if self._is_news(each)]
        events: list[FeedEvent] = [*self._posted(batch.posted), *self._changed(batch.changed), *hints]
        if batch.mentioning:
            events += self._mentioning(batch.mentioning)
        if batch.updated_rooms:
            events += self._updated(batch.updated_rooms)
        if batch.new_rooms:
            events += self._joined(batch.new_rooms)
        if batch.is_room_deleted:
            events += self._deleted()
        return events

    def _posted(self, posted: dict[ObjectId, list[Document]]) -> list[MessagesPosted]:
        wanted = {key: documents for key, documents in posted.items() if self._wants(str(key))}
        self._learn_authors({document["user_id"] for documents in wanted.values() for document in documents})
        self._learn_directs(wanted.keys())
        events = []
        for key, documents in wanted.items():
            # An author is a member at the moment of the post.
            shares_room = not self._directs.get(key, True)
            messages = [
                message_of(document, Byline(*self._authors.get(document["user_id"], ("", "")), shares_room))
                for document in documents
            ]
            self._heard(key, messages[-1].message_id)
            events.append(MessagesPosted(str(key), messages))
        return events

    def _changed(self, changed: dict[ObjectId, int]) -> list[MessagesChanged]:
        return [MessagesChanged(log_key, number) for key, number in changed.items() if self._wants(log_key := str(key))]

    def _mentioning(self, mentioning: Sequence[tuple[Place, Document]]) -> list[MentionsAdded]:
        """Of edits that add mentions. Only the author of a message edits it."""
        wanted = [each for each in mentioning if each[1]["by"] != self._by and self._wants(str(each[0][0]))]
        found = find_places(self._db, dict(wanted))
        authors = {place_of(document): document["user_id"] for document in found}
        return [
            MentionsAdded(str(place[0]), place[1], authors[place], tuple(added["users"]))
            for place, added in wanted
            if place in authors
        ]

    def _learn_authors(self, user_ids: set[str]) -> None:
        if unknown := [user_id for user_id in user_ids if user_id not in self._authors]:
            if len(self._authors) > _REMEMBERED:
                self._authors.clear()
                unknown = list(user_ids)
            found = self._db.users.find({"_id": {"$in": unknown}}, {"username": 1, "email": 1}, batch_size=PAGE)
            self._authors.update((user["_id"], (user["username"], user["email"])) for user in found)

    def _learn_directs(self, keys: Iterable[ObjectId]) -> None:
        if unknown := [key for key in keys if key not in self._directs]:
            if len(self._directs) > _REMEMBERED:
                self._directs.clear()
                unknown = list(keys)
            found = self._db.rooms.find({"key": {"$in": unknown}}, {"key": 1, "direct": 1}, batch_size=PAGE)
            self._directs.update((room["key"], room.get("direct") is not None) for room in found)

    def _updated(self, rooms: Sequence[tuple[str, int]]) -> list[FeedEvent]:
        """Of updated rooms, by `room_id`, with where their logs begin now; 0 if it is something else that has changed."""
        those = {"_id": {"$in": list({room_id for room_id, _ in rooms})}}
        keys = {room["_id"]: str(room["key"]) for room in self._db.rooms.find(those, {"key": 1}, batch_size=PAGE)}
        known = [(keys[room_id], first_id) for room_id, first_id in rooms if room_id in keys]
        return [LogCut(log_key, first_id) if first_id else RoomChanged(log_key) for log_key, first_id in known]

    def _joined(self, keys: Sequence[ObjectId]) -> list[FeedEvent]:
        """Of the members of new rooms: they were added before their room could be seen."""
        members = self._db.members.find({"$or": [members_of(key) for key in keys]}, {"_id": 1}, batch_size=PAGE)
        return [*(RoomChanged(str(key)) for key in keys), *(_member_changed(member["_id"]) for member in members)]

    def _deleted(self) -> list[RoomDeleted]:
        deleted = self._graves.keys() - self._existing(list(self._graves))
        for key in deleted:
            del self._graves[key]
            self._deleted_logs[str(key)] = None
        while len(self._deleted_logs) > _REMEMBERED:
            del self._deleted_logs[next(iter(self._deleted_logs))]
        return [RoomDeleted(str(key)) for key in deleted]

    def _is_news(self, hint: FeedEvent) -> bool:
        if not isinstance(hint, MemberChanged):
            return True
        # A new member may be someone here; a read mark that moves is news only where the room is followed.
        is_wanted = not hint.last_read_id or hint.kicked or self._wants(hint.log_key)
        return is_wanted and hint.log_key not in self._deleted_logs

    def _existing(self, keys: Sequence[ObjectId]) -> set[ObjectId]:
        """The keys of those rooms that exist."""
        found = self._db.rooms.find({"key": {"$in": keys}}, {"key": 1}, batch_size=PAGE) if keys else ()
        return {room["key"] for room in found}


def _member_changed(pair: Document) -> MemberChanged:
    return MemberChanged(str(pair["room"]), pair["user"])


class _Batch:
    """Changes, sorted out.

    Arguments:
        graves: those that open are added.
    """

    def __init__(self, changes: Iterable[Document], graves: dict[ObjectId, None]) -> None:
        self.posted: dict[ObjectId, list[Document]] = {}
        """The documents of new messages, by log."""
        self.changed: dict[ObjectId, int] = {}
        """The numbers of the last changes of messages, by log."""
        self.mentioning: list[tuple[Place, Document]] = []
        """What edits have added to the mentions of messages; see `message_documents`."""
        self.hints: list[FeedEvent] = []
        self.users: list[str] = []
        self.new_rooms: list[ObjectId] = []
        self.updated_rooms: list[tuple[str, int]] = []
        """See `Translator._updated`."""
        self.is_room_deleted = False
        self._graves = graves
        for change in changes:
            self._sort(change)

    def _sort(self, change: Document) -> None:
        ident = change["documentKey"]["_id"]
        match change["ns"]["coll"], change["operationType"]:
            case "messages", "insert":
                self.posted.setdefault(ident["room"], []).append(change["fullDocument"] | {"_id": ident})
            case "messages", _:
                key, fields = ident["room"], change["updateDescription"]["updatedFields"]
                self.changed[key] = max(fields["change"], self.changed.get(key, 0))
                if "added" in fields:
                    self.mentioning.append(((key, ident["id"]), fields["added"]))
            case "members", "update":
                # A read mark moves on its own.
                fields = change["updateDescription"].get("updatedFields", {})
                mark, kicked = fields.get("last_read_id", 0), fields.get("kicked", False)
                self.hints.append(MemberChanged(str(ident["room"]), ident["user"], mark, kicked))
            case "members" | "bans" | "standings", _:
                self.hints.append(_member_changed(ident))
            case "rooms", "insert":
                self.new_rooms.append(change["fullDocument"]["key"])
            case "rooms", "delete":
                self.is_room_deleted = True
            case "rooms", _:
                fields = change["updateDescription"]["updatedFields"]
                self.updated_rooms.append((ident, fields.get("first_id", 0)))
            case "graveyard", _:
                self._graves[ident] = None
                if len(self._graves) > _REMEMBERED:
                    del self._graves[next(iter(self._graves))]
            case "sessions", _:
                self.hints.append(SessionEnded(ident))
            case "users", _:
                self.users.append(ident)
                self.hints.append(UserChanged(ident))
