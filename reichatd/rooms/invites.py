"""Invitations to rooms, and to the server: who may make them, and what they open."""

import time
from collections.abc import Callable

from msgspec import Struct

from reichatd import rights
from reichatd.accounts.invites import Invites, NewInvite
from reichatd.audit import AuditLog, Event
from reichatd.errors import AlreadyJoined, Banned, InviteNotFound
from reichatd.live import LiveConnections
from reichatd.rights import Action, Actor, UserActor
from reichatd.rooms.access import Access
from reichatd.settings import LiveSettings
from reichatd.store import Invite, JoinOutcome, RoomHead, Store


class ShownInvite(Struct, frozen=True):
    """An invitation, as it is shown to someone who has its token; `room` is None for one to the server."""

    invite: Invite
    room: RoomHead | None


class RoomInvites:
    """The use cases of invitations; see `Rooms`.

    In place of a room id, "" stands for the server. Only an administrator may make and see invitations to it.

    Arguments:
        invites: the invitations themselves.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: LiveSettings,
        store: Store,
        live: LiveConnections,
        invites: Invites,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._access = Access(store, settings)
        self._store = store
        self._live = live
        self._invites = invites
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def create(self, by: Actor, room_id: str, *, uses: int | None, days: int | None) -> NewInvite:
        """Makes an invitation. It is valid only as long as this actor may make invitations.

        Arguments:
            uses: how many people may use it; None for any number.
            days: how long it is valid; None for `limits.invite_days`.

        Raises: RoomNotFound, Forbidden, InvalidFields, TooManyInvites.
        """
        await self._authorize(by, room_id)
        made = await self._invites.create(
            room_id, by.user_id if isinstance(by, UserActor) else "", uses=uses, days=days
        )
        await self._audit.record(Event.INVITE_CREATED, by, room_id=room_id, detail=made.invite.invite_id)
        return made

    async def all(self, by: Actor, room_id: str) -> list[Invite]:
        """The valid invitations, oldest first. Raises: RoomNotFound, Forbidden."""
        await self._authorize(by, room_id)
        return await self._invites.valid(room_id)

    async def delete(self, by: Actor, room_id: str, invite_id: str) -> None:
        """Ends an invitation. Raises: RoomNotFound, Forbidden, InviteNotFound."""
        await self._authorize(by, room_id)
        if not await self._store.invites.delete(room_id, invite_id):
            raise InviteNotFound
        await self._audit.record(Event.INVITE_DELETED, by, room_id=room_id, detail=invite_id)

    async def delete_any(self, by: Actor, invite_id: str) -> None:
        """As `delete`, whatever it is to; for administrators. Raises: Forbidden, InviteNotFound."""
        rights.require(by, Action.INVITE)
        invite = await self._store.invites.by_id(invite_id)
        if invite is None:
            raise InviteNotFound
        await self.delete(by, invite.room_id, invite_id)

    async def show(self, token: str, *, client: str) -> ShownInvite:
        """What an invitation opens, for anyone who has its token.

        Arguments:
            client: the address that the request came from.

        Raises: InviteNotFound, RateLimited.
        """
        invite = await self._invites.find(token, client=client)
        if not invite.room_id:
            return ShownInvite(invite, None)
        room = await self._store.rooms.head(invite.room_id)
        if room is None:
            raise InviteNotFound
        return ShownInvite(invite, room)

    async def join(self, by: UserActor, token: str) -> str:
        """Makes the user a member of the invitation's room, without its password; returns the room's id.

        Raises: InviteNotFound, RateLimited, AlreadyJoined (also with an invitation to the server), Banned.
        """
        invite = await self._invites.find(token, client=by.client)
        if not invite.room_id:
            raise AlreadyJoined("You have an account here already")
        with self._access.uninterrupted():
            outcome = await self._store.invites.join(invite.invite_id, by.user_id, self._clock())
            if outcome is JoinOutcome.JOINED:
                self._live.member_joined(invite.room_id, by.user_id)
        match outcome:
            case JoinOutcome.ALREADY_JOINED:
                raise AlreadyJoined
            case JoinOutcome.BANNED:
                raise Banned
            case JoinOutcome.NO_ROOM:
                raise InviteNotFound
        await self._audit.record(Event.INVITE_USED, by, room_id=invite.room_id, detail=invite.invite_id)
        return invite.room_id

    async def _authorize(self, by: Actor, room_id: str) -> None:
        if room_id:
            await self._access.authorize(by, Action.INVITE, room_id)
        else:
            rights.require(by, Action.INVITE)
