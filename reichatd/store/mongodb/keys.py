"""Keys of documents, and selections by them.

A key that is a pair is the `_id` itself: its index exists in any case, and a second one would make each insert of a message a third
more expensive. The order of the fields matters, so only the functions here make such a key.
"""

import secrets
from collections.abc import Iterable

from bson import MaxKey, MinKey, ObjectId

from reichatd.store.bounds import LAST_ID
from reichatd.store.mongodb.server import Document


def first_id_of(room: Document) -> int:
    """Where the log of a room's document begins."""
    return int(room.get("first_id", 1))


def folded(room_id: str) -> str:
    """A room id without regard to case; unique in `rooms`."""
    return room_id.lower()


def folded_beside_another(room_id: str) -> str:
    """Replaces `folded` in an older room whose id differs from another's in case only."""
    return f"{folded(room_id)}\n{room_id}"


def like(room_id: str) -> Document:
    """Selects the rooms with this id, in upper or lower case."""
    # Room ids are letters and digits, so no other id is in this range.
    return {"folded": {"$gte": folded(room_id), "$lt": f"{folded(room_id)}\v"}}


def pair_field(direct: str | None) -> Document:
    """The field by which the direct conversations of a user are found: a list of both. Other rooms do not have it."""
    return {} if direct is None else {"pair": direct.split(" ")}


def readable(message_ids: Iterable[int], first_id: int) -> list[int]:
    """Those of these ids that a log which begins with `first_id` may have."""
    return [number for number in message_ids if max(first_id, 1) <= number <= LAST_ID]


def member_id(key: ObjectId, user_id: str) -> Document:
    """The `_id` of a member or a ban. `key` is the room's, not its `room_id`: see `rooms`."""
    return {"room": key, "user": user_id}


def block_id(user_id: str, blocked_id: str) -> Document:
    """The `_id` of a block."""
    return {"user": user_id, "blocked": blocked_id}


def oidc_id(issuer: str, subject: str) -> Document:
    """The `_id` of an account at an OpenID provider."""
    return {"issuer": issuer, "subject": subject}


def message_id(key: ObjectId, number: int) -> Document:
    """The `_id` of a message."""
    return {"room": key, "id": number}


def members_of(key: ObjectId) -> Document:
    """Selects all members, or all bans, of a room."""
    return {"_id": {"$gt": {"room": key, "user": MinKey()}, "$lt": {"room": key, "user": MaxKey()}}}


def members_after(key: ObjectId, user_id: str) -> Document:
    """As `members_of`, for users whose ids come after this one."""
    return {"_id": {"$gt": member_id(key, user_id), "$lt": {"room": key, "user": MaxKey()}}}


def messages_of(key: ObjectId) -> Document:
    """Selects a room's whole log, and earlier messages that are being removed."""
    return {"_id": {"$gt": {"room": key, "id": MinKey()}, "$lt": {"room": key, "id": MaxKey()}}}


def messages_before(key: ObjectId, number: int) -> Document:
    """Selects a room's messages with ids below `number`."""
    return {"_id": {"$gt": {"room": key, "id": MinKey()}, "$lt": message_id(key, number)}}


def reaction_id(key: ObjectId, number: int, emoji: str, user_id: str) -> Document:
    """The `_id` of a reaction to the message `number`."""
    return {"room": key, "id": number, "emoji": emoji, "user": user_id}


def reactions_between(key: ObjectId, first: int, end: int) -> Document:
    """Selects the reactions to the messages from `first` to `end`, without `end`."""
    return {"_id": {"$gte": message_id(key, first), "$lt": message_id(key, end)}}


def reactors_after(key: ObjectId, number: int, emoji: str, user_id: str) -> Document:
    """Selects the reactions to a message with this emoji, of users whose ids come after this one."""
    end = {"room": key, "id": number, "emoji": emoji, "user": MaxKey()}
    return {"_id": {"$gt": reaction_id(key, number, emoji, user_id), "$lt": end}}


def name_key(username: str) -> str:
    """A user name without regard to case. Several users may have it."""
    return username.lower()


def new_token() -> str:
    """A token for a new log; see `LogHead`."""
    return secrets.token_hex(4)


def mark_by(by: int, number: int) -> int:
    """The field `by` of a read mark at `number`: other than before, or the server would not mention it. It has 62 bits at most."""
    return by << 32 | number


def marks_by(by: int) -> Document:
    """Selects what `mark_by` gives."""
    return {"$gte": by << 32, "$lt": (by + 1) << 32}
