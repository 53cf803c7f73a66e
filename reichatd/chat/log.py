"""A room's log in memory: the last so many messages, as the bytes that readers are sent. Pure."""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple


class Slice(NamedTuple):
    """Consecutive frames of a log: their bytes, each one's end in them, and the id that comes next."""

    data: bytes
    ends: list[int]
    next_id: int


class RoomLog:
    """The tail of a log whose whole is in the store.

    Arguments:
        last_id: the id of the last durable message, 0 for none.
        max_messages, max_bytes: bounds of the tail, which may be changed; the newest message is kept whatever its size.
    """

    def __init__(self, last_id: int, *, max_messages: int, max_bytes: int) -> None:
        self.last_id = last_id
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self._frames: list[bytes] = []  # of the ids up to last_id, without a gap
        self._bytes = 0

    @property
    def next_id(self) -> int:
        return self.last_id + 1

    @property
    def first_id(self) -> int:
        """The oldest id that the tail has; `next_id` if it has none."""
        return self.last_id - len(self._frames) + 1

    def append(self, message_id: int, frame: bytes) -> bool:
        """Takes a durable message; False if it is not news (the log was read from the store after it had been written).

        A message further ahead than the next one means that others went by unseen (another daemon's, or a commit whose answer
        was lost): the tail begins anew, and readers behind it get the missing ones from the store.
        """
        if message_id <= self.last_id:
            return False
        if message_id != self.next_id:
            self.forget()
        self._frames.append(frame)
        self._bytes += len(frame)
        self.last_id = message_id
        if len(self._frames) > self.max_messages or self._bytes > self.max_bytes:
            self._trim()
        return True

    def skip_to(self, last_id: int) -> None:
        """The store's log reaches to `last_id`: what comes up to there is no news."""
        if last_id > self.last_id:
            self.forget()
            self.last_id = last_id

    def drop_before(self, first_id: int) -> None:
        """Messages before `first_id` have been removed from the store: the tail has them no longer either."""
        dropped = max(0, min(first_id - self.first_id, len(self._frames)))
        self._bytes -= sum(map(len, self._frames[:dropped]))
        del self._frames[:dropped]

    def between(self, first_id: int, last_id: int) -> list[bytes]:
        """The frames of these ids, both included, that the tail has."""
        start = max(first_id, self.first_id) - self.first_id
        return self._frames[start : max(start, last_id - self.first_id + 1)]

    def since(self, cursor: int, max_bytes: int | None = None) -> Slice | None:
        """The frames from id `cursor` on, at least one if there is one; None if the tail does not reach back to it.

        Arguments:
            max_bytes: about how much at the most, in bytes.
        """
        if not self.first_id <= cursor <= self.last_id:
            return None
        frames = self._frames[cursor - self.first_id :]
        ends = list(accumulate(map(len, frames)))
        if max_bytes is not None and ends[-1] > max_bytes:
            count = max(1, bisect_right(ends, max_bytes))
            del frames[count:], ends[count:]
        return Slice(b"".join(frames), ends, cursor + len(frames))

    def forget(self) -> None:
        """Drops the tail (its frames show a name that is no longer true, say); the store has the messages."""
        self._frames.clear()
        self._bytes = 0

    def _trim(self) -> None:
        # A quarter more than needed goes at once, so that trimming is rare and its cost per message constant.
        keep_messages, keep_bytes = self.max_messages * 3 // 4, self.max_bytes * 3 // 4
        drop = 0
        while drop < len(self._frames) - 1 and (len(self._frames) - drop > keep_messages or self._bytes > keep_bytes):
            self._bytes -= len(self._frames[drop])
            drop += 1
        del self._frames[:drop]
