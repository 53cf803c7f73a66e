"""Batches of calls in worker threads."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from reichatd.store.errors import FailureCounter, StoreError, StoreUnavailable
from reichatd.store.worker_threads import BatchedThreads, ThreadCall


class Batches:
    """Threads that note the size of each batch. With a gate, the thread waits at it."""

    def __init__(self, threads: int = 1) -> None:
        self.failures = FailureCounter()
        self.sizes: list[int] = []
        self.gate: threading.Event | None = None
        self.broken: Exception | None = None
        self.threads = BatchedThreads(threads, "the store", self.failures, self._run_all)

    def _run_all(self, calls: Sequence[ThreadCall[str, Any]]) -> None:
        self.sizes.append(len(calls))
        if self.gate is not None:
            self.gate.wait()
        if self.broken is not None:
            raise self.broken
        for call in calls:
            call.run("resource")

    async def run(self, answers: dict[int, object], key: int, step: Callable[[str], object]) -> None:
        try:
            answers[key] = await self.threads.run_batched(step)
        except Exception as error:
            answers[key] = error


def fails(_: str) -> None:
    raise StoreUnavailable("down")


async def test_calls_made_at_once_share_a_batch() -> None:
    batches = Batches()
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number in range(250):
            nursery.start_soon(batches.run, answers, number, lambda resource, number=number: (resource, number))
    assert sorted(batches.sizes) == [50, 100, 100]
    assert answers == {number: ("resource", number) for number in range(250)}
    assert await batches.threads.run_batched(str.upper) == "RESOURCE"
    assert batches.sizes[3:] == [1]


async def test_a_step_fails_for_its_caller_only() -> None:
    batches = Batches()
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number, step in enumerate([str.upper, fails, str.title]):
            nursery.start_soon(batches.run, answers, number, step)
    assert batches.sizes == [3]
    assert (answers[0], answers[2]) == ("RESOURCE", "Resource")
    assert isinstance(answers[1], StoreUnavailable)
    assert (batches.failures.unavailable, batches.failures.other) == (1, 0)


@pytest.mark.parametrize("broken", [StoreError("gone"), ZeroDivisionError()])
async def test_a_batch_that_fails_fails_for_all(broken: Exception) -> None:
    batches = Batches()
    batches.broken = broken
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(batches.run, answers, number, str.upper)
    assert answers == dict.fromkeys(range(3), broken)
    batches.broken = None
    assert await batches.threads.run_batched(str.upper) == "RESOURCE"


async def test_a_cancelled_caller_does_not_stop_the_others_of_its_batch() -> None:
    batches = Batches()
    batches.gate = threading.Event()
    answers: dict[int, object] = {}
    first, second = trio.CancelScope(), trio.CancelScope()

    async def cancelled(scope: trio.CancelScope) -> None:
        with scope:
            await batches.threads.run_batched(str.upper)

    async with trio.open_nursery() as nursery:
        for scope in (first, second):
            nursery.start_soon(cancelled, scope)
        nursery.start_soon(batches.run, answers, 0, str.upper)
        await wait_all_tasks_blocked()
        first.cancel()
        second.cancel()
        await wait_all_tasks_blocked()
        batches.gate.set()
    assert answers == {0: "RESOURCE"}
    assert first.cancelled_caught or second.cancelled_caught  # at most one of them leads a batch, and finishes it


async def test_closed_threads_refuse_calls() -> None:
    batches = Batches()
    closed = False

    def close() -> None:
        nonlocal closed
        closed = True

    await batches.threads.aclose(close)
    assert closed
    with pytest.raises(StoreError, match="the store is closed"):
        await batches.threads.run_batched(str.upper)
