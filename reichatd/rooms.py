"""The use cases of rooms: whatever is done with a room, by REST or by an administrator, is done here.

Each checks in this order, and raises the first that fails (`reichatd.errors`): the room exists, the actor may do this
(`reichatd.rights`), the action may be done to this user, the fields of the request. Live connections are notified once a change
is durable.
"""

import secrets
import string
import time
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import trio
from msgspec import UNSET, UnsetType

from reichatd import rate_limits, rights
from reichatd.accounts import Passwords, fields
from reichatd.errors import (
    AlreadyBanned,
    AlreadyJoined,
    Banned,
    FieldProblem,
    InvalidFields,
    InvalidPassword,
    NotAMember,
    NotBanned,
    PasswordRequired,
    RoomExists,
    RoomNotFound,
    TooManyRooms,
    Unavailable,
    UserNotFound,
)
from reichatd.live import LiveConnections
from reichatd.rate_limits import RateLimiter
from reichatd.rights import Action, Actor, UserActor
from reichatd.settings import LiveSettings
from reichatd.store import (
    BanOutcome,
    JoinOutcome,
    Progress,
    Room,
    RoomHead,
    RoomSummary,
    Store,
    StoreError,
    TransferOutcome,
    User,
)
from reichatd.text import BIDI_CONTROLS, is_blank, normal

RANDOM_ID_CHARACTERS = 12
USERS_AT_ONCE = 500
NOT_IN_NAMES = frozenset({"Cc", "Zl", "Zp"})
"""Unicode categories: control characters, line and paragraph separators. A name is one line."""


class Rooms:
    """All that can be done with rooms, on top of a store.

    All methods may be called from any task and wait for the store. `by` is who does it, already authenticated; what only users
    can do takes a `UserActor`. All may also raise `StoreError`.

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
        self._creating: Counter[str] = Counter()  # by user: calls that may be about to create a room

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
        name = self._check(name, description, password, room_id)
        # The store decides below; this check saves the hashing.
        if room_id is not None and not await self._store.rooms.is_free(room_id):
            raise RoomExists
        async with self._counted_room(by):
            return await self._create(owner, name, description, await self._hash(by, password), room_id)

    async def _create(
        self, owner: str, name: str, description: str, password_hash: str | None, room_id: str | None
    ) -> str:
        room = Room(
            room_id=self._random_id() if room_id is None else room_id,
            name=name,
            description=description,
            owner=owner,
            password_hash=password_hash,
            created_at=self._clock(),
            users=(owner,),
        )
        if not await self._store.rooms.create(room):
            raise RoomExists
        return room.room_id

    async def get(self, by: Actor, room_id: str) -> Room:
        """The room as this actor may see it: without the members of a private room, if the actor is not one of them.

        Raises: RoomNotFound.
        """
        head = await self._existing(by, room_id)
        if head.private and not rights.allows(by, Action.LIST_MEMBERS, owner=head.owner, is_member=head.is_member):
            return _without_members(head)
        room = await self._store.rooms.get(room_id)
        if room is None:
            raise RoomNotFound
        # Since the first look the room may have become private, or the actor may have left it.
        is_member = isinstance(by, UserActor) and by.user_id in room.users
        if room.private and not rights.allows(by, Action.LIST_MEMBERS, owner=room.owner, is_member=is_member):
            return msgspec.structs.replace(room, users=())
        return room

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

    async def joined(self, by: UserActor) -> list[Room]:
        """The rooms that the user is a member of, in the order they were joined."""
        return await self._store.rooms.joined(by.user_id)

    async def progress(self, by: UserActor) -> dict[str, Progress]:
        """How far the user has read, by room id."""
        return {each.room_id: each for each in await self._store.rooms.progress(by.user_id)}

    async def joined_summaries(self, by: UserActor) -> list[RoomSummary]:
        """As `joined`, in short."""
        return await self._store.rooms.joined_summaries(by.user_id)

    async def update(
        self, by: Actor, room_id: str, name: str, description: str, password: str | UnsetType | None = UNSET
    ) -> None:
        """Changes a room.

        Arguments:
            password: UNSET leaves it as it is; with None or an empty one the room becomes public.

        Raises: RoomNotFound, Forbidden, InvalidFields, RateLimited, Unavailable (too many passwords at once).
        """
        await self._authorize(by, Action.UPDATE, room_id)
        name = self._check(name, description, None if password is UNSET else password)
        if password is UNSET:
            found = await self._store.rooms.update(room_id, name, description)
        else:
            password_hash = await self._hash_new(by, room_id, password)
            found = await self._store.rooms.update_with_password(room_id, name, description, password_hash)
        if not found:
            raise RoomNotFound

    async def delete(self, by: Actor, room_id: str) -> None:
        """Deletes a room with its messages.

        Raises: RoomNotFound, Forbidden, Unavailable.
        """
        await self._authorize_without_room(by, Action.DELETE, room_id)
        with self._uninterrupted():
            deleted = await self._store.rooms.delete(room_id)
            self._live.room_deleted(room_id)  # no await before it
        if not deleted:
            raise RoomNotFound

    async def transfer(self, by: Actor, room_id: str, user_id: str, *, admit: bool = False) -> None:
        """Makes a member the owner.

        Arguments:
            admit: makes the user a member first, without the password and in spite of a ban, which ends.

        Raises: RoomNotFound, Forbidden, NotAMember.
        """
        await self._authorize_without_room(by, Action.TRANSFER, room_id)
        if admit:
            await self._admit(room_id, user_id)
        match await self._store.rooms.transfer(room_id, user_id):
            case TransferOutcome.NO_ROOM:
                raise RoomNotFound
            case TransferOutcome.NO_MEMBER:
                raise NotAMember

    async def join(self, by: UserActor, room_id: str, password: str | None = None) -> None:
        """Makes the user a member. `password` matters to a private room only.

        Raises: RoomNotFound, AlreadyJoined, Banned, PasswordRequired, InvalidPassword, RateLimited, Unavailable (too many passwords
            at once).
        """
        room = await self._existing(by, room_id)
        if room.is_member:
            raise AlreadyJoined
        if room.password_hash is not None:
            # Before the hashing, so that a banned user cannot go on trying passwords.
            if await self._store.rooms.is_banned(room_id, by.user_id):
                raise Banned
            await self._verify(by, room.password_hash, password, room_id)
        match await self._store.rooms.join(room_id, by.user_id, self._clock()):
            case JoinOutcome.ALREADY_JOINED:
                raise AlreadyJoined
            case JoinOutcome.BANNED:
                raise Banned
            case JoinOutcome.NO_ROOM:
                raise RoomNotFound

    async def leave(self, by: UserActor, room_id: str) -> None:
        """Ends the user's own membership; an owner stays the owner.

        Raises: RoomNotFound, NotAMember, Unavailable.
        """
        await self._existing(by, room_id)
        await self._remove(room_id, by.user_id)

    async def kick(self, by: Actor, room_id: str, user_id: str) -> None:
        """Ends another user's membership.

        Raises: RoomNotFound, Forbidden, Yourself, NotAMember, Unavailable.
        """
        await self._authorize(by, Action.KICK, room_id, target=user_id)
        await self._remove(room_id, user_id)

    async def ban(self, by: Actor, room_id: str, user_id: str) -> None:
        """Ends another user's membership, if there is one, and prevents a new one.

        Raises: RoomNotFound, Forbidden, Yourself, UserNotFound, AlreadyBanned, Unavailable.
        """
        await self._authorize(by, Action.BAN, room_id, target=user_id)
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        with self._uninterrupted():
            outcome = await self._store.rooms.ban(room_id, user_id)
            # No await before it. Also if the user was banned already: that call may have failed after its write.
            self._live.member_removed(room_id, user_id)
        match outcome:
            case BanOutcome.ALREADY_BANNED:
                raise AlreadyBanned
            case BanOutcome.NO_ROOM:
                raise RoomNotFound

    async def unban(self, by: Actor, room_id: str, user_id: str) -> None:
        """Lets a banned user join again.

        Raises: RoomNotFound, Forbidden, Yourself, NotBanned.
        """
        await self._authorize(by, Action.UNBAN, room_id, target=user_id)
        if not await self._store.rooms.unban(room_id, user_id):
            raise NotBanned

    async def bans(self, by: Actor, room_id: str) -> list[User]:
        """The users who are banned from the room, in the order of their ids.

        Raises: RoomNotFound, Forbidden.
        """
        await self._authorize(by, Action.LIST_BANS, room_id)
        banned = await self._store.rooms.bans(room_id)
        # In parts: short reads share a thread, and would all wait for one of thousands.
        return [
            user
            for start in range(0, len(banned), USERS_AT_ONCE)
            for user in await self._store.users.by_ids(banned[start : start + USERS_AT_ONCE])
            if user is not None  # deleted meanwhile, with all bans
        ]

    async def _existing(self, by: Actor, room_id: str) -> RoomHead:
        room = await self._store.rooms.head(room_id, by.user_id if isinstance(by, UserActor) else "")
        if room is None:
            raise RoomNotFound
        return room

    async def _authorize(self, by: Actor, action: Action, room_id: str, *, target: str | None = None) -> None:
        """Raises RoomNotFound, Forbidden, or Yourself, in this order, unless the actor may do this (to the target, a user id)."""
        room = await self._existing(by, room_id)
        rights.require(by, action, owner=room.owner, is_member=room.is_member)
        if target is not None:
            rights.check_target(by, owner=room.owner, user_id=target)

    async def _authorize_without_room(self, by: Actor, action: Action, room_id: str) -> None:
        """As `_authorize`, before a step of the store that notices itself if there is no such room.

        An administrator's rights do not depend on the room, so it is not read for them.
        """
        if not rights.allows(by, action):
            await self._authorize(by, action, room_id)

    async def _admit(self, room_id: str, user_id: str) -> None:
        if await self._store.rooms.join(room_id, user_id, self._clock()) is JoinOutcome.BANNED:
            await self._store.rooms.unban(room_id, user_id)
            await self._store.rooms.join(room_id, user_id, self._clock())

    async def _remove(self, room_id: str, user_id: str) -> None:
        with self._uninterrupted():
            removed = await self._store.rooms.leave(room_id, user_id)
            # No await before it. Also if the user is no member: an earlier call may have failed after its write.
            self._live.member_removed(room_id, user_id)
        if not removed:
            raise NotAMember

    @contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        """Keeps a cancellation out, so that none falls between a durable change and its live effect.

        Trio alone does not promise that: it waits for a thread that has begun, but the store may pass further checkpoints
        before it returns. The shield has a deadline: without one it could hold up the daemon's stop.
        """
        with trio.move_on_after(self._settings.limits.request_seconds, shield=True) as scope:
            yield
        if scope.cancelled_caught:
            raise Unavailable

    async def _hash(self, by: Actor, password: str | None) -> str | None:
        client = by.client if isinstance(by, UserActor) else ""
        return await self._passwords.hash(password, client=client) if password else None

    async def _hash_new(self, by: Actor, room_id: str, password: str | None) -> str | None:
        """As `_hash`, for a room that exists. It counts as the check of a right password: it is as much work."""
        if not password or not isinstance(by, UserActor):
            return await self._hash(by, password)
        async with self._limiter.guess(rate_limits.Action.ROOM_PASSWORD, client=by.client, subject=room_id, known=True):
            return await self._hash(by, password)

    async def _verify(self, by: UserActor, password_hash: str, password: str | None, room_id: str) -> None:
        if not password:
            raise PasswordRequired
        async with self._limiter.guess(rate_limits.Action.ROOM_PASSWORD, client=by.client, subject=room_id):
            if not fields.is_short_enough(self._settings.limits, password):
                raise InvalidPassword
            whose = f"room {room_id}"
            if not await self._passwords.verify(password_hash, password, whose=whose, client=by.client):
                raise InvalidPassword

    @asynccontextmanager
    async def _counted_room(self, by: Actor) -> AsyncIterator[None]:
        """Counts the room that is created inside, if a user creates it.

        Raises: TooManyRooms, RateLimited.
        """
        if not isinstance(by, UserActor):
            yield
            return
        self._creating[by.user_id] += 1
        try:
            await self._require_few_rooms(by.user_id)
            await self._limiter.require(rate_limits.Action.ROOM, client=by.client, subject=by.user_id)
            try:
                yield
            except (RoomExists, Unavailable, StoreError):
                await self._limiter.give_back(rate_limits.Action.ROOM, client=by.client, subject=by.user_id)
                raise
        finally:
            self._creating[by.user_id] -= 1
            if not self._creating[by.user_id]:
                del self._creating[by.user_id]

    async def _require_few_rooms(self, user_id: str) -> None:
        """Raises TooManyRooms if the user owns `limits.rooms_owned` rooms, or will once the calls in progress have ended."""
        allowed = self._settings.limits.rooms_owned
        if not allowed:
            return
        # Read before the count: a call that ends meanwhile is counted twice rather than not at all.
        creating = self._creating[user_id]
        if await self._store.rooms.count_owned(user_id, allowed) + creating > allowed:
            raise TooManyRooms(f"You own {allowed} rooms, which is the most; delete one first")

    def _random_id(self) -> str:
        length = min(max(RANDOM_ID_CHARACTERS, self._settings.limits.room_id_min), self._settings.limits.room_id_max)
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))

    def _check(self, name: str, description: str, password: str | None, room_id: str | None = None) -> str:
        """Returns the name as it is stored. Raises InvalidFields, with every field that breaks a rule."""
        limits = self._settings.limits
        name = normal(name.strip(), limits.room_name_max)
        rules = {
            "name": (
                1 <= len(name) <= limits.room_name_max and _is_line(name),
                f"must have 1 to {limits.room_name_max} characters on one line, some of them visible",
            ),
            "description": (
                len(description) <= limits.room_description_max,
                f"must have at most {limits.room_description_max} characters",
            ),
            "password": (
                not password
                or limits.room_password_min <= len(normal(password, limits.password_max)) <= limits.password_max,
                f"must have {limits.room_password_min} to {limits.password_max} characters, or be empty",
            ),
            "room_id": (
                room_id is None
                or (
                    limits.room_id_min <= len(room_id) <= limits.room_id_max and room_id.isascii() and room_id.isalnum()
                ),
                f"must have {limits.room_id_min} to {limits.room_id_max} letters from a to z, or digits",
            ),
        }
        problems = [FieldProblem(field, problem) for field, (kept, problem) in rules.items() if not kept]
        if problems:
            raise InvalidFields(problems)
        return name


def _is_line(name: str) -> bool:
    """Whether the name is one line with something visible in it, and nothing that changes its direction."""
    return (
        not is_blank(name)
        and BIDI_CONTROLS.isdisjoint(name)
        and NOT_IN_NAMES.isdisjoint(unicodedata.category(character) for character in name)
    )


def _without_members(head: RoomHead) -> Room:
    return Room(
        room_id=head.room_id,
        name=head.name,
        description=head.description,
        owner=head.owner,
        password_hash=head.password_hash,
        created_at=head.created_at,
        users=(),
        first_id=head.first_id,
        keep=head.keep,
    )
