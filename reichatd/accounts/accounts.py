"""All that belongs to accounts, put together."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from reichatd.accounts.app_passwords import AppPasswords
from reichatd.accounts.blocks import Blocks
from reichatd.accounts.deletion import Deletion
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.email_changes import EmailChanges
from reichatd.accounts.exports import Exports
from reichatd.accounts.factor_check import FactorCheck
from reichatd.accounts.invites import Invites
from reichatd.accounts.keys import Keys
from reichatd.accounts.logins import Logins
from reichatd.accounts.notices import Notices
from reichatd.accounts.oidc import OidcLogins
from reichatd.accounts.password_resets import PasswordResets
from reichatd.accounts.profiles import Profiles
from reichatd.accounts.program_access import ProgramAccess
from reichatd.accounts.registrations import Registrations
from reichatd.accounts.rotation import Rotation
from reichatd.accounts.second_factors import SecondFactors
from reichatd.accounts.session_list import SessionList
from reichatd.accounts.sessions import Sessions
from reichatd.accounts.totp import TotpSecrets
from reichatd.audit import AuditLog

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
        on = Dependencies(
            auth=auth,
            settings=settings,
            keys=keys,
            store=store,
            passwords=passwords,
            outbox=outbox,
            limiter=limiter,
            audit=AuditLog(store.audit, settings, clock),
            clock=clock,
        )
        notices, totp_secrets = Notices(outbox, limiter), TotpSecrets(keys.totp_secrets)
        factors = FactorCheck(on, secrets=totp_secrets)
        self.invites = invites = Invites(
            settings=settings, keys=lambda: keys, store=store, limiter=limiter, clock=clock
        )
        self.registrations = Registrations(on, invites=invites)
        self.sessions = sessions = Sessions(on, live=live)
        self.session_list = SessionList(on, sessions=sessions)
        self.rotation = Rotation(on, sessions=sessions, notices=notices)
        self.app_passwords = AppPasswords(on, sessions=sessions)
        self.program_access = ProgramAccess(on, sessions=sessions)
        self.logins = logins = Logins(on, sessions=sessions, app_passwords=self.app_passwords, factors=factors)
        self.second_factors = SecondFactors(on, secrets=totp_secrets, logins=logins, check=factors, notices=notices)
        self.profiles = Profiles(on, sessions=sessions, logins=logins, notices=notices)
        self.password_resets = PasswordResets(on, sessions=sessions, notices=notices)
        self.email_changes = EmailChanges(on, sessions=sessions, logins=logins, notices=notices)
        self.blocks = Blocks(on)
        self.exports = Exports(on)
        self.deletion = Deletion(on, sessions=sessions, logins=logins)
        self.oidc = oidc and OidcLogins(
            on, client=oidc, invites=invites, notices=notices, sessions=sessions, logins=logins
        )

    async def delete_expired(self) -> None:
        """Housekeeping: removes what has expired. Nothing depends on when it is called."""
        now = self._clock()
        await self._store.users.delete_expired(now)
        await self._store.sessions.delete_expired(now)
        await self._store.email_changes.delete_expired(now)
        await self.invites.delete_expired()
