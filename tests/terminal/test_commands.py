"""The commands in typed lines, and rooms by id or name."""

import pytest

from reichatd.terminal.client import RoomChoice
from reichatd.terminal.commands import (
    Command,
    Delete,
    Edit,
    EmptyLine,
    Help,
    InputRefused,
    Pins,
    PostMessage,
    Quit,
    React,
    Reply,
    Unread,
    names_messages,
    parse,
)
from reichatd.terminal.frames import encodable, trimmed
from reichatd.terminal.references import resolve, short
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
        ("/unread", Unread()),
        ("/pins", Pins()),
        ("/reply 12 Yes, it is", Reply("12", "Yes, it is")),
        ("/reply #12 Yes", Reply("12", "Yes")),
        ("/reply Yes", Reply("", "Yes")),
        ("/reply", InputRefused("write /reply 12 and a text")),
        ("/reply 12", InputRefused("write /reply 12 and a text")),
        ("/edit 7 better", Edit("7", "better")),
        ("/edit 7", Edit("7", "")),
        ("/edit", Edit("", "")),
        ("/edit " + "y" * 101, InputRefused("1 characters too long: a message has at most 100")),
        ("/delete 7 #8", Delete(("7", "8"))),
        ("/delete", InputRefused("write /delete 12, with the number of a message")),
        ("/react 7 👀", React("7", "👀", True)),
        ("/react 7 +1", React("7", "👍", True)),
        ("/unreact 7 heart", React("7", "❤️", False)),
        ("/react 👀", InputRefused("write /react 12 +1")),
        ("/unreact 7", InputRefused("write /unreact 12 +1")),
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


def test_commands_that_name_messages_are_known_while_they_are_typed() -> None:
    assert [
        line for line in ("/edit", "/reply 1", "/react ", "/rep", "/quit", "/edits", "12") if names_messages(line)
    ] == [
        "/edit",
        "/reply 1",
        "/react ",
    ]


@pytest.mark.parametrize("last_id", [1, 999, 1000, 1001, 12_345])
def test_the_number_that_is_shown_means_the_message(last_id: int) -> None:
    for message_id in {1, 7, 345, 999, 1000, 1001, last_id - 999, last_id - 1000, last_id} & set(range(1, last_id + 1)):
        number = short(message_id, last_id)
        assert resolve(number, last_id) == message_id
        assert len(number) <= 3 or last_id - message_id >= 1000


@pytest.mark.parametrize("number", ["", "x", "0", "000", "13", "99999", "-1", "²", "9" * 40])
def test_numbers_of_no_message(number: str) -> None:
    assert resolve(number, 12) is None


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
