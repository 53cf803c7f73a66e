"""The whole store, and its audit log."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from reichatd.store.bulk import BulkImport
from reichatd.store.errors import FailureCounter
from reichatd.store.protocol.accounts import (
    AppPasswordStore,
    BlockStore,
    EmailChangeStore,
    OidcStore,
    SecondFactorStore,
    SessionStore,
    UserStore,
)
from reichatd.store.protocol.daemons import DaemonStore, TicketStore
from reichatd.store.protocol.messages import ErasureStore, MessageStore
from reichatd.store.protocol.rooms import DirectStore, InviteStore, MemberStore, RoomStore
from reichatd.store.records import AuditEntry, AuditFilter, LogHead, Totals

if TYPE_CHECKING:
    import trio

    from reichatd.rate_limits import Counts
    from reichatd.store.feed import Tell, Wants


class AuditStore(Protocol):
    """The audit log."""

    async def add(self, entry: AuditEntry) -> int:
        """Stores an entry under a new number, and returns it. The entry's own `number` is ignored."""

    async def page(self, chosen: AuditFilter, at_most: int) -> list[AuditEntry]:
        """The first entries of the chosen ones, by their numbers."""

    async def expire(self, before: float, addresses_before: float, at_most: int) -> int:
        """Removes up to `at_most` entries from before `before`, and the addresses from as many from before `addresses_before`.

        Returns:
            how many it changed; fewer than `at_most` if nothing is left to do.
        """


class Store(Protocol):
    """An open store. `Backend.open` opens it, `aclose` closes it."""

    users: UserStore
    sessions: SessionStore
    second_factors: SecondFactorStore
    app_passwords: AppPasswordStore
    oidc: OidcStore
    rooms: RoomStore
    members: MemberStore
    messages: MessageStore
    directs: DirectStore
    blocks: BlockStore
    invites: InviteStore
    email_changes: EmailChangeStore
    erasures: ErasureStore
    audit: AuditStore
    daemons: DaemonStore
    tickets: TicketStore
    caution: str
    """What the operator of a daemon on this store has to know, in a sentence; empty if there is nothing."""
    failures: FailureCounter
    """Counts the failed calls of all parts."""
    bulk_import: BulkImport
    counts: "Counts"
    """The counts that protect accounts and rooms: all daemons on one store share them."""

    async def ping(self) -> None:
        """Returns if the store answers and can be read."""

    async def totals(self) -> Totals:
        """How much the store holds."""

    async def reclaim(self) -> int:
        """Returns the space of removed messages to the file system, in a step that delays posts only a little.

        Returns:
            how many bytes; 0 if there is no more, or if the store keeps its space.
        """

    async def compact(self) -> int:
        """Frees the space that `reclaim` cannot; returns how many bytes. May take minutes, and delays posts only a little."""

    async def follow(self, wants: "Wants", tell: "Tell", *, task_status: "trio.TaskStatus[None]" = ...) -> None:
        """Tells what others change in the store, until cancelled; returns at once if no other process can write to it.

        It starts when the feed is open, or after `timeout_seconds` without the server; it opens it again after each failure.

        Arguments:
            wants: asked about each log before its messages are read.
            tell: see `Tell`; also told of what this process changes, apart from the messages that it posts and the read marks that
                it moves.
        """

    async def heads(self, log_keys: Sequence[str]) -> dict[str, LogHead]:
        """Where these logs begin and end, by their keys; without those that are gone. Cheap for logs whose ends are known here."""

    async def aclose(self) -> None:
        """Waits for running calls, then closes files and connections."""
