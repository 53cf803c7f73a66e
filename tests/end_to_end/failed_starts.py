"""Runs the daemon where it cannot start, and checks the form of what it prints."""

from collections.abc import Sequence
from pathlib import Path

from tests.process import refusal


def refused(directory: Path, status: int, prefix: Sequence[str] = (), **settings: str) -> list[str]:
    """Runs a start that must fail with this exit status; returns the lines that it prints."""
    ended = refusal(directory, settings, prefix)
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert lines
    assert [line for line in lines if not (line.startswith("reichatd: ") and line.isprintable())] == []
    return lines


def refused_in_a_line(directory: Path, status: int, prefix: Sequence[str] = (), **settings: str) -> str:
    """As `refused`, for a start that must print exactly one line."""
    (line,) = refused(directory, status, prefix, **settings)
    return line
