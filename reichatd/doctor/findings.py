"""What a check has found."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    SKIPPED = "skipped"
    """There is nothing to say, or no way to find out from here."""
    WARNING = "warning"
    """It works, and may not for long, or not as well as it could."""
    ERROR = "error"
    """It does not work, or is not safe."""


class Finding(Struct, frozen=True):
    """One thing that was looked at.

    Arguments:
        code: area and subject (`store.schema`): stable, for programs.
        found: what there is, in words; no secret is in it.
        remedy: what to do about it; "" where nothing is to be done.
    """

    code: str
    level: Level
    found: str
    remedy: str = ""


Note = Callable[[Finding], None]
"""How a check tells: at once, so that nothing is lost should it fail later."""


def ok(code: str, found: str) -> Finding:
    return Finding(code, Level.OK, found)


def skipped(code: str, found: str, remedy: str = "") -> Finding:
    return Finding(code, Level.SKIPPED, found, remedy)


def warning(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Level.WARNING, found, remedy)


def error(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Level.ERROR, found, remedy)
