"""Reads from the store, many in one query.

When the daemon or its network comes back, thousands of clients join within seconds. While one read is in progress in the store's
thread, further requests collect, as posts do for the scribe: the next read answers all of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.store import StoreError

_BATCH = 200
"""Requests in one read. With more, the first ones would wait for the last."""

Q = TypeVar("Q")
A = TypeVar("A")


class _Request(Generic[Q, A]):
    """One caller of `read`. `answer` or `failure` is valid once `done` is set."""

    __slots__ = ("answer", "done", "failure", "query")

    def __init__(self, query: Q) -> None:
        self.query = query
        self.answer: A
        self.failure: StoreError | None = None
        self.done = trio.Event()


class BatchedReads(Generic[Q, A]):
    """Owns the requests that wait for the store.

    Arguments:
        read_all: answers some queries, in the same order. Raises StoreError.
    """

    def __init__(self, read_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._read_all = read_all
        self._requests: list[_Request[Q, A]] = []
        self._wake = RepeatedEvent()

    async def read(self, query: Q) -> A:
        """The answer of the store, from a read that begins after the call. Any task may call it; waits.

        Raises:
            StoreError
        """
        request: _Request[Q, A] = _Request(query)
        self._requests.append(request)
        self._wake.set()
        await request.done.wait()
        if request.failure is not None:
            raise StoreError(str(request.failure)) from request.failure
        return request.answer

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reads until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._requests:
                batch, self._requests = self._requests[:_BATCH], self._requests[_BATCH:]
                await self._answer(batch)

    async def _answer(self, batch: list[_Request[Q, A]]) -> None:
        try:
            answers = await self._read_all([request.query for request in batch])
        except StoreError as error:
            for request in batch:
                request.failure = error
        else:
            for request, answer in zip(batch, answers, strict=True):
                request.answer = answer
        for request in batch:
            request.done.set()
