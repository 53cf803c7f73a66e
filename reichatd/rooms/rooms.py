"""All that can be done with rooms, put together; and rooms themselves: create, show, change, delete."""

import time
from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from reichatd import rate_limits, rights
from reichatd.accounts import Passwords
from reichatd.audit import AuditLog, Event
from reichatd.errors import RoomExists, RoomNotFound
from reichatd.live import LiveConnections
from reichatd.rate_limits import RateLimiter
from reichatd.rights import ADMINISTRATOR, Action, Actor, UserActor
from reichatd.rooms.access import Access
from reichatd.rooms.audit import RoomAudit
from reichatd.rooms.directs import Directs
from reichatd.rooms.fields import check, random_id
from reichatd.rooms.joined import OwnRooms
from reichatd.rooms.membership import Members
from reichatd.rooms.mutes import Mutes
from reichatd.rooms.quota import RoomQuota
from reichatd.rooms.roles import Roles
from reichatd.settings import LiveSettings
from reichatd.store import Room, RoomHead, RoomSummary, Store


class Rooms:
    """All that can be done with rooms, on top of a store: one part for each kind, and here what concerns rooms themselves.

    Each use case checks in this order, and raises the first that fails (`reichatd.errors`): the room exists, the actor may do this
    (`reichatd.rights`), the action may be done to this user, the fields of the request. Live connections are notified once a
    change is durable.

    All methods, also of the parts, may be called from any task and wait for the store. `by` is who does it, already authenticated;
    what only users can do takes a `UserActor`. All may also raise `StoreError`.

    A cancelled call (a handler is cancelled when its connection breaks) leaves no change half made: each call makes one atomic
    change in the store, and is not interrupted between the change and the notification of live connections.

    Arguments:
        settings: of these, the limits: lengths of ids, names, descriptions and passwords; a change takes `request_seconds` at most.
        limiter: is asked before a user creates a room, and before a password is tried; an administrator has no limits.
        live: is notified of who must leave which room.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: LiveSettings,
        store: Store,
        passwords: Passwords,
        limiter: RateLimiter,
        live: LiveConnections,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._store = store
        self._passwords = passwords
        self._limiter = limiter
        self._live = live
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)
        self._access = access = Access(store, settings)
        self._quota = RoomQuota(settings, store, limiter)
        self.members = Members(
            access=access,
            settings=settings,
            store=store,
            passwords=passwords,
            limiter=limiter,
            live=live,
            clock=clock,
        )
        self.directs = Directs(access=access, settings=settings, store=store, limiter=limiter, live=live, clock=clock)
        self.own = OwnRooms(store=store, directs=self.directs, clock=clock)
        self.audit = RoomAudit(access=access, store=store)
        self.roles = Roles(access=access, quota=self._quota, settings=settings, store=store, live=live, clock=clock)
        self.mutes = Mutes(access=access, settings=settings, store=store, live=live, clock=clock)

    async def create(
        self,
        by: Actor,
        owner: str,
        name: str,
        description: str,
        password: str | None = None,
        room_id: str | None = None,
    ) -> str:
        """Creates a room, whose owner is its first member; returns its id.

        Arguments:
            owner: a user id: the actor's own, or any user's for an administrator.
            password: None or empty for a public room.
            room_id: None for a random one.

        Raises: Forbidden, InvalidFields, RoomExists, TooManyRooms, RateLimited, Unavailable (too many passwords at once).
        """
        rights.require(by, Action.CREATE, owner=owner)
        name = check(self._settings.limits, name, description, password, room_id)
        # The store decides below; this check saves the hashing.
        if room_id is not None and not await self._store.rooms.is_free(room_id):
            raise RoomExists
        async with self._quota.counted(by):
            created = await self._create(owner, name, description, await self._hash(by, password), room_id)
        await self._audit.record(Event.ROOM_CREATED, by, user_id=owner if by == ADMINISTRATOR else "", room_id=created)
        return created

    async def _create(
        self, owner: str, name: str, description: str, password_hash: str | None, room_id: str | None
    ) -> str:
        room = Room(
            room_id=random_id(self._settings.limits) if room_id is None else room_id,
            name=name,
            description=description,
            owner=owner,
            password_hash=password_hash,
            created_at=self._clock(),
            users=(owner,),
        )
        with self._access.uninterrupted():
            created = await self._store.rooms.create(room)
            if created:
                self._live.member_joined(room.room_id, owner)
        if not created:
            raise RoomExists
        return room.room_id

    async def get(self, by: Actor, room_id: str) -> Room:
        """The room as this actor may see it: without the members of a private room, if the actor is not one of them.

        Raises: RoomNotFound, also for a direct conversation of others.
        """
        head = await self._access.existing(by, room_id)
        if head.direct is not None and not rights.allows(by, Action.LIST_MEMBERS, is_member=head.is_member):
            raise RoomNotFound
        if head.private and not rights.allows(by, Action.LIST_MEMBERS, owner=head.owner, is_member=head.is_member):
            return _without_members(head)
        room = await self._store.rooms.get(room_id)
        if room is None:
            raise RoomNotFound
        # Since the first look the room may have become private, or the actor may have left it.
        is_member = isinstance(by, UserActor) and by.user_id in room.users
        if room.private and not rights.allows(by, Action.LIST_MEMBERS, owner=room.owner, is_member=is_member):
            return msgspec.structs.replace(room, users=())
        return (await self.directs.named(by, [room]))[0] if isinstance(by, UserActor) else room

    async def public(self, after: str | None, at_most: int) -> list[RoomSummary]:
        """Public rooms, oldest first.

        Arguments:
            after: only those that come after the room with this id; None for the first ones.

        Raises: RoomNotFound: there is no room with the id `after`.
        """
        page = await self._store.rooms.public(after, at_most)
        if page is None:
            raise RoomNotFound
        return page

    async def joined_summaries(self, by: UserActor) -> list[RoomSummary]:
        """The rooms that the user is a member of, in the order they were joined; for a token, only those that it is for."""
        joined = await self._store.rooms.joined_summaries(by.user_id)
        return await self.directs.named(by, [room for room in joined if rights.covers(by, room.room_id)])

    async def update(
        self,
        by: Actor,
        room_id: str,
        name: str,
        description: str,
        password: str | UnsetType | None = UNSET,
        *,
        slow_seconds: int | None = None,
        members_pin: bool | None = None,
    ) -> None:
        """Changes a room.

        Arguments:
            password: UNSET leaves it as it is; with None or an empty one the room becomes public.
            slow_seconds, members_pin: see `Room`; None leaves them as they are.

        Raises: RoomNotFound, Forbidden, InvalidFields, RateLimited, Unavailable (too many passwords at once).
        """
        await self._access.authorize(by, Action.UPDATE, room_id)
        new_password = None if password is UNSET else password
        name = check(self._settings.limits, name, description, new_password, slow_seconds=slow_seconds or 0)
        password_hash = None if password is UNSET else await self._hash_new(by, room_id, password)
        with self._access.uninterrupted():
            if password is UNSET:
                found = await self._store.rooms.update(room_id, name, description, slow_seconds, members_pin)
            else:
                found = await self._store.rooms.update_with_password(
                    room_id, name, description, password_hash, slow_seconds, members_pin
                )
            self._live.room_changed(room_id)
        if not found:
            raise RoomNotFound
        await self._audit.record(Event.ROOM_CHANGED, by, room_id=room_id)

    async def delete(self, by: Actor, room_id: str) -> None:
        """Deletes a room with its messages.

        Raises: RoomNotFound, Forbidden, Unavailable.
        """
        await self._access.authorize_without_room(by, Action.DELETE, room_id)
        with self._access.uninterrupted():
            deleted = await self._store.rooms.delete(room_id)
            self._live.room_deleted(room_id)  # no await before it
        if not deleted:
            raise RoomNotFound
        await self._audit.record(Event.ROOM_DELETED, by, room_id=room_id)

    async def _hash(self, by: Actor, password: str | None) -> str | None:
        client = by.client if isinstance(by, UserActor) else ""
        return await self._passwords.hash(password, client=client) if password else None

    async def _hash_new(self, by: Actor, room_id: str, password: str | None) -> str | None:
        """As `_hash`, for a room that exists. It counts as the check of a right password: it is as much work."""
        if not password or not isinstance(by, UserActor):
            return await self._hash(by, password)
        async with self._limiter.guess(rate_limits.Action.ROOM_PASSWORD, client=by.client, subject=room_id, known=True):
            return await self._hash(by, password)


def _without_members(head: RoomHead) -> Room:
    fields = msgspec.structs.asdict(head)
    return Room(users=(), **{name: fields[name] for name in Room.__struct_fields__ if name in fields})
