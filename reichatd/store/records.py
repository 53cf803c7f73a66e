"""The records that a store keeps and returns, and the outcomes of its operations.

Times are seconds since the epoch (UTC) as floats; hashes and HMACs are opaque strings made by `reichatd.accounts`.
"""

from enum import Enum, auto

import msgspec

ERASED = "(deleted)"
"""What an erased message says in place of its content."""


class Record(
    msgspec.Struct, frozen=True, tag_field="type", tag=str.lower, forbid_unknown_fields=True, omit_defaults=True
):
    """A record that a store keeps and a backup holds (`reichatd.store.bulk`). In a backup the field `type` names its class.

    A field that is added later needs a default: the value for records that an older reichatd wrote.
    """


class User(Record, frozen=True):
    """A verified user. `email` is unique without regard to ASCII case; `username` is not unique.

    A `disabled` user has no sessions, and keeps everything else.
    """

    user_id: str
    email: str
    username: str
    password_hash: str
    created_at: float
    disabled: bool = False

    def renamed(self, username: str) -> "User":
        """The same user with another name."""
        return msgspec.structs.replace(self, username=username)


class Registration(Record, frozen=True):
    """A user whose e-mail address is not verified yet. Only the code that was sent for this registration verifies it.

    An address can have several registrations, by different people; they differ in `code_hash`. `tries_left` is how many codes may
    still be tried. Tries are counted for the address, so all of its registrations lose one together.
    """

    email: str
    username: str
    password_hash: str
    code_hash: str
    tries_left: int
    expires_at: float
    invite_id: str = ""
    """The invite that allowed it; "" without one."""

    def after(self, tries: int) -> "Registration":
        """The same registration after this many tries."""
        return msgspec.structs.replace(self, tries_left=max(0, self.tries_left - tries)) if tries else self

    def confirmed(self, user_id: str, now: float) -> User:
        """The user that this registration becomes."""
        return User(user_id, self.email, self.username, self.password_hash, now)


class ConfirmedCode(msgspec.Struct, frozen=True):
    """The code that created a user's account a moment ago. `email` is the address as it was registered."""

    email: str
    code_hash: str


class Attempt(msgspec.Struct, frozen=True):
    """One try to verify an address: what to compare the code with.

    Arguments:
        pending: the registrations of the address, oldest first, with the tries that they had left before this one.
        confirmed: set if the address was verified a moment ago.
    """

    pending: list[Registration]
    confirmed: ConfirmedCode | None = None


class Session(Record, frozen=True):
    """A login session: one login on one device. It ends at logout, at a change of password or at `expires_at`.

    A token for a program is a session too, with `token_name` and `scopes`; it does not end with a change of password.
    """

    session_id: str
    user_id: str
    refresh_hash: str
    created_at: float
    expires_at: float
    network: str = ""
    """Where the login came from (`reichatd.rate_limits.network_of`); "" if that is not known."""
    device: str = ""
    """What the client says of itself, in short."""
    address: str = ""
    """The client's address at the login; "" for a token for a program."""
    used_at: float = 0.0
    """When it was last seen in use, to within some minutes; 0 for never."""
    generation: int = 0
    """How often the refresh token was rotated."""
    rotated_at: float = 0.0
    token_name: str | None = None
    """The name that the user gave to a token for a program; None for a login session."""
    scopes: str = ""
    """What such a token may do: words with a space between them."""
    rooms: str | None = None
    """The ids of the rooms that such a token is for, with a space between them; None for all."""
    app_password_id: str = ""
    """The app password that it was begun with; "" for any other login."""

    @property
    def is_token(self) -> bool:
        """Whether it is a token for a program."""
        return self.token_name is not None


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


class Block(Record, frozen=True):
    """`user_id` gets no direct messages from `blocked_id`."""

    user_id: str
    blocked_id: str


class Totp(Record, frozen=True):
    """A user's second factor (RFC 6238).

    Arguments:
        secret: encrypted with a key derived from the daemon's secret.
        confirmed: False until the user has entered a code; until then it is not asked for.
        last_step: the last time step whose code was used: a code is good once.
        recovery: hashes of the unused recovery codes, with a space between them.
    """

    user_id: str
    secret: str
    confirmed: bool = False
    last_step: int = 0
    recovery: str = ""


class AppPassword(Record, frozen=True):
    """A password for one program that knows no second factor."""

    app_password_id: str
    user_id: str
    name: str
    password_hash: str
    created_at: float
    used_at: float = 0.0


class EmailChange(Record, frozen=True):
    """A new address that is not verified yet; at most one for each user."""

    user_id: str
    email: str
    code_hash: str
    tries_left: int
    expires_at: float


class OidcAccount(Record, frozen=True):
    """Says that an account of an OpenID provider (its `iss` and `sub`) is this user."""

    issuer: str
    subject: str
    user_id: str


class AuditEntry(Record, frozen=True, tag="audit"):
    """One entry of the audit log. It has no content of messages.

    Arguments:
        number: grows with each entry; given by the store.
        event: a name of `reichatd.audit.Event`.
        actor: the id of the user who did it; "" for a stranger, "administrator" for an administrator.
        user_id, room_id: the target, and the room; "" without one.
        address: the client's address; "" if there is none, or since it was removed.
        detail: a word or two, such as a reason.
    """

    number: int
    at: float
    event: str
    actor: str
    user_id: str = ""
    room_id: str = ""
    address: str = ""
    detail: str = ""


CLOCK_SETBACK = 3600.0
"""Seconds by which a clock may be set back before the search for entries since a time may miss some.

An hour is what a clock that is set by hand goes back in autumn. More would make each search longer.
"""


class AuditFilter(msgspec.Struct, frozen=True):
    """Which audit entries to read.

    Arguments:
        after, before: only numbers between these, both excluded.
        since: none that are older, in seconds since the epoch. Without `after`, entries from before a clock was set back by
            more than `CLOCK_SETBACK` may be missing.
        user_id: only those that this user did, or that were done to this user; "" for all.
        room_id: only those in this room; "" for all.
    """

    after: int = 0
    before: int = 2**62
    since: float = 0.0
    user_id: str = ""
    room_id: str = ""
    newest_first: bool = False


class DirectHead(msgspec.Struct, frozen=True):
    """The direct conversation of two users: its room, and those of the two who have not left it."""

    room_id: str
    users: frozenset[str]


class Erasure(Record, frozen=True):
    """Says that the messages of a deleted user are erased, in steps.

    Arguments:
        done_at: when the last of them was erased; 0 before.
    """

    user_id: str
    done_at: float = 0.0


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


class Progress(msgspec.Struct, frozen=True):
    """One user's reading progress in one room: `last_read_id`, out of `last_id`, the end of its log."""

    room_id: str
    last_read_id: int
    last_id: int


class Post(msgspec.Struct, frozen=True):
    """A message to be added to a room's log. With a `nonce` it is stored once, however often its author sends it."""

    room_id: str
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A message in a room's log, with its author's current name and address (both empty if the author was deleted).

    `shares_room`: whether the members of the room share it with the author. False after the author has left it, and in a direct
    conversation.
    """

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: float
    shares_room: bool = True


class Outcome(Enum):
    """The outcome of a post."""

    STORED = auto()
    REPEATED = auto()
    """Its nonce is stored already: nothing was written."""
    NO_ROOM = auto()
    NO_MEMBER = auto()
    MUTED = auto()
    """The author is muted."""
    SLOW = auto()
    """The room is in slow mode, and the author's last post is too recent."""
    BLOCKED = auto()
    """The room is a direct conversation, and the other has blocked the author."""


class Appended(msgspec.Struct, frozen=True):
    """The answer to one post.

    Arguments:
        message_id: 0 unless the outcome is STORED or REPEATED.
        until: for MUTED and SLOW, when the author may post again, in seconds since the epoch.
        in_direct: for STORED, whether the room is a direct conversation.
    """

    outcome: Outcome
    message_id: int = 0
    until: float = 0.0
    in_direct: bool = False


class RegisterOutcome(Enum):
    REGISTERED = auto()
    USER_EXISTS = auto()
    CODE_TAKEN = auto()
    """Another registration of the address has the same code by chance: choose another."""


class BlockOutcome(Enum):
    BLOCKED = auto()
    ALREADY_BLOCKED = auto()
    TOO_MANY = auto()


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


class RotateOutcome(Enum):
    """The outcome of presenting a refresh token of some generation."""

    ROTATED = auto()
    """It was the current one: its successor is the current one now."""
    REPEATED = auto()
    """Its successor was made a moment ago, and is the current one."""
    REUSED = auto()
    """Its successor has been used, or was made long ago: somebody has copied a token, and the session has ended."""
    ENDED = auto()
    """There is no such session, or no longer."""


class EmailOutcome(Enum):
    CHANGED = auto()
    TAKEN = auto()
    """Another user has this address."""
    OUTDATED = auto()
    """The user was deleted, or the password has changed."""


class Totals(msgspec.Struct, frozen=True):
    """How much a store holds. `registrations` counts addresses, however many registrations they have.

    `sessions` and `messages` may include ended sessions and deleted messages that are still to be removed.
    """

    users: int
    registrations: int
    sessions: int
    rooms: int
    messages: int
    bytes: int
    """On the disk, as the file system or the server counts it."""
