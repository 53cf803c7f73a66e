"""Whether the time of day can be trusted. Ask before you delete something because of its age."""

import math
import time
from collections.abc import Callable

import structlog

_JUMP_SECONDS = 3600.0
"""A clock that is set forward by more than this is not trusted."""

_DISTRUST_SECONDS = 86_400.0
"""How long it is then not trusted."""

log = structlog.get_logger()


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # runs while the machine sleeps, and cannot be set


class WallClock:
    """Detects that the clock was set forward, which makes every message look old.

    Arguments:
        wall: seconds since the epoch.
        steady: seconds since any fixed moment, by a clock that cannot be set.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _since_boot) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._distrusted_until = -math.inf

    def is_trusted(self) -> bool:
        """False for a day after a jump: time for an operator to correct a wrong clock before anything is deleted."""
        steady = self._steady()
        offset = self._wall() - steady
        if offset - self._offset > _JUMP_SECONDS:
            self._distrusted_until = steady + _DISTRUST_SECONDS
            log.warning("clock set forward, nothing is removed by age for a day", seconds=round(offset - self._offset))
        self._offset = offset
        return steady >= self._distrusted_until
