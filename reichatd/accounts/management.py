"""Managing users: use cases that need no password, code or token of the user, but the right to it."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from reichatd import rights
from reichatd.accounts import fields, keys
from reichatd.accounts.invites import record_use
from reichatd.accounts.verified import confirm_at_once, verified_registration
from reichatd.audit import AuditLog, Event
from reichatd.errors import TotpNotFound, UserNotFound, VerificationNotFound
from reichatd.rights import Action, Actor
from reichatd.store import Registration, User

if TYPE_CHECKING:
    from reichatd.accounts.passwords import Passwords
    from reichatd.live import LiveConnections
    from reichatd.settings import LiveSettings
    from reichatd.store import Store


class UserManagement:
    """Adds, changes and deletes users. It needs no secret and sends no mail, so it also works on a store without a daemon.

    All methods may be called from any task and wait for the store. All raise Forbidden if the actor may not manage users, and
    `StoreError`. A change and its notification of live connections are shielded together; the store has its own deadline.

    Arguments:
        settings: of these, the limits of names and passwords.
        live: `Accounts.live` in a daemon, so that the session cache is cleared first.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        store: "Store",
        passwords: "Passwords",
        settings: "LiveSettings",
        live: "LiveConnections",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._settings = settings
        self._live = live
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def add(self, by: Actor, email: str, password: str, username: str) -> User:
        """Creates a user whose address counts as verified.

        Raises: InvalidFields, UserExists, Unavailable (too many passwords at once).
        """
        _check(by)
        registrant = fields.registrant(self._settings.limits, email, password, username)
        password_hash = await self._passwords.hash(password)
        now = self._clock()
        registration = verified_registration(registrant.email.normal, registrant.username, password_hash, now)
        user = await confirm_at_once(self._store, registration, now)
        await self._audit.record(Event.USER_ADDED, by, user_id=user.user_id)
        return user

    async def confirm(self, by: Actor, registration: Registration) -> User:
        """Turns a registration into a user, without its code, and whether its invitation is still valid or not.

        Raises: VerificationNotFound.
        """
        _check(by)
        now = self._clock()
        made = registration.confirmed(keys.new_id(), now)
        confirmed = await self._store.invites.confirm(registration, made, now, needed=False)
        if confirmed.user is None:
            raise VerificationNotFound
        await record_use(self._audit, by, confirmed, user_id=confirmed.user.user_id)
        await self._audit.record(Event.REGISTERED, by, user_id=confirmed.user.user_id)
        return confirmed.user

    async def set_password(self, by: Actor, user_id: str, password: str) -> int:
        """Sets a new password and ends all sessions, tokens and app passwords; returns how many sessions and tokens.

        Raises: InvalidFields, UserNotFound, Unavailable (too many passwords at once).
        """
        _check(by)
        fields.check_new_password(self._settings.limits, password)
        new_hash = await self._passwords.hash(password)
        step = self._store.users.set_password(user_id, new_hash)
        return await self._end_sessions(by, Event.PASSWORD_CHANGED, user_id, step)

    async def disable(self, by: Actor, user_id: str) -> int:
        """Prevents logins until `enable`, and ends all sessions; returns how many.

        Raises: UserNotFound.
        """
        _check(by)
        return await self._end_sessions(by, Event.USER_DISABLED, user_id, self._store.users.disable(user_id))

    async def enable(self, by: Actor, user_id: str) -> None:
        """Allows logins again.

        Raises: UserNotFound.
        """
        _check(by)
        if not await self._store.users.enable(user_id):
            raise UserNotFound
        await self._audit.record(Event.USER_ENABLED, by, user_id=user_id)

    async def log_out(self, by: Actor, user_id: str) -> int:
        """Ends all sessions; returns how many.

        Raises: UserNotFound.
        """
        _check(by)
        return await self._end_sessions(by, Event.SESSION_ENDED, user_id, self._store.sessions.end_all(user_id))

    async def remove_second_factor(self, by: Actor, user_id: str) -> None:
        """Turns off the second factor of a user who has lost it.

        Raises: UserNotFound, TotpNotFound.
        """
        _check(by)
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        if not await self._store.second_factors.delete(user_id):
            raise TotpNotFound
        await self._audit.record(Event.TOTP_DISABLED, by, user_id=user_id)

    async def delete(self, by: Actor, user_id: str) -> None:
        """Deletes a user, who must own no rooms. The messages stay, without a name. Does nothing if there is no such user."""
        _check(by)
        with trio.CancelScope(shield=True):
            deleted = await self._store.users.delete(user_id)
            self._live.user_renamed(user_id, "")
        if deleted:
            await self._audit.record(Event.ACCOUNT_DELETED, by, user_id=user_id)

    async def _end_sessions(self, by: Actor, event: Event, user_id: str, step: Awaitable[list[str] | None]) -> int:
        """Runs a step of the store that ends all sessions, closes their sockets, and records the event."""
        with trio.CancelScope(shield=True):
            ended = await step
            # By user, not by session: an earlier call may have ended the sessions and then failed.
            self._live.user_logged_out(user_id)
        if ended is None:
            raise UserNotFound
        await self._audit.record(event, by, user_id=user_id, detail=f"{len(ended)} sessions ended")
        return len(ended)


def _check(by: Actor) -> None:
    rights.require(by, Action.MANAGE_USERS)
