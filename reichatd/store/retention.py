"""What has to go from the front of a log. Pure: the stores ask here, each in its own transaction."""

import math
from collections.abc import Iterable

import msgspec


class Cutoff(msgspec.Struct, frozen=True):
    """How far back a log may reach.

    Arguments:
        before: what was posted earlier has to go, in seconds since the epoch.
        keep: how many messages may stay at the most; None for no limit.
    """

    before: float = -math.inf
    keep: int | None = None

    def passed_by(self, message_id: int, timestamp: float, last_id: int) -> bool:
        """Whether a message has to go from a log that ends with `last_id`."""
        return timestamp < self.before or (self.keep is not None and message_id <= last_id - self.keep)


class LogRange(msgspec.Struct, frozen=True):
    """Messages at the front of a log: how many, what they take (about, in bytes), when the first and the last were posted.

    `next_id` is the id behind the last of them.
    """

    next_id: int
    messages: int = 0
    size: int = 0
    oldest: float = 0.0
    newest: float = 0.0

    def followed_by(self, later: "LogRange") -> "LogRange":
        """This stretch and the one behind it as one. Neither is empty."""
        return LogRange(
            later.next_id, self.messages + later.messages, self.size + later.size, self.oldest, later.newest
        )


class RetentionEntry(msgspec.Struct, frozen=True):
    """What has to be known of a message to decide; `size` is in bytes."""

    message_id: int
    timestamp: float
    size: int


def leading(first_id: int, entries: Iterable[RetentionEntry], horizon: Cutoff, last_id: int) -> LogRange:
    """The stretch from `first_id` on that has to go.

    It ends with the first message that may stay, even if older ones follow (clocks go backwards): a log is cut from the front only.
    """
    gone = []
    for entry in entries:
        if not horizon.passed_by(entry.message_id, entry.timestamp, last_id):
            break
        gone.append(entry)
    if not gone:
        return LogRange(first_id)
    size = sum(entry.size for entry in gone)
    return LogRange(gone[-1].message_id + 1, len(gone), size, gone[0].timestamp, gone[-1].timestamp)
