"""The layout of a conversation in lines."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

from reichatd.terminal.client import ServerClient
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import Message
from reichatd.terminal.transcript import Transcript, plain, wrap


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("a abcdefghij", ["a", "abcdefg", "hij"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("\u732b\u732b\u732b\u732b\u732b", ["\u732b\u732b\u732b\u732b", "\u732b"]),  # two columns each
    ],
)
def test_wrapping(text: str, lines: list[str]) -> None:
    assert list(wrap(text, 8)) == lines


@given(st.text(max_size=200), st.integers(min_value=2, max_value=20))
def test_no_line_is_too_wide_and_no_character_is_lost(text: str, width: int) -> None:
    lines = list(wrap(text, width))
    assert all(get_cwidth(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(plain(" ".join(text.splitlines())).split())


def test_control_characters_are_replaced() -> None:
    assert plain("a\x1b[2J\x07\u202eb\tc") == "a\ufffd[2J\ufffd\ufffdb    c"


def message(message_id: int, day: int = 1) -> Message:
    return Message(message_id, "id", "ada", f"text {message_id}", datetime(2026, 1, day, 12, tzinfo=UTC))


@pytest.fixture
def conversation() -> Conversation:
    made = Conversation(ServerClient("http://127.0.0.1:1", None, lambda _: None), "lounge", lambda: None)
    made.read_to, made.messages = 12, [message(number, 1 if number < 15 else 2) for number in range(11, 21)]
    return made


def shown(transcript: Transcript, height: int) -> list[str]:
    return [fragment_list_to_text(line)[6:] for line in transcript.lines(40, height)]


def test_the_end_is_shown_with_its_rules(conversation: Conversation) -> None:
    transcript = Transcript(conversation)
    assert shown(transcript, 3) == ["ada  text 18", "ada  text 19", "ada  text 20"]
    whole = [fragment_list_to_text(line) for line in transcript.lines(40, 100)]
    assert [line for line in whole if line.startswith("──")] == [
        "── Thursday, 01 January 2026",
        "── new",
        "── Friday, 02 January 2026",
    ]
    assert transcript.reached_top


def test_visible_lines_stay_in_place(conversation: Conversation) -> None:
    transcript = Transcript(conversation)
    transcript.lines(40, 3)
    transcript.scrolled = 2
    before = shown(transcript, 3)
    conversation.messages += [message(21, 2), message(22, 3)]
    assert shown(transcript, 3) == before
    conversation.messages[:0] = [message(9), message(10)]
    assert shown(transcript, 3) == before
    transcript.scrolled = 0
    assert shown(transcript, 1) == ["ada  text 22"]


def test_pending_messages_are_last(conversation: Conversation) -> None:
    conversation.pending = {"1": "first", "2": "second"}
    assert shown(Transcript(conversation), 3) == ["ada  text 20", "first", "second"]
