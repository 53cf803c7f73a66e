"""A whole store as a stream of records, for backup, restore, and moving from one kind of store to the other.

The records come in this order in every kind of store, so that the same contents give the same stream:

    rooms           in the order they were created
    members         in the order they joined, across all rooms
    bans            room by room
    standings       room by room
    messages        room by room, by their ids
    reactions       room by room, by message, emoji and user
    invites         by id
    registrations   by address
    users           by id
    blocks, second factors, app passwords, changes of address, accounts at a provider: by user
    erasures        by user; only those that are not done
    sessions        by id; only those that have not ended
    audit           by number

A MongoDB server that is not a replica set offers no snapshot. There this order keeps the stream consistent while others write. Logs
only grow, so the part of a log that was read has no gap. A read mark is read before its log, so it points into it. A registration
that is confirmed meanwhile is in both places, not in none. Users are read last, so every author is among them. A room that is
deleted meanwhile may be there with the beginning of its log.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Protocol

from reichatd.store.records import (
    PLAIN,
    AppPassword,
    AuditEntry,
    Block,
    EmailChange,
    Erasure,
    Extras,
    Invite,
    OidcAccount,
    Record,
    Registration,
    Session,
    Standing,
    Totp,
    User,
)

PAGE_RECORDS = 2000
PAGE_CHARS = 1_048_576
"""A page ends when its texts reach this many characters, so that a few long ones cannot fill the memory."""


class StoredRoom(Record, frozen=True, tag="room"):
    """A room without its members and messages. `owner` is a user id; its log begins with `first_id`.

    `keep_days` and `keep_messages` are the room's own `Keep`, None if it has none. `change_id` is the number of the last change of
    a message. The token of the log is not kept: what is restored is another log.
    """

    room_id: str
    name: str
    description: str
    owner: str
    password_hash: str | None
    created_at: float
    first_id: int = 1
    keep_days: int | None = None
    keep_messages: int | None = None
    direct: str | None = None
    slow_seconds: int = 0
    members_pin: bool = False
    change_id: int = 0


class Member(Record, frozen=True):
    """A user's membership of a room, with the id of the last message read."""

    room_id: str
    user_id: str
    joined_at: float
    last_read_id: int
    moderator: bool = False


class Ban(Record, frozen=True):
    room_id: str
    user_id: str


class LogEntry(Record, frozen=True, tag="message"):
    """A message as it is stored. `extras.reactions` is the summary of the reactions, which are records of their own."""

    room_id: str
    message_id: int
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None
    change_id: int = 0
    extras: Extras = PLAIN


class StoredReaction(Record, frozen=True, tag="reaction"):
    """One user's reaction to a message, with one emoji."""

    room_id: str
    message_id: int
    emoji: str
    user_id: str
    at: float


OfUser = Block | Totp | AppPassword | EmailChange | OidcAccount | Erasure
"""What belongs to a user, apart from sessions."""

Stored = (
    StoredRoom
    | Member
    | Ban
    | Standing
    | LogEntry
    | StoredReaction
    | Invite
    | Registration
    | User
    | OfUser
    | Session
    | AuditEntry
)
"""All that a store keeps."""


class Loader(Protocol):
    """A store that is being filled, by one task."""

    async def load(self, records: Sequence[Stored]) -> None:
        """Stores the next records. They come in the order above, a room always before what belongs to it.

        Errors: StoreError, also if records contradict each other.
        """


class UserOutcome(Enum):
    """The outcome of adding a user from another program."""

    ADDED = auto()
    ALREADY_THERE = auto()
    """A user has this id."""
    EMAIL_TAKEN = auto()
    """Another user has this address."""


class BulkImport(Protocol):
    """Adds users and rooms of another program to a store that is in use. One caller at a time."""

    async def add_users(self, users: Sequence[User]) -> list[UserOutcome]:
        """Adds users; one answer for each, in the same order. Existing users are not changed."""

    async def add_room(
        self, room: StoredRoom, members: Sequence[Member], bans: Sequence[Ban], log: Sequence[LogEntry]
    ) -> bool:
        """Adds a room with all that belongs to it, as one step; False if its id is taken.

        An incomplete room is never visible; if the call is interrupted, there is no room. `members` are in the order they
        joined. The ids of `log` must be 1, 2, 3, … with no gap.
        """


def paged(records: Iterable[Stored]) -> Iterator[list[Stored]]:
    """The same records in pages that fit into memory; no page is empty."""
    page: list[Stored] = []
    chars = 0
    for record in records:
        page.append(record)
        if type(record) is LogEntry:
            chars += len(record.content)
        if len(page) >= PAGE_RECORDS or chars >= PAGE_CHARS:
            yield page
            page, chars = [], 0
    if page:
        yield page


async def read_pages(
    records: Iterator[Stored], run: Callable[[Callable[[], list[Stored]]], Awaitable[list[Stored]]]
) -> AsyncGenerator[list[Stored], None]:
    """The pages of records that block while they are read; `run` executes each step in a thread."""
    pages = paged(records)
    while page := await run(lambda: next(pages, [])):
        yield page
