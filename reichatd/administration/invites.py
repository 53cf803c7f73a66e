"""Administrators' requests about invitations."""

from reichatd.accounts.invites import invite_url
from reichatd.administration import requests
from reichatd.administration.records import Emit, InviteCreated, InviteDeleted, InviteRecord
from reichatd.rights import ADMINISTRATOR
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LiveSettings
from reichatd.timestamps import isoformat


class InviteAdministration:
    """See `Administration`. Raises the errors of `reichatd.errors`."""

    def __init__(self, invites: RoomInvites, settings: LiveSettings, url: str) -> None:
        self._invites = invites
        self._settings = settings
        self._url = url

    async def perform(self, request: requests.InviteRequest, emit: Emit) -> None:
        match request:
            case requests.CreateInvite():
                await emit(await self._create(request))
            case requests.ListInvites():
                for invite in await self._invites.all(ADMINISTRATOR, request.room_id):
                    await emit(
                        InviteRecord(
                            invite_id=invite.invite_id,
                            room_id=invite.room_id,
                            created_by=invite.created_by,
                            created_at=isoformat(invite.created_at),
                            expires_at=isoformat(invite.expires_at),
                            uses_left=invite.uses_left,
                        )
                    )
            case requests.DeleteInvite():
                await self._invites.delete_any(ADMINISTRATOR, request.invite_id)
                await emit(InviteDeleted(request.invite_id))

    async def _create(self, request: requests.CreateInvite) -> InviteCreated:
        made = await self._invites.create(ADMINISTRATOR, request.room_id, uses=request.uses, days=request.days)
        return InviteCreated(
            invite_id=made.invite.invite_id,
            url=invite_url(self._settings.whole.server, made.token, base=self._url),
            room_id=request.room_id,
            expires_at=isoformat(made.invite.expires_at),
            uses=request.uses,
        )
