"""Where the counts are: in memory, or in a store that several daemons share."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import floor
from typing import NamedTuple, Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport, TimestampedSlidingWindow
from limits.strategies import SlidingWindowCounterRateLimiter

_MOST_KEYS = 100_000
"""Counts kept at once, about 30 MB: strangers choose the keys. Beyond that the one that was changed longest ago is dropped."""


class Count(NamedTuple):
    """Something counted: at most `amount` in a sliding window of `seconds`."""

    key: str
    amount: int
    seconds: int


class Counts(Protocol):
    """Counts of actions. All methods may be called from any task and may wait for a store.

    Errors: StoreError, of counts in a store.
    """

    async def hit(self, counts: Sequence[Count]) -> int | None:
        """Adds one to all of them, unless one of them is used up already: then nothing is added.

        Returns:
            the position of the first that is used up; None if there is none.
        """

    async def give_back(self, counts: Sequence[Count]) -> None:
        """Takes one off each, for an action that does not count after all."""

    async def retry_after(self, count: Count) -> int:
        """In how many seconds one more is allowed, if nothing is added until then; at least 1."""


class MemoryCounts:
    """Counts of one daemon, lost when it ends. Nothing waits.

    Arguments:
        most_keys: counts kept at once.
        clock: seconds since the epoch.
    """

    def __init__(self, *, most_keys: int = _MOST_KEYS, clock: Callable[[], float] = time.time) -> None:
        self._memory = _Memory(most_keys, clock)
        self._window = SlidingWindowCounterRateLimiter(self._memory)

    def __len__(self) -> int:
        """How many counts there are."""
        return len(self._memory)

    async def hit(self, counts: Sequence[Count]) -> int | None:
        for position, count in enumerate(counts):
            if not self._window.test(item(count), count.key):
                return position
        for count in counts:
            self._window.hit(item(count), count.key)
        return None

    async def give_back(self, counts: Sequence[Count]) -> None:
        for count in counts:
            self._window.hit(item(count), count.key, cost=-1)

    async def retry_after(self, count: Count) -> int:
        return seconds_until_one_more(self._memory, count)


def seconds_until_one_more(storage: SlidingWindowCounterSupport, count: Count) -> int:
    """In how many seconds one more is allowed, if nothing is added until then; at least 1.

    The hits of the window before count by the part of it that the sliding window still covers.
    """
    seconds = count.seconds
    previous, _, current, ends = storage.get_sliding_window(item(count).key_for(count.key), seconds)
    left = max(0.0, ends - seconds)  # of the current window
    if current >= count.amount:
        # The window has to end first. Then it is the one before.
        wait = left + seconds * (1 - count.amount / current)
    elif previous:
        wait = left - seconds * (count.amount - current) / previous
    else:
        wait = 0.0
    # Later than `wait`: at that time, the count is still used up.
    return max(1, floor(wait) + 1)


def item(count: Count) -> RateLimitItem:
    """The count in the terms of `limits`."""
    return RateLimitItemPerSecond(count.amount, count.seconds)


class _Memory(Storage, SlidingWindowCounterSupport, TimestampedSlidingWindow):
    """A storage for `limits` with a bounded number of keys, and without a thread.

    The library's own memory storage keeps any number of keys, and starts a thread to look for expired ones.
    """

    STORAGE_SCHEME = None

    def __init__(self, most_keys: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._most_keys = most_keys
        self._clock = clock
        self._counts: OrderedDict[str, int] = OrderedDict()  # by window; the one changed last is the last

    def __len__(self) -> int:
        return len(self._counts)

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        previous, previous_left, current, _ = self.get_sliding_window(key, expiry)
        if floor(previous * previous_left / expiry + current) + amount > limit:
            return False
        self.incr(self.sliding_window_keys(key, expiry, self._clock())[1], expiry, amount)
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        now = self._clock()
        previous, current = self.sliding_window_keys(key, expiry, now)
        left = expiry - now % expiry
        return self.get(previous), left, self.get(current), left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        for each in self.sliding_window_keys(key, expiry, self._clock()):
            self.clear(each)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count = self._counts[key] = max(0, self.get(key) + amount)
        self._counts.move_to_end(key)
        if len(self._counts) > self._most_keys:
            self._counts.popitem(last=False)
        return count

    def get(self, key: str) -> int:
        return self._counts.get(key, 0)

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def reset(self) -> None:
        self._counts.clear()

    # What the base class asks for, and this strategy does not use.

    def get_expiry(self, key: str) -> float:
        return self._clock()

    def check(self) -> bool:
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError
