import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.text import BIDI_CONTROLS, DEFAULT_IGNORABLE, SPACES, is_blank, is_word, normal

PREPENDED = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Prepended_Concatenation_Mark, from PropList.txt: visible format characters."""

VISIBLE_FORMATS = PREPENDED | set(range(0xFFF9, 0xFFFC)) | set(range(0x13430, 0x13440))
"""Format characters that the derivation of the property excludes (DerivedCoreProperties.txt)."""

MARKS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
"""Ignorable, but not format characters: Other_Default_Ignorable_Code_Point and Mongolian variation selectors."""


def ignorable() -> set[int]:
    return {code for first, last in DEFAULT_IGNORABLE for code in range(first, last + 1)}


def test_the_table_agrees_with_unicodedata() -> None:
    assigned = {code for code in range(0x110000) if unicodedata.category(chr(code)) not in {"Cn", "Cs"}}
    formats = {code for code in assigned if unicodedata.category(chr(code)) == "Cf"} - VISIBLE_FORMATS
    selectors = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
    assert ignorable() & assigned == (formats | selectors | MARKS) & assigned


def test_the_other_tables_agree_with_unicodedata() -> None:
    characters = [chr(code) for code in range(0x110000)]
    assert {each for each in characters if unicodedata.category(each) == "Zs"} | {"\t"} == set(SPACES)
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    embedding = {each for each in characters if unicodedata.bidirectional(each) in directions}
    assert embedding | {"\u061c", "\u200e", "\u200f"} == BIDI_CONTROLS


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u3164", "\u200b\u200d", "\u2800\u2800", "\0", "\ufeff \n\u00ad", "\U000e0041", "\u115f\u1160", "\x1f"],
)
def test_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(text + "x" + text)


@pytest.mark.parametrize(
    "text", ["x", ".", "👍🏽", "❤\ufe0f", "\u0301", "\u0600", "👩\u200d🚀", "🏴\U000e0067\U000e007f", "\ufffc"]
)
def test_not_blank(text: str) -> None:
    assert not is_blank(text)


@given(st.text())
def test_alphanumeric_text_is_a_word_unless_it_has_invisible_characters(text: str) -> None:
    if text.isalnum():
        assert is_word(text) == (not any(ord(each) in ignorable() for each in text))


@given(st.text(st.characters()))
def test_a_word_stays_a_word_in_normal_form(text: str) -> None:
    shown = normal(text, 1000)
    assert normal(shown, 1000) == shown
    if is_word(text):
        assert is_word(shown)


@given(st.text(max_size=40), st.integers(0, 5))
def test_text_that_is_not_normalized_is_too_long_anyway(text: str, most: int) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert (len(normal(decomposed, most)) <= most) == (len(unicodedata.normalize("NFC", decomposed)) <= most)
