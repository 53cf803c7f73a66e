"""Where everything durable lives: one protocol, two stores."""

from reichatd.store.errors import NewerSchema, StoreError, StoreUnavailable
from reichatd.store.protocol import Messages, Rooms, Sessions, Store, Users
from reichatd.store.records import (
    Appended,
    BanOutcome,
    JoinOutcome,
    Keep,
    Message,
    Outcome,
    Post,
    Registration,
    Room,
    RoomSummary,
    Session,
    User,
)
from reichatd.store.retention import Horizon, Stretch

__all__ = [
    "Appended",
    "BanOutcome",
    "Horizon",
    "JoinOutcome",
    "Keep",
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
    "Stretch",
    "User",
    "Users",
]
