"""When the time of day is believed: clocks driven by hand."""

import structlog

from reichatd.wallclock import WallClock

DAY = 86_400.0


class Clocks:
    def __init__(self) -> None:
        self.wall = self.steady = 1_000_000.0
        self.watched = WallClock(lambda: self.wall, lambda: self.steady)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_clock_that_goes_is_believed() -> None:
    clocks = Clocks()
    assert clocks.watched.is_trusted()
    clocks.pass_by(30 * DAY)
    assert clocks.watched.is_trusted()
    clocks.wall += 60
    assert clocks.watched.is_trusted()
    clocks.wall -= 10 * DAY
    assert clocks.watched.is_trusted()


def test_a_clock_that_was_set_forward_is_not_believed_for_a_day() -> None:
    clocks = Clocks()
    clocks.wall += 10 * 365 * DAY
    with structlog.testing.capture_logs() as logs:
        assert not clocks.watched.is_trusted()
        clocks.pass_by(DAY - 1)
        assert not clocks.watched.is_trusted()
        clocks.pass_by(2)
        assert clocks.watched.is_trusted()
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_clock_that_was_set_right_again_goes_on_being_doubted() -> None:
    clocks = Clocks()
    clocks.wall += 365 * DAY
    assert not clocks.watched.is_trusted()
    clocks.wall -= 365 * DAY
    assert not clocks.watched.is_trusted()
    clocks.pass_by(DAY + 1)
    assert clocks.watched.is_trusted()
