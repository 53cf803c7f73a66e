"""Histograms of durations."""

import pytest

from reichatd.timings import BOUNDS, Timings


def test_a_bound_belongs_to_its_bucket() -> None:
    timings = Timings()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1] + 1):
        timings.note(seconds)
    assert [timings.counts[0], timings.counts[1], timings.counts[-1]] == [2, 1, 1]
    assert sum(timings.counts) == 4
    assert timings.seconds == pytest.approx(BOUNDS[0] * 2.01 + BOUNDS[-1] + 1)
