"""All that belongs to accounts, put together."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from reichatd.accounts.keys import Keys
from reichatd.accounts.logins import Logins
from reichatd.accounts.oidc import OidcLogins
from reichatd.accounts.profiles import Profiles
from reichatd.accounts.registrations import Registrations
from reichatd.accounts.sessions import Sessions

if TYPE_CHECKING:
    from reichatd.accounts.oidc import OidcClient
    from reichatd.accounts.passwords import Passwords
    from reichatd.live import LiveConnections
    from reichatd.mail import Outbox
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import AuthSettings, LiveSettings
    from reichatd.store import Store


class Accounts:
    """The use cases of accounts: one part for each kind.

    Arguments:
        auth: how long tokens, sessions and codes are valid, and how many tries a code has.
        settings: of these, the limits of names and passwords.
        secret: see `Keys`.
        limiter: is asked before passwords and codes are tried and mails are queued.
        live: is notified of sessions that have ended and users who have changed.
        oidc: what was read from files for the provider of logins; None without a provider.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        auth: "AuthSettings",
        settings: "LiveSettings",
        secret: bytes,
        store: "Store",
        passwords: "Passwords",
        outbox: "Outbox",
        limiter: "RateLimiter",
        live: "LiveConnections",
        oidc: "OidcClient | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        keys = Keys(secret)
        self.sessions = Sessions(auth=auth, keys=keys, store=store, live=live, clock=clock)
        self.registrations = Registrations(
            auth=auth,
            settings=settings,
            keys=keys,
            store=store,
            passwords=passwords,
            outbox=outbox,
            limiter=limiter,
            clock=clock,
        )
        self.logins = Logins(
            settings=settings, store=store, passwords=passwords, limiter=limiter, sessions=self.sessions
        )
        self.profiles = Profiles(
            settings=settings,
            store=store,
            passwords=passwords,
            limiter=limiter,
            sessions=self.sessions,
            logins=self.logins,
        )

        self.oidc = oidc and OidcLogins(
            client=oidc,
            settings=settings,
            keys=keys,
            store=store,
            passwords=passwords,
            limiter=limiter,
            sessions=self.sessions,
            logins=self.logins,
            clock=clock,
        )

    async def delete_expired(self) -> None:
        """Housekeeping: removes expired registrations and sessions. Nothing depends on when it is called."""
        now = self._clock()
        await self._store.users.delete_expired(now)
        await self._store.sessions.delete_expired(now)
