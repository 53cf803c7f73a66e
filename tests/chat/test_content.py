"""Trimming the text of a post."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.chat.content import trimmed


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        (" \n\t\r\n\u3000", ""),
        ("one", "one"),
        ("  one  ", "one"),
        ("\n\t one\r\n", "one"),
        ("one\ntwo", "one\ntwo"),
        ("\n  one\n two \n\n", "  one\n two"),
        ("  \r\n\t\r\n\tone\r\n\r\n\ttwo\r\n", "\tone\r\n\r\n\ttwo"),
        ("\u2028 one\u2028two", " one\u2028two"),
        ("\u3000one\ntwo", "\u3000one\ntwo"),
    ],
)
def test_indentation_is_kept_in_several_lines(text: str, stored: str) -> None:
    assert trimmed(text) == stored


@given(st.text(st.sampled_from(" \t\n\r\u2028\x85ab")))
def test_only_white_space_is_removed_and_trimming_twice_changes_nothing(text: str) -> None:
    stored = trimmed(text)
    assert stored.strip() == text.strip()
    assert stored == stored.rstrip()
    assert stored in text
    assert trimmed(stored) == stored
    if stored:
        assert stored.splitlines()[0].strip()
