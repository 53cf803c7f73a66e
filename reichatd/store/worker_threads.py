"""The hop from the event loop into a worker thread."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, TypeVarTuple

import trio
from outcome import Error, Outcome, capture

from reichatd.store.errors import FailureCounter, StoreError

_MOST = 100
"""Calls in one hop: more would keep the first of them waiting for the last."""

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class WorkerThreads:
    """Worker threads for the blocking calls of a store; calls beyond their number wait in line.

    Arguments:
        threads: how many calls may be under way at once.
        where: what the calls go to, for the text of errors.
        faults: where calls that fail are counted.
    """

    def __init__(self, threads: int, where: str, faults: FailureCounter) -> None:
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
        try:
            return await self._run(call, *args)
        except StoreError as error:
            self.faults.count(error)
            raise

    async def _run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        if self._closed:
            raise StoreError(f"{self._where} is closed")
        return await trio.to_thread.run_sync(call, *args, limiter=self._limiter)

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


class ThreadCall(Generic[R, T]):
    """What one caller wants to have done with something that threads have, and what came of it."""

    def __init__(self, step: Callable[[R], T]) -> None:
        self.landed = trio.Event()
        self.outcome: Outcome[T]
        self._step = step

    def make(self, resource: R) -> None:
        """For the thread; what the step raises is its caller's."""
        self.outcome = capture(self._step, resource)


class BatchedThreads(WorkerThreads, Generic[R]):
    """A `WorkerThreads` that short calls share: while one is under way the next calls gather, as posts do for the scribe.

    On a busy event loop a hop costs more than most reads, and its thread waits for the interpreter's lock again and again.

    Arguments:
        make_all: makes all calls of a hop, in the thread; what it raises itself is the outcome of each of them.
    """

    def __init__(
        self, threads: int, where: str, faults: FailureCounter, make_all: Callable[[Sequence[ThreadCall[R, Any]]], None]
    ) -> None:
        super().__init__(threads, where, faults)
        self._make_all = make_all
        self._boarding: list[ThreadCall[R, Any]] = []
        self._runway = trio.Lock()

    async def share(self, step: Callable[[R], T]) -> T:
        """Runs `step(resource)` in a thread, waits for it and returns what it returns; for what changes nothing.

        Errors: those of the step; StoreError after `aclose`.
        """
        call = ThreadCall(step)
        if 0 < len(self._boarding) < _MOST:
            self._boarding.append(call)
            await call.landed.wait()
        else:
            self._boarding = [call]
            with trio.CancelScope(shield=True):  # who leads leaves nobody behind
                await self._lead(self._boarding)
        try:
            return call.outcome.unwrap()
        except StoreError as error:
            self.faults.count(error)
            raise

    async def _lead(self, calls: list[ThreadCall[R, Any]]) -> None:
        async with self._runway:
            if self._boarding is calls:
                self._boarding = []
            try:
                await self._run(self._make_all, calls)
            except Exception as error:
                for call in calls:
                    call.outcome = Error(error)
        for call in calls:
            call.landed.set()
