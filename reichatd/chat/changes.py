"""The recent changes of a room's messages, as the bytes that readers are sent. Pure.

Of each message only the last change is kept. Numbers grow in the order in which changes are added, with gaps.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple


class ChangeEntry(NamedTuple):
    """A changed message.

    Arguments:
        frame: has the whole message.
        reactions_frame: has the reactions only; None if more than those changed.
    """

    change_id: int
    message_id: int
    frame: bytes
    reactions_frame: bytes | None = None


class ChangeSlice(NamedTuple):
    """Changes in the order of their numbers: the frames, the offset of each frame's end, the numbers, and whether these are all."""

    data: bytes
    ends: list[int]
    change_ids: list[int]
    is_last: bool


class _Kept(NamedTuple):
    change_id: int
    frame: bytes
    is_whole: bool


class ChangeLog:
    """The last changes; the store has all of them.

    Changes of reactions can be held back, so that many of them on one message become one. No other change overtakes them.
    """

    def __init__(self) -> None:
        self.head = 0
        """The number of the last change, apart from those held back."""
        self.known = 0
        """The number of the last change, also of one that is held back."""
        self.size = 0
        """The bytes of all frames."""
        self._floor = 0  # all changes with greater numbers, up to head, are here
        self._kept: dict[int, _Kept] = {}  # by message id, in the order of their numbers
        self._held: dict[int, ChangeEntry] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, message_id: int) -> bool:
        """Whether a change of this message is here."""
        return message_id in self._kept or message_id in self._held

    @property
    def has_held(self) -> bool:
        """Whether changes are held back."""
        return bool(self._held)

    def skip_to(self, change_id: int) -> None:
        """Moves the head to `change_id`, where the store's changes end. Changes up to there are not new any more."""
        if change_id > self.known:
            self.forget()
            self.head = self._floor = self.known = change_id

    def add(self, entry: ChangeEntry, *, hold: bool = False, is_next: bool = False) -> None:
        """Adds a durable change, unless one with this number or a greater one is known already.

        A number further ahead than the next one may mean that some were missed: the log starts again there, and readers behind it
        get the missing ones from the store.

        Arguments:
            hold: whether it may be held back; counts only if nothing but reactions changed.
            is_next: whether none was missed, whatever its number.
        """
        if entry.change_id <= self.known:
            return
        if entry.change_id != self.known + 1 and not is_next:
            self.forget()
            self.head = self._floor = entry.change_id - 1
        self.known = entry.change_id
        if hold and entry.reactions_frame is not None:
            if (earlier := self._held.pop(entry.message_id, None)) is not None:
                self.size -= _size(earlier)
            self._held[entry.message_id] = entry
            self.size += _size(entry)
        else:
            self.release()
            self._keep(entry)

    def release(self) -> None:
        """Adds the changes that were held back."""
        held, self._held = self._held, {}
        for entry in held.values():
            self.size -= _size(entry)
            self._keep(entry)

    def since(self, cursor: int, up_to: int, max_bytes: int | None = None, first_id: int = 0) -> ChangeSlice | None:
        """The changes after number `cursor`, up to number `up_to`; None if some of them are no longer here.

        Arguments:
            max_bytes: about how many bytes at most, but at least one change.
            first_id: only changes of messages from this id on.
        """
        if cursor < self._floor:
            return None
        found: list[_Kept] = []
        for message_id, kept in reversed(self._kept.items()):
            if kept.change_id <= cursor:
                break
            if kept.change_id <= up_to and message_id >= first_id:
                found.append(kept)
        found.reverse()
        ends = list(accumulate(len(kept.frame) for kept in found))
        is_last = max_bytes is None or not ends or ends[-1] <= max_bytes
        if max_bytes is not None and not is_last:
            count = max(1, bisect_right(ends, max_bytes))
            is_last = count == len(found)
            del found[count:], ends[count:]
        data = b"".join(kept.frame for kept in found)
        return ChangeSlice(data, ends, [kept.change_id for kept in found], is_last)

    def contains(self, data: bytes) -> bool:
        """Whether a frame contains these bytes."""
        return any(data in kept.frame for kept in self._kept.values()) or any(
            data in entry.frame for entry in self._held.values()
        )

    def forget(self) -> None:
        """Drops all frames, for example because they show an old name. The store has the messages."""
        self._kept.clear()
        self._held.clear()
        self.size = 0
        self.head = self._floor = self.known

    def drop_oldest(self) -> None:
        """Drops the oldest quarter."""
        for message_id in list(self._kept)[: len(self._kept) // 4 + 1]:
            dropped = self._kept.pop(message_id)
            self.size -= len(dropped.frame)
            self._floor = dropped.change_id

    def _keep(self, entry: ChangeEntry) -> None:
        earlier = self._kept.pop(entry.message_id, None)
        if earlier is not None:
            self.size -= len(earlier.frame)
        # A reader may lack the earlier change: where that was more than reactions, the whole message is sent.
        is_whole = entry.reactions_frame is None or (earlier is not None and earlier.is_whole)
        frame = entry.frame if is_whole or entry.reactions_frame is None else entry.reactions_frame
        self._kept[entry.message_id] = _Kept(entry.change_id, frame, is_whole)
        self.size += len(frame)
        self.head = entry.change_id


def _size(entry: ChangeEntry) -> int:
    return len(entry.frame) + len(entry.reactions_frame or b"")
