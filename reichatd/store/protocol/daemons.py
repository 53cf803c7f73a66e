"""The methods for several daemons on one store: what they know of each other, and what only one of them may do."""

from collections.abc import Sequence
from typing import Protocol

from reichatd.store.records import Daemon, Lease, Leased, RunningDaemon


class DaemonStore(Protocol):
    """The daemons on the store, and the secret that they share. Heartbeats and leases end by the store's own clock.

    A store that one process has for itself knows only this one, which has every lease.
    """

    is_exclusive: bool
    """Whether only one daemon may use the store: the one with the lease `Leased.STORE`."""

    async def beat(self, daemon: Daemon, seconds: float) -> None:
        """Notes that a daemon runs, for the next `seconds`."""

    async def running(self) -> list[RunningDaemon]:
        """The daemons whose heartbeats have not expired, in the order of their starts."""

    async def leave(self, daemon_id: str) -> None:
        """Forgets a daemon, and ends its leases."""

    async def lease(self, what: Leased, daemon_id: str, seconds: float) -> Lease:
        """Gives or renews a lease for the next `seconds`, unless another daemon has it; returns who has it now."""

    async def fingerprint(self, offered: str) -> str:
        """The fingerprint of the secret that the store is used with: the one that is stored, or else `offered`, stored now."""

    async def replace_fingerprint(self, fingerprint: str) -> None:
        """Stores the fingerprint of another secret."""


class TicketStore(Protocol):
    """Which tickets were used."""

    epoch: str
    """Part of each ticket's signature: a ticket of another epoch is not valid, since its use may be forgotten."""

    async def use(self, number: str, expires_at: float) -> bool:
        """Notes the use of a ticket; False if it was used before.

        Arguments:
            expires_at: from when on the ticket is not valid anyway.
        """

    async def used(self, numbers: Sequence[str]) -> set[str]:
        """Those of these tickets that were used."""
