"""The members of a room: their roles, their mutes."""

from msgspec import UNSET, UnsetType
from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import actor, body_of, query_of
from reichatd.api.services import rooms
from reichatd.api.types import Member, Members, Muting, PeoplePage, Transferring
from reichatd.errors import (
    DirectRoom,
    Forbidden,
    InvalidFields,
    NotAMember,
    RoomNotFound,
    TooManyRooms,
    UserNotFound,
    Yourself,
)
from reichatd.rights import Scope
from reichatd.rooms.joined import ROLE_NAMES
from reichatd.timestamps import isoformat

blueprint = Blueprint("members", __name__)


@blueprint.get("/room/<room_id>/members")
@operation(Members, query=PeoplePage, scope=Scope.READ, refuses=(Forbidden, RoomNotFound))
async def list_members(room_id: str) -> Response:
    """Lists the members of a room, in pages ordered by user id; those of a private room for its members only.

    The next page begins after the last user of this one. A page with fewer users than `limit` is the last.
    """
    by, page = await actor(), query_of(PeoplePage)
    members = [
        Member(
            user_id=user.user_id,
            username=user.username,
            role=ROLE_NAMES[member.role],
            joined_at=isoformat(member.joined_at),
            muted_until=time_if(member.muted_until),
        )
        for user, member in await rooms().members.page(by, room_id, page.after, page.limit)
    ]
    return answer(Members(members=members))


@blueprint.put("/room/<room_id>/moderators/<user_id>")
@operation(scope=Scope.MODERATE, refuses=(Yourself, Forbidden, RoomNotFound, NotAMember, DirectRoom))
async def appoint(room_id: str, user_id: str) -> Response:
    """Makes a member a moderator; for the owner.

    Moderators may kick, ban, unban and mute members, but not the owner or each other. The role ends when they leave the room.
    """
    await rooms().roles.appoint(await actor(), room_id, user_id)
    return answer()


@blueprint.delete("/room/<room_id>/moderators/<user_id>")
@operation(scope=Scope.MODERATE, refuses=(Yourself, Forbidden, RoomNotFound, NotAMember, DirectRoom))
async def dismiss(room_id: str, user_id: str) -> Response:
    """Makes a moderator a member like others; for the owner."""
    await rooms().roles.dismiss(await actor(), room_id, user_id)
    return answer()


@blueprint.post("/room/<room_id>/transfer")
@operation(
    takes=Transferring,
    scope=Scope.MODERATE,
    refuses=(Yourself, Forbidden, RoomNotFound, NotAMember, TooManyRooms, DirectRoom),
)
async def transfer(room_id: str) -> Response:
    """Makes a member the owner of the room; for the owner until then."""
    by = await actor()
    body = await body_of(Transferring)
    await rooms().roles.transfer(by, room_id, body.user_id)
    return answer()


@blueprint.put("/room/<room_id>/mute/<user_id>")
@operation(
    takes=Muting,
    scope=Scope.MODERATE,
    refuses=(InvalidFields, Yourself, Forbidden, RoomNotFound, UserNotFound, DirectRoom),
)
async def mute(room_id: str, user_id: str) -> Response:
    """Refuses what a user posts in the room, for some time; for the owner and moderators.

    The time begins now, also if the user is muted already. Leaving the room does not end a mute.
    """
    by = await actor()
    body = await body_of(Muting)
    if body.seconds is None:
        await rooms().mutes.unmute(by, room_id, user_id)
    else:
        await rooms().mutes.mute(by, room_id, user_id, body.seconds)
    return answer()


def time_if(seconds: float | None) -> str | UnsetType:
    """A time as clients get it; absent for None."""
    return UNSET if seconds is None else isoformat(seconds)
