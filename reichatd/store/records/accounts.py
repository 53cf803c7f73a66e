"""Users, and what belongs to them."""

from enum import Enum, auto

import msgspec

from reichatd.store.records.base import Record


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


class Erasure(Record, frozen=True):
    """Says that the messages of a deleted user are erased, in steps.

    Arguments:
        done_at: when the last of them was erased; 0 before.
    """

    user_id: str
    done_at: float = 0.0


class RegisterOutcome(Enum):
    REGISTERED = auto()
    USER_EXISTS = auto()
    CODE_TAKEN = auto()
    """Another registration of the address has the same code by chance: choose another."""


class BlockOutcome(Enum):
    BLOCKED = auto()
    ALREADY_BLOCKED = auto()
    TOO_MANY = auto()


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
