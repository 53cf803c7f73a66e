"""The tail of a room's log in memory: its last messages, as the bytes that readers are sent. Pure."""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from reichatd.chat.changes import ChangeEntry, ChangeLog


class Slice(NamedTuple):
    """Consecutive frames of a log: their bytes, the offset of each frame's end, and the id after the last."""

    data: bytes
    ends: list[int]
    next_id: int


class RoomLog:
    """The tail of a log; the store has all of it.

    Arguments:
        last_id: the id of the last durable message, 0 for none.
        max_messages, max_bytes: bounds of the tail; they may be changed. The newest message is kept whatever its size.
    """

    def __init__(self, last_id: int, *, max_messages: int, max_bytes: int) -> None:
        self.last_id = last_id
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.changes = ChangeLog()
        """The last changes of messages, which the tail shows already."""
        self._frames: list[bytes] = []  # of the ids up to last_id, without gaps
        self._bytes = 0

    @property
    def next_id(self) -> int:
        return self.last_id + 1

    @property
    def first_id(self) -> int:
        """The oldest id in the tail; `next_id` if the tail is empty."""
        return self.last_id - len(self._frames) + 1

    @property
    def size(self) -> int:
        """The bytes in the tail, and of the changes."""
        return self._bytes + self.changes.size

    def append(self, message_id: int, frame: bytes) -> bool:
        """Appends a durable message. False if the log has it already: it was read from the store after the commit.

        A message further ahead than the next id means that some were missed (another daemon wrote them, or the answer to a
        commit was lost): the tail starts again there, and readers behind it get the missing ones from the store.
        """
        if message_id <= self.last_id:
            return False
        if message_id in self.changes:  # it was changed before it came here: the store has it as it is now
            self.forget_messages()
            self.last_id = message_id
            return True
        if message_id != self.next_id:
            self.forget_messages()
        self._frames.append(frame)
        self._bytes += len(frame)
        self.last_id = message_id
        if len(self._frames) > self.max_messages or self._bytes > self.max_bytes:
            self._trim()
        return True

    def change(self, entry: ChangeEntry, frame: bytes, *, hold: bool, is_next: bool = False) -> None:
        """Adds a durable change, and replaces the message in the tail.

        Arguments:
            frame: the message as new readers are sent it.
            hold, is_next: see `ChangeLog.add`.
        """
        if entry.change_id <= self.changes.known:
            # It comes late, and the tail may show a later state already. The store knows which one is of now.
            self.forget_messages()
            return
        if entry.change_id != self.changes.known + 1:
            # Changes before it are missing: the tail may show their messages as they were.
            self.forget_messages()
        place = entry.message_id - self.first_id
        if 0 <= place < len(self._frames):
            self._bytes += len(frame) - len(self._frames[place])
            self._frames[place] = frame
            if self._bytes > self.max_bytes:
                self._trim()
        self.changes.add(entry, hold=hold, is_next=is_next)
        self._trim_changes()

    def release_changes(self) -> None:
        """Adds the changes that were held back: see `ChangeLog.release`."""
        self.changes.release()
        self._trim_changes()

    def _trim_changes(self) -> None:
        changes = self.changes
        while len(changes) > self.max_messages or changes.size > self.max_bytes:
            if not len(changes):
                changes.release()
            changes.drop_oldest()

    def skip_to(self, last_id: int) -> None:
        """Moves the end to `last_id`, where the store's log ends. Messages up to there are not new any more."""
        if last_id > self.last_id:
            self.forget_messages()
            self.last_id = last_id

    def drop_before(self, first_id: int) -> None:
        """Drops messages before `first_id`, which have been removed from the store."""
        dropped = max(0, min(first_id - self.first_id, len(self._frames)))
        self._bytes -= sum(map(len, self._frames[:dropped]))
        del self._frames[:dropped]

    def between(self, first_id: int, last_id: int) -> list[bytes]:
        """The frames of these ids, both included, that are in the tail."""
        start = max(first_id, self.first_id) - self.first_id
        return self._frames[start : max(start, last_id - self.first_id + 1)]

    def since(self, cursor: int, max_bytes: int | None = None) -> Slice | None:
        """The frames from id `cursor` on, at least one; None if that id is not in the tail.

        Arguments:
            max_bytes: about how many bytes at most.
        """
        if not self.first_id <= cursor <= self.last_id:
            return None
        frames = self._frames[cursor - self.first_id :]
        ends = list(accumulate(map(len, frames)))
        if max_bytes is not None and ends[-1] > max_bytes:
            count = max(1, bisect_right(ends, max_bytes))
            del frames[count:], ends[count:]
        return Slice(b"".join(frames), ends, cursor + len(frames))

    def contains(self, data: bytes) -> bool:
        """Whether a frame in the tail or of a change contains these bytes."""
        return any(data in frame for frame in self._frames) or self.changes.contains(data)

    def forget(self) -> None:
        """Drops the tail and the changes, for example because they show an old name. The store has the messages."""
        self.forget_messages()
        self.changes.forget()

    def forget_messages(self) -> None:
        """Drops the tail."""
        self._frames.clear()
        self._bytes = 0

    def _trim(self) -> None:
        # Drops a quarter more than needed: trimming is rare then, and its cost per message constant.
        keep_messages, keep_bytes = self.max_messages * 3 // 4, self.max_bytes * 3 // 4
        drop = 0
        while drop < len(self._frames) - 1 and (len(self._frames) - drop > keep_messages or self._bytes > keep_bytes):
            self._bytes -= len(self._frames[drop])
            drop += 1
        del self._frames[:drop]
