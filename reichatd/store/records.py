"""The records that a store takes and gives, and the outcomes of what it was asked to do.

Times are seconds since the epoch (UTC) as floats; hashes and HMACs are opaque strings made by `reichatd.accounts`.
"""

from enum import Enum, auto

import msgspec


class Record(
    msgspec.Struct, frozen=True, tag_field="type", tag=str.lower, forbid_unknown_fields=True, omit_defaults=True
):
    """What a store keeps and a backup holds (`reichatd.store.bulk`), where each is told by its `type`.

    A field that comes later gets a default, which is what it is where an older reichatd wrote the record.
    """


class User(Record, frozen=True):
    """A verified user. `email` is unique without regard to ASCII case; `username` is not unique.

    One who is `disabled` has no sessions, and keeps everything else.
    """

    user_id: str
    email: str
    username: str
    password_hash: str
    created_at: float
    disabled: bool = False

    def renamed(self, username: str) -> "User":
        """The same user under another name."""
        return msgspec.structs.replace(self, username=username)


class Registration(Record, frozen=True):
    """Someone who has yet to prove an e-mail address, by the code that was sent for this registration and no other.

    An address can have several, of strangers too; `code_hash` tells them apart. `tries_left` is how many codes may still be tried:
    tries are counted for the address, so all of its registrations lose one together.
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
        """The user that it becomes."""
        return User(user_id, self.email, self.username, self.password_hash, now)


class ConfirmedCode(msgspec.Struct, frozen=True):
    """The code that made a user's account a moment ago. `email` is the address as it was registered."""

    email: str
    code_hash: str


class Attempt(msgspec.Struct, frozen=True):
    """One try to verify an address: what there is to compare a code with.

    Arguments:
        pending: its registrations, oldest first, with the tries that they had before this one.
        confirmed: set if the address became a user's a moment ago.
    """

    pending: list[Registration]
    confirmed: ConfirmedCode | None = None


class Session(Record, frozen=True):
    """A login session: one login on one device. It ends by logout, by a change of password or at `expires_at`."""

    session_id: str
    user_id: str
    refresh_hash: str
    created_at: float
    expires_at: float


class Keep(msgspec.Struct, frozen=True):
    """For how long messages are kept: for so many days, and so many of them; 0 is no limit. Whichever removes more wins."""

    days: int = 0
    messages: int = 0


class RoomSummary(msgspec.Struct, frozen=True):
    room_id: str
    name: str
    description: str


class RoomHead(msgspec.Struct, frozen=True):
    """A room without its members, and whether one certain user is among them: reading it costs the same in a room of any size."""

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

    `first_id` is where its log begins: what was before it has been removed, and an emptied log goes on from there. `keep`
    is for how long its messages are kept, None if it is as for all rooms.
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
    """A room among many: `members` is how many there are, `last_id` the end of its log."""

    room_id: str
    name: str
    owner: str
    private: bool
    created_at: float
    members: int
    last_id: int


class Membership(msgspec.Struct, frozen=True):
    """One user's place in one room."""

    room_id: str
    joined_at: float
    last_read_id: int


class Progress(msgspec.Struct, frozen=True):
    """How far one user has read in one room: `last_read_id` of `last_id`, the end of its log."""

    room_id: str
    last_read_id: int
    last_id: int


class Post(msgspec.Struct, frozen=True):
    """A message on its way into a room's log. `nonce` makes it one message however often its author sends it."""

    room_id: str
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A message in a room's log, with its author's name and address of today (both empty if the author is gone)."""

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: float


class Outcome(Enum):
    """What became of a post."""

    STORED = auto()
    REPEATED = auto()
    """Its nonce was stored before: nothing was written."""
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
    """Another registration of the address has this code by chance: draw another."""


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
    """How much a store holds. `registrations` are addresses, however many registrations they have.

    `sessions` and `messages` may include what has ended and waits to be removed.
    """

    users: int
    registrations: int
    sessions: int
    rooms: int
    messages: int
    bytes: int
    """On the disk, as the file system or the server counts it."""
