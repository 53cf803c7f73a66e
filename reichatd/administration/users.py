"""Administrators' requests about users: names become ids, and the use cases of accounts and rooms do the rest."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

from reichatd.accounts import Passwords, UserManagement, fields
from reichatd.accounts.exports import user_details
from reichatd.administration import requests
from reichatd.administration.cleanup import sweep
from reichatd.administration.records import Emit, Progress, RegistrationRecord, UserChanged, UserRecord
from reichatd.errors import (
    OwnsRooms,
    RoomNotFound,
    SeveralRegistrations,
    UserNotFound,
    VerificationNotFound,
    Yourself,
)
from reichatd.live import LiveConnections
from reichatd.rights import ADMINISTRATOR
from reichatd.rooms import Rooms
from reichatd.settings import LiveSettings
from reichatd.store import Registration, Store, User
from reichatd.text import normal
from reichatd.timestamps import isoformat

_PAGE = 500
_NAMES = 5


class UserAdministration:
    """See `Administration`. Raises the errors of `reichatd.errors`."""

    def __init__(
        self,
        *,
        store: Store,
        passwords: Passwords,
        rooms: Rooms,
        settings: LiveSettings,
        live: LiveConnections,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._settings = settings
        self._accounts = UserManagement(store=store, passwords=passwords, settings=settings, live=live, clock=clock)

    async def perform(self, request: requests.UserRequest, emit: Emit) -> None:
        match request:
            case requests.ListUsers():
                await (self._list_pending(emit) if request.pending else self._list(emit))
            case requests.ShowUser():
                await self._show(request.user, emit)
            case requests.AddUser():
                user = await self._accounts.add(ADMINISTRATOR, request.email, request.password, request.username)
                await emit(_changed("added", user))
            case requests.VerifyUser():
                await emit(_changed("verified", await self._verify(request, emit)))
            case requests.SetPassword():
                user = await self.find(request.user)
                ended = await self._accounts.set_password(ADMINISTRATOR, user.user_id, request.password)
                await emit(_changed("password_set", user, ended))
            case requests.DisableUser():
                user = await self.find(request.user)
                await emit(_changed("disabled", user, await self._accounts.disable(ADMINISTRATOR, user.user_id)))
            case requests.EnableUser():
                user = await self.find(request.user)
                await self._accounts.enable(ADMINISTRATOR, user.user_id)
                await emit(_changed("enabled", user))
            case requests.LogUserOut():
                user = await self.find(request.user)
                await emit(_changed("logged_out", user, await self._accounts.log_out(ADMINISTRATOR, user.user_id)))
            case requests.RemoveTotp():
                user = await self.find(request.user)
                await self._accounts.remove_second_factor(ADMINISTRATOR, user.user_id)
                await emit(_changed("totp_removed", user))
            case requests.DeleteUser():
                await emit(await self._delete(request, emit))

    async def find(self, name: str) -> User:
        """Returns the user with this e-mail address or user id.

        Raises: UserNotFound, which names the users that have this as their user name: there may be several.
        """
        user = await self._by_address_or_id(name)
        if user is None:
            namesakes = [f"{each.email} ({each.user_id})" for each in await self._named(name)]
            hint = f"; called so: {abbreviated(namesakes)}" if namesakes else ""
            raise UserNotFound(f"No user {name}{hint}")
        return user

    async def id_of(self, name: str) -> str:
        """Returns the user id for an e-mail address or a user id; `name` itself if no user has this address.

        It does not check that a user id exists: the use case does.
        """
        user = await self._by_address_or_id(name) if "@" in name else None
        return user.user_id if user else name

    async def _by_address_or_id(self, name: str) -> User | None:
        users = self._store.users
        return await users.by_email(fields.known_form(name)) if "@" in name else await users.by_id(name)

    async def _named(self, username: str) -> list[User]:
        """The users with this user name, regardless of case and Unicode form (NFC). Reads all users: there is no index of names."""
        folded = normal(username, self._settings.limits.username_max).casefold()
        async with aclosing(self._all()) as users:
            return [user async for user in users if user.username.casefold() == folded]

    async def _show(self, name: str, emit: Emit) -> None:
        user = await self._by_address_or_id(name)
        namesakes = [user] if user else await self._named(name)
        match namesakes:
            case []:
                raise UserNotFound(f"No user {name}")
            case [user]:
                await emit(await user_details(self._store, user))
            case _:
                for each in namesakes:
                    await emit(_record(each))

    async def _all(self) -> AsyncGenerator[User, None]:
        after = ""
        while page := await self._store.users.page(after, _PAGE):
            for user in page:
                yield user
            after = page[-1].email

    async def _list(self, emit: Emit) -> None:
        async with aclosing(self._all()) as users:
            async for user in users:
                await emit(_record(user))

    async def _list_pending(self, emit: Emit) -> None:
        after = ""
        while page := await self._store.users.registrations(after, _PAGE):
            for one in page:
                await emit(_pending_record(one))
            after = page[-1].email

    async def _verify(self, request: requests.VerifyUser, emit: Emit) -> User:
        address = fields.known_form(request.email)
        pending = await self._store.users.pending(address) if address else []
        if request.registration_id is not None:
            pending = [one for one in pending if _short_id(one) == request.registration_id]
        if not pending:
            raise VerificationNotFound(f"No such registration of {request.email}")
        if len(pending) > 1:
            # One of them may be a stranger's, with a password that the stranger knows.
            for one in pending:
                await emit(_pending_record(one))
            raise SeveralRegistrations(f"{len(pending)} registrations of {request.email}: say which one")
        (registration,) = pending
        try:
            return await self._accounts.confirm(ADMINISTRATOR, registration)
        except VerificationNotFound:
            raise VerificationNotFound(f"No such registration of {request.email}") from None

    async def _delete(self, request: requests.DeleteUser, emit: Emit) -> UserChanged:
        user = await self.find(request.user)
        heir = await self.find(request.heir) if request.heir is not None else None
        if heir is not None and heir.user_id == user.user_id:
            raise Yourself("The rooms cannot go to the user who is deleted")
        await self._owned(user, request)
        # First: a disabled user creates no room, joins none and posts nothing, so an interrupted deletion can be continued.
        ended = await self._accounts.disable(ADMINISTRATOR, user.user_id)
        owned = await self._owned(user, request)
        for number, room_id in enumerate(owned):
            await emit(Progress("rooms", number, len(owned)))
            with suppress(RoomNotFound):
                if heir is not None:
                    await self._rooms.roles.transfer(ADMINISTRATOR, room_id, heir.user_id, admit=True)
                elif await self._still_owns(user, room_id):
                    await self._rooms.delete(ADMINISTRATOR, room_id)
        if owned and heir is None:
            await sweep(self._store, emit)
        await self._accounts.delete(ADMINISTRATOR, user.user_id)
        return _changed("deleted", user, ended)

    async def _owned(self, user: User, request: requests.DeleteUser) -> list[str]:
        """The rooms of a user to be deleted. Raises: OwnsRooms, if the request does not say what to do with them."""
        owned = await self._store.rooms.owned(user.user_id)
        if owned and request.heir is None and not request.delete_rooms:
            rooms = "a room" if len(owned) == 1 else f"{len(owned)} rooms"
            raise OwnsRooms(f"{user.email} owns {rooms}: transfer them to another user, or have them deleted")
        return owned

    async def _still_owns(self, user: User, room_id: str) -> bool:
        """False if another administrator has transferred the room since it was listed: it must not be deleted."""
        room = await self._store.rooms.head(room_id)
        return room is not None and room.owner == user.user_id


def abbreviated(names: Sequence[str]) -> str:
    """The first names, and how many more there are; for a person."""
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _changed(change: str, user: User, sessions_ended: int = 0) -> UserChanged:
    return UserChanged(change, user.user_id, user.email, sessions_ended)


def _record(user: User) -> UserRecord:
    return UserRecord(user.user_id, user.email, user.username, isoformat(user.created_at), user.disabled)


def _pending_record(one: Registration) -> RegistrationRecord:
    return RegistrationRecord(one.email, one.username, one.tries_left, isoformat(one.expires_at), _short_id(one))


def _short_id(registration: Registration) -> str:
    """Enough to distinguish a few registrations; reveals nothing of the code."""
    return hashlib.sha256(registration.code_hash.encode()).hexdigest()[:8]
