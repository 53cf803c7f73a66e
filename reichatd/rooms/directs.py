"""Direct conversations: rooms of two users."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from reichatd import rate_limits, rights
from reichatd.accounts.passwords import unusable_hash
from reichatd.audit import AuditLog, Event
from reichatd.errors import Forbidden, UserNotFound, Yourself
from reichatd.live import LiveConnections
from reichatd.rate_limits import RateLimiter
from reichatd.rights import UserActor
from reichatd.rooms.access import Access
from reichatd.rooms.fields import random_id
from reichatd.settings import LiveSettings
from reichatd.store import Room, RoomHead, RoomSummary, Store, direct_pair, other_of, users_with
from reichatd.text import GONE

_NAME = "Direct conversation"
"""In the store, for administrators: users see the other one's name."""

AnyRoom = TypeVar("AnyRoom", Room, RoomHead, RoomSummary)


class Opened(NamedTuple):
    room_id: str
    is_new: bool


class Directs:
    """Direct conversations; see `Rooms`.

    Each is a private room without an owner, whose password no one knows. It belongs to a pair of users, and there is one for each
    pair. Both may leave it, and `open` brings both back.
    """

    def __init__(
        self,
        *,
        access: Access,
        settings: LiveSettings,
        store: Store,
        limiter: RateLimiter,
        live: LiveConnections,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._access = access
        self._store = store
        self._live = live
        self._limiter = limiter
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def open(self, by: UserActor, user_id: str) -> Opened:
        """Opens the direct conversation with another user; both are members of it afterwards.

        Who may begin one is a setting (`direct.from`), which does not matter while both are in it. A user that the other has
        blocked opens none.

        Raises: Yourself, UserNotFound, Forbidden, RateLimited.
        """
        if user_id == by.user_id:
            raise Yourself
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        is_blocked = await self._store.blocks.exists(user_id, by.user_id)
        pair = direct_pair(by.user_id, user_id)
        found = await self._store.directs.find(pair)
        if found is not None and len(found.users) == 2 and not is_blocked:
            return Opened(found.room_id, is_new=False)
        shares_room = await self._store.directs.share_room(by.user_id, user_id)
        if not rights.may_open_direct(
            self._settings.whole.direct.from_, shares_room=shares_room, is_blocked=is_blocked
        ):
            # One text for all reasons, so that it does not reveal a block.
            raise Forbidden("You may not begin a direct conversation with this user")
        await self._limiter.require(rate_limits.Action.DIRECT, client=by.client, subject=by.user_id)
        opened = await self._open(by.user_id, user_id, pair)
        await self._audit.record(Event.DIRECT_OPENED, by, user_id=user_id, room_id=opened.room_id)
        return opened

    async def _open(self, user_id: str, other_id: str, pair: str) -> Opened:
        while True:
            room = Room(
                room_id=random_id(self._settings.limits),
                name=_NAME,
                description="",
                owner="",
                password_hash=unusable_hash(),
                created_at=self._clock(),
                users=(user_id, other_id),
                direct=pair,
            )
            with self._access.uninterrupted():
                opened = await self._store.directs.open(room, self._clock())
                if opened is not None:
                    for each in room.users:
                        self._live.member_joined(opened.room_id, each)
            if opened is not None:  # otherwise the random id was taken
                return Opened(opened.room_id, is_new=opened.room_id == room.room_id)

    async def named(self, by: UserActor, rooms: Sequence[AnyRoom]) -> list[AnyRoom]:
        """The same rooms as the user sees them: a direct conversation has the name of the other, who stands for its owner too.

        So programs that know no direct conversations offer none of what only an owner does.
        """
        others = list({other_of(room.direct, by.user_id) for room in rooms if room.direct is not None})
        names = {user.user_id: user.username for user in await users_with(self._store.users, others)}
        return [_named(room, by.user_id, names) for room in rooms]


def _named(room: AnyRoom, user_id: str, names: Mapping[str, str]) -> AnyRoom:
    if room.direct is None:
        return room
    other_id = other_of(room.direct, user_id)
    name = names.get(other_id, GONE)
    if isinstance(room, RoomSummary):
        return msgspec.structs.replace(room, name=name)
    return msgspec.structs.replace(room, name=name, owner=other_id)
