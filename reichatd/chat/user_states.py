"""What one user's socket follows, and the states that it has not been sent. Pure."""

from typing import TYPE_CHECKING, Literal

from reichatd.chat.connection import Connection

if TYPE_CHECKING:
    import trio

Kind = Literal["left", "room", "news", "mention", "read", "user"]
_OF_A_ROOM: tuple[Kind, ...] = ("left", "room", "news", "mention", "read")
_AFTER_ROOM: tuple[Kind, ...] = ("news", "mention", "read")


class UserStates:
    """Encoded frames, of each kind one for each room or user: a later state replaces an earlier one. So they are bounded."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames: dict[tuple[Kind, str], bytes] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def has(self, kind: Kind, about: str) -> bool:
        """Whether there is a state of this kind for this room or user."""
        return (kind, about) in self._frames

    def put(self, kind: Kind, about: str, frame: bytes) -> None:
        """Adds a state, after all others."""
        self._frames.pop((kind, about), None)
        self._frames[kind, about] = frame

    def put_room(self, room_id: str, frame: bytes) -> None:
        """Adds the view of a room, which was read a moment ago: later states of the room go after it."""
        self._frames.pop(("left", room_id), None)
        self.put("room", room_id, frame)
        for kind in _AFTER_ROOM:
            if (later := self._frames.pop((kind, room_id), None)) is not None:
                self._frames[kind, room_id] = later

    def drop_room(self, room_id: str) -> None:
        """Removes all states of a room."""
        for kind in _OF_A_ROOM:
            self._frames.pop((kind, room_id), None)

    def take(self) -> bytes:
        """Removes and returns all states, in the order in which they came."""
        data = b"".join(self._frames.values())
        self._frames = {}
        return data


class Follower:
    """One user's socket. `UserNews` changes it."""

    __slots__ = (
        "connection",
        "is_gone",
        "is_open",
        "is_queued",
        "is_reading",
        "moves",
        "reading",
        "rooms",
        "sender",
        "states",
        "views",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rooms: list[str] = []
        """The rooms that it follows. A list: a set of 200 takes ten times the memory."""
        self.states = UserStates()
        self.views: dict[str, bool] = {}
        """The rooms whose view has to be read; True if they are new to the socket."""
        self.reading: dict[str, bool] = {}
        """Those that are being read."""
        self.moves = 0
        """Counts the rooms that were joined or left since the socket was opened."""
        self.is_open = False  # hello was sent
        self.is_queued = False  # for the next round
        self.is_reading = False  # a task reads views
        self.sender: trio.CancelScope | None = None  # of the task that waits for the socket to take states
        self.is_gone = False

    def want_view(self, room_id: str, *, is_new: bool) -> None:
        """The view of a room has to be read, again if it is being read."""
        was_new = self.views.get(room_id, False) or self.reading.get(room_id, False)
        self.views[room_id] = is_new or was_new

    def drop_room(self, room_id: str) -> None:
        """Forgets a room that it no longer follows."""
        self.states.drop_room(room_id)
        self.views.pop(room_id, None)
        self.reading.pop(room_id, None)
