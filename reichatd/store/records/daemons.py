"""What the daemons on one store know of each other."""

from enum import StrEnum

import msgspec


class Daemon(msgspec.Struct, frozen=True):
    """One start of a daemon.

    Arguments:
        daemon_id: random, another one at each start.
        host: the name of its machine, for people.
        processes: the process ids among which `pid` is unique: those of a machine since its boot, or of a container. "" if unknown.
        started_at: by the clock of its machine.
    """

    daemon_id: str
    version: str
    host: str
    processes: str
    pid: int
    started_at: float


class RunningDaemon(msgspec.Struct, frozen=True):
    """A daemon whose heartbeat has not expired.

    Arguments:
        schema: the newest version of the store's schema that it knows.
        idle_seconds: since its last heartbeat, by the store's clock.
        is_keeper: whether it has the lease of the housekeeping.
    """

    daemon: Daemon
    schema: int
    idle_seconds: float
    is_keeper: bool


class Leased(StrEnum):
    """What only one daemon at a time may have."""

    HOUSEKEEPING = "housekeeping"
    """The removal of what has expired, retention, and erasures."""
    STORE = "store"
    """The store itself, where it allows one daemon only (`DaemonStore.is_exclusive`)."""


class Lease(msgspec.Struct, frozen=True):
    """Who has a lease.

    Arguments:
        renewals: grows each time that it is renewed, or goes to another daemon.
    """

    daemon_id: str
    renewals: int
