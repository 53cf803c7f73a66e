"""All that belongs to accounts, put together."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from reichatd.accounts.blocks import Blocks
from reichatd.accounts.invites import Invites
from reichatd.accounts.keys import Keys
from reichatd.accounts.logins import Logins
from reichatd.accounts.profiles import Profiles
from reichatd.accounts.registrations import Registrations
from reichatd.accounts.sessions import Sessions

if TYPE_CHECKING:
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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        keys = Keys(secret)
        self.invites = Invites(settings=settings, keys=lambda: keys, store=store, limiter=limiter, clock=clock)
        self.sessions = Sessions(auth=auth, settings=settings, keys=keys, store=store, live=live, clock=clock)
        self.registrations = Registrations(
            auth=auth,
            settings=settings,
            keys=keys,
            store=store,
            passwords=passwords,
            outbox=outbox,
            limiter=limiter,
            invites=self.invites,
            clock=clock,
        )
        self.logins = Logins(
            settings=settings, store=store, passwords=passwords, limiter=limiter, sessions=self.sessions
        )
        self.blocks = Blocks(settings=settings, store=store, clock=clock)
        self.profiles = Profiles(
            settings=settings,
            store=store,
            passwords=passwords,
            limiter=limiter,
            sessions=self.sessions,
            logins=self.logins,
        )

    async def delete_expired(self) -> None:
        """Housekeeping: removes expired registrations, sessions and invitations. Nothing depends on when it is called."""
        now = self._clock()
        await self._store.users.delete_expired(now)
        await self._store.sessions.delete_expired(now)
        await self.invites.delete_expired()
