"""The budget of frames and bytes of one socket, with a clock of the test's own."""

import pytest
import trio
from trio.testing import MockClock

from reichatd.gateway.frame_budget import BYTES, FRAMES, FrameBudget
from reichatd.rate_limits import Refusals
from reichatd.settings import LimitSettings, LiveSettings, Settings
from tests.unlimited import UNLIMITED


def budget(**limits: int) -> FrameBudget:
    settings = LiveSettings(Settings(limits=LimitSettings(**{**UNLIMITED, **limits})))
    return FrameBudget(settings, Refusals(), "192.0.2.1")


async def seconds_to_spend(budget: FrameBudget, times: int, frames: int, size: int) -> float:
    began = trio.current_time()
    for _ in range(times):
        if budget.is_spent:
            await budget.refilled()
        budget.spend(frames, size)
    return trio.current_time() - began


async def test_a_burst_is_free_and_then_the_rate_holds(autojump_clock: MockClock) -> None:
    mine = budget(frames_per_second=50, frames_burst=200)
    assert await seconds_to_spend(mine, 200, 1, 10) == 0
    assert await seconds_to_spend(mine, 500, 1, 10) == pytest.approx(10, abs=0.1)
    await trio.sleep(1)
    assert await seconds_to_spend(mine, 50, 1, 10) == pytest.approx(0, abs=0.1)


async def test_bytes_count_too(autojump_clock: MockClock) -> None:
    mine = budget(frame_bytes_per_second=1000, frame_bytes_burst=5000)
    assert await seconds_to_spend(mine, 15, 0, 1000) == pytest.approx(9, abs=1)
    assert mine._refusals.counts[BYTES] > 0
    assert mine._refusals.counts[FRAMES] == 0


async def test_what_has_come_at_once_is_paid_later(autojump_clock: MockClock) -> None:
    mine = budget(frames_per_second=10, frames_burst=10)
    mine.spend(60, 0)
    began = trio.current_time()
    await mine.refilled()
    assert trio.current_time() - began == pytest.approx(5)
    assert not mine.is_spent


async def test_no_limit(autojump_clock: MockClock) -> None:
    assert await seconds_to_spend(budget(), 10_000, 100, 100_000) == 0


async def test_a_budget_that_has_refilled_meanwhile_refuses_nothing(autojump_clock: MockClock) -> None:
    mine = budget(frames_per_second=10, frames_burst=10)
    mine.spend(20, 0)
    await trio.sleep(5)  # the conversation is busy with what it has got
    assert await seconds_to_spend(mine, 1, 1, 0) == 0
    assert mine._refusals.counts[FRAMES] == 0


async def test_a_flood_is_noted_once_a_second(autojump_clock: MockClock) -> None:
    mine = budget(frames_per_second=50, frames_burst=50)
    seconds = await seconds_to_spend(mine, 550, 1, 0)
    assert mine._refusals.counts[FRAMES] == pytest.approx(seconds, abs=1)
