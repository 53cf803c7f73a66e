"""Runs blocking calls in worker threads, beside the event loop."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, TypeVarTuple

import trio
from outcome import Error, Outcome, capture

from reichatd.store.errors import FailureCounter, StoreError

_BATCH_MAX = 100
"""Calls in one batch: with more, the first of them would wait too long for the last."""

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class WorkerThreads:
    """Worker threads for the blocking calls of a store. Further calls wait for a free thread, in order.

    Arguments:
        threads: how many calls may run at once.
        where: what the calls go to, for the text of errors.
        failures: counts the calls that fail.
    """

    def __init__(self, threads: int, where: str, failures: FailureCounter) -> None:
        self.failures = failures
        self._where = where
        self._threads = threads
        self._limiter = trio.CapacityLimiter(threads)
        self._closed = False

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """Runs `call(*args)` in a thread, waits for it and returns its result.

        A call that has begun is never abandoned: a cancelled caller still gets its outcome. So `Cancelled` means that nothing was
        done.

        Errors: those of the call; StoreError after `aclose`.
        """
        try:
            return await self._run(call, *args)
        except StoreError as error:
            self.failures.count(error)
            raise

    async def _run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        if self._closed:
            raise StoreError(f"{self._where} is closed")
        return await trio.to_thread.run_sync(call, *args, limiter=self._limiter)

    async def aclose(self, last: Callable[[], None]) -> None:
        """Refuses further calls, waits for earlier ones, then runs `last` in a thread. Only the first `aclose` does so.

        Cancellation does not shorten it: the resources of the threads would leak.
        """
        if self._closed:
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            # The limiter serves in order: all tokens are free only after all calls.
            tokens = [object() for _ in range(self._threads)]
            for token in tokens:
                await self._limiter.acquire_on_behalf_of(token)
            for token in tokens:
                self._limiter.release_on_behalf_of(token)
            await trio.to_thread.run_sync(last, limiter=self._limiter)


class ThreadCall(Generic[R, T]):
    """One caller's step on a resource of the thread, and its outcome."""

    def __init__(self, step: Callable[[R], T]) -> None:
        self.done = trio.Event()
        self.outcome: Outcome[T]
        self._step = step

    def run(self, resource: R) -> None:
        """Runs the step and keeps its result or its exception. Called in the thread."""
        self.outcome = capture(self._step, resource)


class BatchedThreads(WorkerThreads, Generic[R]):
    """A `WorkerThreads` that runs short calls in batches: while one batch runs, the next calls gather.

    On a busy event loop the switch to a thread costs more than most reads, and the thread waits again and again for the
    interpreter's lock.

    Arguments:
        run_all: runs all calls of a batch, in the thread. An exception of its own is the outcome of each call.
    """

    def __init__(
        self,
        threads: int,
        where: str,
        failures: FailureCounter,
        run_all: Callable[[Sequence[ThreadCall[R, Any]]], None],
    ) -> None:
        super().__init__(threads, where, failures)
        self._run_all = run_all
        self._gathering: list[ThreadCall[R, Any]] = []
        self._running = trio.Lock()

    async def run_batched(self, step: Callable[[R], T]) -> T:
        """Runs `step(resource)` in a thread, waits for it and returns its result. The step must not change anything.

        Errors: those of the step; StoreError after `aclose`.
        """
        call = ThreadCall(step)
        if 0 < len(self._gathering) < _BATCH_MAX:
            self._gathering.append(call)
            await call.done.wait()
        else:
            self._gathering = [call]
            with trio.CancelScope(shield=True):  # others wait for this batch
                await self._lead(self._gathering)
        try:
            return call.outcome.unwrap()
        except StoreError as error:
            self.failures.count(error)
            raise

    async def _lead(self, calls: list[ThreadCall[R, Any]]) -> None:
        async with self._running:
            if self._gathering is calls:
                self._gathering = []
            try:
                await self._run(self._run_all, calls)
            except Exception as error:
                for call in calls:
                    call.outcome = Error(error)
        for call in calls:
            call.done.set()
