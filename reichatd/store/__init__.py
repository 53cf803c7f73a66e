"""Where everything durable lives: one protocol, two stores."""

from reichatd.store.errors import Faults, NewerSchema, StoreError, StoreUnavailable
from reichatd.store.opening import open_store
from reichatd.store.protocol import Messages, Rooms, Sessions, Store, Users
from reichatd.store.records import (
    Appended,
    BanOutcome,
    JoinOutcome,
    Membership,
    Message,
    Outcome,
    Post,
    Registration,
    Room,
    RoomOverview,
    RoomSummary,
    Session,
    Totals,
    TransferOutcome,
    User,
)

__all__ = [
    "Appended",
    "BanOutcome",
    "Faults",
    "JoinOutcome",
    "Membership",
    "Message",
    "Messages",
    "NewerSchema",
    "Outcome",
    "Post",
    "Registration",
    "Room",
    "RoomOverview",
    "RoomSummary",
    "Rooms",
    "Session",
    "Sessions",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Totals",
    "TransferOutcome",
    "User",
    "Users",
    "open_store",
]
