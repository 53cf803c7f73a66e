"""Rows of the table of messages as `Message`, and back."""

from collections.abc import Iterator, Sequence
from sqlite3 import Connection

import msgspec

from reichatd.store.bounds import LAST_ID
from reichatd.store.records import PLAIN, Extras, Message
from reichatd.store.sqlite.logs import rowid

IDS = "IN (SELECT value FROM json_each(?))"
"""Among the integers of one parameter, made by `as_ids`: one statement for any number of them."""

_COLUMNS = (
    "m.id & ?, m.user_id, coalesce(u.username, ''), coalesce(u.email, ''), m.content, m.timestamp,"
    " o.room IS NOT NULL AND (SELECT r.direct IS NULL FROM rooms AS r WHERE r.pk = ?), m.change_id, m.extras"
)
_JOINS = "LEFT JOIN users AS u ON u.user_id = m.user_id LEFT JOIN members AS o ON o.room = ? AND o.user_id = m.user_id"

_extras = msgspec.json.Decoder(Extras)
_encoder = msgspec.json.Encoder()


def select(db: Connection, pk: int, condition: str, *values: int | str, order: str = "m.id") -> Iterator[Message]:
    """The messages of a room for which a condition on the table `m` holds; read as they are needed."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM messages AS m {_JOINS} WHERE {condition} ORDER BY {order}",
        (LAST_ID, pk, pk, *values),
    )
    return (
        Message(message_id, user_id, username, email, content, timestamp, bool(shares_room))
        if change_id is None and extras is None
        else Message(
            message_id,
            user_id,
            username,
            email,
            content,
            timestamp,
            bool(shares_room),
            change_id or 0,
            as_extras(extras),
        )
        for message_id, user_id, username, email, content, timestamp, shares_room, change_id, extras in rows
    )


def with_ids(db: Connection, pk: int, message_ids: Sequence[int]) -> Iterator[Message]:
    """Those of these messages that exist, in the order of their ids."""
    return select(db, pk, f"m.id {IDS}", as_ids(pk, message_ids))


def as_ids(pk: int, message_ids: Sequence[int]) -> str:
    """The parameter of `IDS`: the keys of messages. No log has a message whose id is out of range."""
    return _encoder.encode([rowid(pk, each) for each in message_ids if 1 <= each <= LAST_ID]).decode()


def as_extras(column: str | None) -> Extras:
    """The value of the column `extras`."""
    return PLAIN if column is None else _extras.decode(column)


def as_column(extras: Extras) -> str | None:
    """What the column `extras` holds."""
    return None if extras is PLAIN or extras == PLAIN else _encoder.encode(extras).decode()
