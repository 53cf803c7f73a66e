"""Second factors in MongoDB. What the methods do is said at `reichatd.store.protocol.SecondFactorStore`.

A factor is one document, whose `_id` is the user's: so each change is atomic on a standalone server too.
"""

from msgspec.structs import asdict
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.records import Totp


def _get(db: MongoDatabase, user_id: str) -> Totp | None:
    found = db.totp.find_one({"_id": user_id})
    return Totp(found.pop("_id"), **found) if found else None


def _begin(db: MongoDatabase, totp: Totp) -> bool:
    fields = asdict(totp)
    unconfirmed = {"_id": fields.pop("user_id"), "confirmed": False}
    while True:
        try:
            db.totp.replace_one(unconfirmed, fields, upsert=True)
        except DuplicateKeyError:
            if db.totp.find_one({"_id": totp.user_id, "confirmed": True}, {"_id": 1}):
                return False
            # Another call stored one at the same moment: try again.
        else:
            return True


def _confirm(db: MongoDatabase, totp: Totp) -> bool:
    return _change(
        db,
        {"_id": totp.user_id, "secret": totp.secret, "confirmed": False},
        {"confirmed": True, "last_step": totp.last_step, "recovery": totp.recovery},
    )


def _use_step(db: MongoDatabase, user_id: str, step: int) -> bool:
    return _change(db, {"_id": user_id, "confirmed": True, "last_step": {"$lt": step}}, {"last_step": step})


def _use_recovery(db: MongoDatabase, user_id: str, code_hash: str) -> bool:
    while True:
        found = db.totp.find_one({"_id": user_id, "confirmed": True})
        unused: list[str] = found["recovery"].split() if found else []
        if found is None or code_hash not in unused:
            return False
        unused.remove(code_hash)
        if _change(db, {"_id": user_id, "recovery": found["recovery"]}, {"recovery": " ".join(unused)}):
            return True
        # Another call used a code at the same moment: look again.


def _change(db: MongoDatabase, selection: Document, changes: Document) -> bool:
    return db.totp.update_one(selection, {"$set": changes}).matched_count > 0


def _delete(db: MongoDatabase, user_id: str) -> bool:
    return db.totp.delete_one({"_id": user_id}).deleted_count > 0


class MongoSecondFactors(MongoPart):
    """A `SecondFactorStore`."""

    get = method(_get)
    begin = method(_begin)
    confirm = method(_confirm)
    use_step = method(_use_step)
    use_recovery = method(_use_recovery)
    delete = method(_delete)
