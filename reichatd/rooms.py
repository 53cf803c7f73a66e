"""Who may do what with a room.

What is not allowed is raised (`reichatd.errors`), always in this order: the room does not exist, the caller does not own it, the
caller is whom it would be done to, the request itself. Live connections hear of a change once it is durable.
"""

import secrets
import string
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import trio
from msgspec import UNSET, UnsetType

from reichatd.accounts import Passwords, fields
from reichatd.errors import (
    AlreadyBanned,
    AlreadyJoined,
    Banned,
    FieldProblem,
    Forbidden,
    InvalidFields,
    InvalidPassword,
    NotAMember,
    NotBanned,
    PasswordRequired,
    RoomExists,
    RoomNotFound,
    Unavailable,
    UserNotFound,
    Yourself,
)
from reichatd.live import LiveConnections
from reichatd.settings import LiveSettings
from reichatd.store import BanOutcome, JoinOutcome, Progress, Room, RoomHead, RoomSummary, Store, User
from reichatd.text import BIDI_CONTROLS, is_blank, normal

RANDOM_ID_CHARACTERS = 12
USERS_AT_ONCE = 500
NOT_IN_NAMES = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's categories of control characters, line and paragraph separators: a name is one line."""


class Rooms:
    """The rules of rooms, on top of a store.

    All methods may be called from any task and wait for the store. `user_id` is always the caller, already authenticated. Beside
    the refusals that each names, they raise `StoreError`.

    A caller who is cancelled (an HTTP handler is, when its connection breaks) leaves no change half made: each request
    makes one atomic change in the store, and where live connections must hear of it, it is carried to its end.

    Arguments:
        settings: of these, the limits: lengths of ids, names, descriptions and passwords; a change takes `request_seconds` at most.
        live: is told who has to leave which room.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: LiveSettings,
        store: Store,
        passwords: Passwords,
        live: LiveConnections,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._store = store
        self._passwords = passwords
        self._live = live
        self._clock = clock

    async def create(
        self, user_id: str, name: str, description: str, password: str | None = None, room_id: str | None = None
    ) -> str:
        """Makes a room, owned by the caller, who is its first member; returns its id.

        Arguments:
            password: None or empty for a public room.
            room_id: None for a random one.

        Raises: InvalidFields, RoomExists, Unavailable (too many passwords at once).
        """
        name = self._check(name, description, password, room_id)
        room = Room(
            room_id=self._random_id() if room_id is None else room_id,
            name=name,
            description=description,
            owner=user_id,
            password_hash=await self._hash(password),
            created_at=self._clock(),
            users=(user_id,),
        )
        if not await self._store.rooms.create(room):
            raise RoomExists
        return room.room_id

    async def get(self, user_id: str, room_id: str) -> Room:
        """The room as this caller may see it: who is in a private room, only its members learn.

        Raises: RoomNotFound.
        """
        head = await self._existing(room_id, user_id)
        if head.private and not head.is_member:
            return _without_members(head)
        room = await self._store.rooms.get(room_id)
        if room is None:
            raise RoomNotFound
        # It may have become private since the first look.
        return msgspec.structs.replace(room, users=()) if room.private and user_id not in room.users else room

    async def public(self) -> list[RoomSummary]:
        """Every public room, oldest first."""
        return await self._store.rooms.public()

    async def joined(self, user_id: str) -> list[Room]:
        """The rooms that the caller is a member of, in the order they were joined."""
        return await self._store.rooms.joined(user_id)

    async def progress(self, user_id: str) -> dict[str, Progress]:
        """How far the caller has read, by room."""
        return {each.room_id: each for each in await self._store.rooms.progress(user_id)}

    async def joined_summaries(self, user_id: str) -> list[RoomSummary]:
        """As `joined`, in short."""
        return await self._store.rooms.joined_summaries(user_id)

    async def update(
        self, user_id: str, room_id: str, name: str, description: str, password: str | UnsetType | None = UNSET
    ) -> None:
        """Changes a room; for its owner.

        Arguments:
            password: UNSET leaves it as it is; with None or an empty one the room becomes public.

        Raises: RoomNotFound, Forbidden, InvalidFields, Unavailable (too many passwords at once).
        """
        await self._owned(room_id, user_id)
        name = self._check(name, description, None if password is UNSET else password)
        if password is UNSET:
            found = await self._store.rooms.update(room_id, name, description)
        else:
            password_hash = await self._hash(password)
            found = await self._store.rooms.update_with_password(room_id, name, description, password_hash)
        if not found:
            raise RoomNotFound

    async def delete(self, user_id: str, room_id: str) -> None:
        """Ends a room with all that is in it; for its owner.

        Raises: RoomNotFound, Forbidden, Unavailable.
        """
        await self._owned(room_id, user_id)
        with self._carried_out():
            deleted = await self._store.rooms.delete(room_id)
            self._live.room_deleted(room_id)  # no await before it
        if not deleted:
            raise RoomNotFound

    async def join(self, user_id: str, room_id: str, password: str | None = None) -> None:
        """Makes the caller a member. `password` matters to a private room only.

        Raises: RoomNotFound, AlreadyJoined, Banned, PasswordRequired, InvalidPassword, Unavailable (too many passwords at once).
        """
        room = await self._existing(room_id, user_id)
        if room.is_member:
            raise AlreadyJoined
        if room.password_hash is not None:
            # Before the hashing, and so that nobody who is banned can go on trying passwords.
            if await self._store.rooms.is_banned(room_id, user_id):
                raise Banned
            await self._verify(room.password_hash, password, room_id)
        match await self._store.rooms.join(room_id, user_id, self._clock()):
            case JoinOutcome.ALREADY_JOINED:
                raise AlreadyJoined
            case JoinOutcome.BANNED:
                raise Banned
            case JoinOutcome.NO_ROOM:
                raise RoomNotFound

    async def leave(self, user_id: str, room_id: str) -> None:
        """Ends the caller's own membership; an owner stays the owner.

        Raises: RoomNotFound, NotAMember, Unavailable.
        """
        await self._existing(room_id, user_id)
        await self._remove(room_id, user_id)

    async def kick(self, user_id: str, room_id: str, member_id: str) -> None:
        """Ends another's membership; for the owner.

        Raises: RoomNotFound, Forbidden, Yourself, NotAMember, Unavailable.
        """
        await self._owned(room_id, user_id, to_act_on=member_id)
        await self._remove(room_id, member_id)

    async def ban(self, user_id: str, room_id: str, banned_id: str) -> None:
        """Ends another's membership, if there is one, and prevents another; for the owner.

        Raises: RoomNotFound, Forbidden, Yourself, UserNotFound, AlreadyBanned, Unavailable.
        """
        await self._owned(room_id, user_id, to_act_on=banned_id)
        if await self._store.users.by_id(banned_id) is None:
            raise UserNotFound
        with self._carried_out():
            outcome = await self._store.rooms.ban(room_id, banned_id)
            # No await before it. Also for one banned before: that call may have failed after its write.
            self._live.member_removed(room_id, banned_id)
        match outcome:
            case BanOutcome.ALREADY_BANNED:
                raise AlreadyBanned
            case BanOutcome.NO_ROOM:
                raise RoomNotFound

    async def unban(self, user_id: str, room_id: str, banned_id: str) -> None:
        """Lets somebody who was banned join again; for the owner.

        Raises: RoomNotFound, Forbidden, Yourself, NotBanned.
        """
        await self._owned(room_id, user_id, to_act_on=banned_id)
        if not await self._store.rooms.unban(room_id, banned_id):
            raise NotBanned

    async def bans(self, user_id: str, room_id: str) -> list[User]:
        """The users who are banned from the room, in the order of their ids; for the owner.

        Raises: RoomNotFound, Forbidden.
        """
        await self._owned(room_id, user_id)
        banned = await self._store.rooms.bans(room_id)
        # In parts: short reads share a thread, and would all wait for one of thousands.
        return [
            user
            for start in range(0, len(banned), USERS_AT_ONCE)
            for user in await self._store.users.by_ids(banned[start : start + USERS_AT_ONCE])
            if user is not None  # one who is deleted meanwhile has no bans left
        ]

    async def _existing(self, room_id: str, user_id: str) -> RoomHead:
        room = await self._store.rooms.head(room_id, user_id)
        if room is None:
            raise RoomNotFound
        return room

    async def _owned(self, room_id: str, user_id: str, *, to_act_on: str | None = None) -> None:
        room = await self._existing(room_id, user_id)
        if room.owner != user_id:
            raise Forbidden("Only the owner of the room may do this")
        if user_id == to_act_on:
            raise Yourself

    async def _remove(self, room_id: str, user_id: str) -> None:
        with self._carried_out():
            removed = await self._store.rooms.leave(room_id, user_id)
            # No await before it. Also for one who is no member: an earlier call may have failed after its write.
            self._live.member_removed(room_id, user_id)
        if not removed:
            raise NotAMember

    @contextmanager
    def _carried_out(self) -> Iterator[None]:
        """Keeps a cancellation out, so that none falls between a durable change and its live effect.

        Trio alone does not promise that: a thread that has begun is waited for, but the store may pass further checkpoints
        before it returns. With a deadline, since a shield without one could hold up the daemon's stop.
        """
        with trio.move_on_after(self._settings.limits.request_seconds, shield=True) as scope:
            yield
        if scope.cancelled_caught:
            raise Unavailable

    async def _hash(self, password: str | None) -> str | None:
        return await self._passwords.hash(password) if password else None

    async def _verify(self, password_hash: str, password: str | None, room_id: str) -> None:
        if not password:
            raise PasswordRequired
        if not fields.is_short_enough(self._settings.limits, password):
            raise InvalidPassword
        if not await self._passwords.verify(password_hash, password, whose=f"room {room_id}"):
            raise InvalidPassword

    def _random_id(self) -> str:
        length = min(max(RANDOM_ID_CHARACTERS, self._settings.limits.room_id_min), self._settings.limits.room_id_max)
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))

    def _check(self, name: str, description: str, password: str | None, room_id: str | None = None) -> str:
        """Returns the name as it is to be stored, or raises InvalidFields with every field that breaks a rule."""
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
                not password or fields.is_short_enough(limits, password),
                f"must have at most {limits.password_max} characters",
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
    """Whether it is one line that shows something, in the order in which it is written."""
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
