"""Who is in a room: joining, leaving, kicks and bans."""

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from reichatd import rate_limits, rights
from reichatd.accounts import Passwords, fields
from reichatd.audit import AuditLog, Event
from reichatd.errors import (
    AlreadyBanned,
    AlreadyJoined,
    Banned,
    DirectRoom,
    InvalidPassword,
    NotAMember,
    NotBanned,
    PasswordRequired,
    RoomNotFound,
    UserNotFound,
)
from reichatd.live import LiveConnections
from reichatd.rate_limits import RateLimiter
from reichatd.rights import Action, Actor, Role, UserActor
from reichatd.rooms.access import Access
from reichatd.rooms.joined import mute_end
from reichatd.settings import LiveSettings
from reichatd.store import BanOutcome, JoinOutcome, KickOutcome, RoomMember, Store, User, other_of

USERS_AT_ONCE = 500

T = TypeVar("T")


class MemberView(Struct, frozen=True):
    """What a user is in a room. `muted_until` is in seconds since the epoch; None without a mute."""

    role: Role
    joined_at: float
    muted_until: float | None


class Members:
    """The members of rooms, and those who are banned; see `Rooms`."""

    def __init__(
        self,
        *,
        access: Access,
        settings: LiveSettings,
        store: Store,
        passwords: Passwords,
        limiter: RateLimiter,
        live: LiveConnections,
        clock: Callable[[], float],
    ) -> None:
        self._access = access
        self._settings = settings
        self._store = store
        self._passwords = passwords
        self._limiter = limiter
        self._live = live
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def join(self, by: UserActor, room_id: str, password: str | None = None) -> None:
        """Makes the user a member. `password` matters to a private room only.

        Raises: RoomNotFound, DirectRoom, AlreadyJoined, Banned, PasswordRequired, InvalidPassword, RateLimited, Unavailable (too
            many passwords at once).
        """
        room = await self._access.existing(by, room_id)
        if room.direct is not None:
            raise DirectRoom
        if room.is_member:
            raise AlreadyJoined
        if room.password_hash is not None:
            # Before the hashing, so that a banned user cannot go on trying passwords.
            if await self._store.rooms.is_banned(room_id, by.user_id):
                raise Banned
            await self._verify(by, room.password_hash, password, room_id)
        with self._access.uninterrupted():
            outcome = await self._store.rooms.join(room_id, by.user_id, self._clock())
            if outcome is JoinOutcome.JOINED:
                self._live.member_joined(room_id, by.user_id)
        match outcome:
            case JoinOutcome.ALREADY_JOINED:
                raise AlreadyJoined
            case JoinOutcome.BANNED:
                raise Banned
            case JoinOutcome.NO_ROOM:
                raise RoomNotFound
        await self._audit.record(Event.JOINED, by, room_id=room_id)

    async def leave(self, by: UserActor, room_id: str) -> None:
        """Ends the user's own membership; an owner stays the owner.

        Raises: RoomNotFound, NotAMember, Unavailable.
        """
        room = await self._access.existing(by, room_id)
        with self._access.uninterrupted():
            await self._remove(room_id, by.user_id)
            deleted = room.direct is not None and await self._delete_abandoned(room_id, room.direct, by.user_id)
        await self._audit.record(Event.LEFT, by, room_id=room_id)
        if deleted:
            await self._audit.record(Event.ROOM_DELETED, by, room_id=room_id)

    async def _delete_abandoned(self, room_id: str, pair: str, user_id: str) -> bool:
        """Deletes a direct conversation that this user has left, if the other one is deleted: no one can open it again."""
        if await self._store.users.by_id(other_of(pair, user_id)) is not None:
            return False
        deleted = await self._store.rooms.delete(room_id)
        self._live.room_deleted(room_id)  # no await before it
        return deleted

    async def kick(self, by: Actor, room_id: str, user_id: str) -> None:
        """Ends another user's membership.

        Raises: RoomNotFound, Forbidden, Yourself, NotAMember, Unavailable.
        """
        await self._access.authorize(by, Action.KICK, room_id, target=user_id)
        with self._access.uninterrupted():
            outcome = await self._store.rooms.kick(room_id, user_id)
            if outcome is not KickOutcome.OWNER:
                self._live.member_removed(room_id, user_id, "kicked")  # as in `_remove`
        match outcome:
            case KickOutcome.OWNER:
                _refuse_owner(by, user_id)
            case KickOutcome.NO_MEMBER:
                raise NotAMember
        await self._audit.record(Event.KICKED, by, user_id=user_id, room_id=room_id)

    async def ban(self, by: Actor, room_id: str, user_id: str) -> None:
        """Ends another user's membership, if there is one, and prevents a new one.

        Raises: RoomNotFound, Forbidden, Yourself, UserNotFound, AlreadyBanned, Unavailable.
        """
        await self._access.authorize(by, Action.BAN, room_id, target=user_id)
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        with self._access.uninterrupted():
            outcome = await self._store.rooms.ban(room_id, user_id)
            # No await before it. Also if the user was banned already: that call may have failed after its write.
            if outcome is not BanOutcome.OWNER:
                self._live.member_removed(room_id, user_id, "banned")
        match outcome:
            case BanOutcome.OWNER:
                _refuse_owner(by, user_id)
            case BanOutcome.ALREADY_BANNED:
                raise AlreadyBanned
            case BanOutcome.NO_ROOM:
                raise RoomNotFound
        await self._audit.record(Event.BANNED, by, user_id=user_id, room_id=room_id)

    async def unban(self, by: Actor, room_id: str, user_id: str) -> None:
        """Lets a banned user join again. Works for an owner too: an earlier version could ban one during a transfer.

        Raises: RoomNotFound, Forbidden, Yourself, NotBanned.
        """
        await self._access.authorize(by, Action.UNBAN, room_id)
        if not await self._store.rooms.unban(room_id, user_id):
            # Only now: an owner can be unbanned, but nothing else can be done to one.
            await self._access.authorize(by, Action.UNBAN, room_id, target=user_id)
            raise NotBanned
        await self._audit.record(Event.UNBANNED, by, user_id=user_id, room_id=room_id)

    async def bans(self, by: Actor, room_id: str, after: str = "", at_most: int = sys.maxsize) -> list[User]:
        """The users who are banned from the room and whose ids come after this one, ordered by id.

        Raises: RoomNotFound, Forbidden.
        """
        await self._access.authorize(by, Action.LIST_BANS, room_id)

        async def read(after: str, at_most: int) -> list[str]:
            return await self._store.rooms.bans(room_id, after, at_most)

        return [user for user, _ in await self._with_users(read, str, after, at_most)]

    async def page(self, by: Actor, room_id: str, after: str, at_most: int) -> list[tuple[User, MemberView]]:
        """The members whose ids come after this one, ordered by id.

        Raises: RoomNotFound, Forbidden: the room is private, and the actor is not a member.
        """
        room = await self._access.existing(by, room_id)
        if room.private:
            rights.require(by, Action.LIST_MEMBERS, owner=room.owner, is_member=room.is_member)

        async def read(after: str, at_most: int) -> list[RoomMember]:
            return await self._store.members.page(room_id, after, at_most)

        found = await self._with_users(read, lambda member: member.user_id, after, at_most)
        return [(user, self._view(member)) for user, member in found]

    def _view(self, member: RoomMember) -> MemberView:
        role = rights.role_of(is_owner=member.is_owner, is_moderator=member.is_moderator)
        return MemberView(role, member.joined_at, mute_end(member, self._clock()))

    async def _with_users(
        self, read: Callable[[str, int], Awaitable[list[T]]], id_of: Callable[[T], str], after: str, at_most: int
    ) -> list[tuple[User, T]]:
        """The first `at_most` of what `read` returns page by page, each with its user, without users deleted meanwhile."""
        found: list[tuple[User, T]] = []
        is_last = False
        while len(found) < at_most and not is_last:
            # In parts: short reads share a thread, and would all wait for one of thousands.
            asked = min(at_most - len(found), USERS_AT_ONCE)
            page = await read(after, asked)
            users = await self._store.users.by_ids([id_of(one) for one in page])
            found += [(user, one) for user, one in zip(users, page, strict=True) if user is not None]
            is_last = len(page) < asked
            after = id_of(page[-1]) if page else after
        return found

    async def _remove(self, room_id: str, user_id: str) -> None:
        with self._access.uninterrupted():
            removed = await self._store.rooms.leave(room_id, user_id)
            # No await before it. Also if the user is no member: an earlier call may have failed after its write.
            self._live.member_removed(room_id, user_id)
        if not removed:
            raise NotAMember

    async def _verify(self, by: UserActor, password_hash: str, password: str | None, room_id: str) -> None:
        if not password:
            raise PasswordRequired
        async with self._limiter.guess(rate_limits.Action.ROOM_PASSWORD, client=by.client, subject=room_id):
            if not fields.is_short_enough(self._settings.limits, password):
                raise InvalidPassword
            whose = f"room {room_id}"
            if not await self._passwords.verify(password_hash, password, whose=whose, client=by.client):
                raise InvalidPassword


def _refuse_owner(by: Actor, user_id: str) -> None:
    """Raises what `Access.authorize` would have raised, if the user had been the owner then already."""
    rights.check_target(by, owner=user_id, user_id=user_id)
