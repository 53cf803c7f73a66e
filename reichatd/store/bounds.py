"""The limits of what a store can keep. Records that come from outside in bulk are checked against them. Pure."""

from collections.abc import Iterator

from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom
from reichatd.store.records import PLAIN, Extras, Registration, Session, User

LAST_ID = 2**32 - 1
"""The largest message id: in SQLite's 64-bit key the room is the upper half, the message id the lower."""

LAST_CHANGE = 2**53 - 1
"""The largest number of a change: a program that reads JSON may keep all numbers as floats."""

FIRST_MOMENT, LAST_MOMENT = -62_135_596_800.0, 253_402_300_799.0
"""From the beginning of the year 1 to the end of the year 9999, in seconds since the epoch: the range of ISO 8601."""

_MOST_DAYS = 36_500
_MOST_KEPT = 1_000_000_000
_MOST_TRIES = 2**31 - 1

_Bound = tuple[str, float | None, float, float]


class LogChecker:
    """Checks the logs in a stream of records, which come in the order of `reichatd.store.bulk`.

    Each log begins with its room's `first_id` and has no gap. Clients rely on that: they would request a missing message forever.
    A reaction without its message would be one to a later message.
    """

    def __init__(self) -> None:
        self._first_ids: dict[str, int] = {}
        self._next_ids: dict[str, int] = {}

    def problem(self, record: Stored) -> str | None:
        """Why a record cannot be the next one, in words; None if it can."""
        match record:
            case StoredRoom():
                self._first_ids[record.room_id] = self._next_ids[record.room_id] = record.first_id
            case LogEntry():
                expected = self._next_ids.get(record.room_id)
                if expected is None:
                    return "its room is not there"
                if record.message_id != expected:
                    return f"message_id is {record.message_id}, which has to be {expected}: a log has no gap"
                self._next_ids[record.room_id] += 1
            case StoredReaction():
                room_id = record.room_id
                if not self._first_ids.get(room_id, 0) <= record.message_id < self._next_ids.get(room_id, 0):
                    return "its message is not there"
        return None


def problem(record: Stored) -> str | None:
    """The first number of a record that no store can keep, in words; None if all are valid."""
    for field, value, least, most in _numbers(record):
        # Written so that NaN, which compares false with everything, is refused.
        if value is not None and not least <= value <= most:
            return f"{field} is {value!r}, which has to be from {least:.0f} to {most:.0f}"
    return None


def _numbers(record: Stored) -> Iterator[_Bound]:
    """Each number: its field, its value, its minimum and its maximum."""
    match record:
        case StoredRoom():
            yield "first_id", record.first_id, 1, LAST_ID
            yield "change_id", record.change_id, 0, LAST_CHANGE
            yield "keep_days", record.keep_days, 0, _MOST_DAYS
            yield "keep_messages", record.keep_messages, 0, _MOST_KEPT
            yield _moment("created_at", record.created_at)
        case Member():
            yield "last_read_id", record.last_read_id, 0, LAST_ID
            yield _moment("joined_at", record.joined_at)
        case LogEntry():
            yield "message_id", record.message_id, 1, LAST_ID
            yield _moment("timestamp", record.timestamp)
            yield "change_id", record.change_id, 0, LAST_CHANGE
            if record.extras is not PLAIN:
                yield from _of_extras(record.extras)
        case StoredReaction():
            yield "message_id", record.message_id, 1, LAST_ID
            yield _moment("at", record.at)
        case Registration():
            yield "tries_left", record.tries_left, 0, _MOST_TRIES
            yield _moment("expires_at", record.expires_at)
        case User():
            yield _moment("created_at", record.created_at)
        case Session():
            yield _moment("created_at", record.created_at)
            yield _moment("expires_at", record.expires_at)
        case Ban():
            pass


def _of_extras(extras: Extras) -> Iterator[_Bound]:
    yield _moment("edited_at", extras.edited_at)
    yield "reply_to", extras.reply_to, 0, LAST_ID
    for reaction in extras.reactions:
        yield "the count of a reaction", reaction.count, 1, LAST_CHANGE
    if extras.pinned is not None:
        yield _moment("the time of the pin", extras.pinned.at)


def _moment(field: str, value: float) -> _Bound:
    return field, value, FIRST_MOMENT, LAST_MOMENT
