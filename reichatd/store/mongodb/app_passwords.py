"""App passwords in MongoDB. What the methods do is said at `reichatd.store.protocol.AppPasswordStore`."""

from msgspec.structs import asdict

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.quotas import insert_at_most
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.records import AppPassword

_OTHER_FIELDS = AppPassword.__struct_fields__[1:]


def _create(db: MongoDatabase, app_password: AppPassword, at_most: int) -> bool:
    fields = asdict(app_password)
    document = {"_id": fields.pop("app_password_id"), **fields}
    return insert_at_most(db.app_passwords, document, {"user_id": app_password.user_id}, at_most)


def _of_user(db: MongoDatabase, user_id: str) -> list[AppPassword]:
    return [_app_password(one) for one in db.app_passwords.find({"user_id": user_id}).sort({"created_at": 1, "_id": 1})]


def _by_hash(db: MongoDatabase, user_id: str, password_hash: str) -> AppPassword | None:
    found = db.app_passwords.find_one({"user_id": user_id, "password_hash": password_hash})
    return _app_password(found) if found else None


def _app_password(document: Document) -> AppPassword:
    return AppPassword(document["_id"], **{name: document[name] for name in _OTHER_FIELDS})


def _used(db: MongoDatabase, app_password_id: str, now: float) -> bool:
    return db.app_passwords.update_one({"_id": app_password_id}, {"$set": {"used_at": now}}).matched_count > 0


def _delete(db: MongoDatabase, user_id: str, app_password_id: str) -> list[str] | None:
    mine = {"_id": app_password_id, "user_id": user_id}
    if db.app_passwords.find_one(mine, {"_id": 1}) is None:
        return None
    # The sessions first: a call that was interrupted can be repeated.
    ended = _end_sessions(db, app_password_id)
    db.app_passwords.delete_one(mine)
    # And those that began meanwhile. From here on a login finds that the app password is gone.
    return ended + _end_sessions(db, app_password_id)


def _end_sessions(db: MongoDatabase, app_password_id: str) -> list[str]:
    """Ends the sessions that were begun with an app password, and returns their ids."""
    ended = [session["_id"] for session in db.sessions.find({"app_password_id": app_password_id}, {"_id": 1})]
    db.sessions.delete_many({"_id": {"$in": ended}})
    return ended


class MongoAppPasswords(MongoPart):
    """An `AppPasswordStore`."""

    create = method(_create)
    of_user = method(_of_user)
    by_hash = method(_by_hash)
    used = method(_used)
    delete = method(_delete)
