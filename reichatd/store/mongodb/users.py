"""Registrations and users in MongoDB. What the methods do is said at `reichatd.store.protocol.UserStore`.

The registrations of an address are one document of `registrations`: `pending` (oldest first), the number of `tries`, which is
valid until `tries_end`, and `expires_at`, when the document can be removed. So each change is atomic on a standalone server too.
"""

from collections.abc import Sequence

from msgspec.structs import asdict
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.blocks import delete_blocks_of
from reichatd.store.mongodb.directs import delete_directs_left_by
from reichatd.store.mongodb.keys import name_key
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import Attempt, ConfirmedCode, EmailOutcome, RegisterOutcome, Registration, User


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
    db: MongoDatabase,
    user_id: str,
    changes: Document,
    *,
    only_if: Document | None = None,
    keep_session_id: str | None = None,
) -> list[str] | None:
    """Changes a user, and in the same step ends all sessions of the user (see `sessions`); their ids.

    None, and nothing has changed, if there is no such user, or none with the fields of `only_if`.

    Arguments:
        keep_session_id: the session that stays valid, and so do tokens for programs; None to end all.
    """
    numbers = {"password_number": 1} | ({"tokens_number": 1} if keep_session_id is None else {})
    changed = db.users.find_one_and_update(
        {"_id": user_id, **(only_if or {})},
        {"$set": {"kept_session": keep_session_id, **changes}, "$inc": numbers},
        return_document=ReturnDocument.AFTER,
    )
    if changed is None:
        return None
    logins = {"token_name": None, "password_number": {"$lt": changed["password_number"]}}
    tokens = {"token_name": {"$ne": None}, "password_number": {"$lt": changed.get("tokens_number", 0)}}
    ended = db.sessions.distinct("_id", {"user_id": user_id, "_id": {"$ne": keep_session_id}, "$or": [logins, tokens]})
    # Cleanup: these sessions have ended already.
    db.sessions.delete_many({"_id": {"$in": ended}})
    return ended


def registrations_of(document: Document) -> list[Registration]:
    """The registrations of an address, in the order of a backup; also from documents of an older schema."""
    names = Registration.__struct_fields__
    pending = document.get("pending", [document])
    found = [Registration(**{name: one[name] for name in names if name in one}) for one in pending]
    return sorted(found, key=lambda one: (one.expires_at, one.code_hash))


def adding(registration: Registration, at_most: int | None = None) -> tuple[Document, Document]:
    """The filter and the update, for an upsert, that add a registration after the others of its address.

    The upsert fails with a duplicate key if one of the others has the same code.
    """
    push: Document = {"$each": [asdict(registration)]} | ({} if at_most is None else {"$slice": -at_most})
    return (
        {"_id": email_key(registration.email), "pending.code_hash": {"$ne": registration.code_hash}},
        {"$push": {"pending": push}, "$max": {"expires_at": registration.expires_at}},
    )


def document_of(user: User) -> Document:
    fields = asdict(user)
    return {
        "_id": fields.pop("user_id"),
        "email_key": email_key(user.email),
        "name_key": name_key(user.username),
        **fields,
        "password_number": 0,
        "kept_session": None,
    }


def email_key(email: str) -> str:
    # ASCII letters only: two different other letters can have the same lower case.
    return email.encode().lower().decode()


def _register(db: MongoDatabase, registration: Registration, at_most: int) -> RegisterOutcome:
    if _by_email(db, registration.email):
        return RegisterOutcome.USER_EXISTS
    # A concurrent confirmation leaves a registration that can never be confirmed, and expires.
    same_code = {"_id": email_key(registration.email), "pending.code_hash": registration.code_hash}
    while True:
        try:
            db.registrations.update_one(*adding(registration, at_most), upsert=True)
        except DuplicateKeyError:
            if db.registrations.find_one(same_code, {"_id": 1}):
                return RegisterOutcome.CODE_TAKEN
            # Another call created the document of the address at the same moment: try again.
        else:
            return RegisterOutcome.REGISTERED


def _pending(db: MongoDatabase, email: str) -> list[Registration]:
    found = db.registrations.find_one({"_id": email_key(email)})
    return _after(found, found.get("tries", 0)) if found else []


def _after(document: Document, tries: int) -> list[Registration]:
    return [Registration(**one).after(tries) for one in document["pending"]]


def _take_try(db: MongoDatabase, email: str, now: float, ends_at: float) -> Attempt | None:
    # Without an end yet the comparison is with null, which is less than any number.
    goes_on = {"$gt": ["$tries_end", now]}
    before = db.registrations.find_one_and_update(
        {"_id": email_key(email), "pending.0": {"$exists": True}},
        [
            {"$set": {"tries_end": {"$cond": [goes_on, "$tries_end", ends_at]}, "before": goes_on}},
            {"$set": {"tries": {"$cond": ["$before", {"$add": ["$tries", 1]}, 1]}}},
            {"$set": {"expires_at": {"$max": ["$expires_at", "$tries_end"]}}},
            {"$unset": "before"},
        ],
    )
    if before is None:
        return _confirmed_attempt(db, email, now)
    return Attempt(_after(before, before["tries"] if before.get("tries_end", now) > now else 0))


def _confirmed_attempt(db: MongoDatabase, email: str, now: float) -> Attempt | None:
    found = db.users.find_one({"email_key": email_key(email), "code_expires_at": {"$gt": now}})
    return Attempt([], ConfirmedCode(found["email"], found["code_hash"])) if found else None


def confirm(db: MongoDatabase, registration: Registration, user: User) -> User | None:
    mine = {"_id": email_key(registration.email), "pending.code_hash": registration.code_hash}
    if not db.registrations.find_one(mine, {"_id": 1}):
        return made_by(db, registration)
    # The user first: a crash after this step leaves only registrations, which expire.
    code = {"code_hash": registration.code_hash, "code_expires_at": registration.expires_at}
    try:
        db.users.insert_one(document_of(user) | code)
    except DuplicateKeyError:
        return made_by(db, registration)
    db.registrations.delete_one({"_id": email_key(registration.email)})
    return user


def made_by(db: MongoDatabase, registration: Registration) -> User | None:
    """The user that this registration became."""
    made = {"email_key": email_key(registration.email), "code_hash": registration.code_hash}
    found = db.users.find_one(made)
    return user_of(found) if found else None


def _by_id(db: MongoDatabase, user_id: str) -> User | None:
    found = db.users.find_one({"_id": user_id})
    return user_of(found) if found else None


def _by_ids(db: MongoDatabase, user_ids: Sequence[str]) -> list[User | None]:
    found = db.users.find({"_id": {"$in": list(set(user_ids))}}, batch_size=PAGE)
    users = {document["_id"]: user_of(document) for document in found}
    return [users.get(user_id) for user_id in user_ids]


def _by_email(db: MongoDatabase, email: str) -> User | None:
    found = db.users.find_one({"email_key": email_key(email)})
    return user_of(found) if found else None


def _page(db: MongoDatabase, after: str, at_most: int) -> list[User]:
    found = db.users.find({"email_key": {"$gt": email_key(after)}}).sort("email_key").limit(at_most)
    return [user_of(document) for document in found]


def _registrations(db: MongoDatabase, after: str, at_most: int) -> list[Registration]:
    waiting = {"_id": {"$gt": email_key(after)}, "pending.0": {"$exists": True}}
    found = db.registrations.find(waiting).sort("_id").limit(at_most)
    return [registration for document in found for registration in _after(document, document.get("tries", 0))]


def _rename(db: MongoDatabase, user_id: str, username: str) -> bool:
    fields = {"username": username, "name_key": name_key(username)}
    return db.users.update_one({"_id": user_id}, {"$set": fields}).matched_count > 0


def _change_password(
    db: MongoDatabase, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
) -> list[str] | None:
    return end_sessions(
        db,
        user_id,
        {"password_hash": new_hash},
        only_if={"password_hash": old_hash},
        keep_session_id=keep_session_id,
    )


def _set_password(db: MongoDatabase, user_id: str, new_hash: str) -> list[str] | None:
    return _replace_password(db, user_id, new_hash, {})


def _reset_password(db: MongoDatabase, user: User, new_hash: str) -> list[str] | None:
    return _replace_password(db, user.user_id, new_hash, {"password_hash": user.password_hash, "email": user.email})


def _replace_password(db: MongoDatabase, user_id: str, new_hash: str, only_if: Document) -> list[str] | None:
    """Sets a new hash, removes all app passwords and provider links, and ends all sessions; their ids."""
    if db.users.find_one({"_id": user_id, **only_if}, {"_id": 1}) is None:
        return None
    # Before the change, so that no crash leaves one; and after it those that were made meanwhile.
    _delete_other_logins(db, user_id)
    ended = end_sessions(db, user_id, {"password_hash": new_hash}, only_if=only_if)
    _delete_other_logins(db, user_id)
    return ended


def _delete_other_logins(db: MongoDatabase, user_id: str) -> None:
    """Removes all by which a user can log in without the password."""
    for collection in (db.app_passwords, db.oidc_accounts):
        collection.delete_many({"user_id": user_id})


def _change_email(db: MongoDatabase, user: User, email: str) -> EmailOutcome:
    try:
        changed = db.users.update_one(
            {"_id": user.user_id, "password_hash": user.password_hash},
            {"$set": {"email": email, "email_key": email_key(email)}},
        )
    except DuplicateKeyError:
        return EmailOutcome.TAKEN
    return EmailOutcome.CHANGED if changed.matched_count else EmailOutcome.OUTDATED


def _disable(db: MongoDatabase, user_id: str) -> list[str] | None:
    return end_sessions(db, user_id, {"disabled": True})


def _enable(db: MongoDatabase, user_id: str) -> bool:
    return db.users.update_one({"_id": user_id}, {"$set": {"disabled": False}}).matched_count > 0


def _delete(db: MongoDatabase, user_id: str) -> bool:
    user = db.users.find_one({"_id": user_id}, {"email_key": 1})
    # The user last: after an interruption the next call still finds the user.
    delete_directs_left_by(db, user_id)
    for collection in (db.members, db.bans, db.standings):
        collection.delete_many({"_id.user": user_id})
    delete_blocks_of(db, user_id)
    for collection in (db.sessions, db.app_passwords, db.oidc_accounts):
        collection.delete_many({"user_id": user_id})
    for collection in (db.totp, db.email_changes):
        collection.delete_one({"_id": user_id})
    if user is None:
        return False
    db.registrations.delete_one({"_id": user["email_key"]})
    deleted = db.users.delete_one({"_id": user_id}).deleted_count > 0
    # Again: the other one may have left meanwhile, and have found that the user still exists.
    delete_directs_left_by(db, user_id)
    return deleted


def _delete_and_erase(db: MongoDatabase, user_id: str) -> bool:
    # Noted first: if the deletion is interrupted, the erasure completes it.
    if db.users.find_one({"_id": user_id}, {"_id": 1}):
        db.erasures.replace_one({"_id": user_id}, {"done_at": 0.0, "next": None}, upsert=True)
    return _delete(db, user_id)


def disable_only(db: MongoDatabase, user_id: str) -> bool:
    """Disables a user for a moment: no session is valid meanwhile, and none ends. False if the user is disabled already."""
    enabled = {"_id": user_id, "disabled": {"$ne": True}}
    return db.users.update_one(enabled, {"$set": {"disabled": True}}).matched_count > 0


def _delete_unless_owner(db: MongoDatabase, user_id: str, *, erase: bool) -> bool:
    mine = {"owner": user_id}
    if db.rooms.find_one(mine, {"_id": 1}):
        return False
    # A disabled user creates no room. The sessions stay: if there is a room by now, they are valid again.
    was_enabled = disable_only(db, user_id)
    if db.rooms.find_one(mine, {"_id": 1}):
        if was_enabled:
            _enable(db, user_id)
        return False
    (_delete_and_erase if erase else _delete)(db, user_id)
    return True


def _delete_expired(db: MongoDatabase, now: float) -> int:
    expired = {"expires_at": {"$lte": now}}
    some = db.registrations.find({"pending": {"$elemMatch": expired}}, {"pending.expires_at": 1}, batch_size=PAGE)
    removed = sum(1 for document in some for one in document["pending"] if one["expires_at"] <= now)
    if removed:
        db.registrations.update_many({"pending": {"$elemMatch": expired}}, {"$pull": {"pending": expired}})
    db.registrations.delete_many(expired)
    return removed


class MongoUsers(MongoPart):
    """A `UserStore`."""

    register = method(_register)
    pending = method(_pending)
    take_try = method(_take_try)
    confirm = method(confirm)
    by_id = method(_by_id)
    by_ids = method(_by_ids)
    by_email = method(_by_email)
    page = method(_page)
    registrations = method(_registrations)
    rename = method(_rename)
    change_password = method(_change_password)
    set_password = method(_set_password)
    reset_password = method(_reset_password)
    change_email = method(_change_email)
    disable = method(_disable)
    enable = method(_enable)
    delete = method(_delete)
    delete_and_erase = method(_delete_and_erase)
    delete_unless_owner = method(_delete_unless_owner)
    delete_expired = method(_delete_expired)
