"""The tickets that were used, in memory: one daemon has the file. See `TicketStore`."""

import secrets
import time
from collections.abc import Callable, Sequence


class MemoryTickets:
    """A `TicketStore`. After a restart the tickets of the former process are not valid.

    Arguments:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.epoch = secrets.token_hex(8)
        self._clock = clock
        self._used: dict[str, float] = {}  # when they expire; the first used first

    async def use(self, number: str, expires_at: float) -> bool:
        self._forget_expired()
        if number in self._used:
            return False
        self._used[number] = expires_at
        return True

    async def used(self, numbers: Sequence[str]) -> set[str]:
        return self._used.keys() & set(numbers)

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._used and self._used[first := next(iter(self._used))] <= now:
            del self._used[first]
