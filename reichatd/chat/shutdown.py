"""The plan for closing all sockets at shutdown, so that not all clients reconnect at the same moment. Pure."""

import math
import random

from reichatd.closing import GOING_AWAY, Close
from reichatd.settings import ServerSettings

BATCH_SECONDS = 0.05
"""The pause between two batches of close frames."""

_LEAST_DELAY_SECONDS = 1.0
"""The shortest range of reconnect delays: about what a restart takes."""


class ShutdownPlan:
    """How fast sockets are closed, and when their clients may reconnect.

    Arguments:
        connections: how many sockets are open.
        server: `goodbyes_per_second` is how many sockets are closed per second, more if that would take over half of
            `drain_seconds`; `reconnects_per_second` is how many clients may come back per second.
    """

    def __init__(self, connections: int, server: ServerSettings) -> None:
        rate = max(server.goodbyes_per_second, connections / (server.drain_seconds / 2))
        self.batch = max(1, math.ceil(rate * BATCH_SECONDS))
        """Sockets closed at once."""
        self._longest_delay = max(_LEAST_DELAY_SECONDS, connections / server.reconnects_per_second)

    def close(self) -> Close:
        """How one socket is closed: the reason has the delay, a random one, after which its client should reconnect."""
        delay = random.uniform(0, self._longest_delay)
        return Close(GOING_AWAY, f"The server is going down; retry-after-ms={round(delay * 1000)}")
