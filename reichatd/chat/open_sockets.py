"""All open sockets, of rooms and of users: whose they are, how many a user may have, and whether their peers are alive."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec
import trio

from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.closing import ABORT, SESSION_ENDED
from reichatd.errors import RateLimited
from reichatd.rate_limits import Refusals
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings

SOCKETS_PER_USER = "sockets_per_user"
_CONNECTIONS_PER_CHECKPOINT = 200
"""Connections checked between two checkpoints, so that the other tasks run."""
_RETRY_SECONDS = 30
"""After this time a client may try again that has too many sockets. By then the dead ones among them are found (pong_seconds)."""


class OpenSockets:
    """Owns the index of the open sockets by login session. The hub owns it. Only `run` and `check_alive` wait.

    Arguments:
        clock: seconds since the epoch; decides when login sessions have expired.
        refusals: told of sockets that are one too many for their user.
    """

    def __init__(self, settings: LiveSettings, refusals: Refusals, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._refusals = refusals
        self._clock = clock
        self._sessions: dict[str, set[Connection]] = {}
        self._users: Counter[str] = Counter()  # sockets of each user; no zeros
        self._check_now = RepeatedEvent()  # makes the check of all connections run at once
        self._checked = RepeatedEvent()  # a check of all connections is done
        settings.on_change(self._check_now.set)  # its interval may be shorter now

    def __iter__(self) -> Iterator[Connection]:
        return (connection for some in self._sessions.values() for connection in some)

    def session_ids(self) -> list[str]:
        """The login sessions that have open sockets."""
        return list(self._sessions)

    def add(self, connection: Connection) -> None:
        """Adds a socket: from the call on, every logout reaches it. `remove` must follow, also if this fails.

        Raises:
            RateLimited: the user has too many sockets.
        """
        user_id = connection.user.user_id
        self.require_capacity(user_id, connection.socket.client)
        self._users[user_id] += 1
        self._sessions.setdefault(connection.session.session_id, set()).add(connection)

    def require_capacity(self, user_id: str, client: str) -> None:
        """Raises RateLimited if the user has as many sockets as one may have.

        Arguments:
            client: the address that another one would come from.
        """
        if 0 < self._settings.limits.sockets_per_user <= self._users[user_id]:
            self._refusals.note(SOCKETS_PER_USER, client=client, retry_after=_RETRY_SECONDS)
            raise RateLimited("Too many open sockets", retry_after=_RETRY_SECONDS)

    def remove(self, connection: Connection) -> None:
        """Removes a socket. Harmless if it was removed before."""
        session_id, user_id = connection.session.session_id, connection.user.user_id
        others = self._sessions.get(session_id, set())
        if connection in others:
            others.discard(connection)
            self._users[user_id] -= 1
            if not self._users[user_id]:
                del self._users[user_id]
        if not others:
            self._sessions.pop(session_id, None)

    def end_sessions(self, session_ids: Iterable[str]) -> None:
        """Closes every socket of these login sessions."""
        for session_id in session_ids:
            for connection in list(self._sessions.get(session_id, ())):
                connection.close_soon(SESSION_ENDED)

    def log_out(self, user_id: str) -> None:
        """Closes every socket of this user."""
        for connection in self:
            if connection.user.user_id == user_id:
                connection.close_soon(SESSION_ENDED)

    def change_user(self, user_id: str, **changes: str) -> None:
        """Changes fields of this user."""
        for connection in self:
            if connection.user.user_id == user_id:
                connection.user = msgspec.structs.replace(connection.user, **changes)

    async def check_alive(self) -> None:
        """Waits for a check of all sockets that begins after this call, which takes a moment unless the daemon hangs."""
        self._check_now.set()
        await self._checked.wait()

    async def run(self) -> None:
        """Pings quiet sockets, drops dead ones, and closes those whose login session has expired, until cancelled."""
        while True:
            with trio.move_on_after(self._settings.limits.ping_seconds / 4):
                await self._check_now.wait()
            self._check_now.clear()
            checked, self._checked = (
                self._checked,
                RepeatedEvent(),
            )  # later calls of check_alive wait for the next check
            for number, connection in enumerate(list(self), 1):
                self._check(connection, trio.current_time())
                if number % _CONNECTIONS_PER_CHECKPOINT == 0:
                    await trio.lowlevel.checkpoint()
            checked.notify_all()

    def _check(self, connection: Connection, now: float) -> None:
        heard_at = connection.socket.heard_at
        if connection.closing is not None:
            return  # no ping may follow a close frame
        if self._clock() >= connection.session.expires_at:
            connection.close_soon(SESSION_ENDED)
        elif connection.pinged_at > heard_at:
            if now - connection.pinged_at >= self._settings.limits.pong_seconds:
                connection.close_soon(ABORT)
        elif now - heard_at >= self._settings.limits.ping_seconds and connection.socket.try_send(frames.PING, (2,)):
            connection.pinged_at = now
