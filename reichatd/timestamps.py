"""How a moment is written for clients."""

from datetime import UTC, datetime


def isoformat(seconds: float) -> str:
    """Writes seconds since the epoch as ISO 8601 in UTC, always with six decimals: 2026-11-22T09:00:00.123456+00:00.

    "+00:00" and not "Z": JavaScript reads both, but Python before 3.11 reads only the former.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
