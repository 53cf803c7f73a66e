"""Timestamps in the form that clients get."""

from datetime import UTC, datetime
from functools import lru_cache
from math import modf

_SECONDS_KEPT = 4096
"""Seconds whose text is kept, less than 1 MB: new messages share theirs, and so do the messages of a busy room's history."""


def isoformat(seconds: float) -> str:
    """Formats seconds since the epoch as ISO 8601 in UTC, always with six decimals: 2026-11-22T09:00:00.123456+00:00.

    "+00:00" instead of "Z": JavaScript reads both, but Python before 3.11 reads only the former.

    It rounds as `datetime.fromtimestamp` does, in less than half of its time, which was half of that of encoding a message.
    """
    fraction, whole = modf(seconds)
    microseconds = round(fraction * 1e6)
    if not 0 <= microseconds < 1_000_000:  # rounded up to the next second, or before 1970
        carry, microseconds = divmod(microseconds, 1_000_000)
        whole += carry
    return f"{_whole_second(whole)}.{microseconds:06}+00:00"


@lru_cache(_SECONDS_KEPT)
def _whole_second(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[: len("2026-11-22T09:00:00")]
