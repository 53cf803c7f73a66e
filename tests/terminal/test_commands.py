"""The commands in typed lines, and rooms by id or name."""

import pytest

from reichatd.terminal.client import RoomChoice
from reichatd.terminal.commands import Command, EmptyLine, Help, InputRefused, PostMessage, Quit, parse
from reichatd.terminal.frames import encodable, trimmed
from reichatd.terminal.rooms import find_rooms


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("Hello", PostMessage("Hello")),
        ("  x = 1 \n", PostMessage("x = 1")),
        ("  x = 1\n  y = 2\n", PostMessage("  x = 1\n  y = 2")),
        ("", EmptyLine()),
        (" \n\t", EmptyLine()),
        ("/help", Help()),
        ("/quit ", Quit()),
        ("/help me", InputRefused("no command /help; /help lists them, //… posts a slash")),
        ("/etc/hosts is it", InputRefused("no command /etc/hosts; /help lists them, //… posts a slash")),
        ("//etc/hosts", PostMessage("/etc/hosts")),
        ("///", PostMessage("//")),
        (" /quit", Quit()),
        ("x" * 10, PostMessage("x" * 10)),
        ("x" * 12, InputRefused("2 characters too long: a message has at most 10")),
        ("x" * 10 + "  ", PostMessage("x" * 10)),
    ],
)
def test_lines(line: str, command: Command) -> None:
    assert parse(line, 10 if set(line) <= {"x", " "} else 100) == command


def test_indentation_is_kept_and_leading_blank_lines_are_removed() -> None:
    assert trimmed("\n \t\n    if x:\n        y()\n\n") == "    if x:\n        y()"
    assert trimmed("\n\n") == ""


def test_lone_surrogates_are_replaced() -> None:
    assert encodable("a\udcffb\ud800") == "a\ufffdb\ufffd"
    assert encodable("Grüße \U0001f431") == "Grüße \U0001f431"


LOUNGE, ATTIC, OTHER = (
    RoomChoice("lounge", "Attic", ""),
    RoomChoice("attic", "The attic", ""),
    RoomChoice("x1", "Lounge Bar", ""),
)


@pytest.mark.parametrize(
    ("text", "rooms"),
    [
        ("attic", [ATTIC]),  # the id takes precedence over the other room's name
        ("Attic", [LOUNGE]),  # the exact match takes precedence
        ("ATTIC", [LOUNGE, ATTIC]),
        ("THE ATTIC", [ATTIC]),
        ("lou", []),
        ("", []),
    ],
)
def test_rooms_by_id_and_name(text: str, rooms: list[RoomChoice]) -> None:
    assert find_rooms([LOUNGE, ATTIC, OTHER], text) == rooms


def test_rooms_by_prefix() -> None:
    assert find_rooms([LOUNGE, ATTIC, OTHER], "the", prefix=True) == [ATTIC]
    assert find_rooms([LOUNGE, ATTIC, OTHER], "lou", prefix=True) == [LOUNGE, OTHER]
    assert find_rooms([LOUNGE, ATTIC, OTHER], "", prefix=True) == []
