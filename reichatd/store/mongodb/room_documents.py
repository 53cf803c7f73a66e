"""The documents of rooms in MongoDB."""

from reichatd.store.mongodb.keys import first_id_of
from reichatd.store.mongodb.server import Document
from reichatd.store.records import Keep

_PLAIN_FIELDS = (
    "name",
    "description",
    "owner",
    "password_hash",
    "created_at",
    "direct",
    "slow_seconds",
    "members_pin",
)


def keep_of(room: Document) -> Keep | None:
    return Keep(**room["keep"]) if "keep" in room else None


def common_fields(room: Document) -> Document:
    """What `Room` and `RoomHead` have in common. A field that is missing was added by a later schema, and has its default."""
    return {
        "room_id": room["_id"],
        "first_id": first_id_of(room),
        "keep": keep_of(room),
        **{name: room[name] for name in _PLAIN_FIELDS if name in room},
    }
