"""The hop from the event loop into a worker thread."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

from reichatd.store.errors import Faults, StoreError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Hop:
    """Worker threads for the blocking calls of a store; calls beyond their number wait in line.

    Arguments:
        threads: how many calls may be under way at once.
        where: what the calls go to, for the text of errors.
        faults: where calls that fail are counted.
    """

    def __init__(self, threads: int, where: str, faults: Faults) -> None:
        self.faults = faults
        self._where = where
        self._threads = threads
        self._limiter = trio.CapacityLimiter(threads)
        self._closed = False

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """Runs `call(*args)` in a thread, waits for it and returns what it returns.

        A call that has begun is never abandoned: a cancelled caller gets its outcome, so `Cancelled` means that nothing was
        done.

        Errors: those of the call; StoreError after `aclose`.
        """
        if self._closed:
            raise StoreError(f"{self._where} is closed")
        try:
            return await trio.to_thread.run_sync(call, *args, limiter=self._limiter)
        except StoreError as error:
            self.faults.count(error)
            raise

    async def aclose(self, last: Callable[[], None]) -> None:
        """Refuses further calls, waits for those made before, then runs `last` in a thread. Only the first `aclose` does so.

        Cancellation does not hurry it: what the threads hold would leak.
        """
        if self._closed:
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            # The limiter serves in order: whoever holds every token comes after all calls.
            tokens = [object() for _ in range(self._threads)]
            for token in tokens:
                await self._limiter.acquire_on_behalf_of(token)
            for token in tokens:
                self._limiter.release_on_behalf_of(token)
            await trio.to_thread.run_sync(last, limiter=self._limiter)
