"""The documents of the records of a backup, and of what comes from another program."""

from typing import TYPE_CHECKING

from bson import ObjectId
from msgspec.structs import asdict

from reichatd.store.bulk import Ban, LogEntry, Member, OfUser, Stored, StoredReaction, StoredRoom
from reichatd.store.mongodb.keys import block_id, folded, member_id, new_token, oidc_id, pair_field
from reichatd.store.mongodb.server import Document, MongoDatabase
from reichatd.store.records import (
    AppPassword,
    AuditEntry,
    Block,
    EmailChange,
    Erasure,
    Invite,
    OidcAccount,
    Session,
    Standing,
    Totp,
    User,
)

if TYPE_CHECKING:
    from pymongo.collection import Collection


def collection_of(db: MongoDatabase, kind: type[Stored]) -> "Collection[Document]":
    """Where the records of a kind are stored."""
    return {
        StoredRoom: db.rooms,
        Member: db.members,
        Ban: db.bans,
        LogEntry: db.messages,
        StoredReaction: db.reactions,
        User: db.users,
        Session: db.sessions,
        Standing: db.standings,
        Invite: db.invites,
        Block: db.blocks,
        Totp: db.totp,
        AppPassword: db.app_passwords,
        EmailChange: db.email_changes,
        OidcAccount: db.oidc_accounts,
        Erasure: db.erasures,
        AuditEntry: db.audit,
    }[kind]


def room_document(key: ObjectId, room: StoredRoom) -> Document:
    """The document of a room. Its log gets a new token: it is another log."""
    fields = asdict(room)
    days, messages = fields.pop("keep_days"), fields.pop("keep_messages")
    keep = {"keep": {"days": days, "messages": messages}} if days is not None else {}
    room_id, last_change = fields.pop("room_id"), fields.pop("change_id")
    log = {"last_change": last_change, "log": new_token()}
    return {"_id": room_id, "folded": folded(room_id), "key": key, **log, **pair_field(room.direct), **fields, **keep}


def member_document(key: ObjectId, member: Member, place: int) -> Document:
    """The document of a member; members are in the order of `place`."""
    return {
        "_id": member_id(key, member.user_id),
        "joined_at": member.joined_at,
        "place": place,
        "last_read_id": member.last_read_id,
        "moderator": member.moderator,
    }


def ban_document(key: ObjectId, ban: Ban) -> Document:
    return {"_id": member_id(key, ban.user_id)}


def standing_document(key: ObjectId, standing: Standing) -> Document:
    times = {"muted_until": standing.muted_until, "posted_at": standing.posted_at}
    return {"_id": member_id(key, standing.user_id), **times}


def of_user_document(record: OfUser) -> Document:
    """The document of what belongs to a user."""
    fields = asdict(record)
    match record:
        case Block():
            return {"_id": block_id(**fields)}
        case OidcAccount():
            return {"_id": oidc_id(fields.pop("issuer"), fields.pop("subject")), **fields}
        case AppPassword():
            return {"_id": fields.pop("app_password_id"), **fields}
        case Totp() | EmailChange():
            return {"_id": fields.pop("user_id"), **fields}
        case Erasure():
            return {"_id": fields.pop("user_id"), "next": None, **fields}
