"""Durations of what a part of the daemon does, as a histogram for the metrics. Cheap enough for the hot paths."""

from bisect import bisect_left

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram's buckets, in seconds: from a broadcast to a few readers up to a store that hangs."""


class Timings:
    """A histogram of durations. It only grows."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """How many durations fell into each bucket: above the bound before, up to and including its own. The last has no bound."""
        self.seconds = 0.0
        """The sum of all durations."""

    def note(self, seconds: float) -> None:
        """Counts one duration. From the event loop; does not wait."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
