"""Puts what a live room is told into the order of its log. Pure.

A room is told of messages and changes by its own daemon's commits, by the store's feed, and by what it reads itself. None of these
waits for the others, and any of them may tell something twice. The ids of messages have no gap: so the next one is appended, later
ones wait for their turn, and earlier ones are known. A change waits for its message, and for all changes before it.

Then every message in the log is in the state of the last change that the log knows, or in a later one: a change that comes before
its message cannot be lost, and no message is shown in an older state after a newer one.
"""

from collections.abc import Callable, Iterable

from reichatd.chat.log import RoomLog
from reichatd.store import ChangedMessage


class Arrivals:
    """Owns the messages and changes of one room that wait for their turn.

    Arguments:
        apply: puts a change into the log, whose turn it is.
    """

    def __init__(self, log: RoomLog, apply: Callable[[ChangedMessage], None]) -> None:
        self._log = log
        self._apply = apply
        self._is_open = False  # before, everything waits
        self._messages: dict[int, bytes] = {}
        self._bytes = 0  # of these
        self._changes: dict[int, ChangedMessage] = {}  # by number
        self._last_id = 0  # the store's log is known to reach this far
        self._change_id = 0  # and its changes
        self._read_to = 0  # all changes up to this number are in the log, or wait, or are replaced by later ones

    def open(self, last_id: int, change_id: int) -> None:
        """The tail has been read: it shows the log up to `last_id`, with all changes up to `change_id`."""
        self._log.skip_to(last_id)
        self._log.changes.skip_to(change_id)
        self._is_open = True
        self._take_turns()

    def post(self, entries: Iterable[tuple[int, bytes]]) -> bool:
        """Durable messages (id, frame), in any order. Returns whether the log has something new."""
        log, is_new = self._log, False
        for message_id, frame in entries:
            if message_id == log.last_id + 1 and self._is_open:
                is_new = log.append(message_id, frame)
            elif message_id > log.last_id:
                self._last_id = max(self._last_id, message_id)
                self._keep(message_id, frame)
        if self._messages or self._changes:
            is_new |= self._take_turns()
        return is_new

    def _keep(self, message_id: int, frame: bytes) -> None:
        """A message waits, unless too many do, or too long ones: then it is read when it is its turn."""
        log, size = self._log, self._bytes + len(frame)
        if message_id not in self._messages and len(self._messages) < log.max_messages and size <= log.max_bytes:
            self._messages[message_id] = frame
            self._bytes = size

    def change(self, changed: Iterable[ChangedMessage]) -> bool:
        """Durable changed messages, in any order. Returns whether the log has something new."""
        log, is_new = self._log, False
        for each in changed:
            number, message_id = each.message.change_id, each.message.message_id
            if number == log.changes.known + 1 and message_id <= log.last_id and self._is_open:
                self._apply(each)
                is_new = True
            elif number > log.changes.known:
                self._change_id = max(self._change_id, number)
                self._last_id = max(self._last_id, message_id)
                if len(self._changes) < log.max_messages:
                    self._changes[number] = each
        if self._changes:
            is_new |= self._take_turns()
        return is_new

    def reaches(self, last_id: int, change_id: int) -> None:
        """The store's log is known to end here at least, and its changes."""
        self._last_id = max(self._last_id, last_id)
        self._change_id = max(self._change_id, change_id)

    # --- what the room has to read

    @property
    def is_complete(self) -> bool:
        """Whether the log has all that the room was told of."""
        return self._last_id <= self._log.last_id and not self.lacks_changes

    @property
    def missing(self) -> tuple[int, int] | None:
        """The first ids that are missing, both included; None if there are none."""
        first_id = self._log.next_id
        last_id = min(self._messages) - 1 if self._messages else self._last_id
        return (first_id, last_id) if first_id <= last_id else None

    @property
    def lacks_changes(self) -> bool:
        """Whether changes after `changes_read` are missing."""
        return self._change_id > self.changes_read

    @property
    def changes_read(self) -> int:
        """The number after which changes have to be read."""
        return max(self._log.changes.known, self._read_to)

    @property
    def last_change(self) -> int:
        """The last change that the room was told of."""
        return self._change_id

    def read(self, changed: Iterable[ChangedMessage], up_to: int) -> bool:
        """As `change`, with all changes from `changes_read` up to the number `up_to`, but for those that later ones replace."""
        self._read_to = max(self._read_to, up_to)
        for each in changed:
            self._last_id = max(self._last_id, each.message.message_id)
            self._changes[each.message.change_id] = each
        return self._take_turns()

    def skip_removed(self, first_id: int) -> bool:
        """The messages before `first_id` have been removed from the store: no one gets them any more. Returns as `post`."""
        before = self._log.last_id
        self._log.skip_to(first_id - 1)
        self._take_turns()
        return self._log.last_id != before

    def forget(self) -> None:
        """Drops what waits, for example because it shows an old name. It is read when it is its turn."""
        self._messages.clear()
        self._bytes = 0
        self._changes.clear()
        self._read_to = 0

    # --- turns

    def _take_turns(self) -> bool:
        log, is_new = self._log, False
        if not self._is_open:
            return False
        for message_id in sorted(self._messages):
            if message_id > log.next_id:
                break
            frame = self._messages.pop(message_id)
            self._bytes -= len(frame)
            is_new |= log.append(message_id, frame)
        for number in sorted(self._changes):
            changed, known = self._changes[number], log.changes.known
            if number > known:
                if changed.message.message_id > log.last_id or (number > known + 1 and number > self._read_to):
                    break
                self._apply(changed)
                is_new = True
            del self._changes[number]
        return is_new
