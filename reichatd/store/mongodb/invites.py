"""Invitations in MongoDB. What the methods do is said at `reichatd.store.protocol.InviteStore`.

Without transactions, which a standalone server does not have, a use is taken before anything is done with it, and given back if
nothing came of it. So an invitation is never used too often; a crash in between can lose one use.
"""

from bson import ObjectId
from msgspec.structs import asdict
from pymongo import ReturnDocument

from reichatd.store.mongodb.keys import member_id
from reichatd.store.mongodb.membership import join_room
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.room_keys import room_key
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.mongodb.users import confirm, made_by
from reichatd.store.records import Confirmation, Invite, InviteOutcome, JoinOutcome, Registration, User

_OTHER_FIELDS = ("token_hash", "created_by", "created_at", "expires_at", "uses_left")


def invite_document(key: ObjectId | None, invite: Invite) -> Document:
    """The document of an invitation to the room with this key; None for one to the server."""
    fields = asdict(invite)
    del fields["room_id"]
    return {"_id": fields.pop("invite_id"), "room": key, **fields}


def _invite(document: Document, room_id: str) -> Invite:
    return Invite(invite_id=document["_id"], room_id=room_id, **{name: document[name] for name in _OTHER_FIELDS})


def _valid(now: float) -> Document:
    return {"expires_at": {"$gt": now}, "uses_left": {"$ne": 0}}


def _create(db: MongoDatabase, invite: Invite, at_most: int) -> InviteOutcome:
    key = room_key(db, invite.room_id) if invite.room_id else None
    if invite.room_id and key is None:
        return InviteOutcome.NO_ROOM
    if at_most and db.invites.count_documents({"room": key} | _valid(invite.created_at), limit=at_most) >= at_most:
        return InviteOutcome.TOO_MANY
    # A repetition succeeds: an earlier call may have created it although it ended in an error.
    db.invites.replace_one({"_id": invite.invite_id}, invite_document(key, invite), upsert=True)
    return InviteOutcome.CREATED


def _by_hash(db: MongoDatabase, token_hash: str) -> Invite | None:
    return _found(db, db.invites.find_one({"token_hash": token_hash}))


def _by_id(db: MongoDatabase, invite_id: str) -> Invite | None:
    return _found(db, db.invites.find_one({"_id": invite_id}))


def _found(db: MongoDatabase, document: Document | None) -> Invite | None:
    """The invitation of a document; None if its room was deleted."""
    if document is None or document["room"] is None:
        return _invite(document, "") if document else None
    room = db.rooms.find_one({"key": document["room"]}, {"_id": 1})
    return _invite(document, room["_id"]) if room else None


def _of_room(db: MongoDatabase, room_id: str) -> list[Invite]:
    key = room_key(db, room_id) if room_id else None
    if room_id and key is None:
        return []
    found = db.invites.find({"room": key}, batch_size=PAGE).sort({"created_at": 1, "_id": 1})
    return [_invite(document, room_id) for document in found]


def _delete(db: MongoDatabase, room_id: str, invite_id: str) -> bool:
    key = room_key(db, room_id) if room_id else None
    if room_id and key is None:
        return False
    return db.invites.delete_one({"_id": invite_id, "room": key}).deleted_count > 0


def _join(db: MongoDatabase, invite_id: str, user_id: str, now: float) -> JoinOutcome:
    invite = db.invites.find_one({"_id": invite_id} | _valid(now))
    if invite is None or not _has_room(db, invite):
        return JoinOutcome.NO_ROOM
    key = invite["room"]
    # First, so that a repeated call takes no use, not even for a moment. `join_room` decides.
    pair = {"_id": member_id(key, user_id)}
    if db.bans.find_one(pair, {"_id": 1}):
        return JoinOutcome.BANNED
    if db.members.find_one(pair, {"_id": 1}):
        return JoinOutcome.ALREADY_JOINED
    if not _take_use(db, invite_id, now):
        return JoinOutcome.NO_ROOM
    outcome = join_room(db, key, user_id, now)
    if outcome is not JoinOutcome.JOINED:
        _give_back_use(db, invite_id)
    return outcome


def _confirm(db: MongoDatabase, registration: Registration, user: User, now: float, needed: bool) -> Confirmation:
    if made := made_by(db, registration):
        return Confirmation(made)
    invite = _by_id(db, registration.invite_id)
    taken = _take_use(db, registration.invite_id, now) if invite is not None else None
    if taken is None and needed:
        # Another call may have confirmed the registration, with the last use, since the first look.
        made = made_by(db, registration)
        return Confirmation(made, is_invite_gone=made is None)
    confirmed = confirm(db, registration, user)
    if taken is None:
        return Confirmation(confirmed)
    if confirmed != user:
        _give_back_use(db, registration.invite_id)
        return Confirmation(confirmed)
    if taken["room"] is not None:
        join_room(db, taken["room"], user.user_id, now)
    return Confirmation(confirmed, invite)


def _has_room(db: MongoDatabase, invite: Document) -> bool:
    return invite["room"] is not None and db.rooms.find_one({"key": invite["room"]}, {"_id": 1}) is not None


def _take_use(db: MongoDatabase, invite_id: str, now: float) -> Document | None:
    """Uses a valid invitation up once; returns its document as it was before, None if it is not valid."""
    fewer = {"$cond": [{"$eq": ["$uses_left", None]}, None, {"$subtract": ["$uses_left", 1]}]}
    return db.invites.find_one_and_update(
        {"_id": invite_id} | _valid(now), [{"$set": {"uses_left": fewer}}], return_document=ReturnDocument.BEFORE
    )


def _give_back_use(db: MongoDatabase, invite_id: str) -> None:
    db.invites.update_one({"_id": invite_id, "uses_left": {"$ne": None}}, {"$inc": {"uses_left": 1}})


def _delete_expired(db: MongoDatabase, now: float) -> int:
    return db.invites.delete_many({"expires_at": {"$lte": now}}).deleted_count


class MongoInvites(MongoPart):
    """An `InviteStore`."""

    create = method(_create)
    by_hash = method(_by_hash)
    by_id = method(_by_id)
    of_room = method(_of_room)
    delete = method(_delete)
    join = method(_join)
    confirm = method(_confirm)
    delete_expired = method(_delete_expired)
