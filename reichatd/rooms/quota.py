"""How many rooms a user may create and own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import trio

from reichatd import rate_limits
from reichatd.errors import RoomExists, TooManyRooms
from reichatd.rate_limits import RateLimiter
from reichatd.rights import Actor, UserActor
from reichatd.settings import LiveSettings
from reichatd.store import Store


class RoomQuota:
    """Counts the rooms that users create; an administrator has no limits.

    Arguments:
        settings: of these, `limits.rooms_owned`; the limiter knows how many may be created per hour.
    """

    def __init__(self, settings: LiveSettings, store: Store, limiter: RateLimiter) -> None:
        self._settings = settings
        self._store = store
        self._limiter = limiter
        self._locks: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()  # by user who creates a room

    @asynccontextmanager
    async def counted(self, by: Actor) -> AsyncIterator[None]:
        """Counts the room that is created inside, if a user creates it; waits until the user's other calls have created theirs.

        Raises: TooManyRooms, RateLimited.
        """
        if not isinstance(by, UserActor):
            yield
            return
        # One after the other, so that the room of each call is there when the next one counts them.
        lock = self._locks.setdefault(by.user_id, trio.Lock())
        async with lock:
            await self._require_few_rooms(by.user_id)
            async with self._limiter.counted(
                rate_limits.Action.ROOM, client=by.client, subject=by.user_id, free=(RoomExists,)
            ):
                yield

    async def require_space(self, user_id: str) -> None:
        """Raises TooManyRooms if a room cannot be given to the user, who owns `limits.rooms_owned` already."""
        allowed = self._settings.limits.rooms_owned
        if allowed and await self._store.rooms.count_owned(user_id, allowed) >= allowed:
            raise TooManyRooms(f"This user owns {allowed} rooms, which is the most")

    async def _require_few_rooms(self, user_id: str) -> None:
        """Raises TooManyRooms if the user owns `limits.rooms_owned` rooms already."""
        allowed = self._settings.limits.rooms_owned
        if allowed and await self._store.rooms.count_owned(user_id, allowed) >= allowed:
            raise TooManyRooms(f"You own {allowed} rooms, which is the most; delete one first")
