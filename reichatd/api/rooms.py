"""Rooms and their members."""

import sys

from msgspec import UNSET
from quart import Blueprint, Response

from reichatd import store
from reichatd.api.answers import HEADERS, answer
from reichatd.api.operations import operation
from reichatd.api.requests import actor, body_of, caller, query_of
from reichatd.api.services import room_lists, rooms
from reichatd.api.types import (
    BannedUser,
    Bans,
    BansPage,
    ChangingRoom,
    CreatingRoom,
    JoinedQuery,
    JoinedRooms,
    Joining,
    PublicPage,
    PublicRooms,
    RoomCreated,
    RoomInFull,
    SomeRoom,
)
from reichatd.errors import (
    AlreadyBanned,
    AlreadyJoined,
    Banned,
    DirectRoom,
    Forbidden,
    InvalidFields,
    InvalidPassword,
    NotAMember,
    NotBanned,
    PasswordRequired,
    RateLimited,
    RoomExists,
    RoomNotFound,
    TooManyRooms,
    UserNotFound,
    Yourself,
)
from reichatd.rights import Scope
from reichatd.timestamps import isoformat

blueprint = Blueprint("rooms", __name__)


@blueprint.get("/public")
@operation(PublicRooms, query=PublicPage, scope=Scope.READ, refuses=(RoomNotFound,))
async def list_public() -> Response:
    """Lists public rooms, oldest first, in pages.

    The next page begins after the last room of this one. A page with fewer rooms than `limit` is the last. If the room `after` has
    been deleted, the answer is 404 `room_not_found`.
    """
    await caller()
    page = query_of(PublicPage)
    body = await room_lists().begin(None if page.after is UNSET else page.after, page.limit)
    return Response(body, 200, HEADERS, content_type="application/json")


@blueprint.get("/joined")
@operation(JoinedRooms, query=JoinedQuery, scope=Scope.READ)
async def list_joined() -> Response:
    """Lists your rooms, in the order in which you joined them: how far you have read in each, and what you are in it.

    With `members=false` the answer takes no longer for large rooms.
    """
    by = await actor()
    return answer(JoinedRooms(rooms=await rooms().own.all(by, users=query_of(JoinedQuery).members)))


@blueprint.post("/room")
@operation(
    RoomCreated,
    201,
    takes=CreatingRoom,
    scope=Scope.WRITE,
    refuses=(InvalidFields, RoomExists, TooManyRooms, RateLimited),
)
async def create() -> Response:
    """Creates a room.

    You own it and are its first member. With a password it is private, without one it is public. How many rooms you may create
    per hour, and own, is limited.
    """
    by = await actor()
    body = await body_of(CreatingRoom)
    room_id = await rooms().create(by, by.user_id, body.name, body.description, body.password, body.room_id)
    return answer(RoomCreated(room_id=room_id), 201)


@blueprint.get("/room/<room_id>")
@operation(SomeRoom, scope=Scope.READ, refuses=(RoomNotFound,))
async def show(room_id: str) -> Response:
    """Shows a room.

    Only members see who is in a private room: for others `users` is empty.
    """
    by = await actor()
    room = await rooms().get(by, room_id)
    # Where members are not shown, only the owner learns that the owner is none of them.
    are_hidden = room.private and not room.users and by.user_id != room.owner
    return answer(SomeRoom(room=in_full(room, owner_is_member=are_hidden or room.owner in room.users)))


@blueprint.put("/room/<room_id>")
@operation(
    takes=ChangingRoom, scope=Scope.MODERATE, refuses=(InvalidFields, Forbidden, RoomNotFound, DirectRoom, RateLimited)
)
async def update(room_id: str) -> Response:
    """Changes a room; for its owner.

    Without `password` the room keeps its password; with null or an empty one the room becomes public. Slow mode does not apply to
    the owner and moderators.
    """
    by = await actor()
    body = await body_of(ChangingRoom)
    await rooms().update(
        by,
        room_id,
        body.name,
        body.description,
        body.password,
        slow_seconds=None if body.slow_seconds is UNSET else body.slow_seconds,
        members_pin=None if body.members_pin is UNSET else body.members_pin,
    )
    return answer()


@blueprint.delete("/room/<room_id>")
@operation(scope=Scope.MODERATE, refuses=(Forbidden, RoomNotFound, DirectRoom))
async def delete(room_id: str) -> Response:
    """Deletes a room with all its messages; for its owner.

    Its sockets are closed with 1008.
    """
    await rooms().delete(await actor(), room_id)
    return answer()


@blueprint.post("/room/<room_id>/join")
@operation(
    takes=Joining,
    body_may_be_absent=True,
    scope=Scope.WRITE,
    refuses=(PasswordRequired, InvalidPassword, Banned, RoomNotFound, AlreadyJoined, DirectRoom, RateLimited),
)
async def join(room_id: str) -> Response:
    """Joins a room; a private room needs its password.

    How many wrong passwords may be tried is limited.
    """
    by = await actor()
    body = await body_of(Joining, may_be_absent=True)
    await rooms().members.join(by, room_id, body.password)
    return answer()


@blueprint.post("/room/<room_id>/leave")
@operation(scope=Scope.WRITE, refuses=(RoomNotFound, NotAMember))
async def leave(room_id: str) -> Response:
    """Leaves a room.

    Your sockets in it are closed with 1008. An owner who leaves stays the owner.
    """
    await rooms().members.leave(await actor(), room_id)
    return answer()


@blueprint.post("/room/<room_id>/kick/<user_id>")
@operation(scope=Scope.MODERATE, refuses=(Yourself, Forbidden, RoomNotFound, NotAMember, DirectRoom))
async def kick(room_id: str, user_id: str) -> Response:
    """Ends a user's membership; for the owner and moderators.

    That user's sockets in the room are closed with 1008. The user may join again.
    """
    await rooms().members.kick(await actor(), room_id, user_id)
    return answer()


@blueprint.post("/room/<room_id>/ban/<user_id>")
@operation(scope=Scope.MODERATE, refuses=(Yourself, AlreadyBanned, Forbidden, RoomNotFound, UserNotFound, DirectRoom))
async def ban(room_id: str, user_id: str) -> Response:
    """Ends a user's membership, if there is one, and prevents a new one; for the owner and moderators.

    That user's sockets in the room are closed with 1008.
    """
    await rooms().members.ban(await actor(), room_id, user_id)
    return answer()


@blueprint.post("/room/<room_id>/unban/<user_id>")
@operation(scope=Scope.MODERATE, refuses=(Yourself, NotBanned, Forbidden, RoomNotFound, DirectRoom))
async def unban(room_id: str, user_id: str) -> Response:
    """Lets a banned user join again; for the owner and moderators."""
    await rooms().members.unban(await actor(), room_id, user_id)
    return answer()


@blueprint.get("/room/<room_id>/bans")
@operation(Bans, query=BansPage, scope=Scope.MODERATE, refuses=(Forbidden, RoomNotFound, DirectRoom))
async def list_bans(room_id: str) -> Response:
    """Lists the users who are banned from a room, ordered by user id; for the owner and moderators.

    With `limit` in pages: the next one begins after the last user of this one, and one with fewer users is the last.
    """
    by, page = await actor(), query_of(BansPage)
    limit = sys.maxsize if page.limit is UNSET else page.limit
    banned = await rooms().members.bans(by, room_id, page.after, limit)
    return answer(Bans(bans=[BannedUser(user_id=user.user_id, username=user.username) for user in banned]))


def in_full(room: store.Room, *, owner_is_member: bool) -> RoomInFull:
    return RoomInFull(
        room_id=room.room_id,
        name=room.name,
        description=room.description,
        owner=room.owner,
        private=room.private,
        users=room.users,
        created_at=isoformat(room.created_at),
        first_id=room.first_id,
        slow_seconds=room.slow_seconds,
        members_pin=room.members_pin,
        owner_is_member=owner_is_member or room.direct is not None,  # a direct conversation has no owner
    )
