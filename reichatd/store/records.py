"""The records that a store keeps and returns, and the outcomes of its operations.

Times are seconds since the epoch (UTC) as floats; hashes and HMACs are opaque strings made by `reichatd.accounts`.
"""

from enum import Enum, auto

import msgspec


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
    """A login session: one login on one device. It ends at logout, at a change of password or at `expires_at`."""

    session_id: str
    user_id: str
    refresh_hash: str
    created_at: float
    expires_at: float
    network: str = ""
    """Where the login came from (`reichatd.rate_limits.network_of`); "" if that is not known."""


class Keep(msgspec.Struct, frozen=True):
    """How long messages are kept: a number of days, and a number of messages; 0 is no limit. If both are set, both apply."""

    days: int = 0
    messages: int = 0


class RoomSummary(msgspec.Struct, frozen=True):
    room_id: str
    name: str
    description: str


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

    @property
    def private(self) -> bool:
        return self.password_hash is not None


class Room(msgspec.Struct, frozen=True):
    """A room. `owner` and `users` (members, in the order they joined) are user ids; it is private if it has a password.

    `first_id` is where its log begins: earlier messages have been removed, and an emptied log continues from there. `keep` is how
    long its messages are kept; None if the rule for all rooms applies.
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


class Membership(msgspec.Struct, frozen=True):
    """One user's membership of one room."""

    room_id: str
    joined_at: float
    last_read_id: int


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
    """A message in a room's log, with its author's current name and address (both empty if the author was deleted)."""

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: float


class Outcome(Enum):
    """The outcome of a post."""

    STORED = auto()
    REPEATED = auto()
    """Its nonce is stored already: nothing was written."""
    NO_ROOM = auto()
    NO_MEMBER = auto()


class Appended(msgspec.Struct, frozen=True):
    """The answer to one post. `message_id` is 0 unless the outcome is STORED or REPEATED."""

    outcome: Outcome
    message_id: int = 0


class RegisterOutcome(Enum):
    REGISTERED = auto()
    USER_EXISTS = auto()
    CODE_TAKEN = auto()
    """Another registration of the address has the same code by chance: choose another."""


class JoinOutcome(Enum):
    JOINED = auto()
    ALREADY_JOINED = auto()
    BANNED = auto()
    NO_ROOM = auto()


class BanOutcome(Enum):
    BANNED = auto()
    ALREADY_BANNED = auto()
    NO_ROOM = auto()


class TransferOutcome(Enum):
    TRANSFERRED = auto()
    NO_MEMBER = auto()
    NO_ROOM = auto()


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
