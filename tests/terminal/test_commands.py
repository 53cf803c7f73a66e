"""What a typed line asks for, and which room somebody means."""

import pytest

from reichatd.terminal.client import RoomChoice
from reichatd.terminal.commands import Command, Help, InputRefused, Nothing, Quit, Say, understood
from reichatd.terminal.frames import encodable, trimmed
from reichatd.terminal.rooms import meant


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("Hello", Say("Hello")),
        ("  x = 1 \n", Say("x = 1")),
        ("  x = 1\n  y = 2\n", Say("  x = 1\n  y = 2")),
        ("", Nothing()),
        (" \n\t", Nothing()),
        ("/help", Help()),
        ("/quit ", Quit()),
        ("/help me", InputRefused("no command /help; /help lists them, //… posts a slash")),
        ("/etc/hosts is it", InputRefused("no command /etc/hosts; /help lists them, //… posts a slash")),
        ("//etc/hosts", Say("/etc/hosts")),
        ("///", Say("//")),
        (" /quit", Quit()),
        ("x" * 10, Say("x" * 10)),
        ("x" * 12, InputRefused("2 characters too long: a message has at most 10")),
        ("x" * 10 + "  ", Say("x" * 10)),
    ],
)
def test_lines(line: str, command: Command) -> None:
    assert understood(line, 10 if set(line) <= {"x", " "} else 100) == command


def test_the_first_indentation_stays_and_blank_lines_before_it_go() -> None:
    assert trimmed("\n \t\n    if x:\n        y()\n\n") == "    if x:\n        y()"
    assert trimmed("\n\n") == ""


def test_lone_surrogates_become_a_sign() -> None:
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
        ("attic", [ATTIC]),  # by id, before the other room's name
        ("Attic", [LOUNGE]),  # as it is written, before what differs in case
        ("ATTIC", [LOUNGE, ATTIC]),
        ("THE ATTIC", [ATTIC]),
        ("lou", []),
        ("", []),
    ],
)
def test_rooms_by_id_and_name(text: str, rooms: list[RoomChoice]) -> None:
    assert meant([LOUNGE, ATTIC, OTHER], text) == rooms


def test_rooms_by_their_beginning() -> None:
    assert meant([LOUNGE, ATTIC, OTHER], "the", cut_off=True) == [ATTIC]
    assert meant([LOUNGE, ATTIC, OTHER], "lou", cut_off=True) == [LOUNGE, OTHER]
    assert meant([LOUNGE, ATTIC, OTHER], "", cut_off=True) == []
