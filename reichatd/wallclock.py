"""Whether the time of day can be believed. Who removes what is old, for ever, asks before."""

import math
import time
from collections.abc import Callable

import structlog

_JUMP_SECONDS = 3600.0
"""How far the clock may be set forward before nobody believes it."""

_DOUBT_SECONDS = 86_400.0
"""How long it is not believed then."""

log = structlog.get_logger()


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine sleeps, and nobody sets it


class WallClock:
    """Tells whether the time of day can be believed: a clock that was set forward makes every message look old.

    Arguments:
        wall: seconds since the epoch.
        steady: seconds since any moment, of a clock that is never set.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _since_boot) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._doubtful_until = -math.inf

    def believed(self) -> bool:
        """False for a day after a jump: who sets a clock right by hours at a time, or wrong, has that long to see to it."""
        steady = self._steady()
        offset = self._wall() - steady
        if offset - self._offset > _JUMP_SECONDS:
            self._doubtful_until = steady + _DOUBT_SECONDS
            log.warning("clock set forward, nothing is removed by age for a day", seconds=round(offset - self._offset))
        self._offset = offset
        return steady >= self._doubtful_until
