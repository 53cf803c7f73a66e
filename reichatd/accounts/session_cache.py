"""A cache of sessions, so that not every request of a client reads its session from the store. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from reichatd.rights import Scope, UserActor

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
        """The same, as the use cases of rooms take it."""
        session = self.session
        if not session.is_token:
            return UserActor(self.user.user_id, session.session_id)
        words = session.scopes.split()
        return UserActor(
            self.user.user_id,
            session.session_id,
            scopes=frozenset(scope for scope in Scope if scope.value in words),
            rooms=None if session.rooms is None else frozenset(session.rooms.split()),
        )


class SessionCache:
    """Identities by session id, each for a few seconds.

    What this process changes is removed at once; a change by another daemon on the same store is seen up to `seconds` later.

    Arguments:
        seconds: how long an entry is valid; 0 turns the cache off.
    """

    def __init__(self, seconds: float) -> None:
        self.changes = 0
        """Counts the changes: a read that began before a change must not be cached after it."""
        self._seconds = seconds
        self._entries: dict[str, tuple[float, Identity]] = {}

    def get(self, session_id: str, now: float) -> Identity | None:
        read_at, identity = self._entries.get(session_id, (0.0, None))
        return identity if 0 <= now - read_at < self._seconds else None

    def keep(self, identity: Identity, now: float, changes: int) -> None:
        """Caches an identity.

        Arguments:
            changes: the count when the read began; if it has risen since, nothing is cached.
        """
        if changes == self.changes and self._seconds:
            if len(self._entries) >= _MOST:
                self._entries.clear()
            self._entries[identity.session.session_id] = now, identity

    def forget(self, session_ids: Iterable[str]) -> None:
        """Removes sessions that have ended."""
        self.changes += 1
        for session_id in session_ids:
            self._entries.pop(session_id, None)

    def forget_all(self) -> None:
        """Removes everything: a user has changed, and the cache is not indexed by user."""
        self.changes += 1
        self._entries.clear()


class CacheInvalidator:
    """A `LiveConnections` that removes changed users and sessions from the cache, then passes the call on."""

    def __init__(self, cache: SessionCache, live: "LiveConnections") -> None:
        self._cache = cache
        self.member_joined = live.member_joined
        self.member_removed = live.member_removed
        self.room_changed = live.room_changed
        self.room_deleted = live.room_deleted
        self.messages_changed = live.messages_changed
        self._live = live

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        ended = list(session_ids)
        self._cache.forget(ended)
        self._live.sessions_ended(ended)

    def user_logged_out(self, user_id: str) -> None:
        self._cache.forget_all()
        self._live.user_logged_out(user_id)

    def user_renamed(self, user_id: str, username: str) -> None:
        self._cache.forget_all()
        self._live.user_renamed(user_id, username)

    def email_changed(self, user_id: str, email: str) -> None:
        self._cache.forget_all()
        self._live.email_changed(user_id, email)
