"""When login sessions were last in use: noted in memory, and stored now and then, all in one step."""

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reichatd.store import Session, SessionStore

STORED_SECONDS = 300.0
"""How often uses are stored. A write for each request would delay posts."""

_AT_ONCE = 1000
"""Sessions in one write, so that posts wait for some milliseconds only."""


class SessionUses:
    """The last uses that are not stored yet; a crash loses them. Only `store` waits. All times are seconds since the epoch.

    Arguments:
        now: the time of the start.
    """

    def __init__(self, sessions: "SessionStore", now: float) -> None:
        self._sessions = sessions
        self._last_uses: dict[str, float] = {}
        self._stored_at = now

    def note(self, session_ids: Iterable[str], now: float) -> None:
        """These sessions are in use."""
        for session_id in session_ids:
            self._last_uses[session_id] = now

    def last_use(self, session: "Session") -> float:
        """When a session was last in use."""
        return max(session.used_at, self._last_uses.get(session.session_id, 0.0))

    async def store(self, now: float) -> None:
        """Stores the uses, if it was not done in the last minutes. To be called by one task.

        Raises:
            StoreError: the uses that are left are stored by a later call.
        """
        if now - self._stored_at < STORED_SECONDS:
            return
        self._stored_at = now
        while some := dict(islice(self._last_uses.items(), _AT_ONCE)):
            await self._sessions.used(some)
            for session_id, used_at in some.items():
                if self._last_uses[session_id] == used_at:
                    del self._last_uses[session_id]
