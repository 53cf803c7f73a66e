"""Accounts at an OpenID provider in MongoDB. What the methods do is said at `reichatd.store.protocol.OidcStore`."""

from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.keys import oidc_id
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.mongodb.users import user_of
from reichatd.store.records import OidcAccount, User


def _link(db: MongoDatabase, account: OidcAccount) -> str | None:
    if not db.users.find_one({"_id": account.user_id}, {"_id": 1}):
        return None
    key = oidc_id(account.issuer, account.subject)
    try:
        db.oidc_accounts.insert_one({"_id": key, "user_id": account.user_id})
    except DuplicateKeyError:
        linked = db.oidc_accounts.find_one({"_id": key})
        if linked is None:
            return None  # unlinked at this moment
        if db.users.find_one({"_id": linked["user_id"]}, {"_id": 1}):
            return str(linked["user_id"])
        # The account of a user who was deleted while it was linked.
        db.oidc_accounts.update_one(linked, {"$set": {"user_id": account.user_id}})
    return account.user_id


def _unlink(db: MongoDatabase, user_id: str, issuer: str) -> bool:
    return db.oidc_accounts.delete_many({"user_id": user_id, "_id.issuer": issuer}).deleted_count > 0


def _user_of(db: MongoDatabase, issuer: str, subject: str) -> User | None:
    linked = db.oidc_accounts.find_one({"_id": oidc_id(issuer, subject)})
    found = db.users.find_one({"_id": linked["user_id"]}) if linked else None
    return user_of(found) if found else None


def _of_user(db: MongoDatabase, user_id: str) -> list[OidcAccount]:
    found = [_account(document) for document in db.oidc_accounts.find({"user_id": user_id})]
    return sorted(found, key=lambda account: (account.issuer, account.subject))


def _account(document: Document) -> OidcAccount:
    return OidcAccount(document["_id"]["issuer"], document["_id"]["subject"], document["user_id"])


class MongoOidc(MongoPart):
    """An `OidcStore`."""

    link = method(_link)
    unlink = method(_unlink)
    user_of = method(_user_of)
    of_user = method(_of_user)
