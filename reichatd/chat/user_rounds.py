"""Sends users' sockets their states, in rounds: all of one socket in one send.

A room has news at most once a second, encoded once for all. The rounds of a busy daemon are a quarter of a second apart: someone in
200 busy rooms costs four sends a second, not 200.
"""

import structlog
import trio

from reichatd.chat.followed_rooms import FollowedRooms
from reichatd.chat.socket import PeerGone, PeerStalled
from reichatd.chat.stalled import StalledSends
from reichatd.chat.user_states import Follower
from reichatd.closing import ABORT, SLOW_READER
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings

_SENDS_PER_CHECKPOINT = 200
"""Sends between two checkpoints of a round: a long round must not starve the other tasks."""
FOLLOWERS_PER_CHECKPOINT = 1000
"""Sockets that get a state between two checkpoints."""

log = structlog.get_logger()


class UserRounds:
    """Owns the sockets that have states to send. `UserNews` owns it. Only `run` waits.

    Arguments:
        settings: of these, `limits.news_seconds` and `limits.news_interval_seconds`.
        stalled: is told what sends hold.
    """

    def __init__(self, rooms: FollowedRooms, settings: LiveSettings, stalled: StalledSends) -> None:
        self._rooms = rooms
        self._settings = settings
        self._stalled = stalled
        self._queued: list[Follower] = []
        self._wake = RepeatedEvent()
        self._settings_changed = RepeatedEvent()  # the pause may be shorter now
        settings.on_change(self._settings_changed.notify_all)
        self._nursery: trio.Nursery

    def queue(self, follower: Follower) -> None:
        """The socket has states to send: in the next round, or once it takes them."""
        if follower.is_open and not follower.is_queued and follower.sender is None:
            follower.is_queued = True
            self._queued.append(follower)
            self._wake.set()

    def wake(self) -> None:
        """A room has news."""
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        async with trio.open_nursery() as self._nursery:
            while True:
                with trio.move_on_at(self._rooms.due_at(self._settings.limits.news_seconds)):
                    await self._wake.wait()
                self._wake.clear()
                await self._collect()
                await self._send_round()
                with trio.move_on_after(self._settings.limits.news_interval_seconds):
                    await self._settings_changed.wait()

    async def _collect(self) -> None:
        """Gives the news of rooms to their followers."""
        number = 0
        for room in self._rooms.due(trio.current_time(), self._settings.limits.news_seconds):
            frame, has_waited = room.news(), False
            for follower in list(room):
                number += 1
                if number % FOLLOWERS_PER_CHECKPOINT == 0:
                    await trio.lowlevel.checkpoint()
                    has_waited = True
                if has_waited and (follower.is_gone or room.room_id not in follower.rooms):
                    continue  # it has left meanwhile
                follower.states.put("news", room.room_id, frame)
                self.queue(follower)

    async def _send_round(self) -> None:
        queued, self._queued = self._queued, []
        for number, follower in enumerate(queued, 1):
            follower.is_queued = False
            if follower.states and not follower.is_gone:
                self._send(follower)
            if number % _SENDS_PER_CHECKPOINT == 0:
                await trio.lowlevel.checkpoint()

    def _send(self, follower: Follower) -> None:
        data, socket = follower.states.take(), follower.connection.socket
        taken = socket.try_send(data, (len(data),))
        if not taken or socket.has_pending:
            follower.sender = trio.CancelScope()
            self._nursery.start_soon(self._send_slowly, follower, follower.sender, b"" if taken else data)

    async def _send_slowly(self, follower: Follower, scope: trio.CancelScope, data: bytes) -> None:
        """Sends, to a socket that is full, what it was to be sent; then the states of the time when it has taken that."""
        connection = follower.connection
        with scope:
            try:
                with self._stalled.begin(connection) as held:
                    while data or connection.socket.has_pending:
                        held.hold(len(data))
                        await connection.socket.send(data)
                        data = follower.states.take()
            except PeerStalled:
                log.info("slow reader closed", user_id=connection.user.user_id)
                connection.close_soon(SLOW_READER)
            except PeerGone:
                connection.close_soon(ABORT)
        follower.sender = None
