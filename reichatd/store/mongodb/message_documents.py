"""Messages as documents, and back.

A document has the fields of `LogEntry`. `change` is there once the message was changed, `extras` if there is anything in them.
`mentioned` has those who are notified (`changing.to_notify`), for the index that counts unread mentions. It is a field of the
message, so that it is written with it in one step. `by` says which process has posted it (`MongoDatabase.by`). `added` has whom the
last change has added to the mentions, if anyone, for the feeds of other processes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from bson import ObjectId

from reichatd.store.bulk import LogEntry
from reichatd.store.changing import to_notify
from reichatd.store.mongodb.keys import member_id, message_id
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import PLAIN, Extras, Message, Post

Place = tuple[ObjectId, int]
"""A message, by the key of the room and its id there."""


class Byline(NamedTuple):
    """What a message shows of its author; see `Message`."""

    username: str
    email: str
    shares_room: bool


_NO_BYLINE = Byline("", "", False)


def message_document(key: ObjectId, number: int, message: Post | LogEntry, extras: Extras) -> Document:
    """The document of a message that was not changed yet."""
    document: Document = {
        "_id": message_id(key, number),
        "user_id": message.user_id,
        "content": message.content,
        "timestamp": message.timestamp,
    }
    if message.nonce is not None:
        document["nonce"] = message.nonce
    if extras is not PLAIN:
        document |= _extra_fields(extras)
    return document


def entry_document(key: ObjectId, entry: LogEntry) -> Document:
    """The document of a message from a backup or another program."""
    change = {"change": entry.change_id} if entry.change_id else {}
    return message_document(key, entry.message_id, entry, entry.extras) | change


def changed_fields(message: Message, added: Sequence[str], by: int) -> Document:
    """The update of a document after a change of its message.

    Arguments:
        added: the users whom the change has added to the mentions.
        by: see `MongoDatabase.by`.
    """
    fields = _extra_fields(message.extras)
    if added:
        fields["added"] = {"by": by, "users": list(added)}
    gone = {name: "" for name in ("extras", "mentioned", "added") if name not in fields}
    update: Document = {"$set": {"content": message.content, "change": message.change_id, **fields}}
    return update | ({"$unset": gone} if gone else {})


def _extra_fields(extras: Extras) -> Document:
    fields: Document = {"extras": msgspec.to_builtins(extras)} if extras != PLAIN else {}
    notified = to_notify(extras)
    return fields | ({"mentioned": list(notified)} if notified else {})


def extras_of(document: Document) -> Extras:
    return msgspec.convert(document["extras"], Extras) if "extras" in document else PLAIN


def message_of(document: Document, byline: Byline = _NO_BYLINE) -> Message:
    """The message of a document."""
    username, email, shares_room = byline
    return Message(
        document["_id"]["id"],
        document["user_id"],
        username,
        email,
        document["content"],
        document["timestamp"],
        shares_room,
        document.get("change", 0),
        extras_of(document),
    )


def place_of(document: Document) -> Place:
    return document["_id"]["room"], document["_id"]["id"]


def find_places(db: MongoDatabase, places: Iterable[Place], condition: Document | None = None) -> Iterator[Document]:
    """The documents of those of these messages that exist, in no order."""
    ids = [message_id(*place) for place in places]
    return iter(db.messages.find({"_id": {"$in": ids}, **(condition or {})}, batch_size=PAGE) if ids else ())


def find_bylines(
    db: MongoDatabase, authors: Iterable[tuple[ObjectId, str]], directs: Iterable[ObjectId]
) -> Mapping[tuple[ObjectId, str], Byline]:
    """What is shown of authors, by the keys of the rooms and the ids of the users.

    Arguments:
        directs: the keys of rooms that are direct conversations; their members share no room by them.
    """
    authors, directs = set(authors), set(directs)
    user_ids = list({user_id for _, user_id in authors})
    found = db.users.find({"_id": {"$in": user_ids}}, {"username": 1, "email": 1}, batch_size=PAGE) if user_ids else ()
    users = {user["_id"]: (user["username"], user["email"]) for user in found}
    members = members_among(db, [author for author in authors if author[0] not in directs])
    return {author: Byline(*users.get(author[1], ("", "")), author in members) for author in authors}


def members_among(db: MongoDatabase, pairs: Sequence[tuple[ObjectId, str]]) -> set[tuple[ObjectId, str]]:
    """Those of these pairs of a room and a user that are members."""
    ids = [member_id(*pair) for pair in pairs]
    found = db.members.find({"_id": {"$in": ids}}, {"_id": 1}, batch_size=PAGE) if ids else ()
    return {(member["_id"]["room"], member["_id"]["user"]) for member in found}
