"""The answer to an administrator's request: records while it runs, and a conclusion at the end. All are JSON with a `type`.

Times are ISO 8601 in UTC. No record has a password, a hash or a token.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from reichatd.accounts.export_records import ActivityRecord as ActivityRecord
from reichatd.accounts.export_records import AppPasswordRecord as AppPasswordRecord
from reichatd.accounts.export_records import BlockRecord as BlockRecord
from reichatd.accounts.export_records import MembershipRecord as MembershipRecord
from reichatd.accounts.export_records import MessageRecord as MessageRecord
from reichatd.accounts.export_records import Progress as Progress
from reichatd.accounts.export_records import ProviderRecord as ProviderRecord
from reichatd.accounts.export_records import ReactionRecord as ReactionRecord
from reichatd.accounts.export_records import SecondFactorRecord as SecondFactorRecord
from reichatd.accounts.export_records import SessionRecord as SessionRecord
from reichatd.accounts.export_records import UserDetails as UserDetails


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


class UserChanged(_Record, frozen=True, tag="user_changed"):
    """`change` is one of: added, verified, password_set, disabled, enabled, logged_out, totp_removed, deleted."""

    change: str
    user_id: str
    email: str
    sessions_ended: int = 0


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
    """As a RoomRecord. `slow_seconds` is 0 without slow mode; `pins` is the number of pinned messages."""

    room_id: str
    name: str
    description: str
    owner: str
    private: bool
    created_at: str
    last_id: int
    owner_name: str = ""
    slow_seconds: int = 0
    members_pin: bool = False
    pins: int = 0


class PersonRecord(_Record, frozen=True, tag="person"):
    """A member of a room, or a user banned from it; without name and address if the user was deleted.

    `muted_until` is the end of the last mute, "" if there never was one.
    """

    user_id: str
    username: str
    email: str
    banned: bool
    moderator: bool = False
    muted_until: str = ""


class RoomChanged(_Record, frozen=True, tag="room_changed"):
    """`change` is one of: created, deleted, kicked, banned, unbanned, transferred."""

    change: str
    room_id: str
    user_id: str | None = None


class MessagesDeleted(_Record, frozen=True, tag="messages_deleted"):
    """Ids of messages: those that were deleted now, those that were before, and those that the room does not have."""

    room_id: str
    deleted: list[int]
    deleted_before: list[int]
    missing: list[int]


class InviteCreated(_Record, frozen=True, tag="invite_created"):
    """`url` opens the invitation; it is shown only here. `room_id` is "" for the server, `uses` None for any number of people."""

    invite_id: str
    url: str
    room_id: str
    expires_at: str
    uses: int | None


class InviteRecord(_Record, frozen=True, tag="invite"):
    """A valid invitation. `created_by` is a user id, "" for an administrator."""

    invite_id: str
    room_id: str
    created_by: str
    created_at: str
    expires_at: str
    uses_left: int | None


class InviteDeleted(_Record, frozen=True, tag="invite_deleted"):
    invite_id: str


class AuditRecord(_Record, frozen=True, tag="audit"):
    """An entry of the audit log (`reichatd.store.AuditEntry`), with the names that its users have today."""

    number: int
    at: str
    event: str
    actor: str
    actor_name: str
    user_id: str
    username: str
    room_id: str
    address: str
    detail: str


class CaughtUp(_Record, frozen=True, tag="caught_up"):
    """All records up to now have been sent; more follow."""


class DaemonFigures(Struct, frozen=True):
    """What a running daemon knows about itself.

    Arguments:
        refusals: refused actions since its start, by limit.
        changes: of messages (edits, deletions, reactions, pins) since its start, by outcome.
        changes_delivered: changes times the readers that they were sent to.
    """

    version: str
    pid: int
    uptime_seconds: float
    connections: int
    live_rooms: int
    lagging: int
    refusals: dict[str, int] = {}
    changes: dict[str, int] = {}
    changes_delivered: int = 0


class StoreDaemon(Struct, frozen=True):
    """A daemon on the store.

    Arguments:
        schema: the newest version of the store's schema that it knows.
        idle_seconds: since its last heartbeat.
        housekeeping: whether it does the housekeeping for all of them.
    """

    version: str
    host: str
    pid: int
    started_at: str
    schema: int
    idle_seconds: float
    housekeeping: bool


class StatsRecord(_Record, frozen=True, tag="stats"):
    """`store_bytes` is the size on disk. `daemon` is the one that answers, None without one; `daemons` are all on the store."""

    users: int
    registrations: int
    sessions: int
    rooms: int
    messages: int
    store_bytes: int
    daemon: DaemonFigures | None
    daemons: list[StoreDaemon] = []


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
    | AppPasswordRecord
    | SecondFactorRecord
    | ProviderRecord
    | BlockRecord
    | ActivityRecord
    | RoomRecord
    | RoomDetails
    | PersonRecord
    | RoomChanged
    | MessagesDeleted
    | InviteCreated
    | InviteRecord
    | InviteDeleted
    | AuditRecord
    | CaughtUp
    | MessageRecord
    | ReactionRecord
    | StatsRecord
    | SettingRecord
    | Progress
)
Conclusion = Done | RequestRefused | Failed
Emit = Callable[[Record], Awaitable[None]]
"""Sends a record on; waits if the reader is slow."""
