"""A rate limit."""

import math


class TokenBucket:
    """A token bucket, full at first. Pure: the caller passes the time, and the limits, which may change between calls."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = math.inf
        self._at = 0.0

    def take(self, now: float, rate: float, burst: float) -> float:
        """Takes one token and returns 0, or takes none and returns the seconds until there is one.

        Arguments:
            now: the time, in seconds.
            rate: tokens per second; 0 for no limit.
            burst: the size of the bucket, in tokens.
        """
        if rate == 0:
            return 0.0
        self._tokens = min(burst, self._tokens + (now - self._at) * rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0
