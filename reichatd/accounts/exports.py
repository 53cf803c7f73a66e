"""All data of a user, as records: for the user (GDPR, articles 15 and 20), and for administrators.

The data is read page by page. Each page is a snapshot; later writes may or may not be in later pages. Times are ISO 8601 in UTC. No
record has a password, a hash or a token.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from reichatd.audit import AuditLog, Event
from reichatd.rate_limits import Action
from reichatd.timestamps import isoformat

if TYPE_CHECKING:
    from reichatd.accounts.session_cache import Identity
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import LiveSettings
    from reichatd.store import Message, Session, Store, User

IDS_AT_ONCE = 5000
"""Message ids that one call searches for the messages of one author."""

_ROOMS = 100


class _Record(Struct, frozen=True, tag_field="type"):
    pass


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


class MembershipRecord(_Record, frozen=True, tag="membership"):
    room_id: str
    joined_at: str
    last_read_id: int


class SessionRecord(_Record, frozen=True, tag="session"):
    """A login session, or, with a `token_name`, a token for a program. `used_at` is "" if it is not known."""

    created_at: str
    expires_at: str
    device: str = ""
    address: str = ""
    used_at: str = ""
    token_name: str | None = None


class MessageRecord(_Record, frozen=True, tag="message"):
    """As it is stored; a deleted author has no name and no address."""

    room_id: str
    message_id: int
    user_id: str
    username: str
    email: str
    timestamp: str
    content: str


class Progress(_Record, frozen=True, tag="progress"):
    """`done` of `total` are done. Comes often; only the last one matters."""

    what: str
    done: int
    total: int


UserRecords = AsyncGenerator[UserDetails | MembershipRecord | SessionRecord | MessageRecord | Progress, None]


class Exports:
    """The downloads of users' own data. Any task may call it.

    Arguments:
        limiter: is asked before a download: all rooms are searched for it.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: "LiveSettings",
        store: "Store",
        limiter: "RateLimiter",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._audit = AuditLog(store.audit, settings, clock)

    async def begin(self, identity: "Identity", *, client: str) -> UserRecords:
        """Returns the records of `user_records`. The caller closes the generator, which raises StoreError when the store fails.

        Raises:
            RateLimited, StoreError
        """
        await self._limiter.require(Action.EXPORT, client=client, subject=identity.user.user_id)
        await self._audit.record(Event.DATA_EXPORTED, identity.actor, client=client)
        return user_records(self._store, identity.user)


async def user_records(store: "Store", user: "User", ids_at_once: int = IDS_AT_ONCE) -> UserRecords:
    """The account, memberships, login sessions and own messages of a user.

    Arguments:
        ids_at_once: message ids that are searched in one step, after which there is a `Progress`.

    Raises:
        StoreError
    """
    yield await user_details(store, user)
    for membership in await store.rooms.memberships(user.user_id):
        yield MembershipRecord(membership.room_id, isoformat(membership.joined_at), membership.last_read_id)
    for session in await store.sessions.of_user(user.user_id):
        yield _session_record(session)
    # In all rooms: the user may have left a room, or been banned, after writing in it.
    logs = await _logs(store)
    done, total = 0, sum(logs.values())
    for room_id, last_id in logs.items():
        for first, last in ranges(last_id, ids_at_once):
            for message in await store.messages.written_by(user.user_id, room_id, first, last):
                yield message_record(room_id, message)
            done += last - first + 1
            yield Progress("messages", done, total)


async def user_details(store: "Store", user: "User") -> UserDetails:
    """All data of a user that is not a list of its own.

    Raises:
        StoreError
    """
    memberships = await store.rooms.memberships(user.user_id)
    return UserDetails(
        user_id=user.user_id,
        email=user.email,
        username=user.username,
        created_at=isoformat(user.created_at),
        disabled=user.disabled,
        rooms=[membership.room_id for membership in memberships],
        owns=await store.rooms.owned(user.user_id),
        banned_from=await store.rooms.banned_from(user.user_id),
        sessions=len(await store.sessions.of_user(user.user_id)),
    )


def message_record(room_id: str, message: "Message") -> MessageRecord:
    return MessageRecord(
        room_id=room_id,
        message_id=message.message_id,
        user_id=message.user_id,
        username=message.username,
        email=message.email,
        timestamp=isoformat(message.timestamp),
        content=message.content,
    )


def ranges(last_id: int, size: int) -> Iterator[tuple[int, int]]:
    """The ids from 1 on, in ranges of at most `size`: the first and the last id of each range."""
    for first in range(1, last_id + 1, size):
        yield first, min(first + size - 1, last_id)


def _session_record(session: "Session") -> SessionRecord:
    return SessionRecord(
        created_at=isoformat(session.created_at),
        expires_at=isoformat(session.expires_at),
        device=session.device,
        address=session.address,
        used_at=isoformat(session.used_at) if session.used_at else "",
        token_name=session.token_name,
    )


async def _logs(store: "Store") -> dict[str, int]:
    """The last message id of each room."""
    logs: dict[str, int] = {}
    after = ""
    while page := await store.rooms.page(after, _ROOMS):
        logs |= {room.room_id: room.last_id for room in page}
        after = page[-1].room_id
    return logs
