"""Timestamps in the form that clients get."""

from datetime import UTC, datetime


def isoformat(seconds: float) -> str:
    """Formats seconds since the epoch as ISO 8601 in UTC, always with six decimals: 2026-11-22T09:00:00.123456+00:00.

    "+00:00" instead of "Z": JavaScript reads both, but Python before 3.11 reads only the former.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
