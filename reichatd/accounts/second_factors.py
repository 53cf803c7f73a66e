"""What users do with their own second factors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from reichatd.accounts import codes
from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import InvalidCode, TotpEnabled, TotpNotFound
from reichatd.mail import messages
from reichatd.rate_limits import Action
from reichatd.rights import require_own_login
from reichatd.store import Totp

if TYPE_CHECKING:
    from reichatd.accounts.factor_check import FactorCheck
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.totp import Enrolment, TotpSecrets

RECOVERY_CODES = 10


class FactorState(NamedTuple):
    """Whether a user has a second factor, and how many unused recovery codes."""

    enabled: bool
    recovery_codes: int


class SecondFactors:
    """Turns the second factor on and off; a mail tells the user.

    Any task may call any method. Each makes one change, in one step of the store.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`; and `Forbidden` for a session
    that began with an app password.

    `client` is the address that a request came from.
    """

    def __init__(
        self, on: Dependencies, *, secrets: "TotpSecrets", logins: "Logins", check: "FactorCheck", notices: "Notices"
    ) -> None:
        self._settings = on.settings
        self._keys = on.keys
        self._secrets = secrets
        self._store = on.store.second_factors
        self._limiter = on.limiter
        self._logins = logins
        self._check = check
        self._notices = notices
        self._audit = on.audit

    async def state(self, identity: "Identity") -> FactorState:
        totp = await self._store.get(identity.user.user_id)
        return FactorState(totp is not None and totp.confirmed, len(totp.recovery.split()) if totp else 0)

    async def begin(self, identity: "Identity", password: str, *, client: str) -> "Enrolment":
        """Makes a secret, in place of an earlier one that was not confirmed. It is not asked for until `confirm`.

        Raises:
            InvalidPassword: this is not the user's password.
            TotpEnabled: the user has a second factor.
        """
        require_own_login(identity.session.app_password_id)
        user = identity.user
        await self._logins.confirm_password(user, password, client=client)
        issuer = urlsplit(self._settings.server.public_url).hostname or "reichatd"
        enrolment, encrypted = self._secrets.enrol(user.email, issuer)
        if not await self._store.begin(Totp(user.user_id, encrypted)):
            raise TotpEnabled
        return enrolment

    async def confirm(self, identity: "Identity", code: str, *, client: str) -> Sequence[str]:
        """Turns the second factor on, by a code of the app that has its secret; returns the recovery codes.

        Raises:
            TotpNotFound: there is no secret to confirm, or no longer.
            TotpEnabled: the factor is confirmed already.
            InvalidCode: the code is wrong or too old.
        """
        require_own_login(identity.session.app_password_id)
        user_id = identity.user.user_id
        totp = await self._store.get(user_id)
        if totp is None:
            raise TotpNotFound
        if totp.confirmed:
            raise TotpEnabled
        async with self._limiter.guess(Action.TOTP, client=client, subject=user_id, known=True):
            step = self._check.step_of(totp, code)
            if step is None:
                raise InvalidCode
        recovery = [codes.new_recovery() for _ in range(RECOVERY_CODES)]
        hashes = [self._keys.recovery_hash(user_id, codes.normal_recovery(one)) for one in recovery]
        confirmed = msgspec.structs.replace(totp, confirmed=True, last_step=step, recovery=" ".join(hashes))
        if not await self._store.confirm(confirmed):
            raise TotpNotFound  # another call has made another secret meanwhile, or confirmed this one
        await self._audit.record(Event.TOTP_ENABLED, identity.actor, client=client)
        await self._notices.send(identity.user, messages.second_factor_on(), client=client)
        return recovery

    async def remove(self, identity: "Identity", password: str, code: str, *, client: str) -> None:
        """Turns the second factor off.

        Arguments:
            code: a code of the app, or a recovery code.

        Raises:
            InvalidPassword: this is not the user's password.
            TotpNotFound: there is none.
            InvalidCode: the code is wrong, too old, or was used.
        """
        require_own_login(identity.session.app_password_id)
        user = identity.user
        known = await self._logins.confirm_password(user, password, client=client)
        totp = await self._store.get(user.user_id)
        if totp is None or not totp.confirmed:
            raise TotpNotFound
        await self._check.use(totp, code, client=client, known=known)
        await self._store.delete(user.user_id)
        await self._audit.record(Event.TOTP_DISABLED, identity.actor, client=client)
        await self._notices.send(user, messages.second_factor_off(), client=client)
