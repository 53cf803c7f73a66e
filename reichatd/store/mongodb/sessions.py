"""Login sessions in MongoDB. What the methods do is said at `reichatd.store.protocol.SessionStore`.

A session belongs to the password it was opened with: it has that password's number. A change of password increments the user's
number and names the one session that stays valid, all in the user's document. So the other sessions end in the same step that
changes the hash, on a standalone server too, and no crash can leave them valid.

Tokens for programs, which a change of password leaves valid, have the user's `tokens_number` instead: it is incremented only where
all sessions end. A document of a user without it has the number 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.quotas import insert_at_most
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.mongodb.users import email_key, end_sessions, user_of
from reichatd.store.records import RotateOutcome, Session, User

_OTHER_FIELDS = Session.__struct_fields__[1:]


def _create(db: MongoDatabase, session: Session) -> None:
    with suppress(DuplicateKeyError):  # A repetition succeeds, and another session with this id stays.
        db.sessions.insert_one(_numbered(db, session))


def _create_token(db: MongoDatabase, session: Session, at_most: int) -> bool:
    tokens = {"user_id": session.user_id, "token_name": {"$type": "string"}}
    return insert_at_most(db.sessions, _numbered(db, session), tokens, at_most)


def _numbered(db: MongoDatabase, session: Session) -> Document:
    """The document of a session that begins now."""
    user = db.users.find_one({"_id": session.user_id}, {"password_number": 1, "tokens_number": 1}) or {}
    number = user.get("tokens_number" if session.is_token else "password_number", 0)
    return session_document(session) | {"password_number": number}


def _get(db: MongoDatabase, session_id: str) -> tuple[Session, User] | None:
    return next(_living(db, {"_id": session_id}), None)


def _by_refresh_hash(db: MongoDatabase, refresh_hash: str) -> Session | None:
    return next((session for session, _ in _living(db, {"refresh_hash": refresh_hash})), None)


def _living_ids(db: MongoDatabase, session_ids: Sequence[str]) -> set[str]:
    return {session.session_id for session, _ in _living(db, {"_id": {"$in": list(session_ids)}})}


def _of_user(db: MongoDatabase, user_id: str) -> list[Session]:
    sessions = [session for session, _ in _living(db, {"user_id": user_id})]
    return sorted(sessions, key=lambda session: (session.created_at, session.session_id))


def _living(db: MongoDatabase, selection: Document) -> Iterator[tuple[Session, User]]:
    of_user = {"from": db.users.name, "localField": "user_id", "foreignField": "_id", "as": "users"}
    for found in db.sessions.aggregate([{"$match": selection}, {"$lookup": of_user}]):
        for user in found["users"]:
            if is_alive(found, user):
                yield session_of(found), user_of(user)


def is_alive(session: Document, user: Document) -> bool:
    """Whether a session belongs to the user's current password, and the user is not disabled."""
    if session.get("token_name") is not None:
        current = session["password_number"] == user.get("tokens_number", 0)
    else:
        current = session["password_number"] == user["password_number"] or session["_id"] == user["kept_session"]
    return current and not user.get("disabled", False)


def session_of(document: Document) -> Session:
    # A field that is missing was added by a later schema, and has its default.
    return Session(document["_id"], **{name: document[name] for name in _OTHER_FIELDS if name in document})


def session_document(session: Session) -> Document:
    """The document of a session, without `password_number`."""
    return {"_id": session.session_id, **{name: getattr(session, name) for name in _OTHER_FIELDS}}


def _is_known_network(db: MongoDatabase, email: str, network: str) -> bool:
    user = db.users.find_one({"email_key": email_key(email)})
    if user is None:
        return False
    return any(is_alive(session, user) for session in db.sessions.find({"user_id": user["_id"], "network": network}))


def _end(db: MongoDatabase, session_id: str) -> bool:
    return db.sessions.delete_one({"_id": session_id}).deleted_count > 0


def _end_some(db: MongoDatabase, user_id: str, session_ids: Sequence[str]) -> list[str]:
    mine = {"user_id": user_id}
    return [
        session_id for session_id in session_ids if db.sessions.delete_one({"_id": session_id, **mine}).deleted_count
    ]


def _end_all(db: MongoDatabase, user_id: str) -> list[str] | None:
    return end_sessions(db, user_id, {})


def _rotate(db: MongoDatabase, session_id: str, generation: int, now: float, grace: float) -> RotateOutcome:
    mine = {"_id": session_id}
    # A session of an older schema has no generation: it never rotated.
    rotated = db.sessions.update_one(
        mine | {"generation": {"$not": {"$gt": generation}}},
        {"$set": {"generation": generation + 1, "rotated_at": now}},
    )
    if rotated.matched_count:
        return RotateOutcome.ROTATED
    if db.sessions.find_one(mine | {"generation": generation + 1, "rotated_at": {"$gte": now - grace}}, {"_id": 1}):
        return RotateOutcome.REPEATED
    return RotateOutcome.REUSED if _end(db, session_id) else RotateOutcome.ENDED


def _used(db: MongoDatabase, last_uses: Mapping[str, float]) -> None:
    updates = [UpdateOne({"_id": session_id}, {"$set": {"used_at": at}}) for session_id, at in last_uses.items()]
    if updates:
        db.sessions.bulk_write(updates, ordered=False)


def _delete_expired(db: MongoDatabase, now: float) -> int:
    return db.sessions.delete_many({"expires_at": {"$lte": now}}).deleted_count


class MongoSessions(MongoPart):
    """A `SessionStore`."""

    create = method(_create)
    create_token = method(_create_token)
    get = method(_get)
    by_refresh_hash = method(_by_refresh_hash)
    living = method(_living_ids)
    of_user = method(_of_user)
    is_known_network = method(_is_known_network)
    end = method(_end)
    end_some = method(_end_some)
    end_all = method(_end_all)
    rotate = method(_rotate)
    used = method(_used)
    delete_expired = method(_delete_expired)
