"""How a daemon parts with a crowd."""

import re

import pytest

from reichatd.chat.shutdown import BATCH_SECONDS, ShutdownPlan
from reichatd.settings import ServerSettings


def delay(farewell: ShutdownPlan) -> int:
    match = re.fullmatch(r"The server is going down; retry-after-ms=(\d+)", farewell.reason())
    assert match
    return int(match[1])


@pytest.mark.parametrize("connections", [0, 1, 500, 16_384, 1_000_000])
def test_the_goodbyes_are_said_within_half_of_the_time_to_drain(connections: int) -> None:
    for drain_seconds in (0.1, 10.0, 3600.0):
        batch = ShutdownPlan(connections, ServerSettings(drain_seconds=drain_seconds)).batch
        pauses = max(0, -(-connections // batch) - 1)
        assert pauses * BATCH_SECONDS <= drain_seconds / 2


def test_a_crowd_is_told_at_the_pace_that_is_set() -> None:
    assert ShutdownPlan(5000, ServerSettings(goodbyes_per_second=2000)).batch == 100


def test_the_delays_spread_over_what_the_next_start_can_take() -> None:
    farewell = ShutdownPlan(5000, ServerSettings(reconnects_per_second=500))
    delays = sorted(delay(farewell) for _ in range(1000))
    assert 0 <= delays[0] < 500
    assert 4500 < delays[500 + 450] <= delays[-1] <= 10_000


def test_a_few_are_back_within_a_second() -> None:
    farewell = ShutdownPlan(3, ServerSettings())
    assert max(delay(farewell) for _ in range(100)) <= 1000


def test_a_reason_fits_into_a_close_frame() -> None:
    farewell = ShutdownPlan(1_000_000_000, ServerSettings(reconnects_per_second=1))
    assert max(len(farewell.reason()) for _ in range(100)) <= 123
