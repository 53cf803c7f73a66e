"""What the use cases of accounts have in common."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from reichatd.accounts.keys import Keys
from reichatd.audit import AuditLog

if TYPE_CHECKING:
    from reichatd.accounts.passwords import Passwords
    from reichatd.mail import Outbox
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import AuthSettings, LiveSettings
    from reichatd.store import Store


class Dependencies(Struct, frozen=True):
    """What each use case of accounts takes what it needs from.

    Arguments:
        auth: how long tokens, sessions and codes are valid, and how many tries a code has. Read at the start.
        settings: all settings, as they are now.
        limiter: is asked before passwords and codes are compared and before mails are queued.
        clock: seconds since the epoch.
    """

    auth: "AuthSettings"
    settings: "LiveSettings"
    keys: Keys
    store: "Store"
    passwords: "Passwords"
    outbox: "Outbox"
    limiter: "RateLimiter"
    audit: AuditLog
    clock: Callable[[], float]
