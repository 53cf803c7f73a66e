"""Counts refusals by limit, and logs them."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

import structlog

from reichatd.rate_limits.addresses import network_of

_LOG_SECONDS = 60.0
"""Each client is in the log once in this time: a flood of refusals must not become a flood of lines."""
_MOST_CLIENTS = 10_000
"""Clients whose last line is remembered. Beyond that, the one logged longest ago is forgotten."""

log = structlog.get_logger()


class Refusals:
    """What was refused where a refusal is cheap and a log line is not: connections, sockets, frames. Nothing waits.

    Arguments:
        limits: the limits that are counted, by the names of their settings; all are there from the start.
        clock: seconds, monotonic.
    """

    def __init__(self, *limits: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(limits, 0))
        """How often each limit was reached."""
        self._clock = clock
        self._logged: OrderedDict[str, float] = OrderedDict()  # when each client was logged; the latest is the last

    def note(self, limit: str, *, client: str, retry_after: int) -> None:
        """Counts a refusal.

        Arguments:
            client: the address that it came from.
            retry_after: in how many seconds the client may try again, for the log.
        """
        self.counts[limit] += 1
        now, network = self._clock(), network_of(client)
        if now - self._logged.get(network, -_LOG_SECONDS) < _LOG_SECONDS:
            return
        self._logged[network] = now
        self._logged.move_to_end(network)
        if len(self._logged) > _MOST_CLIENTS:
            self._logged.popitem(last=False)
        # etc/fail2ban reads this line.
        log.info("rate limited", action=limit, client=client, retry_after=retry_after)
