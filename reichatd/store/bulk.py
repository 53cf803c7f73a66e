"""A whole store as a stream of records: how it is backed up, restored, and carried from one kind of store to the other.

The records come in this order, whatever the store is made of, so that the same contents are the same stream:

    rooms           in the order they were made
    members         in the order they joined, through all rooms
    bans            room by room
    messages        room by room, by their ids
    registrations   by address
    users           by id
    sessions        by id; only those that are alive

Where the store gives no one moment to read as of (a MongoDB that is no replica set), this order keeps what is read sane. Logs only
grow, so what is read of one is its beginning without a gap; a mark read before its log points into it; a registration that
is confirmed meanwhile is in both places, not in none; and who has written is there, since users are read last. A room that
is deleted meanwhile may be there with the beginning of its log.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Protocol

from reichatd.store.records import Record, Registration, Session, User

PAGE_RECORDS = 2000
PAGE_CHARS = 1_048_576
"""A page ends where its texts have so many characters, so that a few long ones cannot fill the memory."""


class StoredRoom(Record, frozen=True, tag="room"):
    """A room by itself. `owner` is a user's id; its log begins with `first_id`, and is kept as `Keep` says, if it says so."""

    room_id: str
    name: str
    description: str
    owner: str
    password_hash: str | None
    created_at: float
    first_id: int = 1
    keep_days: int | None = None
    keep_messages: int | None = None


class Member(Record, frozen=True):
    """Somebody in a room, and how far he has read."""

    room_id: str
    user_id: str
    joined_at: float
    last_read_id: int


class Ban(Record, frozen=True):
    room_id: str
    user_id: str


class LogEntry(Record, frozen=True, tag="message"):
    """A message as it is stored."""

    room_id: str
    message_id: int
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None


Stored = StoredRoom | Member | Ban | LogEntry | Registration | User | Session
"""All that a store keeps."""


class Loader(Protocol):
    """A store that is being filled, by one task."""

    async def load(self, records: Sequence[Stored]) -> None:
        """Puts the next records in. They come in the order above, a room always before what belongs to it.

        Errors: StoreError, also where records contradict each other.
        """


class UserOutcome(Enum):
    """What became of a user from elsewhere."""

    ADDED = auto()
    ALREADY_THERE = auto()
    """Somebody has this id."""
    EMAIL_TAKEN = auto()
    """Somebody else has this address."""


class BulkImport(Protocol):
    """What comes from another program into a store that is in use. One caller at a time."""

    async def add_users(self, users: Sequence[User]) -> list[UserOutcome]:
        """Adds users; one answer for each, in the same order. What is there stays as it is."""

    async def add_room(
        self, room: StoredRoom, members: Sequence[Member], bans: Sequence[Ban], log: Sequence[LogEntry]
    ) -> bool:
        """Adds a room with all that belongs to it, at once; False if its id is taken.

        Nobody ever sees a part of it; where the call is cut off, there is no room. `members` are in the order they
        joined. The ids of `log` must be 1, 2, 3, … with no gap.
        """


def paged(records: Iterable[Stored]) -> Iterator[list[Stored]]:
    """The same records in pages that fit in the memory; none is empty."""
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


async def pulled(
    records: Iterator[Stored], run: Callable[[Callable[[], list[Stored]]], Awaitable[list[Stored]]]
) -> AsyncGenerator[list[Stored], None]:
    """The pages of records that block while they are read; `run` takes each such step into a thread."""
    pages = paged(records)
    while page := await run(lambda: next(pages, [])):
        yield page
