"""The collections, and how they became what they are.

Where the key of a document is a pair it is the `_id` itself: that index is there in any case, and a second one would cost every
insert of a message a third more. The order of the two fields matters, so only the functions here make such a key.
"""

from collections.abc import Callable, Sequence

from bson import MaxKey, MinKey, ObjectId
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from reichatd.store.errors import NewerSchema, StoreError
from reichatd.store.mongodb.server import Document, MongoDatabase

BY_NONCE = "by_nonce"

META_ID = "schema"

RESTORE_ID = "restore"
"""The document in `meta` that is there while a restore is under way."""


def first_id_of(room: Document) -> int:
    """Where the log of a room's document begins."""
    return int(room.get("first_id", 1))


def folded(room_id: str) -> str:
    """What two rooms with ids that differ in case only would share: unique in `rooms`."""
    return room_id.lower()


def folded_beside_another(room_id: str) -> str:
    """In place of `folded`, for a room that shares it with another from before the rule."""
    return f"{folded(room_id)}\n{room_id}"


def like(room_id: str) -> Document:
    """Selects the rooms with this id, in upper or lower case."""
    # The ids are letters and digits: nothing else lies between.
    return {"folded": {"$gte": folded(room_id), "$lt": f"{folded(room_id)}\v"}}


def member_id(key: ObjectId, user_id: str) -> Document:
    """The `_id` of a member or a ban. `key` is the room's, not its `room_id`: see `rooms`."""
    return {"room": key, "user": user_id}


def message_id(key: ObjectId, number: int) -> Document:
    """The `_id` of a message."""
    return {"room": key, "id": number}


def members_of(key: ObjectId) -> Document:
    """Selects all members, or all bans, of a room."""
    return {"_id": {"$gt": {"room": key, "user": MinKey()}, "$lt": {"room": key, "user": MaxKey()}}}


def messages_of(key: ObjectId) -> Document:
    """Selects a room's whole log, and what of it is being removed."""
    return {"_id": {"$gt": {"room": key, "id": MinKey()}, "$lt": {"room": key, "id": MaxKey()}}}


def messages_before(key: ObjectId, number: int) -> Document:
    """Selects what of a room has ids below `number`."""
    return {"_id": {"$gt": {"room": key, "id": MinKey()}, "$lt": message_id(key, number)}}


def _first(db: MongoDatabase) -> None:
    db.users.create_indexes([IndexModel("email_key", unique=True)])
    db.registrations.create_indexes([IndexModel("expires_at")])
    db.sessions.create_indexes(
        [IndexModel("user_id"), IndexModel("refresh_hash", unique=True), IndexModel("expires_at")]
    )
    db.rooms.create_indexes([IndexModel("key", unique=True)])
    db.members.create_indexes([IndexModel("_id.user")])
    db.messages.create_indexes(
        [
            IndexModel(
                {"_id.room": 1, "user_id": 1, "nonce": 1},
                name=BY_NONCE,
                unique=True,
                partialFilterExpression={"nonce": {"$exists": True}},
            )
        ]
    )


def _second(db: MongoDatabase) -> None:
    db.rooms.create_indexes([IndexModel({"owner": 1, "_id": 1})])
    db.bans.create_indexes([IndexModel("_id.user")])


def _third(db: MongoDatabase) -> None:
    # A room may have `first_id`, where its log begins, and `keep`: an older program knows neither, and would number an emptied
    # log from 1.
    db.rooms.create_indexes([IndexModel("keep", sparse=True)])


def _fourth(db: MongoDatabase) -> None:
    # An address can have several registrations: its document holds a list of them. It stays one document, since tries and
    # registrations are decided on together, on a standalone server too.
    fields = ("email", "username", "password_hash", "code_hash", "tries_left", "expires_at")
    one = {field: f"${field}" for field in fields}
    db.registrations.update_many(
        {"pending": {"$exists": False}},
        [{"$set": {"pending": [one]}}, {"$unset": [field for field in fields if field != "expires_at"]}],
    )
    db.registrations.create_indexes([IndexModel("pending.expires_at")])
    # Room ids differ in more than case. Rooms of before may not: the oldest has the key that a new one would need.
    db.rooms.create_indexes(
        [IndexModel("folded", unique=True, partialFilterExpression={"folded": {"$exists": True}})],
    )
    for room in db.rooms.find({"folded": {"$exists": False}}, {"_id": 1}).sort("key"):
        try:
            db.rooms.update_one(room, {"$set": {"folded": folded(room["_id"])}})
        except DuplicateKeyError:
            db.rooms.update_one(room, {"$set": {"folded": folded_beside_another(room["_id"])}})


MIGRATIONS: Sequence[Callable[[MongoDatabase], None]] = [_first, _second, _third, _fourth]
"""Each step leads from the version that is its index to the next. Once released, a step never changes.

A step may be repeated from its beginning, after a crash or by another daemon at the same time, and must then do no harm.
"""


def migrate(db: MongoDatabase) -> None:
    """Brings the schema up to date. Several daemons may do this at once.

    Errors: NewerSchema; StoreError if another program made the collections, or a restore into them was cut off.
    """
    version = found_version(db)
    if version is None:
        _record(db, 0)
    for step in range(version or 0, len(MIGRATIONS)):
        MIGRATIONS[step](db)
        _record(db, step + 1)


def found_version(db: MongoDatabase, *, half_restored: bool = False) -> int | None:
    """The version of the schema as it is; None where there is no store yet.

    Errors: as `migrate`; with `half_restored` a store is taken that a restore was cut off in.
    """
    meta = {document["_id"]: document for document in db.meta.find({"_id": {"$in": [META_ID, RESTORE_ID]}})}
    where = f"the database {db.database.name} on {db.where}"
    if RESTORE_ID in meta and not half_restored:
        raise StoreError(f"{where} is half restored: run `reichatd restore` once more")
    if META_ID in meta:
        version = int(meta[META_ID]["version"])
        if version > len(MIGRATIONS):
            raise NewerSchema(version, len(MIGRATIONS), where)
        return version
    # The version is durable before any other collection is made: collections without one are not ours.
    present = not _names(db).isdisjoint(db.database.list_collection_names())
    if present and not db.meta.find_one({"_id": META_ID}):
        raise StoreError(f"{where} has collections of another program")
    return None


def clear(db: MongoDatabase) -> None:
    """Makes the store an empty one of today's schema."""
    for name in _names(db):
        db.database.drop_collection(name)
    _record(db, 0)
    for step in MIGRATIONS:
        step(db)
    _record(db, len(MIGRATIONS))


def _names(db: MongoDatabase) -> set[str]:
    """The collections beside `meta`."""
    ours = (db.users, db.registrations, db.sessions, db.rooms, db.members, db.bans, db.messages, db.graveyard)
    return {collection.name for collection in ours}


def _record(db: MongoDatabase, version: int) -> None:
    db.meta.update_one({"_id": META_ID}, {"$max": {"version": version}}, upsert=True)
