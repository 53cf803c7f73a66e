"""Counts what is broadcast."""

from reichatd.timings import Timings


class BroadcastCounters:
    """What all rooms together have sent since the start. The hub owns it, the broadcasters count."""

    def __init__(self) -> None:
        self.deliveries = 0
        """Messages, each times the readers that it was sent to."""
        self.changes = 0
        """Changes of messages, counted in the same way."""
        self.rounds = Timings()
