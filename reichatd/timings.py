"""Numbers that a part of the daemon keeps of its own work, for whoever watches it. Cheap enough for the hot paths."""

from bisect import bisect_left

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the classes that durations are sorted into, in seconds: from a round among a few readers to a store that hangs."""


class Timings:
    """How long something took, each time it was done; a histogram, which only grows."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """How many durations were in each class: above the bound before and up to this one; the last has no end."""
        self.seconds = 0.0
        """All of them together."""

    def note(self, seconds: float) -> None:
        """Counts one duration. From the event loop; does not wait."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
