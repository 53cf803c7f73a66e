"""Where everything durable lives: one protocol, two stores."""

from reichatd.store.errors import Faults, NewerSchema, StoreError, StoreUnavailable
from reichatd.store.opening import open_store
from reichatd.store.protocol import Messages, Rooms, Sessions, Store, Users
from reichatd.store.records import (
    Appended,
    BanOutcome,
    JoinOutcome,
    Keep,
    Membership,
    Message,
    Outcome,
    Post,
    Progress,
    Registration,
    Room,
    RoomOverview,
    RoomSummary,
    Session,
    Totals,
    TransferOutcome,
    User,
)
from reichatd.store.retention import Horizon, Stretch

__all__ = [
    "Appended",
    "BanOutcome",
    "Faults",
    "Horizon",
    "JoinOutcome",
    "Keep",
    "Membership",
    "Message",
    "Messages",
    "NewerSchema",
    "Outcome",
    "Post",
    "Progress",
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
    "Stretch",
    "Totals",
    "TransferOutcome",
    "User",
    "Users",
    "open_store",
]
