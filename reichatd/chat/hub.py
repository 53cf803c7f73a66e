"""The live rooms, and all events that must reach open connections at once."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

import msgspec
import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.broadcaster import BroadcastCounters
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import State
from reichatd.chat.room import LiveRoom
from reichatd.chat.shutdown import BATCH_SECONDS, ShutdownPlan
from reichatd.chat.stalled import StalledSends
from reichatd.chat.tails import Tails
from reichatd.closing import ABORT, FORBIDDEN, ROOM_NOT_FOUND, SERVER_FAULT, SESSION_ENDED, Close
from reichatd.errors import RateLimited
from reichatd.rate_limits import Refusals
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import ChangedMessage, MessageStore, StoreError

_CONNECTIONS_PER_CHECKPOINT = 200
"""Connections checked between two checkpoints, so that the other tasks run."""
_FIRST_IDS_SECONDS = 10.0
"""How often the hub reads where the logs of live rooms begin. A room that reads its log finds out earlier."""

SOCKETS_PER_USER = "sockets_per_user"
_RETRY_SECONDS = 30
"""After this time a client may try again that has too many sockets. By then the dead ones among them are found (pong_seconds)."""

log = structlog.get_logger()


class Attachment(NamedTuple):
    """What one socket depends on: a membership and a login session."""

    room_id: str
    user_id: str
    session_id: str


class Hub:
    """Owns the live rooms; implements `reichatd.live.LiveConnections` and `reichatd.chat.scribe.LiveRooms`.

    Only `run`, `enter`, `check_alive` and `close_all` wait. All calls come from the event loop.

    Arguments:
        clock: seconds since the epoch; decides when login sessions have expired.
        refusals: told of sockets that are one too many for their user; counts those that are closed since they stall.
    """

    def __init__(
        self,
        messages: MessageStore,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
        refusals: Refusals | None = None,
    ) -> None:
        self.changes = 0
        """Counts changes of users and sessions: a session that was read before a change is read again."""
        self.counters = BroadcastCounters()
        self._refusals = refusals or Refusals()
        self.stalled = StalledSends(settings, self._refusals.counts)
        self.tails = Tails(settings)
        self._messages = messages
        self._settings = settings
        self._commits = commits
        self._clock = clock
        self._rooms: dict[str, LiveRoom] = {}
        self._sessions: dict[str, set[Connection]] = {}
        self._users: Counter[str] = Counter()  # sockets of each user; no zeros
        self._shutdown: ShutdownPlan | None = None
        self._check_now = RepeatedEvent()  # makes the check of all connections run at once
        self._checked = RepeatedEvent()  # a check of all connections is done
        settings.on_change(self._check_now.set)  # its interval may be shorter now
        self._emails = settings.whole.privacy.emails  # as the tails show them
        settings.on_change(self._show_emails_anew)
        self._nursery: trio.Nursery

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps the rooms alive until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            self._nursery.start_soon(self._update_first_ids)
            self._nursery.start_soon(self.stalled.run)
            await self._check_connections()

    async def enter(self, room_id: str, connection: Connection) -> LiveRoom:
        """Adds a connection to a room, and makes the room live if it is not. `leave` must follow, also if this fails.

        The hub knows the connection from the call on: every kick and logout reaches it. Waits until the room knows where its
        log ends.

        Raises:
            RateLimited: the user has too many sockets.
            RoomNotFound, StoreError
        """
        self._count(connection)
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = LiveRoom(
                room_id, self._messages, self._settings, self.counters, self._commits, self.stalled, self.tails
            )
            self._nursery.start_soon(self._run_room, room)
        room.enter(connection)
        if self._shutdown is not None:
            connection.close_soon(self._shutdown.close())
        await room.opened()
        return room

    def leave(self, room_id: str, connection: Connection) -> None:
        """Removes a connection from its room; the room ends with its last connection. Harmless if it has left before."""
        session_id = connection.session.session_id
        others = self._sessions.get(session_id, set())
        if connection in others:
            others.discard(connection)
            self._users[connection.user.user_id] -= 1
            if not self._users[connection.user.user_id]:
                del self._users[connection.user.user_id]
        if not others:
            self._sessions.pop(session_id, None)
        room = self._rooms.get(room_id)
        if room is not None:
            room.leave(connection)
            if not room.connections:
                del self._rooms[room_id]
                room.scope.cancel()

    def live(self, room_id: str) -> LiveRoom | None:
        """A room that is live, and knows where its log ends."""
        room = self._rooms.get(room_id)
        return room if room is not None and room.token else None

    def require_capacity(self, user_id: str, client: str) -> None:
        """Raises RateLimited if the user has too many connections in rooms.

        Arguments:
            client: the address that another one would come from.
        """
        if 0 < self._settings.limits.sockets_per_user <= self._users[user_id]:
            self._refusals.note(SOCKETS_PER_USER, client=client, retry_after=_RETRY_SECONDS)
            raise RateLimited("Too many open sockets", retry_after=_RETRY_SECONDS)

    def _count(self, connection: Connection) -> None:
        user_id = connection.user.user_id
        self.require_capacity(user_id, connection.socket.client)
        self._users[user_id] += 1
        self._sessions.setdefault(connection.session.session_id, set()).add(connection)

    async def close_all(self, plan: ShutdownPlan) -> None:
        """Closes every socket, in batches, since the daemon shuts down. Waits between batches.

        Sockets of later batches work until then. New ones are closed at once.
        """
        self._shutdown = plan
        attached = [(room, connection) for room in self._rooms.values() for connection in room.connections]
        for number, (room, connection) in enumerate(attached):
            if number and number % plan.batch == 0:
                await trio.sleep(BATCH_SECONDS)
            room.leave(connection)
            connection.close_soon(plan.close())

    @property
    def connections(self) -> int:
        """How many sockets are in rooms."""
        return sum(len(room.connections) for room in self._rooms.values())

    def attachments(self) -> list[Attachment]:
        """The attachment of every socket in a room."""
        return [
            Attachment(room.room_id, connection.user.user_id, connection.session.session_id)
            for room in self._rooms.values()
            for connection in room.connections
        ]

    @property
    def live_rooms(self) -> int:
        """How many rooms have at least one connection."""
        return len(self._rooms)

    @property
    def lagging(self) -> int:
        """How many sockets are behind: with their room's log, or with replies."""
        return sum(connection.delivery.state is State.LAGGING for connection in self._all_connections())

    async def check_alive(self) -> None:
        """Waits for a check of all connections that begins after this call, which takes a moment unless the hub hangs."""
        self._check_now.set()
        await self._checked.wait()

    # --- called by the scribe (scribe.LiveRooms)

    def publish(self, room_id: str, entries: list[tuple[int, bytes]]) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            room.publish(entries)

    def change(self, room_id: str, changed: Sequence[ChangedMessage]) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            room.change(changed)

    def mentioned(self, room_id: str, message_id: int, by: str, user_ids: Iterable[str], *, everyone: bool) -> None:
        pass

    def marks_moved(self, read_marks: Mapping[tuple[str, str], int]) -> None:
        pass

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection, where it is in flight already."""
        room = self._rooms.get(room_id)
        if room is not None:
            room.reply(connection, frame)

    # --- called by accounts, rooms and administration (live.LiveConnections)

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        self.changes += 1
        for session_id in session_ids:
            for connection in list(self._sessions.get(session_id, ())):
                connection.close_soon(SESSION_ENDED)

    def user_logged_out(self, user_id: str) -> None:
        self.changes += 1
        for connection in self._all_connections():
            if connection.user.user_id == user_id:
                connection.close_soon(SESSION_ENDED)

    def member_removed(self, room_id: str, user_id: str) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            for connection in [each for each in room.connections if each.user.user_id == user_id]:
                room.leave(connection)
                connection.close_soon(FORBIDDEN)
            if self._emails == "shared_room":
                room.forget_author(user_id)

    def room_deleted(self, room_id: str) -> None:
        # Removed at once: a new room with this id starts with an empty log.
        room = self._rooms.pop(room_id, None)
        if room is not None:
            self._close_room(room, ROOM_NOT_FOUND)
            room.scope.cancel()

    def user_renamed(self, user_id: str, username: str) -> None:
        self._change_user(user_id, username=username)

    def email_changed(self, user_id: str, email: str) -> None:
        self._change_user(user_id, email=email)

    def messages_changed(self, changed: Iterable[ChangedMessage]) -> None:
        for room_id, some in groupby(changed, lambda each: each.room_id):
            self.change(room_id, list(some))

    def _change_user(self, user_id: str, **changes: str) -> None:
        self.changes += 1
        for room in self._rooms.values():
            for connection in room.connections:
                if connection.user.user_id == user_id:
                    connection.user = msgspec.structs.replace(connection.user, **changes)
            room.forget_tail()

    def _show_emails_anew(self) -> None:
        """Drops the tails if they show addresses to others than they should now."""
        emails = self._settings.whole.privacy.emails
        if emails != self._emails:
            self._emails = emails
            for room in self._rooms.values():
                room.forget_tail()

    # --- live rooms

    async def _run_room(self, room: LiveRoom) -> None:
        try:
            await room.run()
        except Exception:
            log.exception("room crashed", room_id=room.room_id)
            self._close_room(room, SERVER_FAULT)
        finally:
            if self._rooms.get(room.room_id) is room:
                del self._rooms[room.room_id]

    def _close_room(self, room: LiveRoom, close: Close) -> None:
        for connection in list(room.connections):
            room.leave(connection)
            connection.close_soon(close)

    # --- checks of the connections

    async def _check_connections(self) -> None:
        """Pings quiet connections, drops dead ones, and closes those whose login session has expired."""
        while True:
            with trio.move_on_after(self._settings.limits.ping_seconds / 4):
                await self._check_now.wait()
            self._check_now.clear()
            checked, self._checked = (
                self._checked,
                RepeatedEvent(),
            )  # later calls of check_alive wait for the next check
            for number, connection in enumerate(list(self._all_connections()), 1):
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

    async def _update_first_ids(self) -> None:
        """Keeps the rooms up to date about where their logs begin: any process may remove old messages from the store."""
        while True:
            await trio.sleep(_FIRST_IDS_SECONDS)
            room_ids = list(self._rooms)
            for start in range(0, len(room_ids), _CONNECTIONS_PER_CHECKPOINT):
                with suppress(StoreError):  # reported where the store is needed
                    await self._read_first_ids(room_ids[start : start + _CONNECTIONS_PER_CHECKPOINT])

    async def _read_first_ids(self, room_ids: list[str]) -> None:
        for room_id, first_id in zip(room_ids, await self._messages.first_ids(room_ids), strict=True):
            room = self._rooms.get(room_id)
            if room is not None and first_id is not None:
                room.begins_at(first_id)

    def _all_connections(self) -> Iterator[Connection]:
        return (connection for room in self._rooms.values() for connection in room.connections)
