"""Registrations and users in MongoDB. What the methods do is written at `reichatd.store.protocol.Users`."""

from collections.abc import Sequence

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.server import PAGE, Database, Document, Server
from reichatd.store.records import Registration, User


class MongoUsers:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def register(self, registration: Registration) -> bool:
        return await self._server.run(_register, registration)

    async def take_try(self, email: str) -> Registration | None:
        return await self._server.run(_take_try, email)

    async def confirm(self, registration: Registration, user: User) -> bool:
        return await self._server.run(_confirm, registration, user)

    async def by_id(self, user_id: str) -> User | None:
        return await self._server.run(_by_id, user_id)

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        return await self._server.run(_by_ids, user_ids)

    async def by_email(self, email: str) -> User | None:
        return await self._server.run(_by_email, email)

    async def page(self, after: str, at_most: int) -> list[User]:
        return await self._server.run(_page, after, at_most)

    async def registrations(self, after: str, at_most: int) -> list[Registration]:
        return await self._server.run(_registrations, after, at_most)

    async def rename(self, user_id: str, username: str) -> bool:
        return await self._server.run(_rename, user_id, username)

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        return await self._server.run(_change_password, user_id, old_hash, new_hash, keep_session_id)

    async def set_password(self, user_id: str, new_hash: str) -> list[str] | None:
        return await self._server.run(end_sessions, user_id, {"password_hash": new_hash})

    async def disable(self, user_id: str) -> list[str] | None:
        return await self._server.run(end_sessions, user_id, {"disabled": True})

    async def enable(self, user_id: str) -> bool:
        return await self._server.run(_enable, user_id)

    async def delete(self, user_id: str) -> bool:
        return await self._server.run(_delete, user_id)

    async def delete_expired(self, now: float) -> int:
        return await self._server.run(_delete_expired, now)


def user_of(document: Document) -> User:
    return User(
        user_id=document["_id"],
        email=document["email"],
        username=document["username"],
        password_hash=document["password_hash"],
        created_at=document["created_at"],
        disabled=document.get("disabled", False),
    )


def end_sessions(
    db: Database, user_id: str, changes: Document, *, old_hash: str | None = None, keep_session_id: str | None = None
) -> list[str] | None:
    """Changes a user, and in the same step ends his sessions but one (see `sessions`); their ids.

    None, and nothing has changed, if there is no such user, or the password hash is not `old_hash`.
    """
    selection = {"_id": user_id} | ({} if old_hash is None else {"password_hash": old_hash})
    changed = db.users.find_one_and_update(
        selection,
        {"$set": {"kept_session": keep_session_id, **changes}, "$inc": {"password_number": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is None:
        return None
    ended = db.sessions.distinct(
        "_id",
        {
            "user_id": user_id,
            "_id": {"$ne": keep_session_id},
            "password_number": {"$lt": changed["password_number"]},
        },
    )
    # Tidying up: they have ended.
    db.sessions.delete_many({"_id": {"$in": ended}})
    return ended


def registration_of(document: Document) -> Registration:
    fields = dict(document)
    del fields["_id"]
    return Registration(**fields)


def document_of(user: User) -> Document:
    fields = msgspec.structs.asdict(user)
    return {
        "_id": fields.pop("user_id"),
        "email_key": email_key(user.email),
        **fields,
        "password_number": 0,
        "kept_session": None,
    }


def email_key(email: str) -> str:
    # ASCII letters only: elsewhere two different letters can have one lower case.
    return email.encode().lower().decode()


def _register(db: Database, registration: Registration) -> bool:
    if _by_email(db, registration.email):
        return False
    # A confirmation that slips in between leaves a registration that can never be confirmed, and expires.
    db.registrations.replace_one(
        {"_id": email_key(registration.email)},
        {
            "email": registration.email,
            "username": registration.username,
            "password_hash": registration.password_hash,
            "code_hash": registration.code_hash,
            "tries_left": registration.tries_left,
            "expires_at": registration.expires_at,
        },
        upsert=True,
    )
    return True


def _take_try(db: Database, email: str) -> Registration | None:
    before = db.registrations.find_one_and_update(
        {"_id": email_key(email)},
        [{"$set": {"tries_left": {"$max": [0, {"$subtract": ["$tries_left", 1]}]}}}],
    )
    return registration_of(before) if before else None


def _confirm(db: Database, registration: Registration, user: User) -> bool:
    mine = {"_id": email_key(registration.email), "code_hash": registration.code_hash}
    if not db.registrations.find_one(mine):
        return False
    # The user first: that is the step which counts, and what a crash may leave is a registration that expires.
    try:
        db.users.insert_one(document_of(user))
    except DuplicateKeyError:
        return False
    db.registrations.delete_one(mine)
    return True


def _by_id(db: Database, user_id: str) -> User | None:
    found = db.users.find_one({"_id": user_id})
    return user_of(found) if found else None


def _by_ids(db: Database, user_ids: Sequence[str]) -> list[User | None]:
    found = db.users.find({"_id": {"$in": list(set(user_ids))}}, batch_size=PAGE)
    users = {document["_id"]: user_of(document) for document in found}
    return [users.get(user_id) for user_id in user_ids]


def _by_email(db: Database, email: str) -> User | None:
    found = db.users.find_one({"email_key": email_key(email)})
    return user_of(found) if found else None


def _page(db: Database, after: str, at_most: int) -> list[User]:
    found = db.users.find({"email_key": {"$gt": email_key(after)}}).sort("email_key").limit(at_most)
    return [user_of(document) for document in found]


def _registrations(db: Database, after: str, at_most: int) -> list[Registration]:
    found = db.registrations.find({"_id": {"$gt": email_key(after)}}).sort("_id").limit(at_most)
    return [registration_of(document) for document in found]


def _rename(db: Database, user_id: str, username: str) -> bool:
    return db.users.update_one({"_id": user_id}, {"$set": {"username": username}}).matched_count > 0


def _change_password(
    db: Database, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
) -> list[str] | None:
    return end_sessions(db, user_id, {"password_hash": new_hash}, old_hash=old_hash, keep_session_id=keep_session_id)


def _enable(db: Database, user_id: str) -> bool:
    return db.users.update_one({"_id": user_id}, {"$set": {"disabled": False}}).matched_count > 0


def _delete(db: Database, user_id: str) -> bool:
    user = db.users.find_one({"_id": user_id}, {"email_key": 1})
    # The user last: whoever was cut off before that is still found by the next call.
    for collection in (db.members, db.bans):
        collection.delete_many({"_id.user": user_id})
    db.sessions.delete_many({"user_id": user_id})
    if user is None:
        return False
    db.registrations.delete_one({"_id": user["email_key"]})
    return db.users.delete_one({"_id": user_id}).deleted_count > 0


def _delete_expired(db: Database, now: float) -> int:
    return db.registrations.delete_many({"expires_at": {"$lte": now}}).deleted_count
