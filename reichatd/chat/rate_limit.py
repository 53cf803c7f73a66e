"""Token buckets: how often something may be done, and how much."""

import math


class TokenBucket:
    """A token bucket, full at first. Pure: the caller passes the time, and the limits, which may change between calls."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = math.inf
        self._at = 0.0

    def take(self, now: float, rate: float, burst: float, tokens: float = 1) -> float:
        """Takes tokens and returns 0, or takes none and returns the seconds until there are enough. Arguments: see `wait`."""
        wait = self.wait(now, rate, burst, tokens)
        if not wait:
            self.spend(tokens)
        return wait

    def wait(self, now: float, rate: float, burst: float, tokens: float = 1) -> float:
        """The seconds until that many tokens can be taken; 0 if they can be taken now. Takes none.

        Arguments:
            now: the time, in seconds.
            rate: tokens per second; 0 for no limit.
            burst: the size of the bucket, in tokens.
            tokens: for more than the bucket holds, it must be full; taking them then leaves it in debt.
        """
        if rate == 0:
            self._tokens = math.inf
            return 0.0
        self._tokens = min(burst, self._tokens + (now - self._at) * rate)
        self._at = now
        return max(0.0, min(tokens, burst) - self._tokens) / rate

    def spend(self, tokens: float) -> None:
        """Takes tokens, right after `wait` has returned 0 for them."""
        self._tokens -= tokens
