"""Logins with a password."""

from collections import Counter
from typing import TYPE_CHECKING

from reichatd.accounts import fields
from reichatd.accounts.concealment import concealing
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.sessions import LoginTokens
from reichatd.audit import Event
from reichatd.errors import (
    InvalidCode,
    InvalidPassword,
    RateLimited,
    ReichatError,
    TotpRequired,
    Unavailable,
    UserDisabled,
    UserNotFound,
)
from reichatd.rate_limits import Action
from reichatd.store import User

if TYPE_CHECKING:
    from reichatd.accounts.app_passwords import AppPasswords
    from reichatd.accounts.factor_check import FactorCheck
    from reichatd.accounts.sessions import Sessions

_ERRORS = (UserNotFound, InvalidPassword, TotpRequired, InvalidCode, UserDisabled, Unavailable, RateLimited)
"""Errors of a login that the metrics show at 0 from the start: a rate needs a first value."""


_REFUSALS = (UserNotFound, InvalidPassword, InvalidCode, UserDisabled)
"""Errors of a login that the audit log has."""


class Logins:
    """Checks passwords, and starts login sessions. Every method may be called from any task.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.
    """

    def __init__(
        self, on: Dependencies, *, sessions: "Sessions", app_passwords: "AppPasswords", factors: "FactorCheck"
    ) -> None:
        self.outcomes: Counter[str] = Counter({"ok": 0} | {error.code: 0 for error in _ERRORS})
        """How many logins had which outcome: "ok", or the code of the error."""
        self._auth = on.auth
        self._settings = on.settings
        self._store = on.store
        self._passwords = on.passwords
        self._limiter = on.limiter
        self._sessions = sessions
        self._audit = on.audit
        self._app_passwords = app_passwords
        self._factors = factors

    async def login(
        self, email: str, password: str, totp: str | None = None, *, client: str, device: str = ""
    ) -> LoginTokens:
        """Starts a login session; other devices keep theirs.

        Arguments:
            password: the user's password, or an app password, which needs no `totp`.
            totp: a code of the user's second factor, or a recovery code.
            device: what the client says of itself, in short.

        Raises:
            UserNotFound: no user has this address; InvalidPassword with `auth.conceal_accounts`.
            InvalidPassword: this is not the user's password.
            TotpRequired: the password is right; the user has a second factor, and there is no `totp`.
            InvalidCode: the password is right, but `totp` is not.
            UserDisabled: the password is right, but the account is disabled.
        """
        try:
            async with concealing(self._auth):
                login = await self._log_in(email, password, totp, client, device)
        except ReichatError as error:
            self.outcomes[error.code] += 1
            if isinstance(error, _REFUSALS):
                await self._record_refusal(email, client, error.code)
            raise
        self.outcomes["ok"] += 1
        return login

    async def _record_refusal(self, email: str, client: str, reason: str) -> None:
        """The address is not recorded if it is nobody's: people enter passwords there by mistake."""
        address = fields.known_form(email)
        user = await self._store.users.by_email(address) if address else None
        await self._audit.record(
            Event.LOGIN_REFUSED, None, user_id=user.user_id if user else "", client=client, detail=reason
        )

    async def _log_in(self, email: str, password: str, totp: str | None, client: str, device: str) -> LoginTokens:
        address = fields.known_form(email)
        known = await self._sessions.is_known_client(address, client) if address else False
        # Whether the account exists or not: the limit must not tell.
        async with self._limiter.guess(
            Action.LOGIN, client=client, subject=fields.folded(address or email), known=known
        ):
            user = await self._store.users.by_email(address) if address else None
            # Also for nobody: the time must not tell either.
            app_password = await self._app_passwords.matching(user.user_id if user else "", password)
            if user is None:
                if fields.is_short_enough(self._settings.limits, password):
                    await self._passwords.verify_dummy(password, client=client)
                raise InvalidPassword if self._auth.conceal_accounts else UserNotFound
            if app_password is None:
                await self.check_password(user, password, client)
        if user.disabled:
            raise UserDisabled
        app_password_id = app_password.app_password_id if app_password else ""
        if not app_password_id:
            await self._factors.require(user, totp, client=client, known=known)
        return await self._sessions.start(user, client=client, device=device, app_password_id=app_password_id)

    async def confirm_password(self, user: User, password: str, *, client: str) -> bool:
        """Checks the password of a user who is logged in, before a change that a stolen token must not make.

        Returns whether the user has logged in from there before.

        Raises:
            InvalidPassword: this is not the user's password.
        """
        known = await self._sessions.is_known_client(user.email, client)  # a stolen token may come from anywhere
        async with self._limiter.guess(Action.LOGIN, client=client, subject=fields.folded(user.email), known=known):
            await self.check_password(user, password, client)
        return known

    async def check_password(self, user: User, password: str, client: str) -> None:
        """Raises InvalidPassword unless this is the user's password. The caller has asked the limiter."""
        if not fields.is_short_enough(self._settings.limits, password):
            raise InvalidPassword
        whose = f"user {user.user_id}"
        if not await self._passwords.verify(user.password_hash, password, whose=whose, client=client):
            raise InvalidPassword
