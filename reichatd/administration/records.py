"""The answer to an administrator's request: records while it runs, and a conclusion at the end. All are JSON with a `type`.

Times are ISO 8601 in UTC. No record has a password, a hash or a token.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct


class _Record(Struct, frozen=True, tag_field="type"):
    pass


class UserRecord(_Record, frozen=True, tag="user"):
    user_id: str
    email: str
    username: str
    created_at: str
    disabled: bool


class RegistrationRecord(_Record, frozen=True, tag="registration"):
    """`registration_id` differs among the registrations of one address."""

    email: str
    username: str
    tries_left: int
    expires_at: str
    registration_id: str


class UserDetails(_Record, frozen=True, tag="user_details"):
    """`rooms`, `owns` and `banned_from` are room ids."""

    user_id: str
    email: str
    username: str
    created_at: str
    disabled: bool
    rooms: list[str]
    owns: list[str]
    banned_from: list[str]
    sessions: int


class UserChanged(_Record, frozen=True, tag="user_changed"):
    """`change` is one of: added, verified, password_set, disabled, enabled, logged_out, deleted."""

    change: str
    user_id: str
    email: str
    sessions_ended: int = 0


class MembershipRecord(_Record, frozen=True, tag="membership"):
    room_id: str
    joined_at: str
    last_read_id: int


class SessionRecord(_Record, frozen=True, tag="session"):
    created_at: str
    expires_at: str


class BlockRecord(_Record, frozen=True, tag="block"):
    """A user whom the exported one has blocked."""

    user_id: str
    username: str


class RoomRecord(_Record, frozen=True, tag="room"):
    """`owner` is a user id, `members` how many there are, `last_id` the id of the last message.

    `owner_name` is "" for a deleted user.
    """

    room_id: str
    name: str
    owner: str
    private: bool
    created_at: str
    members: int
    last_id: int
    owner_name: str = ""


class RoomDetails(_Record, frozen=True, tag="room_details"):
    """As a RoomRecord."""

    room_id: str
    name: str
    description: str
    owner: str
    private: bool
    created_at: str
    last_id: int
    owner_name: str = ""


class PersonRecord(_Record, frozen=True, tag="person"):
    """A member of a room, or a user banned from it; without name and address if the user was deleted."""

    user_id: str
    username: str
    email: str
    banned: bool


class RoomChanged(_Record, frozen=True, tag="room_changed"):
    """`change` is one of: created, deleted, kicked, banned, unbanned, transferred."""

    change: str
    room_id: str
    user_id: str | None = None


class MessageRecord(_Record, frozen=True, tag="message"):
    """As it is stored; a deleted author has no name and no address."""

    room_id: str
    message_id: int
    user_id: str
    username: str
    email: str
    timestamp: str
    content: str


class DaemonFigures(Struct, frozen=True):
    """What a running daemon knows about itself. `refusals` counts refused actions since its start, by limit."""

    version: str
    pid: int
    uptime_seconds: float
    connections: int
    live_rooms: int
    lagging: int
    refusals: dict[str, int] = {}


class StatsRecord(_Record, frozen=True, tag="stats"):
    """`store_bytes` is the size on disk. `daemon` is None without a daemon."""

    users: int
    registrations: int
    sessions: int
    rooms: int
    messages: int
    store_bytes: int
    daemon: DaemonFigures | None


class SettingRecord(_Record, frozen=True, tag="setting"):
    """The outcome of a reload for a key that differs from the settings in force.

    Arguments:
        key: "" for a file that could not be read.
        outcome: one of `reichatd.settings.Reload`; if any key is rejected, nothing has changed.
        old: the value before, "…" for a secret; None, as `new`, if the key is rejected.
        reason: why the key is rejected.
    """

    key: str
    outcome: str
    old: Any = None
    new: Any = None
    reason: str = ""


class Progress(_Record, frozen=True, tag="progress"):
    """`done` of `total` are done. Comes often; only the last one matters."""

    what: str
    done: int
    total: int


class Done(_Record, frozen=True, tag="done"):
    pass


class RequestRefused(_Record, frozen=True, tag="refused"):
    """The request cannot be carried out; `status`, `code` and `message` are those of `reichatd.errors`."""

    status: int
    code: str
    message: str


class Failed(_Record, frozen=True, tag="failed"):
    """The store failed. The same request, made again, continues where it stopped."""

    message: str


Record = (
    UserRecord
    | RegistrationRecord
    | UserDetails
    | UserChanged
    | MembershipRecord
    | SessionRecord
    | BlockRecord
    | RoomRecord
    | RoomDetails
    | PersonRecord
    | RoomChanged
    | MessageRecord
    | StatsRecord
    | SettingRecord
    | Progress
)
Conclusion = Done | RequestRefused | Failed
Emit = Callable[[Record], Awaitable[None]]
"""Sends a record on; waits if the reader is slow."""
