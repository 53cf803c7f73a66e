"""The log of a room, numbered anew where the older program's numbers are not 1, 2, 3, … All pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from reichatd.imports.values import content, documents, key, number, seconds
from reichatd.store.bulk import LogEntry

NOBODY = "unknown"
"""Whose message it is where nobody is named."""


class _Found(NamedTuple):
    old_id: int | None
    user_id: str
    content: str
    timestamp: float


class ImportedLog(NamedTuple):
    """A log whose ids are 1, 2, 3, …"""

    entries: list[LogEntry]
    old_ids: list[int]
    """The id that each had, or could have had, in ascending order: what read marks are moved by."""
    changes: Counter[str]
    """What was done to messages, and to how many."""

    def mark(self, old_mark: int) -> int:
        """The read mark of somebody who had read up to `old_mark`: as many messages are read as had an id up to it."""
        return bisect_right(self.old_ids, old_mark)


def sound_log(room_id: str, messages: object, created_at: float) -> ImportedLog:
    """A log of what the older program has stored as messages.

    Ids are kept if, in whatever order, they are 1, 2, 3, … without a gap or a repetition; else all are given anew, in the order of
    time, and of storing where that is the same.

    Arguments:
        room_id: the room's id here.
        messages: the room's `messages`, whatever it is.
        created_at: the time of messages before which there is none with a time.
    """
    changes: Counter[str] = Counter()
    found = _found(messages, created_at, changes)
    ids = [one.old_id for one in found]
    if set(ids) == set(range(1, len(found) + 1)):
        found.sort(key=lambda one: one.old_id or 0)
    else:
        # A stable sort: what was stored first stays first.
        found.sort(key=lambda one: one.timestamp)
        changes["their ids repeat or have gaps: numbered anew, in the order of time"] = len(found)
    entries = [LogEntry(room_id, n, one.user_id, one.content, one.timestamp) for n, one in enumerate(found, 1)]
    return ImportedLog(entries, _old_ids(found), changes)


def _found(messages: object, created_at: float, changes: Counter[str]) -> list[_Found]:
    if not isinstance(messages, list):
        if messages is not None:
            changes["they are no list: left out"] += 1
        return []
    readable = documents(messages)
    changes["they are no documents: left out"] += len(messages) - len(readable)
    found: list[_Found] = []
    for message in readable:
        timestamp = seconds(message.get("timestamp"))
        if timestamp is None:
            changes["without a time: it is that of the message stored before"] += 1
            timestamp = found[-1].timestamp if found else created_at
        user_id, text = key(message.get("user_id")), message.get("content")
        changes["by nobody"] += not user_id
        changes["whose content is no text: it is written out, or empty"] += not isinstance(text, str)
        found.append(_Found(number(message.get("message_id")), user_id or NOBODY, content(text), timestamp))
    return found


def _old_ids(found: Sequence[_Found]) -> list[int]:
    # One without an id counts as read with the one before it.
    ids: list[int] = []
    for one in found:
        ids.append(one.old_id if one.old_id is not None else ids[-1] if ids else 0)
    return sorted(ids)
