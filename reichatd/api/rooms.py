"""Rooms and who is in them."""

from collections.abc import Iterable

from quart import Blueprint, Response

from reichatd import store
from reichatd.api.answers import answer
from reichatd.api.requests import body_of, caller
from reichatd.api.services import rooms
from reichatd.api.types import (
    ChangingRoom,
    CreatingRoom,
    JoinedRooms,
    Joining,
    PublicRooms,
    RoomCreated,
    RoomInFull,
    RoomInShort,
    SomeRoom,
)
from reichatd.timestamps import isoformat

blueprint = Blueprint("rooms", __name__)


@blueprint.get("/public")
async def list_public() -> Response:
    await caller()
    return answer(PublicRooms(rooms=in_short(await rooms().public())))


@blueprint.get("/joined")
async def list_joined() -> Response:
    user_id = await caller_id()
    return answer(JoinedRooms(rooms=[in_full(room) for room in await rooms().joined(user_id)]))


@blueprint.post("/room")
async def create() -> Response:
    user_id = await caller_id()
    body = await body_of(CreatingRoom)
    room_id = await rooms().create(user_id, body.name, body.description, body.password, body.room_id)
    return answer(RoomCreated(room_id=room_id), 201)


@blueprint.get("/room/<room_id>")
async def show(room_id: str) -> Response:
    user_id = await caller_id()
    return answer(SomeRoom(room=in_full(await rooms().get(user_id, room_id))))


@blueprint.put("/room/<room_id>")
async def update(room_id: str) -> Response:
    user_id = await caller_id()
    body = await body_of(ChangingRoom)
    await rooms().update(user_id, room_id, body.name, body.description, body.password)
    return answer()


@blueprint.delete("/room/<room_id>")
async def delete(room_id: str) -> Response:
    await rooms().delete(await caller_id(), room_id)
    return answer()


@blueprint.post("/room/<room_id>/join")
async def join(room_id: str) -> Response:
    user_id = await caller_id()
    body = await body_of(Joining, may_be_absent=True)
    await rooms().join(user_id, room_id, body.password)
    return answer()


@blueprint.post("/room/<room_id>/leave")
async def leave(room_id: str) -> Response:
    await rooms().leave(await caller_id(), room_id)
    return answer()


@blueprint.post("/room/<room_id>/kick/<user_id>")
async def kick(room_id: str, user_id: str) -> Response:
    await rooms().kick(await caller_id(), room_id, user_id)
    return answer()


@blueprint.post("/room/<room_id>/ban/<user_id>")
async def ban(room_id: str, user_id: str) -> Response:
    await rooms().ban(await caller_id(), room_id, user_id)
    return answer()


@blueprint.post("/room/<room_id>/unban/<user_id>")
async def unban(room_id: str, user_id: str) -> Response:
    await rooms().unban(await caller_id(), room_id, user_id)
    return answer()


async def caller_id() -> str:
    return (await caller()).user.user_id


def in_short(summaries: Iterable[store.RoomSummary]) -> list[RoomInShort]:
    return [RoomInShort(room_id=room.room_id, name=room.name, description=room.description) for room in summaries]


def in_full(room: store.Room) -> RoomInFull:
    return RoomInFull(
        room_id=room.room_id,
        name=room.name,
        description=room.description,
        owner=room.owner,
        private=room.private,
        users=room.users,
        created_at=isoformat(room.created_at),
        first_id=room.first_id,
    )
