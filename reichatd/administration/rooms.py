"""What an administrator can do with rooms: all that their owners can, by the same rules."""

from collections.abc import Sequence

from reichatd.administration import requests
from reichatd.administration.cleanup import sweep
from reichatd.administration.records import (
    Emit,
    PersonRecord,
    RoomChanged,
    RoomDetails,
    RoomRecord,
)
from reichatd.administration.users import UserAdministration, some_of
from reichatd.errors import NotAMember, RoomNotFound, Yourself
from reichatd.rooms import Rooms
from reichatd.store import Room, RoomHead, Store, TransferOutcome
from reichatd.timestamps import isoformat

_PAGE = 100
_PEOPLE = 500


class RoomAdministration:
    """See `Administration`. What is not there or not allowed is raised (`reichatd.errors`)."""

    def __init__(self, *, store: Store, rooms: Rooms, users: UserAdministration) -> None:
        self._store = store
        self._rooms = rooms
        self._users = users

    async def perform(self, request: requests.RoomRequest, emit: Emit) -> None:
        match request:
            case requests.ListRooms():
                await self._list(emit)
            case requests.ShowRoom():
                room = await self.find(request.room_id)
                await emit(await details(self._store, room))
                await emit_people(self._store, room, emit)
            case requests.CreateRoom():
                await emit(await self._create(request))
            case requests.DeleteRoom():
                await emit(await self._delete(request.room_id, emit))
            case requests.KickMember() | requests.BanUser() | requests.UnbanUser():
                await emit(await self._exclude(request))
            case requests.TransferRoom():
                await emit(await self._transfer(request))

    async def find(self, room_id: str) -> Room:
        """The room of an id. Raises: RoomNotFound, which says what else the id may mean: it may be the name of a room."""
        room = await self._store.rooms.get(room_id)
        if room is None:
            raise await self._not_found(room_id)
        return room

    async def _not_found(self, room_id: str) -> RoomNotFound:
        folded, after = room_id.casefold(), ""
        called: list[str] = []
        while page := await self._store.rooms.page(after, _PAGE):
            called += [room.room_id for room in page if room.name.casefold() == folded]
            after = page[-1].room_id
        return RoomNotFound(f"No room {room_id}" + (f"; called so: {some_of(called)}" if called else ""))

    async def _list(self, emit: Emit) -> None:
        after = ""
        while page := await self._store.rooms.page(after, _PAGE):
            owners = await self._store.users.by_ids([room.owner for room in page])
            for room, owner in zip(page, owners, strict=True):
                await emit(
                    RoomRecord(
                        room_id=room.room_id,
                        name=room.name,
                        owner=room.owner,
                        private=room.private,
                        created_at=isoformat(room.created_at),
                        members=room.members,
                        last_id=room.last_id,
                        owner_name=owner.username if owner else "",
                    )
                )
            after = page[-1].room_id

    async def _create(self, request: requests.CreateRoom) -> RoomChanged:
        owner = await self._users.find(request.owner)
        room_id = await self._rooms.create(
            owner.user_id, request.name, request.description, request.password, request.room_id
        )
        return RoomChanged("created", room_id, owner.user_id)

    async def _delete(self, room_id: str, emit: Emit) -> RoomChanged:
        """The room is gone at once; its messages are removed bit by bit, by the next caller if this one stops."""
        total = await self._store.messages.last_id(room_id) or 0
        room = await self._store.rooms.head(room_id)
        if room is not None:
            await self._rooms.delete(room.owner, room_id)
        if not await sweep(self._store, emit, expected=total) and room is None:
            raise await self._not_found(room_id)
        return RoomChanged("deleted", room_id)

    async def _exclude(self, request: requests.KickMember | requests.BanUser | requests.UnbanUser) -> RoomChanged:
        head = await self._store.rooms.head(request.room_id, request.user)
        if head is None:
            raise await self._not_found(request.room_id)
        user_id = await self._user_id(head, request.user)
        if user_id == head.owner:
            raise Yourself("This is the owner: give the room to somebody else first")
        match request:
            case requests.KickMember():
                await self._rooms.kick(head.owner, head.room_id, user_id)
                return RoomChanged("kicked", head.room_id, user_id)
            case requests.BanUser():
                await self._rooms.ban(head.owner, head.room_id, user_id)
                return RoomChanged("banned", head.room_id, user_id)
            case requests.UnbanUser():
                await self._rooms.unban(head.owner, head.room_id, user_id)
                return RoomChanged("unbanned", head.room_id, user_id)

    async def _user_id(self, head: RoomHead, user: str) -> str:
        """By the bare id too: what is left of a deleted user can be removed. `head` was read for this id."""
        if head.is_member or await self._store.rooms.is_banned(head.room_id, user):
            return user
        return (await self._users.find(user)).user_id

    async def _transfer(self, request: requests.TransferRoom) -> RoomChanged:
        user = await self._users.find(request.user)
        match await self._store.rooms.transfer(request.room_id, user.user_id):
            case TransferOutcome.NO_ROOM:
                raise await self._not_found(request.room_id)
            case TransferOutcome.NO_MEMBER:
                raise NotAMember
        return RoomChanged("transferred", request.room_id, user.user_id)


async def details(store: Store, room: Room) -> RoomDetails:
    owner = await store.users.by_id(room.owner)
    return RoomDetails(
        room_id=room.room_id,
        name=room.name,
        description=room.description,
        owner=room.owner,
        private=room.private,
        created_at=isoformat(room.created_at),
        last_id=await store.messages.last_id(room.room_id) or 0,
        owner_name=owner.username if owner else "",
    )


async def emit_people(store: Store, room: Room, emit: Emit) -> None:
    """The members, in the order they joined, and then those who are banned."""
    await _emit_people(store, room.users, emit, banned=False)
    await _emit_people(store, await store.rooms.bans(room.room_id), emit, banned=True)


async def _emit_people(store: Store, user_ids: Sequence[str], emit: Emit, *, banned: bool) -> None:
    for start in range(0, len(user_ids), _PEOPLE):
        some = user_ids[start : start + _PEOPLE]
        for user_id, user in zip(some, await store.users.by_ids(some), strict=True):
            username, email = (user.username, user.email) if user else ("", "")
            await emit(PersonRecord(user_id, username, email, banned))
