"""How a daemon that goes down parts with its clients, so that they do not all come back at the same moment. Pure."""

import math
import random

from reichatd.settings import ServerSettings

GOING_AWAY = 1001
"""The close code (RFC 6455, 7.4.1)."""

BATCH_SECONDS = 0.05
"""Between one batch of goodbyes and the next."""

_LEAST_DELAY_SECONDS = 1.0
"""The span of the delays that a handful of clients is asked for: about what a restart takes."""


class ShutdownPlan:
    """The plan for so many connections.

    Arguments:
        connections: how many there are.
        server: of these, the pace of goodbyes (`goodbyes_per_second`, faster where they would take more than half of
            `drain_seconds`) and of those who come back (`reconnects_per_second`).
    """

    def __init__(self, connections: int, server: ServerSettings) -> None:
        pace = max(server.goodbyes_per_second, connections / (server.drain_seconds / 2))
        self.batch = max(1, math.ceil(pace * BATCH_SECONDS))
        """How many are told at once."""
        self._longest_delay = max(_LEAST_DELAY_SECONDS, connections / server.reconnects_per_second)

    def reason(self) -> str:
        """One client's close reason: a sentence, and how long it should wait before it comes back, a random time."""
        delay = random.uniform(0, self._longest_delay)
        return f"The server is going down; retry-after-ms={round(delay * 1000)}"
