"""Sessions that were read a moment ago, so that a client's second request need not ask the store who it is. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from reichatd.rights import UserActor

if TYPE_CHECKING:
    from reichatd.live import LiveConnections
    from reichatd.store import Session, User

_MOST = 50_000


class Identity(Struct, frozen=True):
    """An authenticated user and login session."""

    user: "User"
    session: "Session"

    @property
    def actor(self) -> UserActor:
        """Who acts, where the use cases ask for it."""
        return UserActor(self.user.user_id, self.session.session_id)


class SessionCache:
    """Identities by session id, each for a few seconds.

    What this process changes it forgets here at once; what another daemon changes in the same store is seen `seconds` later.

    Arguments:
        seconds: how long a read counts; 0: not at all.
    """

    def __init__(self, seconds: float) -> None:
        self.changes = 0
        """Counts what was forgotten: a read that began before a change is not to be kept after it."""
        self._seconds = seconds
        self._known: dict[str, tuple[float, Identity]] = {}

    def get(self, session_id: str, now: float) -> Identity | None:
        read_at, identity = self._known.get(session_id, (0.0, None))
        return identity if 0 <= now - read_at < self._seconds else None

    def keep(self, identity: Identity, now: float, changes: int) -> None:
        """Arguments: changes: their count when the reading began."""
        if changes == self.changes and self._seconds:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[identity.session.session_id] = now, identity

    def forget(self, session_ids: Iterable[str]) -> None:
        """These sessions have ended."""
        self.changes += 1
        for session_id in session_ids:
            self._known.pop(session_id, None)

    def forget_all(self) -> None:
        """A user has changed."""
        self.changes += 1
        self._known.clear()


class CacheInvalidator:
    """The `LiveConnections` of everybody who changes users and sessions: what is remembered of them hears of it first."""

    def __init__(self, recent: SessionCache, live: "LiveConnections") -> None:
        self._recent = recent
        self.member_removed = live.member_removed
        self.room_deleted = live.room_deleted
        self._live = live

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        ended = list(session_ids)
        self._recent.forget(ended)
        self._live.sessions_ended(ended)

    def user_logged_out(self, user_id: str) -> None:
        self._recent.forget_all()
        self._live.user_logged_out(user_id)

    def user_renamed(self, user_id: str, username: str) -> None:
        self._recent.forget_all()
        self._live.user_renamed(user_id, username)
