"""Invitations to rooms."""

from quart import Blueprint, Response, request

from reichatd import store
from reichatd.accounts.invites import invite_url
from reichatd.api.answers import answer
from reichatd.api.operations import Token, operation
from reichatd.api.requests import actor, body_of, client_address
from reichatd.api.services import invites, settings
from reichatd.api.types import (
    InviteCreated,
    Invites,
    InviteUsed,
    Inviting,
    RoomInShort,
    RoomInvite,
    ShownInvite,
)
from reichatd.errors import (
    AlreadyJoined,
    Banned,
    DirectRoom,
    Forbidden,
    InvalidFields,
    InviteNotFound,
    RateLimited,
    RoomNotFound,
    TooManyInvites,
)
from reichatd.rights import Scope
from reichatd.timestamps import isoformat

PATH = "/invite"
"""Below it, the path has the token of an invitation, which is a secret."""

blueprint = Blueprint("invites", __name__)


@blueprint.post("/room/<room_id>/invites")
@operation(
    InviteCreated,
    201,
    takes=Inviting,
    body_may_be_absent=True,
    scope=Scope.MODERATE,
    refuses=(InvalidFields, Forbidden, RoomNotFound, DirectRoom, TooManyInvites),
)
async def create(room_id: str) -> Response:
    """Makes an invitation to a room; for its owner and moderators.

    With it, people join without the room's password, and may register where registration is by invitation. It is valid until it
    expires, is used up or deleted, or you may no longer make invitations.
    """
    by = await actor()
    body = await body_of(Inviting, may_be_absent=True)
    made = await invites().create(by, room_id, uses=body.uses, days=body.days)
    url = invite_url(settings().server, made.token, base=f"{request.scheme}://{request.host}")
    expires_at = isoformat(made.invite.expires_at)
    created = InviteCreated(invite_id=made.invite.invite_id, invite=made.token, url=url, expires_at=expires_at)
    return answer(created, 201)


@blueprint.get("/room/<room_id>/invites")
@operation(Invites, scope=Scope.MODERATE, refuses=(Forbidden, RoomNotFound, DirectRoom))
async def list_all(room_id: str) -> Response:
    """Lists the valid invitations to a room, oldest first; for its owner and moderators."""
    found = await invites().all(await actor(), room_id)
    return answer(Invites(invites=[_in_list(invite) for invite in found]))


@blueprint.delete("/room/<room_id>/invites/<invite_id>")
@operation(scope=Scope.MODERATE, refuses=(Forbidden, RoomNotFound, InviteNotFound, DirectRoom))
async def delete(room_id: str, invite_id: str) -> Response:
    """Deletes an invitation; for the room's owner and moderators.

    Those who have used it stay members.
    """
    await invites().delete(await actor(), room_id, invite_id)
    return answer()


@blueprint.get(f"{PATH}/<invite>")
@operation(ShownInvite, token=Token.NONE, refuses=(InviteNotFound, RateLimited))
async def show(invite: str) -> Response:
    """Shows what an invitation opens."""
    shown = await invites().show(invite, client=client_address())
    room = RoomInShort(shown.room.room_id, shown.room.name, shown.room.description) if shown.room else None
    return answer(ShownInvite(room=room, expires_at=isoformat(shown.invite.expires_at)))


@blueprint.post(f"{PATH}/<invite>")
@operation(InviteUsed, scope=Scope.WRITE, refuses=(Banned, InviteNotFound, AlreadyJoined, RateLimited))
async def use(invite: str) -> Response:
    """Joins the room of an invitation, without the room's password.

    An invitation to the server is for people who have no account yet: for you it is 409 `already_joined`.
    """
    return answer(InviteUsed(room_id=await invites().join(await actor(), invite)))


def _in_list(invite: store.Invite) -> RoomInvite:
    return RoomInvite(
        invite_id=invite.invite_id,
        created_by=invite.created_by,
        created_at=isoformat(invite.created_at),
        expires_at=isoformat(invite.expires_at),
        uses_left=invite.uses_left,
    )
