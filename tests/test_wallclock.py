"""When the time of day is trusted, with simulated clocks."""

import structlog

from reichatd.wallclock import WallClock

DAY = 86_400.0


class SimulatedClocks:
    def __init__(self) -> None:
        self.wall = self.steady = 1_000_000.0
        self.clock = WallClock(lambda: self.wall, lambda: self.steady)

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_running_clock_is_trusted() -> None:
    clocks = SimulatedClocks()
    assert clocks.clock.is_trusted()
    clocks.advance(30 * DAY)
    assert clocks.clock.is_trusted()
    clocks.wall += 60
    assert clocks.clock.is_trusted()
    clocks.wall -= 10 * DAY
    assert clocks.clock.is_trusted()


def test_a_clock_that_was_set_forward_is_not_trusted_for_a_day() -> None:
    clocks = SimulatedClocks()
    clocks.wall += 10 * 365 * DAY
    with structlog.testing.capture_logs() as logs:
        assert not clocks.clock.is_trusted()
        clocks.advance(DAY - 1)
        assert not clocks.clock.is_trusted()
        clocks.advance(2)
        assert clocks.clock.is_trusted()
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_corrected_clock_is_still_not_trusted() -> None:
    clocks = SimulatedClocks()
    clocks.wall += 365 * DAY
    assert not clocks.clock.is_trusted()
    clocks.wall -= 365 * DAY
    assert not clocks.clock.is_trusted()
    clocks.advance(DAY + 1)
    assert clocks.clock.is_trusted()
