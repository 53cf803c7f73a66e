"""Where everything durable lives: one protocol, two stores."""

from reichatd.store.errors import Faults, NewerSchema, StoreError, StoreUnavailable
from reichatd.store.protocol import Messages, Rooms, Sessions, Store, Users
from reichatd.store.records import (
    Appended,
    BanOutcome,
    JoinOutcome,
    Message,
    Outcome,
    Post,
    Registration,
    Room,
    RoomSummary,
    Session,
    User,
)

__all__ = [
    "Appended",
    "BanOutcome",
    "Faults",
    "JoinOutcome",
    "Message",
    "Messages",
    "NewerSchema",
    "Outcome",
    "Post",
    "Registration",
    "Room",
    "RoomSummary",
    "Rooms",
    "Session",
    "Sessions",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "User",
    "Users",
]
