"""The result of a check: its findings."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    SKIPPED = "skipped"
    """Does not apply, or cannot be found out from here."""
    WARNING = "warning"
    """Works, but may stop soon, or could work better."""
    ERROR = "error"
    """Does not work, or is not safe."""


class Finding(Struct, frozen=True):
    """The result for one subject.

    Arguments:
        code: area and subject (`store.schema`); stable, for programs.
        found: the result in words, without secrets.
        remedy: what to do about it; "" if there is nothing to do.
    """

    code: str
    level: Level
    found: str
    remedy: str = ""


Note = Callable[[Finding], None]
"""Takes a finding from a check, which passes each on at once: so none is lost if the check fails later."""


def ok(code: str, found: str) -> Finding:
    return Finding(code, Level.OK, found)


def skipped(code: str, found: str, remedy: str = "") -> Finding:
    return Finding(code, Level.SKIPPED, found, remedy)


def warning(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Level.WARNING, found, remedy)


def error(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Level.ERROR, found, remedy)
