"""Who has which role in a room."""

from collections.abc import Callable

from reichatd import rights
from reichatd.audit import AuditLog, Event
from reichatd.errors import DirectRoom, NotAMember, RoomNotFound, Yourself
from reichatd.live import LiveConnections
from reichatd.rights import Action, Actor, UserActor
from reichatd.rooms.access import Access
from reichatd.rooms.quota import RoomQuota
from reichatd.settings import LiveSettings
from reichatd.store import JoinOutcome, Store, TransferOutcome


class Roles:
    """The roles of members; see `Rooms`."""

    def __init__(
        self,
        *,
        access: Access,
        quota: RoomQuota,
        settings: LiveSettings,
        store: Store,
        live: LiveConnections,
        clock: Callable[[], float],
    ) -> None:
        self._access = access
        self._quota = quota
        self._store = store
        self._live = live
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def appoint(self, by: Actor, room_id: str, user_id: str) -> None:
        """Makes a member a moderator, who stays one until they leave the room. Harmless if they are one already.

        Raises: RoomNotFound, Forbidden, Yourself, NotAMember.
        """
        await self._set_moderator(by, room_id, user_id, True)
        await self._audit.record(Event.MODERATOR_ADDED, by, user_id=user_id, room_id=room_id)

    async def dismiss(self, by: Actor, room_id: str, user_id: str) -> None:
        """Makes a moderator a member like others. Harmless for any member.

        Raises: RoomNotFound, Forbidden, Yourself, NotAMember.
        """
        await self._set_moderator(by, room_id, user_id, False)
        await self._audit.record(Event.MODERATOR_REMOVED, by, user_id=user_id, room_id=room_id)

    async def transfer(self, by: Actor, room_id: str, user_id: str, *, admit: bool = False) -> None:
        """Makes a member the owner. Of several transfers by one owner the first counts: after it they are not the owner any more.

        Arguments:
            admit: makes the user a member first, without the password and in spite of a ban, which ends. For administrators.

        Raises: RoomNotFound, DirectRoom, Forbidden, Yourself, NotAMember, TooManyRooms (that user owns as many as one may).
        """
        await self._access.authorize_without_room(by, Action.TRANSFER, room_id)
        owner = None
        if isinstance(by, UserActor):
            owner = by.user_id
            if user_id == owner:
                raise Yourself("The room is yours already")
            await self._quota.require_space(user_id)
        if admit:
            await self._admit(room_id, user_id)
        with self._access.uninterrupted():
            outcome = await self._store.rooms.transfer(room_id, user_id, owner)
            self._live.room_changed(room_id)
        match outcome:
            case TransferOutcome.NO_ROOM:
                raise RoomNotFound
            case TransferOutcome.NO_MEMBER:
                raise NotAMember
            case TransferOutcome.DIRECT:
                raise DirectRoom
            case TransferOutcome.NOT_OWNER:
                raise rights.refusal(Action.TRANSFER)
        await self._audit.record(Event.ROOM_TRANSFERRED, by, user_id=user_id, room_id=room_id)

    async def _set_moderator(self, by: Actor, room_id: str, user_id: str, moderator: bool) -> None:
        await self._access.authorize(by, Action.APPOINT, room_id, target=user_id)
        with self._access.uninterrupted():
            found = await self._store.members.set_moderator(room_id, user_id, moderator)
            self._live.room_changed(room_id, user_id)
        if not found:
            raise NotAMember

    async def _admit(self, room_id: str, user_id: str) -> None:
        with self._access.uninterrupted():
            if await self._store.rooms.join(room_id, user_id, self._clock()) is JoinOutcome.BANNED:
                await self._store.rooms.unban(room_id, user_id)
                await self._store.rooms.join(room_id, user_id, self._clock())
            self._live.member_joined(room_id, user_id)
