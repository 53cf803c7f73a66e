"""Tickets, with which a browser opens a WebSocket: its token stays out of URLs, which logs and histories keep. Pure.

A ticket says what it stands for, and is signed. So each daemon with the same secret can read it, and refuses what is not ours
before it asks the store.
"""

import math
import secrets
from collections import Counter
from typing import NamedTuple

from reichatd.accounts.keys import Keys, equal_hashes
from reichatd.errors import Unauthorized, Unavailable

_BYTES = 12
_MOST = 100_000
_SKEW_SECONDS = 60.0
"""By how much the clocks of two daemons may differ, beyond which one may refuse the other's tickets."""
MAX_CHARS = 256
"""Ours have about 120."""


class Ticket(NamedTuple):
    """What a ticket stands for. It is valid once, until `expires_at` (seconds since the epoch), as long as its session lives."""

    number: str
    session_id: str
    expires_at: float


class _Issued(NamedTuple):
    session_id: str
    ends_at: float  # by the monotonic clock


class Tickets:
    """Makes and reads tickets, and counts the unused ones of this daemon.

    A daemon tells the age of its own tickets by a monotonic clock (`passed`, in seconds), and of others' by the time of day (`now`,
    seconds since the epoch). So its own are valid for as long as promised, even if its clock is set.

    Arguments:
        seconds: how long a ticket is valid.
        per_session: the most unused tickets of a login session.
        epoch: see `TicketStore.epoch`.
    """

    def __init__(self, keys: Keys, seconds: int, per_session: int, epoch: str) -> None:
        self._keys = keys
        self._seconds = seconds
        self._per_session = per_session
        self._epoch = epoch
        self._issued: dict[str, _Issued] = {}  # that were not used at this daemon, by number; oldest first
        self._unused: Counter[str] = Counter()  # by session id; no zeros

    def issue(self, session_id: str, now: float, passed: float) -> str:
        """Returns a new ticket of this login session.

        Raises:
            Unavailable: too many tickets are unused.
        """
        self._remove_expired(passed)
        if self._unused[session_id] >= self._per_session or len(self._issued) >= _MOST:
            raise Unavailable("Too many tickets are waiting to be used")
        number, expires_ms = secrets.token_hex(_BYTES), math.ceil((now + self._seconds) * 1000)
        self._issued[number] = _Issued(session_id, passed + self._seconds)
        self._unused[session_id] += 1
        named = f"{number}.{session_id}.{expires_ms}"
        return f"{named}.{self._signature(named)}"

    def read(self, text: str, now: float, passed: float) -> Ticket:
        """What a ticket stands for, whichever daemon has issued it. Whether it was used is not checked here.

        Raises:
            Unauthorized: it is not ours, or too old.
        """
        named, _, made = text[: MAX_CHARS + 1].rpartition(".")
        if len(text) > MAX_CHARS or not equal_hashes(made, self._signature(named)):
            raise Unauthorized("Invalid ticket")
        number, session_id, expires_ms = named.split(".")
        ticket = Ticket(number, session_id, int(expires_ms) / 1000)
        self._remove_expired(passed)
        # The upper bound is for a clock that was set back.
        if number in self._issued or now < ticket.expires_at <= now + self._seconds + _SKEW_SECONDS:
            return ticket
        raise Unauthorized("Invalid ticket")

    def unused(self, session_id: str, passed: float) -> list[str]:
        """The numbers of a session's tickets, if they are as many as allowed. Some may have been used at another daemon."""
        self._remove_expired(passed)
        if self._unused[session_id] < self._per_session:
            return []
        return [number for number, issued in self._issued.items() if issued.session_id == session_id]

    def used(self, number: str) -> None:
        """No longer counts a ticket as unused, if it is from this daemon."""
        if number in self._issued:
            self._remove(number)

    def _signature(self, named: str) -> str:
        return self._keys.ticket_hash(f"{self._epoch}.{named}")

    def _remove_expired(self, passed: float) -> None:
        while self._issued and self._issued[oldest := next(iter(self._issued))].ends_at <= passed:
            self._remove(oldest)

    def _remove(self, number: str) -> None:
        session_id = self._issued.pop(number).session_id
        self._unused[session_id] -= 1
        if not self._unused[session_id]:
            del self._unused[session_id]
