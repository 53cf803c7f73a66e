"""Which users' sockets follow which rooms, and which rooms have news for them. Pure."""

from collections.abc import Iterable, Iterator

from reichatd.chat import frames
from reichatd.chat.user_states import Follower

_MOST_GONE = 4
"""A room forgets the sockets that are gone once they are one in this many."""


class FollowedRoom:
    """A room that users' sockets follow: where its log and its changes end."""

    __slots__ = (
        "_followers",
        "_gone",
        "change_id",
        "created_at",
        "is_dirty",
        "is_known",
        "key",
        "last_id",
        "room_id",
        "sent_at",
    )

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.begin_anew()
        self.sent_at = float("-inf")  # the last news, in Trio's time
        self._followers: list[Follower] = []  # a list, for the memory of people with many rooms
        self._gone = 0  # how many of them are gone

    def __iter__(self) -> Iterator[Follower]:
        return (follower for follower in self._followers if not follower.is_gone)

    def begin_anew(self) -> None:
        """Nothing is known of the room that has this id now."""
        self.key = ""
        """Names its log in the store's feed. Empty before it was read, and in a store without a feed."""
        self.created_at = ""
        """As text, which is empty before it was read."""
        self.last_id = 0
        self.change_id = 0
        self.is_known = False
        """Whether both were read from the store. Before that they may be too low, and are not sent."""
        self.is_dirty = False
        """Whether there is something that the followers were not told."""

    def add(self, follower: Follower) -> None:
        """Adds a follower."""
        self._followers.append(follower)

    def remove(self, follower: Follower) -> bool:
        """Removes a follower, who may be gone. Returns whether no one is left."""
        if follower.is_gone:
            self._gone += 1  # closing ten thousand sockets must not search ten thousand lists ten thousand times
            if self._gone * _MOST_GONE >= len(self._followers):
                self._followers = list(self)
                self._gone = 0
        else:
            self._followers.remove(follower)
        return len(self._followers) == self._gone

    def news(self) -> bytes:
        """The frame with the state of now."""
        return frames.encode(frames.RoomNews(self.room_id, self.last_id, self.change_id))


class FollowedRooms:
    """All of these rooms, by id, and by the keys of their logs."""

    def __init__(self) -> None:
        self.unidentified: dict[str, None] = {}
        """The ids of rooms whose keys were not read."""
        self._rooms: dict[str, FollowedRoom] = {}
        self._keys: dict[str, FollowedRoom] = {}
        self._dirty: dict[FollowedRoom, None] = {}  # those that are known

    def __len__(self) -> int:
        return len(self._rooms)

    def followers(self, room_id: str) -> Iterable[Follower]:
        """The sockets that follow a room."""
        room = self._rooms.get(room_id)
        return () if room is None else room

    def keys(self) -> list[str]:
        """The keys of the logs of all rooms, as far as they were read."""
        return list(self._keys)

    def room_id(self, key: str) -> str | None:
        """The room with this log, if a socket follows it."""
        room = self._keys.get(key)
        return None if room is None else room.room_id

    def identify(self, room_id: str, key: str) -> None:
        """The log of this room has this key; "" if it has none. Ignored if no socket follows it any more."""
        self.unidentified.pop(room_id, None)
        room = self._rooms.get(room_id)
        if room is not None and key:
            room.key = key
            self._keys[key] = room

    def follow(self, follower: Follower, room_id: str) -> None:
        """From here on the socket follows the room. It does not yet."""
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = FollowedRoom(room_id)
            self.unidentified[room_id] = None
        room.add(follower)
        follower.rooms.append(room_id)

    def unfollow(self, follower: Follower, room_id: str) -> None:
        """From here on the socket, which follows the room, does not."""
        follower.rooms.remove(room_id)
        follower.drop_room(room_id)
        self._remove(follower, room_id)

    def leave(self, follower: Follower) -> None:
        """The socket is gone."""
        follower.is_gone = True
        for room_id in follower.rooms:
            self._remove(follower, room_id)
        follower.rooms.clear()
        follower.states.take()
        if follower.sender is not None:
            follower.sender.cancel()

    def _remove(self, follower: Follower, room_id: str) -> None:
        room = self._rooms[room_id]
        if room.remove(follower):
            del self._rooms[room_id]
            self._keys.pop(room.key, None)
            self.unidentified.pop(room_id, None)
            self._dirty.pop(room, None)

    def moved(self, room_id: str, *, last_id: int = 0, change_id: int = 0) -> bool:
        """The log or the changes of a room may have grown. Returns whether there is something to send, now or later."""
        room = self._rooms.get(room_id)
        if room is None or (last_id <= room.last_id and change_id <= room.change_id):
            return False
        self._grow(room, last_id, change_id)
        room.is_dirty = True
        if room.is_known:
            self._dirty[room] = None
        return room.is_known

    def is_gone(self, room_id: str, created_at: str) -> bool:
        """Whether the room that is followed was created before this moment, at which the one that has its id now was created."""
        room = self._rooms.get(room_id)
        return room is not None and "" < room.created_at < created_at

    def begin_anew(self, room_id: str) -> None:
        """Forgets what is known of the room that had this id. Its followers stay. Harmless if there are none."""
        room = self._rooms.get(room_id)
        if room is not None:
            self._keys.pop(room.key, None)
            self._dirty.pop(room, None)
            room.begin_anew()
            self.unidentified[room_id] = None

    def learn(self, room_id: str, created_at: str, last_id: int, change_id: int) -> bool:
        """As `moved`, with what the store had a moment ago, for the socket that is told so. Others may have been told less.

        Arguments:
            created_at: when the room was created; see `is_gone`.
        """
        room = self._rooms.get(room_id)
        if room is not None and not room.is_known:
            room.is_known, room.created_at = True, created_at
            room.is_dirty = room.is_dirty and (room.last_id > last_id or room.change_id > change_id)
            self._grow(room, last_id, change_id)
            if room.is_dirty:
                self._dirty[room] = None
            return room.is_dirty
        return self.moved(room_id, last_id=last_id, change_id=change_id)

    def news_after(self, room_id: str, last_id: int, change_id: int) -> bytes | None:
        """The news of a room for a socket that was told this much; None if there is none."""
        room = self._rooms.get(room_id)
        is_later = room is not None and (room.last_id > last_id or room.change_id > change_id)
        return room.news() if room is not None and is_later else None

    def due(self, now: float, seconds: float) -> list[FollowedRoom]:
        """The rooms that have news, and have sent none for this time. They count as sent."""
        due = [room for room in self._dirty if room.sent_at + seconds <= now]
        for room in due:
            del self._dirty[room]
            room.is_dirty, room.sent_at = False, now
        return due

    def due_at(self, seconds: float) -> float:
        """When the next room is due; infinity if none has news."""
        return min((room.sent_at + seconds for room in self._dirty), default=float("inf"))

    @staticmethod
    def _grow(room: FollowedRoom, last_id: int, change_id: int) -> None:
        room.last_id, room.change_id = max(room.last_id, last_id), max(room.change_id, change_id)
