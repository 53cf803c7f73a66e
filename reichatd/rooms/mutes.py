"""Who may not post for a while."""

from collections.abc import Callable

from reichatd.audit import AuditLog, Event
from reichatd.errors import RoomNotFound, UserNotFound
from reichatd.live import LiveConnections
from reichatd.rights import Action, Actor
from reichatd.rooms.access import Access
from reichatd.rooms.fields import check_mute
from reichatd.settings import LiveSettings
from reichatd.store import Store


class Mutes:
    """Mutes of users in rooms; see `Rooms`. The store applies them to posts, in the commit."""

    def __init__(
        self,
        *,
        access: Access,
        settings: LiveSettings,
        store: Store,
        live: LiveConnections,
        clock: Callable[[], float],
    ) -> None:
        self._access = access
        self._store = store
        self._live = live
        self._audit = AuditLog(store.audit, settings, clock)
        self._clock = clock

    async def mute(self, by: Actor, room_id: str, user_id: str, seconds: int) -> None:
        """Refuses what the user posts in the room from now on, for this time, which replaces that of an earlier mute.

        The user need not be a member: a mute outlives the membership.

        Raises: RoomNotFound, Forbidden, Yourself, InvalidFields, UserNotFound.
        """
        await self._access.authorize(by, Action.MUTE, room_id, target=user_id)
        check_mute(seconds)
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        await self._set(room_id, user_id, self._clock() + seconds)
        await self._audit.record(Event.MUTED, by, user_id=user_id, room_id=room_id, detail=f"{seconds} s")

    async def unmute(self, by: Actor, room_id: str, user_id: str) -> None:
        """Ends a mute. Harmless if there is none.

        Raises: RoomNotFound, Forbidden, Yourself.
        """
        await self._access.authorize(by, Action.MUTE, room_id, target=user_id)
        await self._set(room_id, user_id, 0.0)
        await self._audit.record(Event.UNMUTED, by, user_id=user_id, room_id=room_id)

    async def _set(self, room_id: str, user_id: str, until: float) -> None:
        with self._access.uninterrupted():
            found = await self._store.members.mute(room_id, user_id, until)
            self._live.room_changed(room_id, user_id)
        if not found:
            raise RoomNotFound
