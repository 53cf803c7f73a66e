"""Checks the codes of second factors."""

from typing import TYPE_CHECKING

import structlog

from reichatd.accounts import codes
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.totp import UndecipheredSecret
from reichatd.audit import Event
from reichatd.errors import InvalidCode, TotpRequired
from reichatd.rate_limits import Action
from reichatd.rights import UserActor
from reichatd.store import Totp, User

if TYPE_CHECKING:
    from reichatd.accounts.totp import TotpSecrets

log = structlog.get_logger()


class FactorCheck:
    """Each code is good once: the store uses it up, in one step. Every method may be called from any task.

    Errors: in addition to those named at each method, `RateLimited` and `StoreError`.
    """

    def __init__(self, on: Dependencies, *, secrets: "TotpSecrets") -> None:
        self._keys = on.keys
        self._secrets = secrets
        self._store = on.store.second_factors
        self._limiter = on.limiter
        self._audit = on.audit
        self._clock = on.clock

    async def require(self, user: User, code: str | None, *, client: str, known: bool) -> None:
        """Returns if the user has no second factor, or if this code is right. For a login: the password has been checked.

        Arguments:
            client: the address that the request came from.
            known: whether the user has logged in from there before.

        Raises:
            TotpRequired: there is no code.
            InvalidCode: the code is wrong, too old, or was used.
        """
        totp = await self._store.get(user.user_id)
        if totp is None or not totp.confirmed:
            return
        if not code:
            raise TotpRequired
        await self.use(totp, code, client=client, known=known)

    async def use(self, totp: Totp, code: str, *, client: str, known: bool) -> None:
        """Uses up a code, or a recovery code, of a confirmed factor. Arguments and errors are those of `require`."""
        async with self._limiter.guess(Action.TOTP, client=client, subject=totp.user_id, known=known):
            step = self.step_of(totp, code)
            if step is None:
                await self._use_recovery(totp.user_id, code, client)
            elif not await self._store.use_step(totp.user_id, step):
                raise InvalidCode

    def step_of(self, totp: Totp, code: str) -> int | None:
        """The time step that a code belongs to; None if it is wrong. Does not wait. The caller has asked the limiter."""
        try:
            return self._secrets.matching_step(totp.secret, codes.normal(code), self._clock())
        except UndecipheredSecret:
            log.error("second factor cannot be decrypted", user_id=totp.user_id)
            return None

    async def _use_recovery(self, user_id: str, code: str, client: str) -> None:
        if not await self._store.use_recovery(user_id, self._keys.recovery_hash(user_id, codes.normal_recovery(code))):
            raise InvalidCode
        await self._audit.record(Event.RECOVERY_CODE_USED, UserActor(user_id, ""), client=client)
