"""Decides which messages to remove from the front of a log. Pure: each store calls it in its own transaction."""

import math
from collections.abc import Iterable

import msgspec


class Cutoff(msgspec.Struct, frozen=True):
    """How far back a log may reach.

    Arguments:
        before: older messages are removed; seconds since the epoch.
        keep: how many messages may stay; None for no limit.
    """

    before: float = -math.inf
    keep: int | None = None

    def excludes(self, message_id: int, timestamp: float, last_id: int) -> bool:
        """Whether a message is to be removed from a log that ends with `last_id`."""
        return timestamp < self.before or (self.keep is not None and message_id <= last_id - self.keep)


class LogRange(msgspec.Struct, frozen=True):
    """Messages at the front of a log: their number, their approximate size in bytes, when the first and the last were posted.

    `next_id` is the id after the last of them.
    """

    next_id: int
    messages: int = 0
    size: int = 0
    oldest: float = 0.0
    newest: float = 0.0

    def followed_by(self, later: "LogRange") -> "LogRange":
        """This range and the next one as one. Neither is empty."""
        return LogRange(
            later.next_id, self.messages + later.messages, self.size + later.size, self.oldest, later.newest
        )


class RetentionEntry(msgspec.Struct, frozen=True):
    """What the decision needs to know of a message; `size` is in bytes."""

    message_id: int
    timestamp: float
    size: int


def leading(first_id: int, entries: Iterable[RetentionEntry], cutoff: Cutoff, last_id: int) -> LogRange:
    """The range to remove, from `first_id` on.

    It ends before the first message that may stay, even if older ones follow (clocks go backwards): a log is cut from the front
    only.
    """
    removed = []
    for entry in entries:
        if not cutoff.excludes(entry.message_id, entry.timestamp, last_id):
            break
        removed.append(entry)
    if not removed:
        return LogRange(first_id)
    size = sum(entry.size for entry in removed)
    return LogRange(removed[-1].message_id + 1, len(removed), size, removed[0].timestamp, removed[-1].timestamp)
