"""Tickets, with which a browser opens a WebSocket: its token stays out of URLs, which logs and histories keep. Pure."""

import secrets
from collections import Counter
from typing import NamedTuple

from reichatd.errors import Unauthorized, Unavailable

_BYTES = 24
_MOST = 100_000


class _Ticket(NamedTuple):
    access_token: str
    session_id: str
    expires_at: float


class Tickets:
    """Each ticket stands for an access token, once, for a few seconds. They are only in the memory of this process.

    `now` comes from a monotonic clock: with a clock that is set back, tickets would be valid for longer than promised.

    Arguments:
        seconds: how long a ticket is valid.
        per_session: the most unused tickets of a login session, so that no user can fill the memory.
    """

    def __init__(self, seconds: float, per_session: int) -> None:
        self._seconds = seconds
        self._per_session = per_session
        self._tickets: dict[str, _Ticket] = {}  # oldest first
        self._unused: Counter[str] = Counter()  # by session id; no zeros

    def issue(self, session_id: str, access_token: str, now: float) -> str:
        """Returns a new ticket for this token of this login session.

        Raises:
            Unavailable: too many tickets are unused.
        """
        self._remove_expired(now)
        if self._unused[session_id] >= self._per_session or len(self._tickets) >= _MOST:
            raise Unavailable("Too many tickets are waiting to be used")
        ticket = secrets.token_urlsafe(_BYTES)
        self._tickets[ticket] = _Ticket(access_token, session_id, now + self._seconds)
        self._unused[session_id] += 1
        return ticket

    def redeem(self, ticket: str, now: float) -> str:
        """Returns the access token of a ticket. The ticket is invalid from now on.

        Raises:
            Unauthorized: there is no such ticket, or it is too old or already used.
        """
        self._remove_expired(now)
        if ticket not in self._tickets:
            raise Unauthorized("Invalid ticket")
        return self._remove(ticket)

    def _remove_expired(self, now: float) -> None:
        while self._tickets and self._tickets[oldest := next(iter(self._tickets))].expires_at <= now:
            self._remove(oldest)

    def _remove(self, ticket: str) -> str:
        access_token, session_id, _ = self._tickets.pop(ticket)
        self._unused[session_id] -= 1
        if not self._unused[session_id]:
            del self._unused[session_id]
        return access_token
