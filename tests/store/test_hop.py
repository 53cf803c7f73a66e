"""Hops into worker threads, and those that are shared."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from reichatd.store.errors import FailureCounter, StoreError, StoreUnavailable
from reichatd.store.worker_threads import BatchedThreads, ThreadCall


class Hops:
    """A hop that notes who went together. Where a gate is given, the thread waits at it."""

    def __init__(self, threads: int = 1) -> None:
        self.faults = FailureCounter()
        self.together: list[int] = []
        self.gate: threading.Event | None = None
        self.broken: Exception | None = None
        self.hop = BatchedThreads(threads, "the store", self.faults, self._make_all)

    def _make_all(self, calls: Sequence[ThreadCall[str, Any]]) -> None:
        self.together.append(len(calls))
        if self.gate is not None:
            self.gate.wait()
        if self.broken is not None:
            raise self.broken
        for call in calls:
            call.make("resource")

    async def share(self, answers: dict[int, object], key: int, step: Callable[[str], object]) -> None:
        try:
            answers[key] = await self.hop.share(step)
        except Exception as error:
            answers[key] = error


def fails(_: str) -> None:
    raise StoreUnavailable("down")


async def test_calls_that_come_together_share_a_hop() -> None:
    hops = Hops()
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number in range(250):
            nursery.start_soon(hops.share, answers, number, lambda resource, number=number: (resource, number))
    assert sorted(hops.together) == [50, 100, 100]
    assert answers == {number: ("resource", number) for number in range(250)}
    assert await hops.hop.share(str.upper) == "RESOURCE"
    assert hops.together[3:] == [1]


async def test_a_step_fails_for_its_caller_only() -> None:
    hops = Hops()
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number, step in enumerate([str.upper, fails, str.title]):
            nursery.start_soon(hops.share, answers, number, step)
    assert hops.together == [3]
    assert (answers[0], answers[2]) == ("RESOURCE", "Resource")
    assert isinstance(answers[1], StoreUnavailable)
    assert (hops.faults.unavailable, hops.faults.other) == (1, 0)


@pytest.mark.parametrize("broken", [StoreError("gone"), ZeroDivisionError()])
async def test_a_hop_that_fails_fails_for_all(broken: Exception) -> None:
    hops = Hops()
    hops.broken = broken
    answers: dict[int, object] = {}
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(hops.share, answers, number, str.upper)
    assert answers == dict.fromkeys(range(3), broken)
    hops.broken = None
    assert await hops.hop.share(str.upper) == "RESOURCE"


async def test_whoever_is_cancelled_leaves_nobody_behind() -> None:
    hops = Hops()
    hops.gate = threading.Event()
    answers: dict[int, object] = {}
    first, second = trio.CancelScope(), trio.CancelScope()

    async def cancelled(scope: trio.CancelScope) -> None:
        with scope:
            await hops.hop.share(str.upper)

    async with trio.open_nursery() as nursery:
        for scope in (first, second):
            nursery.start_soon(cancelled, scope)
        nursery.start_soon(hops.share, answers, 0, str.upper)
        await wait_all_tasks_blocked()
        first.cancel()
        second.cancel()
        await wait_all_tasks_blocked()
        hops.gate.set()
    assert answers == {0: "RESOURCE"}
    assert first.cancelled_caught or second.cancelled_caught  # at the most one of them leads, and stays


async def test_a_closed_hop_takes_nobody() -> None:
    hops = Hops()
    closed = False

    def close() -> None:
        nonlocal closed
        closed = True

    await hops.hop.aclose(close)
    assert closed
    with pytest.raises(StoreError, match="the store is closed"):
        await hops.hop.share(str.upper)
