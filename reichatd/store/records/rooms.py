"""Rooms, their members and their invitations."""

from enum import Enum, auto

import msgspec

from reichatd.store.records.accounts import User
from reichatd.store.records.base import Record


class Keep(msgspec.Struct, frozen=True):
    """How long messages are kept: a number of days, and a number of messages; 0 is no limit. If both are set, both apply."""

    days: int = 0
    messages: int = 0


class RoomSummary(msgspec.Struct, frozen=True):
    room_id: str
    name: str
    description: str
    direct: str | None = None


class RoomHead(msgspec.Struct, frozen=True):
    """A room without its members, and whether one given user is a member. Its cost does not depend on the size of the room."""

    room_id: str
    name: str
    description: str
    owner: str
    password_hash: str | None
    created_at: float
    first_id: int
    keep: Keep | None
    is_member: bool
    is_moderator: bool = False
    direct: str | None = None
    slow_seconds: int = 0
    members_pin: bool = False

    @property
    def private(self) -> bool:
        return self.password_hash is not None


class Room(msgspec.Struct, frozen=True):
    """A room. `owner` and `users` (members, in the order they joined) are user ids; it is private if it has a password.

    `first_id` is where its log begins: earlier messages have been removed, and an emptied log continues from there. `keep` is how
    long its messages are kept; None if the rule for all rooms applies.

    `direct` is the pair of users whose direct conversation it is (`direct_pair`); None for an ordinary room. `slow_seconds` is the
    time between two messages of a member; 0 for any. `members_pin`: whether members may pin messages.
    """

    room_id: str
    name: str
    description: str
    owner: str
    password_hash: str | None
    created_at: float
    users: tuple[str, ...]
    first_id: int = 1
    keep: Keep | None = None
    direct: str | None = None
    slow_seconds: int = 0
    members_pin: bool = False

    @property
    def private(self) -> bool:
        return self.password_hash is not None


class RoomOverview(msgspec.Struct, frozen=True):
    """A room in a list: `members` is their number, `last_id` the end of its log."""

    room_id: str
    name: str
    owner: str
    private: bool
    created_at: float
    members: int
    last_id: int


def direct_pair(one: str, other: str) -> str:
    """The key of two users' direct conversation: their ids in order, with a space between them."""
    return " ".join(sorted((one, other)))


def other_of(pair: str, user_id: str) -> str:
    """The other user of a `direct_pair`."""
    one, other = pair.split(" ")
    return other if user_id == one else one


class Invite(Record, frozen=True):
    """An invitation to a room, or to the server (`room_id` is ""). Only the hash of its token is stored.

    Arguments:
        created_by: a user id; "" for an administrator.
        uses_left: how many people may still use it; None for any number.
    """

    invite_id: str
    token_hash: str
    room_id: str
    created_by: str
    created_at: float
    expires_at: float
    uses_left: int | None = None

    def is_valid(self, now: float) -> bool:
        """Whether someone may still use it."""
        return self.expires_at > now and self.uses_left != 0


class Confirmation(msgspec.Struct, frozen=True):
    """The outcome of confirming a registration that has an invitation.

    Arguments:
        user: as `UserStore.confirm` returns it.
        invite: the invitation, as it was before it was used; None if it was not used.
        is_invite_gone: whether nothing was changed because the invitation was needed, and is no longer valid.
    """

    user: User | None = None
    invite: Invite | None = None
    is_invite_gone: bool = False


class Standing(Record, frozen=True):
    """What limits a user's posts in a room. It outlives the membership: leaving and joining again ends neither.

    Arguments:
        muted_until: no posts before this time; 0 if the user was never muted.
        posted_at: the last post while the room was in slow mode; 0 if there was none.
    """

    room_id: str
    user_id: str
    muted_until: float = 0.0
    posted_at: float = 0.0


class DirectHead(msgspec.Struct, frozen=True):
    """The direct conversation of two users: its room, and those of the two who have not left it."""

    room_id: str
    users: frozenset[str]


class Membership(msgspec.Struct, frozen=True):
    """One user's membership of one room."""

    room_id: str
    joined_at: float
    last_read_id: int


class RoomMember(msgspec.Struct, frozen=True):
    """One member of a room, as others see them. `muted_until` may have passed; 0 if the user was never muted."""

    user_id: str
    joined_at: float
    is_owner: bool = False
    is_moderator: bool = False
    muted_until: float = 0.0


MOST_MENTIONS = 99
"""Unread mentions are counted up to here: as many as clients show."""


class Progress(msgspec.Struct, frozen=True):
    """One user's reading progress in one room: `last_read_id`, out of `last_id`, the end of its log.

    Arguments:
        change_id: the number of the last change of a message; 0 if there never was one.
        mentions: how many unread messages mention the user or all members; at most `MOST_MENTIONS`.
    """

    room_id: str
    last_read_id: int
    last_id: int
    change_id: int = 0
    mentions: int = 0


MOST_MEMBERS = 1000
"""The members of a joined room are counted up to here, so that the cost does not grow with the rooms."""


class JoinedHead(msgspec.Struct, frozen=True):
    """A room that a user has joined, without its members, and what the user is in it.

    Arguments:
        members: how many there are; at most `MOST_MEMBERS`.
        owner_is_member: False also for a direct conversation, which has no owner.
    """

    room: RoomHead
    member: RoomMember
    progress: Progress
    members: int
    owner_is_member: bool


class InviteOutcome(Enum):
    CREATED = auto()
    TOO_MANY = auto()
    NO_ROOM = auto()


class JoinOutcome(Enum):
    JOINED = auto()
    ALREADY_JOINED = auto()
    BANNED = auto()
    NO_ROOM = auto()


class BanOutcome(Enum):
    BANNED = auto()
    ALREADY_BANNED = auto()
    OWNER = auto()
    """The user owns the room, perhaps since a moment ago."""
    NO_ROOM = auto()


class KickOutcome(Enum):
    KICKED = auto()
    OWNER = auto()
    """As for a ban."""
    NO_MEMBER = auto()


class TransferOutcome(Enum):
    TRANSFERRED = auto()
    NOT_OWNER = auto()
    """The user who gives the room away is not its owner any more."""
    NO_MEMBER = auto()
    NO_ROOM = auto()
    DIRECT = auto()
    """It is a direct conversation, which no one owns."""
