"""Who has which role in a room."""

from collections.abc import Callable

from reichatd.audit import AuditLog, Event
from reichatd.errors import NotAMember, RoomNotFound
from reichatd.rights import Action, Actor
from reichatd.rooms.access import Access
from reichatd.settings import LiveSettings
from reichatd.store import JoinOutcome, Store, TransferOutcome


class Roles:
    """The roles of members; see `Rooms`."""

    def __init__(self, *, access: Access, settings: LiveSettings, store: Store, clock: Callable[[], float]) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def transfer(self, by: Actor, room_id: str, user_id: str, *, admit: bool = False) -> None:
        """Makes a member the owner.

        Arguments:
            admit: makes the user a member first, without the password and in spite of a ban, which ends.

        Raises: RoomNotFound, Forbidden, NotAMember.
        """
        await self._access.authorize_without_room(by, Action.TRANSFER, room_id)
        if admit:
            await self._admit(room_id, user_id)
        match await self._store.rooms.transfer(room_id, user_id):
            case TransferOutcome.NO_ROOM:
                raise RoomNotFound
            case TransferOutcome.NO_MEMBER:
                raise NotAMember
        await self._audit.record(Event.ROOM_TRANSFERRED, by, user_id=user_id, room_id=room_id)

    async def _admit(self, room_id: str, user_id: str) -> None:
        if await self._store.rooms.join(room_id, user_id, self._clock()) is JoinOutcome.BANNED:
            await self._store.rooms.unban(room_id, user_id)
            await self._store.rooms.join(room_id, user_id, self._clock())
