"""The plan for closing all sockets at shutdown."""

import re

import pytest

from reichatd.chat.shutdown import BATCH_SECONDS, ShutdownPlan
from reichatd.settings import ServerSettings


def delay(plan: ShutdownPlan) -> int:
    match = re.fullmatch(r"The server is going down; retry-after-ms=(\d+)", plan.close().reason)
    assert match
    return int(match[1])


@pytest.mark.parametrize("connections", [0, 1, 500, 16_384, 1_000_000])
def test_all_are_closed_within_half_of_the_drain(connections: int) -> None:
    for drain_seconds in (0.1, 10.0, 3600.0):
        batch = ShutdownPlan(connections, ServerSettings(drain_seconds=drain_seconds)).batch
        pauses = max(0, -(-connections // batch) - 1)
        assert pauses * BATCH_SECONDS <= drain_seconds / 2


def test_the_rate_is_the_setting() -> None:
    assert ShutdownPlan(5000, ServerSettings(goodbyes_per_second=2000)).batch == 100


def test_the_delays_spread_over_the_reconnect_rate() -> None:
    plan = ShutdownPlan(5000, ServerSettings(reconnects_per_second=500))
    delays = sorted(delay(plan) for _ in range(1000))
    assert 0 <= delays[0] < 500
    assert 4500 < delays[500 + 450] <= delays[-1] <= 10_000


def test_a_few_clients_are_back_within_a_second() -> None:
    plan = ShutdownPlan(3, ServerSettings())
    assert max(delay(plan) for _ in range(100)) <= 1000


def test_a_reason_fits_into_a_close_frame() -> None:
    plan = ShutdownPlan(1_000_000_000, ServerSettings(reconnects_per_second=1))
    assert max(len(plan.close().reason) for _ in range(100)) <= 123
