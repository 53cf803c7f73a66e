"""The log of a room, renumbered if the older program's numbers are not 1, 2, 3, … Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from reichatd.imports.values import content, documents, key, number, seconds
from reichatd.store.bulk import LogEntry

UNKNOWN = "unknown"
"""The author of a message without an author."""


class _Found(NamedTuple):
    old_id: int | None
    user_id: str
    content: str
    timestamp: float


class ImportedLog(NamedTuple):
    """A log whose ids are 1, 2, 3, …"""

    entries: list[LogEntry]
    old_ids: list[int]
    """The old id of each message, or the id that it counts as, in ascending order. Translates read marks."""
    changes: Counter[str]
    """What was changed in messages, and in how many."""

    def mark(self, old_mark: int) -> int:
        """The new read mark for `old_mark`: the number of messages whose old id is not above it."""
        return bisect_right(self.old_ids, old_mark)


def sound_log(room_id: str, messages: object, created_at: float) -> ImportedLog:
    """A valid log, made of the messages that the older program stored.

    The ids are kept if they are 1, 2, 3, … in any order, without a gap or a repetition. Otherwise all messages are renumbered,
    ordered by time, and by storing order if the times are equal.

    Arguments:
        room_id: the room's id here.
        messages: the room's `messages`, of any type.
        created_at: the time for messages that have none and follow no message with a time.
    """
    changes: Counter[str] = Counter()
    found = _found(messages, created_at, changes)
    ids = [one.old_id for one in found]
    if set(ids) == set(range(1, len(found) + 1)):
        found.sort(key=lambda one: one.old_id or 0)
    else:
        # A stable sort: what was stored first stays first.
        found.sort(key=lambda one: one.timestamp)
        changes["their ids repeat or have gaps: renumbered in the order of time"] = len(found)
    entries = [LogEntry(room_id, n, one.user_id, one.content, one.timestamp) for n, one in enumerate(found, 1)]
    return ImportedLog(entries, _old_ids(found), changes)


def _found(messages: object, created_at: float, changes: Counter[str]) -> list[_Found]:
    if not isinstance(messages, list):
        if messages is not None:
            changes["they are not a list: left out"] += 1
        return []
    readable = documents(messages)
    changes["they are not documents: left out"] += len(messages) - len(readable)
    found: list[_Found] = []
    for message in readable:
        timestamp = seconds(message.get("timestamp"))
        if timestamp is None:
            changes["without a time: they get the time of the message stored before"] += 1
            timestamp = found[-1].timestamp if found else created_at
        user_id, text = key(message.get("user_id")), message.get("content")
        changes[f"without an author: the author is {UNKNOWN!r}"] += not user_id
        changes["whose content is not text: converted to text, or empty"] += not isinstance(text, str)
        found.append(_Found(number(message.get("message_id")), user_id or UNKNOWN, content(text), timestamp))
    return found


def _old_ids(found: Sequence[_Found]) -> list[int]:
    # A message without an id counts as read if the one before it is.
    ids: list[int] = []
    for one in found:
        ids.append(one.old_id if one.old_id is not None else ids[-1] if ids else 0)
    return sorted(ids)
