"""The live rooms, and everything that must reach live connections at once."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.room import BroadcastCounters, LiveRoom
from reichatd.chat.shutdown import BATCH_SECONDS, GOING_AWAY, ShutdownPlan
from reichatd.chat.socket import ABORT
from reichatd.settings import LiveSettings
from reichatd.store import MessageStore, StoreError

_FAIR = 200
"""Connections looked at between two checkpoints: see room.py."""
_BEGINNINGS_SECONDS = 10.0
"""How often live rooms are told where their logs begin; one that is read learns it at once."""

log = structlog.get_logger()


class Attachment(NamedTuple):
    """What one socket holds on to: a membership and a login session."""

    room_id: str
    user_id: str
    session_id: str


class Hub:
    """Owns the live rooms; implements `reichatd.live.LiveConnections` and `reichatd.chat.scribe.LiveRooms`.

    All methods but `run`, `enter`, `beat` and `say_goodbye` act at once and do not wait. Everything is called from the event
    loop.

    Arguments:
        clock: seconds since the epoch: sessions end by it.
    """

    def __init__(
        self,
        messages: MessageStore,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.changes = 0
        """Counts the changes of users and sessions: one who read a session before a change reads it again (see Chat)."""
        self.broadcasts = BroadcastCounters()
        self._messages = messages
        self._settings = settings
        settings.on_change(self._apply_limits)
        self._commits = commits
        self._clock = clock
        self._rooms: dict[str, LiveRoom] = {}
        self._sessions: dict[str, set[Connection]] = {}
        self._farewell: ShutdownPlan | None = None
        self._beat = trio.Event()  # somebody wants to know whether the watch goes on
        self._watched = trio.Event()  # it has looked at all connections once more
        self._nursery: trio.Nursery

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps the rooms alive until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            self._nursery.start_soon(self._follow_retention)
            await self._watch()

    async def enter(self, room_id: str, connection: Connection) -> LiveRoom:
        """Brings a connection into a room, which is made live if it is not. `leave` must follow, also if this fails.

        The connection is known to the hub from the moment of the call on: no kick or logout passes it by. Waits for the
        room to find out where its log ends.

        Raises:
            RoomNotFound, StoreError
        """
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = LiveRoom(
                room_id, self._messages, self._settings.limits, self.broadcasts, self._commits
            )
            self._nursery.start_soon(self._run_room, room)
        room.enter(connection)
        self._sessions.setdefault(connection.session.session_id, set()).add(connection)
        if self._farewell is not None:
            connection.close_soon(GOING_AWAY, self._farewell.reason())
        await room.opened()
        return room

    def leave(self, room_id: str, connection: Connection) -> None:
        """Takes a connection out of its room; the room ends with its last one. Harmless if it has left before."""
        session_id = connection.session.session_id
        mine = self._sessions.get(session_id, set())
        mine.discard(connection)
        if not mine:
            self._sessions.pop(session_id, None)
        room = self._rooms.get(room_id)
        if room is not None:
            room.leave(connection)
            if not room.connections:
                del self._rooms[room_id]
                room.scope.cancel()

    async def say_goodbye(self, farewell: ShutdownPlan) -> None:
        """Closes every socket, in batches, and at once each that is still to come: the daemon goes down. Waits between batches.

        Those whose turn has not come talk on.
        """
        self._farewell = farewell
        places = [(room, connection) for room in self._rooms.values() for connection in room.connections]
        for number, (room, connection) in enumerate(places):
            if number and number % farewell.batch == 0:
                await trio.sleep(BATCH_SECONDS)
            room.leave(connection)
            connection.close_soon(GOING_AWAY, farewell.reason())

    @property
    def connections(self) -> int:
        """How many sockets are in rooms."""
        return sum(len(room.connections) for room in self._rooms.values())

    def places(self) -> list[Attachment]:
        """Who sits where, socket by socket."""
        return [
            Attachment(room.room_id, connection.user.user_id, connection.session.session_id)
            for room in self._rooms.values()
            for connection in room.connections
        ]

    @property
    def live_rooms(self) -> int:
        """How many rooms have somebody in them."""
        return len(self._rooms)

    @property
    def lagging(self) -> int:
        """How many sockets are behind their room's log, or behind with the frames meant for them alone."""
        return sum(connection.catching_up is not None for connection in self._all_connections())

    async def beat(self) -> None:
        """Waits until all connections have been looked at once more: a hub that still moves does it within a moment."""
        self._beat.set()
        await self._watched.wait()

    def _apply_limits(self) -> None:
        """Passes changed limits on to the live rooms and to the watch over connections."""
        for room in self._rooms.values():
            room.reload(self._settings.limits)
        self._beat.set()  # else the watch would wait as long as it was to wait before

    # --- what the scribe tells (scribe.Rooms)

    def publish(self, room_id: str, entries: list[tuple[int, bytes]]) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            room.publish(entries)

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            room.reply(connection, frame)

    # --- what accounts and rooms tell (live.Live)

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        self.changes += 1
        for session_id in session_ids:
            for connection in list(self._sessions.get(session_id, ())):
                connection.close_soon(4001, "Session ended")

    def user_logged_out(self, user_id: str) -> None:
        self.changes += 1
        for connection in self._all_connections():
            if connection.user.user_id == user_id:
                connection.close_soon(4001, "Session ended")

    def member_removed(self, room_id: str, user_id: str) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            for connection in [each for each in room.connections if each.user.user_id == user_id]:
                room.leave(connection)
                connection.close_soon(1008, "Forbidden")

    def room_deleted(self, room_id: str) -> None:
        # Nobody may meet it any more: a room that is made anew under this id begins an empty log.
        room = self._rooms.pop(room_id, None)
        if room is not None:
            self._close_room(room, 1008, "Room not found")
            room.scope.cancel()

    def user_renamed(self, user_id: str, username: str) -> None:
        self.changes += 1
        for room in self._rooms.values():
            for connection in room.connections:
                if connection.user.user_id == user_id:
                    connection.user = connection.user.renamed(username)
            room.forget_tail()

    # --- the rooms' lives

    async def _run_room(self, room: LiveRoom) -> None:
        try:
            await room.run()
        except Exception:
            log.exception("room crashed", room_id=room.room_id)
            self._close_room(room, 1011, "Internal error")
        finally:
            if self._rooms.get(room.room_id) is room:
                del self._rooms[room.room_id]

    def _close_room(self, room: LiveRoom, code: int, reason: str) -> None:
        for connection in list(room.connections):
            room.leave(connection)
            connection.close_soon(code, reason)

    # --- the connections' lives

    async def _watch(self) -> None:
        """Pings the quiet, lets go of the dead, and ends what has outlived its login session."""
        while True:
            with trio.move_on_after(self._settings.limits.ping_seconds / 4):
                await self._beat.wait()
            watched, self._beat, self._watched = self._watched, trio.Event(), trio.Event()
            for number, connection in enumerate(list(self._all_connections()), 1):
                self._look_at(connection, trio.current_time())
                if number % _FAIR == 0:
                    await trio.lowlevel.checkpoint()
            watched.set()

    def _look_at(self, connection: Connection, now: float) -> None:
        heard_at = connection.socket.heard_at
        if connection.closing is not None:
            return  # no ping may follow a close frame
        if self._clock() >= connection.session.expires_at:
            connection.close_soon(4001, "Session ended")
        elif connection.pinged_at > heard_at:
            if now - connection.pinged_at >= self._settings.limits.pong_seconds:
                connection.close_soon(ABORT, "")
        elif now - heard_at >= self._settings.limits.ping_seconds and connection.socket.try_send(frames.PING, (2,)):
            connection.pinged_at = now

    async def _follow_retention(self) -> None:
        """Tells the rooms where their logs begin: nobody else does, since any process may cut a log in the store."""
        while True:
            await trio.sleep(_BEGINNINGS_SECONDS)
            room_ids = list(self._rooms)
            for start in range(0, len(room_ids), _FAIR):
                with suppress(StoreError):  # whoever reads hears of it
                    await self._look_at_beginnings(room_ids[start : start + _FAIR])

    async def _look_at_beginnings(self, room_ids: list[str]) -> None:
        for room_id, first_id in zip(room_ids, await self._messages.first_ids(room_ids), strict=True):
            room = self._rooms.get(room_id)
            if room is not None and first_id is not None:
                room.begins_at(first_id)

    def _all_connections(self) -> Iterator[Connection]:
        return (connection for room in self._rooms.values() for connection in room.connections)
