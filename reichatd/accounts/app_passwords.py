"""App passwords: for programs that log in with an address and a password, and know no second factor."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from reichatd.accounts import codes, fields, keys
from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import AppPasswordNotFound, TooManyAppPasswords, Unauthorized
from reichatd.rights import require_own_login
from reichatd.store import AppPassword

if TYPE_CHECKING:
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions


class AppPasswords:
    """Every method may be called from any task. Each makes one change, in one step of the store.

    An app password is random, so its HMAC is stored: argon2 would only cost time. It takes the place of password and second factor
    in a login, and of nothing else. It ends with a reset of the password, and with it the login sessions that it began.

    Errors: in addition to those named at each method, `StoreError`. `client` is the address that a request came from.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions") -> None:
        self._settings = on.settings
        self._keys = on.keys
        self._store = on.store.app_passwords
        self._sessions = sessions
        self._clock = on.clock
        self._audit = on.audit

    async def create(self, identity: "Identity", name: str, *, client: str) -> tuple[AppPassword, str]:
        """Returns a new app password: its record, and the password itself, which cannot be shown again.

        Raises:
            Forbidden: the session began with an app password.
            InvalidFields: the name breaks a rule.
            TooManyAppPasswords
            Unauthorized: the session has ended meanwhile.
        """
        require_own_login(identity.session.app_password_id)
        name, user_id, password = fields.label(name), identity.user.user_id, codes.new_app_password()
        password_hash = self._keys.app_password_hash(user_id, codes.normal_app_password(password))
        made = AppPassword(keys.new_id(), user_id, name, password_hash, self._clock())
        if not await self._store.create(made, self._settings.limits.app_passwords_per_user):
            raise TooManyAppPasswords
        if not await self._sessions.is_alive(identity):
            # A reset of the password, for example, has ended this session: what it has just made must not stay.
            await self._store.delete(user_id, made.app_password_id)
            raise Unauthorized("Invalid token")
        await self._audit.record(Event.APP_PASSWORD_CREATED, identity.actor, client=client, detail=name)
        return made, password

    async def of(self, identity: "Identity") -> Sequence[AppPassword]:
        """The user's app passwords, oldest first."""
        return await self._store.of_user(identity.user.user_id)

    async def delete(self, identity: "Identity", app_password_id: str, *, client: str) -> None:
        """Deletes an app password, and ends the login sessions that it began.

        Raises:
            AppPasswordNotFound: the user has no such app password.
        """
        with trio.CancelScope(shield=True):
            ended = await self._store.delete(identity.user.user_id, app_password_id)
            if ended is None:
                raise AppPasswordNotFound
            self._sessions.live.sessions_ended(ended)
        await self._audit.record(Event.APP_PASSWORD_DELETED, identity.actor, client=client)

    async def matching(self, user_id: str, password: str) -> AppPassword | None:
        """The user's app password that this is, however it is spaced; None if it is none. The caller has asked the limiter."""
        typed = codes.normal_app_password(password)
        if not typed:
            return None
        return await self._store.by_hash(user_id, self._keys.app_password_hash(user_id, typed))
