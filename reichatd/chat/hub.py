"""The live rooms, and all events that must reach open connections at once."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby

import trio

from reichatd.chat.active_members import ActiveMembers
from reichatd.chat.broadcast_counters import BroadcastCounters
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import State
from reichatd.chat.moves import Moves
from reichatd.chat.open_rooms import OpenRooms
from reichatd.chat.open_sockets import OpenSockets
from reichatd.chat.room import LiveRoom
from reichatd.chat.shutdown import BATCH_SECONDS, ShutdownPlan
from reichatd.chat.stalled import StalledSends
from reichatd.chat.tails import Tails
from reichatd.chat.user_news import UserNews
from reichatd.chat.user_states import Follower
from reichatd.closing import FORBIDDEN
from reichatd.live import RemovalReason
from reichatd.rate_limits import Refusals
from reichatd.settings import LiveSettings
from reichatd.store import ChangedMessage, MemberStore, MessageStore


class Hub:
    """Owns the live rooms; implements `reichatd.live.LiveConnections` and `reichatd.chat.pending.LiveRooms`.

    Only `run`, `enter`, `check_alive` and `close_all` wait. `news.run` runs beside `run`. All calls come from the event loop.

    Arguments:
        clock: seconds since the epoch; decides when login sessions have expired.
        members: see `ActiveMembers`.
        refusals: told of sockets that are one too many for their user; counts those that are closed since they stall.
    """

    def __init__(
        self,
        messages: MessageStore,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
        refusals: Refusals | None = None,
        members: MemberStore | None = None,
    ) -> None:
        self.endings = 0
        """Counts what ends login sessions: one that was read before may have ended."""
        self.renames = 0
        """Counts changes of users' names and addresses."""
        self.moves = Moves()
        self.counters = BroadcastCounters()
        refusals = refusals or Refusals()
        self.sockets = OpenSockets(settings, refusals, clock)
        self.stalled = StalledSends(settings, refusals.counts)
        self.news = UserNews(settings, self.stalled)
        self.tails = Tails(settings)
        self._messages = messages
        self._members = ActiveMembers(members, settings, clock)
        self._settings = settings
        self._commits = commits
        self._open_rooms = OpenRooms(messages, self._make_room)
        self._rooms, self._keys = self._open_rooms.by_id, self._open_rooms.by_key
        self._shutdown: ShutdownPlan | None = None
        self._emails = settings.whole.privacy.emails  # as the tails show them
        settings.on_change(self._refresh_emails)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps the rooms alive until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._open_rooms.run)
            task_status.started()
            nursery.start_soon(self.stalled.run)
            await self.sockets.run()

    async def enter(self, room_id: str, connection: Connection) -> LiveRoom:
        """Adds a connection to a room, and makes the room live if it is not. `leave` must follow, also if this fails.

        The hub knows the connection from the call on: every kick and logout reaches it. Waits until the room knows where its
        log ends.

        Raises:
            RateLimited: the user has too many sockets.
            RoomNotFound, StoreError
        """
        self.sockets.add(connection)
        while True:
            was_live = room_id in self._rooms
            room = self._rooms[room_id] if was_live else self._open_rooms.open(room_id)
            room.enter(connection)
            if self._shutdown is not None:
                connection.close_soon(self._shutdown.close())
            await room.opened()
            if not was_live or await self._open_rooms.is_current(room):
                return room
            # Another daemon has deleted the room, and perhaps one was made again under its id. The newcomer belongs to that one.
            # What users' sockets are told is left to `end_log`.
            room.leave(connection)
            self._open_rooms.end(room)

    def _make_room(self, room_id: str) -> LiveRoom:
        return LiveRoom(
            room_id,
            self._messages,
            self._settings,
            self.counters,
            self._commits,
            self.stalled,
            self.tails,
            self._members,
            self._open_rooms.identify,
        )

    def leave(self, room_id: str, connection: Connection) -> None:
        """Removes a connection from its room; the room ends with its last connection. Harmless if it has left before."""
        self.sockets.remove(connection)
        room = self._rooms.get(room_id)
        if room is not None:
            room.leave(connection)
            self._open_rooms.end_if_empty(room)

    def follow(self, connection: Connection) -> Follower:
        """Adds a user's socket, which is told what happens in all of the user's rooms. `unfollow` must follow, also if this fails.

        Every logout reaches it from the call on, and every room that the user joins.

        Raises:
            RateLimited: the user has too many sockets.
        """
        self.sockets.add(connection)
        if self._shutdown is not None:
            connection.close_soon(self._shutdown.close())
        return self.news.enter(connection)

    def unfollow(self, connection: Connection, follower: Follower | None) -> None:
        """Removes a user's socket. Harmless if it was removed before."""
        self.sockets.remove(connection)
        if follower is not None:
            self.news.leave(follower)

    # --- rooms by the keys of their logs: under the same id, one may have been deleted and another made

    def with_key(self, key: str) -> LiveRoom | None:
        """The live room with this log."""
        return self._keys.get(key)

    def keys(self) -> list[str]:
        """The keys of the logs of all live rooms, as far as they have one."""
        return list(self._keys)

    def room_id(self, key: str) -> str | None:
        """The room with this log, if it is live or a user's socket follows it."""
        room = self._keys.get(key)
        return self.news.room_id(key) if room is None else room.room_id

    def wants(self, key: str) -> bool:
        """Whether someone here is told what happens in this log. Any thread may call it."""
        return key in self._keys or self.news.room_id(key) is not None

    def log_reaches(self, key: str, *, last_id: int = 0, change_id: int = 0) -> None:
        """This log is known to reach this message and this change."""
        if (room := self._keys.get(key)) is not None:
            room.reaches(last_id, change_id)
        if (room_id := self.news.room_id(key)) is not None:
            self.news.moved(room_id, last_id=last_id, change_id=change_id)

    def end_log(self, key: str) -> None:
        """This log is gone: closes every socket of its room with 1008, but none of another room that has its id by now."""
        if (room_id := self.news.room_id(key)) is not None:
            self.news.room_deleted(room_id)
        if (room := self._keys.get(key)) is not None:
            self._open_rooms.end(room)

    # --- all rooms

    def rooms(self) -> list[LiveRoom]:
        """All live rooms."""
        return list(self._rooms.values())

    def live(self, room_id: str) -> LiveRoom | None:
        """A room that is live, and knows where its log ends."""
        room = self._rooms.get(room_id)
        return room if room is not None and room.token else None

    async def close_all(self, plan: ShutdownPlan) -> None:
        """Closes every socket, in batches, since the daemon shuts down. Waits between batches.

        Sockets of later batches work until then. New ones are closed at once.
        """
        self._shutdown = plan
        attached = [
            (partial(room.leave, connection), connection)
            for room in self._rooms.values()
            for connection in room.connections
        ]
        attached += [(partial(self.news.leave, each), each.connection) for each in self.news.followers()]
        for number, (leave, connection) in enumerate(attached):
            if number and number % plan.batch == 0:
                await trio.sleep(BATCH_SECONDS)
            leave()
            connection.close_soon(plan.close())

    @property
    def changes(self) -> int:
        """Counts all changes of users and sessions: a session that was read before a change is read again."""
        return self.endings + self.renames

    @property
    def connections(self) -> int:
        """How many sockets there are: in rooms, and of users."""
        return sum(len(room.connections) for room in self._rooms.values()) + len(self.news.followers())

    def members(self) -> list[tuple[str, str]]:
        """The room and the user of every socket in a room."""
        return [
            (room.room_id, connection.user.user_id) for room in self._rooms.values() for connection in room.connections
        ]

    @property
    def live_rooms(self) -> int:
        """How many rooms have at least one connection."""
        return len(self._rooms)

    @property
    def lagging(self) -> int:
        """How many sockets are behind: with their room's log, or with replies."""
        return sum(connection.delivery.state is State.LAGGING for connection in self.sockets)

    async def check_alive(self) -> None:
        """Waits for a check of all sockets that begins after this call, which takes a moment unless the hub hangs."""
        await self.sockets.check_alive()

    # --- called by the scribe (pending.LiveRooms)

    def publish(self, room_id: str, entries: list[tuple[int, bytes]], log_key: str = "") -> None:
        if (room := self._with_log(room_id, log_key)) is not None:
            room.publish(entries)
        self.news.moved(room_id, last_id=entries[-1][0])

    def reaches(self, room_id: str, last_id: int, log_key: str = "") -> None:
        if (room := self._with_log(room_id, log_key)) is not None:
            room.reaches(last_id)
        self.news.moved(room_id, last_id=last_id)

    def change(self, room_id: str, changed: Sequence[ChangedMessage], log_key: str = "") -> None:
        if (room := self._with_log(room_id, log_key)) is not None:
            room.change(changed)
        self.news.moved(room_id, change_id=changed[-1].message.change_id)

    def _with_log(self, room_id: str, log_key: str) -> LiveRoom | None:
        """The live room with this id, unless it is known to have another log."""
        room = self._rooms.get(room_id)
        if room is not None and room.key and log_key and room.key != log_key:
            return None
        return room

    def mentioned(self, room_id: str, message_id: int, by: str, user_ids: Iterable[str], *, everyone: bool) -> None:
        self.news.mentioned(room_id, message_id, by, user_ids, everyone=everyone)

    def marks_moved(self, read_marks: Mapping[tuple[str, str], int]) -> None:
        self.news.marks_moved(read_marks)

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection, where it is in flight already."""
        room = self._rooms.get(room_id)
        if room is not None:
            room.reply(connection, frame)

    # --- called by accounts, rooms and administration (live.LiveConnections)

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        self.endings += 1
        self.sockets.end_sessions(session_ids)

    def user_logged_out(self, user_id: str) -> None:
        self.endings += 1
        self.sockets.log_out(user_id)

    def member_joined(self, room_id: str, user_id: str) -> None:
        self.moves.note(room_id, user_id)
        self.news.member_joined(room_id, user_id)

    def room_changed(self, room_id: str, user_id: str | None = None) -> None:
        self.news.room_changed(room_id, user_id)
        if user_id is not None:
            self._standing_changed(room_id, user_id)

    def member_removed(self, room_id: str, user_id: str, reason: RemovalReason = "left") -> None:
        self.moves.note(room_id, user_id)
        self.news.member_removed(room_id, user_id, reason)
        room = self._rooms.get(room_id)
        if room is not None:
            for connection in [each for each in room.connections if each.user.user_id == user_id]:
                room.leave(connection)
                connection.close_soon(FORBIDDEN)
            if self._emails == "shared_room":
                room.forget_author(user_id)

    def room_deleted(self, room_id: str) -> None:
        self.news.room_deleted(room_id)
        room = self._rooms.get(room_id)
        if room is not None:
            self._open_rooms.end(room)

    def user_renamed(self, user_id: str, username: str) -> None:
        self._change_user(user_id, username=username)
        self.news.user_renamed(user_id, username)

    def email_changed(self, user_id: str, email: str) -> None:
        self._change_user(user_id, email=email)

    def member_changed(self, room_id: str, user_id: str) -> None:
        """Another daemon has changed what a member is in a room, or whether their posts are refused, or made them a member."""
        self.news.member_changed(room_id, user_id)
        self._standing_changed(room_id, user_id)

    def user_changed(self, user_id: str, username: str, email: str) -> None:
        """This is the user's name and address now. Rooms whose messages show another must forget their tails: `forget_author`."""
        self.renames += 1
        self.sockets.change_user(user_id, username=username, email=email)
        self.news.user_renamed(user_id, username)

    def messages_changed(self, changed: Iterable[ChangedMessage]) -> None:
        for room_id, some in groupby(changed, lambda each: each.room_id):
            self.change(room_id, list(some))

    def _change_user(self, user_id: str, **changes: str) -> None:
        self.renames += 1
        self.sockets.change_user(user_id, **changes)
        for room in self._rooms.values():
            room.forget_tail()

    def _standing_changed(self, room_id: str, user_id: str) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            room.standing_changed(user_id)

    def _refresh_emails(self) -> None:
        """Drops the tails if they show addresses to others than they should now."""
        emails = self._settings.whole.privacy.emails
        if emails != self._emails:
            self._emails = emails
            for room in self._rooms.values():
                room.forget_tail()
