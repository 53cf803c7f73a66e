"""How often somebody may do something."""


class TokenBucket:
    """A token bucket: `burst` at once, `rate` a second in the long run. Pure: the caller has the clock.

    Arguments:
        rate: tokens a second; 0 for no limit.
        burst: tokens at the most.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Takes one token and returns 0, or takes none and returns the seconds until there will be one."""
        if self._rate == 0:
            return 0.0
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
