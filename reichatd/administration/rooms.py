"""Administrators' requests about rooms: names become ids, and the use cases of `reichatd.rooms` do the rest."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from reichatd.administration import requests
from reichatd.administration.cleanup import sweep
from reichatd.administration.records import (
    Emit,
    PersonRecord,
    RoomChanged,
    RoomDetails,
    RoomRecord,
)
from reichatd.administration.users import UserAdministration, abbreviated
from reichatd.errors import NotAMember, NotBanned, RoomNotFound, UserNotFound, Yourself
from reichatd.rights import ADMINISTRATOR, Actor
from reichatd.rooms import Rooms
from reichatd.store import Room, RoomMember, Store
from reichatd.timestamps import isoformat

_PAGE = 100
_USERS = 500


class RoomAdministration:
    """See `Administration`. Raises the errors of `reichatd.errors`."""

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
                await emit_members_and_bans(self._store, room, emit)
            case requests.CreateRoom():
                await emit(await self._create(request))
            case requests.DeleteRoom():
                await emit(await self._delete(request.room_id, emit))
            case requests.KickMember():
                await emit(await self._exclude(request, self._rooms.members.kick, "kicked"))
            case requests.BanUser():
                await emit(await self._exclude(request, self._rooms.members.ban, "banned"))
            case requests.UnbanUser():
                await emit(await self._exclude(request, self._rooms.members.unban, "unbanned"))
            case requests.TransferRoom():
                await emit(await self._transfer(request))

    async def find(self, room_id: str) -> Room:
        """Returns the room with this id. Raises: RoomNotFound, which names the rooms that have this as their name."""
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
        return RoomNotFound(f"No room {room_id}" + (f"; called so: {abbreviated(called)}" if called else ""))

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
            ADMINISTRATOR, owner.user_id, request.name, request.description, request.password, request.room_id
        )
        return RoomChanged("created", room_id, owner.user_id)

    async def _delete(self, room_id: str, emit: Emit) -> RoomChanged:
        """The room disappears at once. Its messages are removed in batches: by the next call, if this one is interrupted."""
        total = await self._store.messages.last_id(room_id) or 0
        try:
            await self._rooms.delete(ADMINISTRATOR, room_id)
        except RoomNotFound:
            # An earlier deletion may have stopped before the last message.
            if not await sweep(self._store, emit):
                raise await self._not_found(room_id) from None
        else:
            await sweep(self._store, emit, expected=total)
        return RoomChanged("deleted", room_id)

    async def _exclude(
        self,
        request: requests.KickMember | requests.BanUser | requests.UnbanUser,
        use_case: Callable[[Actor, str, str], Awaitable[None]],
        change: str,
    ) -> RoomChanged:
        user_id = await self._users.id_of(request.user)
        try:
            await use_case(ADMINISTRATOR, request.room_id, user_id)
        except RoomNotFound:
            raise await self._not_found(request.room_id) from None
        except (Yourself, UserNotFound, NotAMember, NotBanned):
            await self._check_known(request.room_id, user_id)
            raise
        return RoomChanged(change, request.room_id, user_id)

    async def _check_known(self, room_id: str, user_id: str) -> None:
        """Raises UserNotFound with a hint if this is neither a user, nor a member of the room, nor banned from it.

        A deleted user may have left a membership or a ban behind, which can be removed by the bare id.
        """
        head = await self._store.rooms.head(room_id, user_id)
        if not (head and head.is_member) and not await self._store.rooms.is_banned(room_id, user_id):
            await self._users.find(user_id)

    async def _transfer(self, request: requests.TransferRoom) -> RoomChanged:
        user = await self._users.find(request.user)
        try:
            await self._rooms.roles.transfer(ADMINISTRATOR, request.room_id, user.user_id)
        except RoomNotFound:
            raise await self._not_found(request.room_id) from None
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
        slow_seconds=room.slow_seconds,
        members_pin=room.members_pin,
        pins=len(await store.messages.pinned(room.room_id)),
    )


async def emit_members_and_bans(store: Store, room: Room, emit: Emit) -> None:
    """The members, in the order they joined, then the banned users."""
    members: dict[str, RoomMember] = {}
    after = ""
    while page := await store.members.page(room.room_id, after, _USERS):
        members.update((member.user_id, member) for member in page)
        after = page[-1].user_id
    await _emit_users(store, room.users, members, emit, banned=False)
    await _emit_users(store, await store.rooms.bans(room.room_id), members, emit, banned=True)


async def _emit_users(
    store: Store, user_ids: Sequence[str], members: Mapping[str, RoomMember], emit: Emit, *, banned: bool
) -> None:
    for start in range(0, len(user_ids), _USERS):
        some = user_ids[start : start + _USERS]
        for user_id, user in zip(some, await store.users.by_ids(some), strict=True):
            username, email = (user.username, user.email) if user else ("", "")
            member = members.get(user_id)
            await emit(
                PersonRecord(
                    user_id=user_id,
                    username=username,
                    email=email,
                    banned=banned,
                    moderator=member is not None and member.is_moderator,
                    muted_until=isoformat(member.muted_until) if member and member.muted_until else "",
                )
            )
