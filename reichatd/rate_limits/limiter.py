"""Asks the counts whether an action is within its limits."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

import structlog

from reichatd.errors import RateLimited, ReichatError, Unavailable
from reichatd.rate_limits.addresses import network_of
from reichatd.rate_limits.counts import Count, Counts
from reichatd.rate_limits.rules import RULES, Action, Scope
from reichatd.settings import LiveSettings

log = structlog.get_logger()


class RateLimiter:
    """The limits of `rules`, with the numbers in force. Any task may call it; it waits only for counts in a store.

    Arguments:
        local: counts of all that a client does, by this daemon.
        shared: counts that protect an account or a room, which all daemons on one store share.
    """

    def __init__(self, settings: LiveSettings, local: Counts, shared: Counts) -> None:
        self.refusals: Counter[str] = Counter({action.value: 0 for action in Action})
        """Refused actions, by the value of `Action`; all are there from the start."""
        self._settings = settings
        self._local = local
        self._shared = shared

    async def require(self, action: Action, *, client: str, subject: str = "", known: bool = False) -> None:
        """Counts an action, before anything is done for it.

        Arguments:
            client: the address that the request came from.
            subject: what it is about; see `Action`.
            known: whether the client has proved before that it belongs to the subject: then it is not limited by what others do.

        Raises:
            RateLimited
            StoreError
        """
        local, shared = self._counts(action, client, subject, known)
        refused = await self._first_over(self._local, local)
        if refused is None and shared:
            try:
                refused = await self._first_over(self._shared, shared)
            except Exception:  # the store fails: nothing is done
                await self._local.give_back(local)
                raise
            if refused is not None:
                await self._local.give_back(local)
        if refused is not None:
            self.refusals[action.value] += 1
            log.info("rate limited", action=action.value, client=client, retry_after=refused)
            raise RateLimited(retry_after=refused)

    async def give_back(
        self, action: Action, *, client: str, subject: str = "", known: bool = False, work: bool = True
    ) -> None:
        """Takes back what `require` counted.

        Arguments:
            work: whether that includes the work for the client: False if it was done, and nothing was wrong.

        Raises:
            StoreError
        """
        local, shared = self._counts(action, client, subject, known, work=work)
        await self._local.give_back(local)
        if shared:
            await self._shared.give_back(shared)

    @asynccontextmanager
    async def counted(
        self, action: Action, *, client: str, subject: str, free: tuple[type[Exception], ...] = ()
    ) -> AsyncIterator[None]:
        """Counts what is done inside, before it. Gives it back if it ends in Unavailable, an error of the store, or one of `free`.

        Other arguments and errors: as for `require`.
        """
        await self.require(action, client=client, subject=subject)
        try:
            yield
        except Exception as error:
            if _nothing_done(error) or isinstance(error, free):
                await self.give_back(action, client=client, subject=subject)
            raise

    @asynccontextmanager
    async def guess(self, action: Action, *, client: str, subject: str, known: bool = False) -> AsyncIterator[None]:
        """Counts the check of a secret inside, before it. Gives back a right one, but for the work, and one that was not checked.

        A wrong one ends in a ReichatError other than Unavailable. Other errors, such as those of the store, say nothing of it.

        Arguments and errors: as for `require`.
        """
        await self.require(action, client=client, subject=subject, known=known)
        try:
            yield
        except Exception as error:
            if _nothing_done(error):
                await self.give_back(action, client=client, subject=subject, known=known)
            raise
        await self.give_back(action, client=client, subject=subject, known=known, work=False)

    async def _first_over(self, counts: Counts, wanted: list[Count]) -> int | None:
        position = await counts.hit(wanted)
        return None if position is None else await counts.retry_after(wanted[position])

    def _counts(
        self, action: Action, client: str, subject: str, known: bool, *, work: bool = True
    ) -> tuple[list[Count], list[Count]]:
        network = network_of(client)
        local: list[Count] = []
        shared: list[Count] = []
        for rule in RULES[action]:
            amount = rule.amount(self._settings.limits)
            if not amount or (known and rule.scope in {Scope.SUBJECT, Scope.SHARE}):
                continue
            if rule.scope is Scope.WORK and not work:
                continue
            match rule.scope:
                case Scope.CLIENT | Scope.WORK:
                    key = _key(action, rule.scope, network)
                case Scope.PAIR | Scope.SHARE:
                    key = _key(action, rule.scope, network, subject)
                case Scope.SUBJECT:
                    key = _key(action, rule.scope, subject)
            is_local = rule.scope in {Scope.CLIENT, Scope.WORK}
            (local if is_local else shared).append(Count(key, amount, rule.seconds))
        return local, shared


def _nothing_done(error: Exception) -> bool:
    """Whether the daemon could not do what was asked. Any other ReichatError is an answer."""
    return isinstance(error, Unavailable) or not isinstance(error, ReichatError)


def _key(action: Action, scope: Scope, *parts: str) -> str:
    """A key of fixed length that shows no address, since the store keeps it for a while."""
    text = "\0".join((action.value, scope.value, *parts))
    # A client may send lone surrogates.
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
