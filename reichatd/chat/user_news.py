"""Tells users' sockets what happens in all of their rooms.

It tells states, not events: each socket has one state of each kind for each room, and a later one replaces it. A socket that stalls
gets the states of the time when it reads again.

The states go out in rounds: see `reichatd.chat.user_rounds`.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import trio

from reichatd import rights
from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.chat.followed_rooms import FollowedRooms
from reichatd.chat.room_views import RoomViews, ViewReader
from reichatd.chat.stalled import StalledSends
from reichatd.chat.user_rounds import FOLLOWERS_PER_CHECKPOINT, UserRounds
from reichatd.chat.user_states import Follower
from reichatd.closing import SLOW_READER
from reichatd.live import RemovalReason
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import Membership, StoreError
from reichatd.text import GONE

_STORE_RETRY_SECONDS = 1.0
_MOST_USERS = 1000
"""Changed users that a stalled socket is told of. With more it is closed."""


class Memberships(Protocol):
    """Reads which rooms a user is in: `reichatd.store.RoomStore`."""

    async def memberships(self, user_id: str) -> list[Membership]:
        """This user's memberships. Raises StoreError."""


class UserNews:
    """Owns the users' sockets. The hub owns it, and passes on what happens. Only `run` waits.

    Arguments:
        settings, stalled: see `UserRounds`.
    """

    def __init__(self, settings: LiveSettings, stalled: StalledSends) -> None:
        self._rooms = FollowedRooms()
        self._rounds = UserRounds(self._rooms, settings, stalled)
        self._views = ViewReader(self._rooms, self._rounds, self._begin_anew)
        self.learn = self._views.learn
        """See `ViewReader.learn`."""
        self._users: dict[str, list[Follower]] = {}  # no empty lists
        self._renamed: dict[str, str] = {}  # names by user id, until the sockets are told
        self._someone_renamed = RepeatedEvent()
        self.has_unidentified = RepeatedEvent()
        """A room is followed whose key in the store's feed is not known."""

    async def run(
        self,
        views: RoomViews,
        memberships: Memberships,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Sends until cancelled."""
        async with trio.open_nursery() as nursery:
            self._views.begin(views, nursery)
            task_status.started()
            nursery.start_soon(self._tell_renames, memberships)
            await self._rounds.run()

    # --- sockets

    def enter(self, connection: Connection) -> Follower:
        """A user's socket: from here on it is told of rooms that the user joins. It is sent nothing before `open`."""
        follower = Follower(connection)
        self._users.setdefault(connection.user.user_id, []).append(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        """Nothing is sent to the socket from here on. Harmless if it has left before."""
        if follower.is_gone:
            return
        self._rooms.leave(follower)
        user_id = follower.connection.user.user_id
        self._users[user_id].remove(follower)
        if not self._users[user_id]:
            del self._users[user_id]

    def follow(self, follower: Follower, room_ids: Iterable[str]) -> None:
        """From here on the socket follows these rooms, and no others. To be called before they are read for it."""
        wanted, followed = dict.fromkeys(room_ids), set(follower.rooms)
        for room_id in followed - wanted.keys():
            self._rooms.unfollow(follower, room_id)
        for room_id in wanted:
            if room_id not in followed:
                self._follow(follower, room_id)

    def open(self, follower: Follower) -> None:
        """The socket was sent `hello`: from here on it is sent what has happened since its rooms were read."""
        follower.is_open = True
        if follower.states:
            self._rounds.queue(follower)
        self._views.read(follower)

    def _begin_anew(self, follower: Follower, room_id: str) -> None:
        """Another daemon has deleted a room, and another one has its id. This socket's user is a member of that one."""
        self._remove([each for each in self._rooms.followers(room_id) if each is not follower], room_id, "deleted")
        follower.states.drop_room(room_id)
        self._rooms.begin_anew(room_id)
        self.has_unidentified.set()

    def followers(self) -> list[Follower]:
        """All sockets."""
        return [follower for some in self._users.values() for follower in some]

    def users(self) -> list[str]:
        """The users who have sockets."""
        return list(self._users)

    def users_in(self, room_id: str) -> list[str]:
        """Those of them whose sockets follow a room."""
        return list(dict.fromkeys(each.connection.user.user_id for each in self._rooms.followers(room_id)))

    def of_user(self, user_id: str) -> list[Follower]:
        """The sockets of a user."""
        return list(self._users.get(user_id, ()))

    # --- the keys of rooms in the store's feed

    def room_id(self, key: str) -> str | None:
        """The room whose log has this key, if a socket follows it and the key is known."""
        return self._rooms.room_id(key)

    def keys(self) -> list[str]:
        """The keys of the logs of all followed rooms, as far as they are known."""
        return self._rooms.keys()

    def unidentified(self) -> list[str]:
        """The rooms whose keys are not known."""
        return list(self._rooms.unidentified)

    def identify(self, room_id: str, key: str) -> None:
        """The log of this room has this key: from here on, events with it are about this room. "" if it has none."""
        self._rooms.identify(room_id, key)

    # --- what happens in rooms

    def moved(self, room_id: str, *, last_id: int = 0, change_id: int = 0) -> None:
        """The log of a room ends here now, or its changes do."""
        if self._rooms.moved(room_id, last_id=last_id, change_id=change_id):
            self._rounds.wake()

    def mentioned(self, room_id: str, message_id: int, by: str, user_ids: Iterable[str], *, everyone: bool) -> None:
        """A message of the user `by` mentions these users; with `everyone`, all members."""
        told = self._rooms.followers(room_id) if everyone else self.of_members(room_id, user_ids)
        frame = frames.encode(frames.Mentioned(room_id, message_id, by))
        for follower in told:
            if follower.connection.user.user_id == by:
                continue
            if not follower.is_open or follower.states.has("mention", room_id) or room_id in follower.reading:
                # The client cannot count what is sent once, or is in a view that is being read.
                self._views.want(follower, room_id, is_new=False)
            follower.states.put("mention", room_id, frame)
            self._rounds.queue(follower)

    def marks_moved(self, read_marks: Mapping[tuple[str, str], int]) -> None:
        """Read marks have moved, (room_id, user_id) → message_id."""
        for (room_id, user_id), message_id in read_marks.items():
            if user_id not in self._users:  # with each commit comes a mark for each author
                continue
            frame = frames.encode(frames.ReadElsewhere(room_id, message_id))
            for follower in self.of_members(room_id, (user_id,)):
                if room_id in follower.reading:
                    self._views.want(follower, room_id, is_new=False)
                follower.states.put("read", room_id, frame)
                self._rounds.queue(follower)

    def room_changed(self, room_id: str, user_id: str | None = None) -> None:
        """See `LiveConnections.room_changed`."""
        followers = self._rooms.followers(room_id) if user_id is None else self.of_members(room_id, (user_id,))
        for follower in followers:
            self._views.want(follower, room_id, is_new=False)

    def member_joined(self, room_id: str, user_id: str) -> None:
        """See `LiveConnections.member_joined`."""
        for follower in self._users.get(user_id, ()):
            follower.moves += 1
            if room_id not in follower.rooms:
                self._add(follower, room_id)

    def member_changed(self, room_id: str, user_id: str) -> None:
        """A member has joined, or their role or mute has changed: it is not known which."""
        followers = self._users.get(user_id, ())
        if any(room_id not in follower.rooms for follower in followers):
            self.member_joined(room_id, user_id)
        self.room_changed(room_id, user_id)

    def member_removed(self, room_id: str, user_id: str, reason: RemovalReason) -> None:
        """See `LiveConnections.member_removed`."""
        self._remove(self.of_members(room_id, (user_id,)), room_id, reason)

    def room_deleted(self, room_id: str) -> None:
        """See `LiveConnections.room_deleted`."""
        self._remove(list(self._rooms.followers(room_id)), room_id, "deleted")

    def user_renamed(self, user_id: str, username: str) -> None:
        """See `LiveConnections.user_renamed`. The sockets are told a moment later: it is not known here who shares a room."""
        if self._users:
            self._renamed[user_id] = username
            self._someone_renamed.set()

    def all_changed(self) -> None:
        """Any room may have changed in any way."""
        for follower in self.followers():
            for room_id in follower.rooms:
                self._views.want(follower, room_id, is_new=False)

    def reconcile(self, follower: Follower, room_ids: Iterable[str], moves: int) -> None:
        """What this daemon was not told: rooms that the user has joined or left otherwise.

        Arguments:
            room_ids: the rooms that the user was a member of a moment ago.
            moves: `Follower.moves` before they were read; if there were more since, they are out of date.
        """
        if not follower.is_open:
            follower.moves += 1  # the rooms in its `hello` are read again
        elif follower.moves == moves and not follower.is_gone:
            joined, followed = dict.fromkeys(room_ids), dict.fromkeys(follower.rooms)
            for room_id in joined:
                if room_id not in followed:
                    self._add(follower, room_id)
            for room_id in followed:
                if room_id not in joined:
                    self._remove([follower], room_id, "left")

    def of_members(self, room_id: str, user_ids: Iterable[str]) -> list[Follower]:
        """The sockets of these users, if they follow the room."""
        return [
            follower for user_id in user_ids for follower in self._users.get(user_id, ()) if room_id in follower.rooms
        ]

    def _add(self, follower: Follower, room_id: str) -> None:
        if rights.covers(follower.connection.actor, room_id):
            self._follow(follower, room_id)
            self._views.want(follower, room_id, is_new=True)

    def _follow(self, follower: Follower, room_id: str) -> None:
        self._rooms.follow(follower, room_id)
        if self._rooms.unidentified:
            self.has_unidentified.set()

    def _remove(self, followers: Iterable[Follower], room_id: str, reason: frames.LeaveReason) -> None:
        frame = frames.encode(frames.Left(room_id, reason))
        for follower in followers:
            follower.moves += 1
            self._rooms.unfollow(follower, room_id)
            follower.states.put("left", room_id, frame)
            self._rounds.queue(follower)

    # --- users

    async def _tell_renames(self, memberships: Memberships) -> None:
        while True:
            await self._someone_renamed.wait()
            self._someone_renamed.clear()
            while self._renamed:
                user_id, username = next(iter(self._renamed.items()))
                try:
                    rooms = await memberships.memberships(user_id)
                except StoreError:  # reported where the store is needed
                    await trio.sleep(_STORE_RETRY_SECONDS)
                    continue
                if self._renamed[user_id] == username:  # else they have another name by now
                    del self._renamed[user_id]
                    await self._tell_renamed(user_id, username, [each.room_id for each in rooms])

    async def _tell_renamed(self, user_id: str, username: str, room_ids: Iterable[str]) -> None:
        frame = frames.encode(frames.UserChanged(user_id, username or GONE))
        sharing = (follower for room_id in room_ids for follower in self._rooms.followers(room_id))
        for number, follower in enumerate(dict.fromkeys((*sharing, *self._users.get(user_id, ()))), 1):
            if number % FOLLOWERS_PER_CHECKPOINT == 0:
                await trio.lowlevel.checkpoint()
            if follower.is_gone:
                continue
            follower.states.put("user", user_id, frame)
            if len(follower.states) > _MOST_USERS + 5 * len(follower.rooms):
                follower.connection.close_soon(SLOW_READER)
            self._rounds.queue(follower)
