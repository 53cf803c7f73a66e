"""What users see of the rooms that they have joined: the same by REST (`GET /joined`) and on the user's socket (`hello`)."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from reichatd import rights
from reichatd.rights import Role, UserActor
from reichatd.rooms.directs import Directs
from reichatd.rooms.values import (
    FirstId,
    MembersPin,
    RoleName,
    RoomDescription,
    RoomId,
    RoomName,
    SlowSeconds,
    Time,
    UserId,
)
from reichatd.store import MOST_MEMBERS, MOST_MENTIONS, JoinedHead, RoomHead, RoomMember, Store
from reichatd.timestamps import isoformat

ROLE_NAMES: dict[Role, RoleName] = {Role.OWNER: "owner", Role.MODERATOR: "moderator", Role.MEMBER: "member"}


class RoomFields(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What all see of a room. `slow_seconds`, `members_pin` and `owner_is_member` are absent while they are 0, false and true."""

    room_id: RoomId
    name: RoomName
    description: RoomDescription
    owner: UserId
    private: bool
    created_at: Time
    first_id: FirstId = 1
    slow_seconds: SlowSeconds = 0
    members_pin: MembersPin = False
    owner_is_member: Annotated[bool, Meta(description="False if the owner has left the room.")] = True


class JoinedRoom(RoomFields, frozen=True, omit_defaults=True, kw_only=True):
    """A joined room: how far you have read in it, and what you are in it.

    `last_id`, the end of the log, `change_id`, the number of the last change of a message, and `last_read_id` are absent while they
    are 0. `muted_until` is there while `muted` is true. There is either `users`, the user ids of the members, or `members`, their
    number, counted up to 1,000.
    """

    users: tuple[UserId, ...] | UnsetType = UNSET
    members: Annotated[int, Meta(ge=0, le=MOST_MEMBERS, examples=[12])] | UnsetType = UNSET
    last_id: Annotated[int, Meta(ge=0, examples=[1042])] = 0
    change_id: Annotated[int, Meta(ge=0, examples=[7])] = 0
    last_read_id: Annotated[int, Meta(ge=0, examples=[1000])] = 0
    unread: Annotated[int, Meta(ge=0, description="Messages after the last one read.", examples=[42])]
    mentions: Annotated[
        int, Meta(ge=0, le=MOST_MENTIONS, description="Those of them that mention you, counted up to 99.", examples=[1])
    ]
    kind: Literal["room", "direct"]
    role: RoleName
    muted: bool
    muted_until: Time | UnsetType = UNSET


class OwnRooms:
    """The rooms that a user has joined, as the user sees them; see `Rooms`."""

    def __init__(self, *, store: Store, directs: Directs, clock: Callable[[], float]) -> None:
        self._store = store
        self._directs = directs
        self._clock = clock

    async def ids(self, by: UserActor) -> list[str]:
        """The ids of the rooms, in the order they were joined; for a token, only of those that it is for."""
        joined = await self._store.rooms.joined_summaries(by.user_id)
        return [room.room_id for room in joined if rights.covers(by, room.room_id)]

    async def all(self, by: UserActor, *, users: bool) -> list[JoinedRoom]:
        """All of these rooms.

        Arguments:
            users: with the ids of the members; otherwise with their number.
        """
        if not users:
            return await self._views(by, await self._store.rooms.joined_heads(by.user_id))
        rooms = {room.room_id: room.users for room in await self._store.rooms.joined(by.user_id)}
        heads = await self._store.rooms.joined_heads(by.user_id)
        return await self._views(by, [head for head in heads if head.room.room_id in rooms], rooms)

    async def some(self, by: UserActor, room_ids: Sequence[str]) -> list[JoinedRoom]:
        """Those of these rooms that the user is a member of, with the number of their members."""
        return await self._views(by, await self._store.rooms.joined_heads(by.user_id, room_ids))

    async def _views(
        self, by: UserActor, joined: Sequence[JoinedHead], users: dict[str, tuple[str, ...]] | None = None
    ) -> list[JoinedRoom]:
        covered = [each for each in joined if rights.covers(by, each.room.room_id)]
        named = await self._directs.named(by, [each.room for each in covered])
        return [self._view(each, room, users) for each, room in zip(covered, named, strict=True)]

    def _view(self, joined: JoinedHead, room: RoomHead, users: dict[str, tuple[str, ...]] | None) -> JoinedRoom:
        member, progress = joined.member, joined.progress
        muted_until = mute_end(member, self._clock())
        return JoinedRoom(
            room_id=room.room_id,
            name=room.name,
            description=room.description,
            owner=room.owner,
            private=room.private,
            created_at=isoformat(room.created_at),
            first_id=room.first_id,
            slow_seconds=room.slow_seconds,
            members_pin=room.members_pin,
            owner_is_member=joined.owner_is_member or room.direct is not None,  # a direct conversation has no owner
            users=UNSET if users is None else users[room.room_id],
            members=joined.members if users is None else UNSET,
            last_id=progress.last_id,
            change_id=progress.change_id,
            last_read_id=progress.last_read_id,
            # Messages that were removed count as read.
            unread=max(0, progress.last_id - max(progress.last_read_id, room.first_id - 1)),
            mentions=progress.mentions,
            kind="room" if room.direct is None else "direct",
            role=ROLE_NAMES[rights.role_of(is_owner=member.is_owner, is_moderator=member.is_moderator)],
            muted=muted_until is not None,
            muted_until=UNSET if muted_until is None else isoformat(muted_until),
        )


def mute_end(member: RoomMember, now: float) -> float | None:
    """When the mute of a member ends, in seconds since the epoch; None without one, and for the owner, who has none."""
    return member.muted_until if member.muted_until > now and not member.is_owner else None
