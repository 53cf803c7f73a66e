"""Settings without limits on clients: tests make many users, rooms and connections from one address.

A test of a limit turns it on.
"""

from typing import get_type_hints

from reichatd.accounts.invites import Invites
from reichatd.accounts.keys import Keys
from reichatd.live import NoLiveConnections
from reichatd.rate_limits import MemoryCounts, RateLimiter
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LimitSettings, LiveSettings
from reichatd.settings.kinds import OptionalLimit
from reichatd.store import Store

_OPTIONAL = [name for name, kind in get_type_hints(LimitSettings, include_extras=True).items() if kind == OptionalLimit]
UNLIMITED: dict[str, int] = {**dict.fromkeys(_OPTIONAL, 0), "room_password_min": 1}
"""By name in `limits`."""

UNLIMITED_ENVIRONMENT = {f"REICHATD_LIMITS_{name.upper()}": str(value) for name, value in UNLIMITED.items()}
"""The same for a process."""

UNLIMITED_SETTINGS = {f"limits.{name}": value for name, value in UNLIMITED.items()}
"""The same by full name."""

CLIENT = "192.0.2.1"
"""The address of a client."""


def limiter_of(settings: LiveSettings) -> RateLimiter:
    """A limiter of one daemon, without a store."""
    counts = MemoryCounts()
    return RateLimiter(settings, local=counts, shared=counts)


def invites_of(store: Store, settings: LiveSettings) -> RoomInvites:
    """The use cases of invitations, on top of a store."""
    invites = Invites(settings=settings, keys=lambda: Keys(bytes(32)), store=store, limiter=limiter_of(settings))
    return RoomInvites(settings=settings, store=store, live=NoLiveConnections(), invites=invites)
