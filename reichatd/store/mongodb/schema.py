"""The collections and their migrations."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from reichatd.store.errors import NewerSchema, OlderDaemons, StoreError
from reichatd.store.mongodb.heartbeats import alive
from reichatd.store.mongodb.keys import folded, folded_beside_another, name_key, new_token
from reichatd.store.mongodb.server import MongoDatabase

BY_NONCE = "by_nonce"
BY_TIME = "by_time"
BY_CHANGE = "by_change"
PINNED = "pinned"
MENTIONED = "mentioned"

META_ID = "schema"

SECRET_ID = "secret"
"""The document in `meta` with the fingerprint of the secret; see `Keys.fingerprint`."""

RESTORE_ID = "restore"
"""The document in `meta` that exists while a restore is running."""


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
    # A room may have `first_id`, where its log begins, and `keep`. An older program knows neither, and would number an emptied log
    # from 1.
    db.rooms.create_indexes([IndexModel("keep", sparse=True)])


def _fourth(db: MongoDatabase) -> None:
    # An address can have several registrations: its document holds a list of them. It stays one document, so that tries and
    # registrations change together, on a standalone server too.
    fields = ("email", "username", "password_hash", "code_hash", "tries_left", "expires_at")
    one = {field: f"${field}" for field in fields}
    db.registrations.update_many(
        {"pending": {"$exists": False}},
        [{"$set": {"pending": [one]}}, {"$unset": [field for field in fields if field != "expires_at"]}],
    )
    db.registrations.create_indexes([IndexModel("pending.expires_at")])
    # Ids of new rooms differ in more than case. Those of older rooms may not: the oldest of them has the unique key.
    db.rooms.create_indexes(
        [IndexModel("folded", unique=True, partialFilterExpression={"folded": {"$exists": True}})],
    )
    for room in db.rooms.find({"folded": {"$exists": False}}, {"_id": 1}).sort("key"):
        try:
            db.rooms.update_one(room, {"$set": {"folded": folded(room["_id"])}})
        except DuplicateKeyError:
            db.rooms.update_one(room, {"$set": {"folded": folded_beside_another(room["_id"])}})


def _fifth(db: MongoDatabase) -> None:
    # A session may have `network`, where the login came from. It is asked at each attempt to log in, and a user may have any
    # number of sessions.
    db.sessions.create_indexes([IndexModel({"user_id": 1, "network": 1})])
    # Counts of attempts are removed by the server when they end.
    db.counts.create_indexes([IndexModel("expireAt", expireAfterSeconds=0)])
    # Pages of the public rooms, oldest first.
    db.rooms.create_indexes([IndexModel({"password_hash": 1, "created_at": 1, "key": 1})])


def _sixth(db: MongoDatabase) -> None:
    # The fields of the new collections, and the new ones of older documents, are those of `records` and `bulk`. Standings have the
    # same key as members; an invitation has the `room` key of its room, None for one to the server.
    db.rooms.create_indexes(
        [
            IndexModel("direct", unique=True, partialFilterExpression={"direct": {"$type": "string"}}),
            IndexModel("pair", sparse=True),
        ],
    )
    db.standings.create_indexes([IndexModel("_id.user")])
    db.invites.create_indexes([IndexModel("token_hash", unique=True), IndexModel("room"), IndexModel("expires_at")])
    db.blocks.create_indexes([IndexModel("_id.blocked")])
    db.app_passwords.create_indexes([IndexModel({"user_id": 1, "password_hash": 1})])
    # A session may have `app_password_id`.
    db.sessions.create_indexes(
        [IndexModel("app_password_id", partialFilterExpression={"app_password_id": {"$gt": ""}})],
    )
    db.email_changes.create_indexes([IndexModel("expires_at")])
    db.oidc_accounts.create_indexes([IndexModel("user_id")])
    db.audit.create_indexes(
        [
            # With `_id`, so that the first number of some time is read from the index alone.
            IndexModel({"at": 1, "_id": 1}, name=BY_TIME),
            IndexModel("at", name="with_address", partialFilterExpression={"address": {"$gt": ""}}),
            *(IndexModel({field: 1, "_id": 1}) for field in ("actor", "user_id", "room_id")),
        ]
    )


def _seventh(db: MongoDatabase) -> None:
    # The fields of messages are those of `message_documents`; the server reads all messages once for the three indexes.
    db.messages.create_indexes(
        [
            IndexModel(
                {"_id.room": 1, "change": 1},
                name=BY_CHANGE,
                unique=True,
                partialFilterExpression={"change": {"$exists": True}},
            ),
            IndexModel(
                {"_id.room": 1, "_id.id": 1},
                name=PINNED,
                partialFilterExpression={"extras.pinned": {"$exists": True}},
            ),
            IndexModel(
                {"mentioned": 1, "_id.room": 1, "_id.id": 1},
                name=MENTIONED,
                partialFilterExpression={"mentioned": {"$exists": True}},
            ),
        ]
    )
    db.reactions.create_indexes(
        [
            # Has all that is counted again, so that only the index is read.
            IndexModel({"_id.room": 1, "_id.id": 1, "_id.emoji": 1, "at": 1, "_id.user": 1}),
            IndexModel({"_id.user": 1, "_id.room": 1, "_id.id": 1}),
        ]
    )
    # A room has `last_change`, once a message of it was changed, and the token of its `log`.
    for room in db.rooms.find({"log": {"$exists": False}}, {"_id": 1}):
        db.rooms.update_one({**room, "log": {"$exists": False}}, {"$set": {"log": new_token()}})
    db.users.update_many({"name_key": {"$exists": False}}, [{"$set": {"name_key": {"$toLower": "$username"}}}])
    # The server knows upper and lower case of ASCII only.
    for user in db.users.find({"name_key": {"$regex": r"[^\x00-\x7f]"}}, {"username": 1}):
        db.users.update_one(user, {"$set": {"name_key": name_key(user["username"])}})
    db.users.create_indexes([IndexModel({"name_key": 1, "_id": 1})])


def _eighth(db: MongoDatabase) -> None:
    # Tickets that were used, and heartbeats of daemons, are removed by the server some time after their end.
    for collection in (db.tickets, db.daemons):
        collection.create_indexes([IndexModel("expires", expireAfterSeconds=0)])


class Step(NamedTuple):
    """One step of the migration.

    Arguments:
        run: may run again from its beginning, after a crash or in another daemon at the same time, and must then do no harm.
        spares_older: whether daemons that know the version before can go on, and be started, on the schema after it.
    """

    run: Callable[[MongoDatabase], None]
    spares_older: bool = False


MIGRATIONS: Sequence[Step] = [
    Step(_first),
    Step(_second),
    Step(_third),
    Step(_fourth),
    Step(_fifth),
    Step(_sixth),
    Step(_seventh),
    Step(_eighth, spares_older=True),
]
"""Step N migrates from version N to version N + 1. Once released, a step never changes."""


def migrate(db: MongoDatabase) -> None:
    """Brings the schema up to date. Several daemons may do this at once.

    Errors: NewerSchema; OlderDaemons; StoreError if the collections are another program's, or a restore into them was interrupted.
    """
    version = found_version(db)
    if version is None:
        _record(db, 0)
    _spare_older_daemons(db, version or 0)
    for step in range(version or 0, len(MIGRATIONS)):
        MIGRATIONS[step].run(db)
        _record(db, step + 1)


def _spare_older_daemons(db: MongoDatabase, version: int) -> None:
    """Raises OlderDaemons if daemons run that would not understand the schema. Before schema 8 they have no heartbeat."""
    oldest = oldest_beside(version, len(MIGRATIONS))
    if older := [each for each in alive(db) if each["schema"] < oldest]:
        names = ", ".join(f"{each['version']} on {each['host']} (process {each['pid']})" for each in older)
        raise OlderDaemons(
            f"the database {db.database.name} on {db.where} has to be migrated to schema version {len(MIGRATIONS)}, which older "
            f"daemons do not understand: stop these first, and then start this one again: {names}"
        )


def oldest_beside(version: int, target: int) -> int:
    """The oldest version of the schema that a daemon may know, once a store is migrated from `version` to `target`."""
    return max((step + 1 for step in range(version, target) if not MIGRATIONS[step].spares_older), default=0)


def is_current(db: MongoDatabase) -> bool:
    """Whether `migrate` has nothing to do. Errors: as `migrate`."""
    return (found_version(db) or 0) >= len(MIGRATIONS)


def found_version(db: MongoDatabase, *, half_restored: bool = False) -> int | None:
    """The current version of the schema; None if there is no store yet.

    It may be newer than this program's, if the steps in between spare older daemons.

    Errors: as `migrate`; with `half_restored` an interrupted restore is no error.
    """
    meta = {document["_id"]: document for document in db.meta.find({"_id": {"$in": [META_ID, RESTORE_ID]}})}
    where = f"the database {db.database.name} on {db.where}"
    if RESTORE_ID in meta and not half_restored:
        raise StoreError(f"{where} is half restored: run `reichatd restore` once more")
    if META_ID in meta:
        version = int(meta[META_ID]["version"])
        if meta[META_ID].get("oldest", version) > len(MIGRATIONS):
            raise NewerSchema(version, len(MIGRATIONS), where)
        return version
    # The version is durable before any other collection is created: collections without one are not ours.
    present = not _names(db).isdisjoint(db.database.list_collection_names())
    if present and not db.meta.find_one({"_id": META_ID}):
        raise StoreError(f"{where} has collections of another program")
    return None


def clear(db: MongoDatabase) -> None:
    """Makes the store an empty one with the current schema. The next daemon may have another secret."""
    for name in _names(db):
        db.database.drop_collection(name)
    db.meta.delete_one({"_id": SECRET_ID})
    _record(db, 0)
    for step in MIGRATIONS:
        step.run(db)
    _record(db, len(MIGRATIONS))


def _names(db: MongoDatabase) -> set[str]:
    """The collections other than `meta`."""
    ours = (
        db.users,
        db.registrations,
        db.sessions,
        db.rooms,
        db.members,
        db.bans,
        db.messages,
        db.graveyard,
        db.counts,
        db.standings,
        db.invites,
        db.blocks,
        db.totp,
        db.app_passwords,
        db.email_changes,
        db.oidc_accounts,
        db.audit,
        db.erasures,
        db.reactions,
        db.tickets,
        db.daemons,
        db.leases,
    )
    return {collection.name for collection in ours}


def _record(db: MongoDatabase, version: int) -> None:
    known = {"version": version, "oldest": oldest_beside(0, version)}
    db.meta.update_one({"_id": META_ID}, {"$max": known}, upsert=True)
