"""Reads rooms for users' sockets: what their members see of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.followed_rooms import FollowedRooms
from reichatd.chat.user_rounds import UserRounds
from reichatd.chat.user_states import Follower
from reichatd.rights import UserActor
from reichatd.rooms.joined import JoinedRoom
from reichatd.store import StoreError

_READERS = 4
"""Tasks that read views at once: a room of ten thousand members may be renamed."""
_RETRY_SECONDS = 1.0

log = structlog.get_logger()


class RoomViews(Protocol):
    """Reads rooms as their members see them: `reichatd.rooms.joined.OwnRooms`."""

    async def some(self, by: UserActor, room_ids: Sequence[str]) -> list[JoinedRoom]:
        """Those of these rooms that the user is a member of. Raises StoreError."""


class ViewReader:
    """Owns the tasks that read: one for each socket that is to be shown something. Its methods act at once and do not wait.

    Arguments:
        rooms, rounds: where the socket gets its states from.
        begin_anew: called where a room turns out to be another one than before, with the socket that is told of it.
    """

    def __init__(self, rooms: FollowedRooms, rounds: UserRounds, begin_anew: Callable[[Follower, str], None]) -> None:
        self._rooms = rooms
        self._rounds = rounds
        self._begin_anew = begin_anew
        self._readers = trio.CapacityLimiter(_READERS)
        self._rooms_of: RoomViews
        self._nursery: trio.Nursery

    def begin(self, views: RoomViews, nursery: trio.Nursery) -> None:
        """To be called once, before any socket is open. Reads from `views`, in tasks of the nursery."""
        self._rooms_of, self._nursery = views, nursery

    def learn(self, follower: Follower, rooms: Iterable[JoinedRoom]) -> None:
        """A socket is about to be told this about rooms that it follows."""
        for room in rooms:
            if self._rooms.is_gone(room.room_id, room.created_at):
                self._begin_anew(follower, room.room_id)
            if self._rooms.learn(room.room_id, room.created_at, room.last_id, room.change_id):
                self._rounds.wake()

    def want(self, follower: Follower, room_id: str, *, is_new: bool) -> None:
        """The socket is to be shown this room.

        Arguments:
            is_new: whether it is a room that the socket was not shown before.
        """
        follower.want_view(room_id, is_new=is_new)
        self.read(follower)

    def read(self, follower: Follower) -> None:
        """Reads what the socket is to be shown, once it is open."""
        if follower.views and follower.is_open and not follower.is_reading:
            follower.is_reading = True
            self._nursery.start_soon(self._read_all, follower)

    async def _read_all(self, follower: Follower) -> None:
        while follower.views and not follower.is_gone:
            try:
                async with self._readers:
                    follower.reading, follower.views = follower.views, {}
                    found = await self._rooms_of.some(follower.connection.actor, list(follower.reading))
            except StoreError as error:
                log.warning("room not read, retried", user_id=follower.connection.user.user_id, error=str(error))
                follower.reading, follower.views = {}, follower.reading | follower.views
                await trio.sleep(_RETRY_SECONDS)
            else:
                self._show(follower, found)
        follower.is_reading = False

    def _show(self, follower: Follower, found: list[JoinedRoom]) -> None:
        """Gives views to the socket, but not those of rooms that have changed since, or that it does not follow any more."""
        reading, follower.reading = follower.reading, {}
        self.learn(follower, found)
        for room in found:
            if room.room_id not in reading or room.room_id in follower.views or follower.is_gone:
                continue
            shown = frames.Joined(room) if reading[room.room_id] else frames.RoomChanged(room)
            follower.states.put_room(room.room_id, frames.encode(shown))
            if (news := self._rooms.news_after(room.room_id, room.last_id, room.change_id)) is not None:
                follower.states.put("news", room.room_id, news)
            self._rounds.queue(follower)
