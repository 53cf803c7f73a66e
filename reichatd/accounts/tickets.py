"""Tickets: what a browser opens a WebSocket with, so that its token stays out of URLs, which logs and histories keep. Pure."""

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
    """Each stands for an access token, once, for a few seconds. They are in the memory of this process and nowhere else.

    `now` is that of a clock that nobody sets: one that was set back would keep them good for longer than was said.

    Arguments:
        seconds: how long a ticket is good.
        per_session: unused ones that a login session may have at once, so that nobody can take the memory of all.
    """

    def __init__(self, seconds: float, per_session: int) -> None:
        self._seconds = seconds
        self._per_session = per_session
        self._tickets: dict[str, _Ticket] = {}  # the oldest first
        self._held: Counter[str] = Counter()  # by session id; no zeros

    def issue(self, session_id: str, access_token: str, now: float) -> str:
        """A new ticket for this token of this login session.

        Raises:
            Unavailable: too many are waiting to be used.
        """
        self._forget_expired(now)
        if self._held[session_id] >= self._per_session or len(self._tickets) >= _MOST:
            raise Unavailable("Too many tickets are waiting to be used")
        ticket = secrets.token_urlsafe(_BYTES)
        self._tickets[ticket] = _Ticket(access_token, session_id, now + self._seconds)
        self._held[session_id] += 1
        return ticket

    def redeem(self, ticket: str, now: float) -> str:
        """The access token that a ticket stands for; the ticket is worth nothing from here on.

        Raises:
            Unauthorized: there is no such ticket, or it is too old, or was used.
        """
        self._forget_expired(now)
        if ticket not in self._tickets:
            raise Unauthorized("Invalid ticket")
        return self._forget(ticket)

    def _forget_expired(self, now: float) -> None:
        while self._tickets and self._tickets[oldest := next(iter(self._tickets))].expires_at <= now:
            self._forget(oldest)

    def _forget(self, ticket: str) -> str:
        access_token, session_id, _ = self._tickets.pop(ticket)
        self._held[session_id] -= 1
        if not self._held[session_id]:
            del self._held[session_id]
        return access_token
