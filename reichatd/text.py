"""Text that people write: one spelling for what looks the same, and what shows nothing at all. Pure."""

import re
import unicodedata

import idna

SPACES = "\t \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What can stand around a word on one line: a tab, and Unicode's space separators (Zs)."""

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's property Bidi_Control: invisible, and able to show what follows them backwards."""

DEFAULT_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode 17.0; the same since 14.0. `unicodedata` lacks it."""

_IGNORABLE = "".join(f"{chr(first)}-{chr(last)}" for first, last in DEFAULT_IGNORABLE)
_ignorable = re.compile(f"[{_IGNORABLE}]")
# Beside white space and control characters: an empty Braille cell, a note without a head, annotation marks.
_visible = re.compile(rf"[^{_IGNORABLE}\s\x00-\x1f\x7f-\x9f\u2800\ufff9-\ufffb\U0001d159]")

_JOINERS = "\u200c\u200d"
_MOST_FOR_ONE = 4
"""No character of NFC stands for more than four of any other spelling."""


def normal(text: str, most: int) -> str:
    """The text in one spelling for what looks the same (NFC), if that may have at most `most` characters.

    What is sure to have more comes back as it is, and so has more too: to normalise many combining marks takes time that grows
    with the square of their number.
    """
    return text if len(text) > _MOST_FOR_ONE * most else unicodedata.normalize("NFC", text)


def is_blank(text: str) -> bool:
    """Whether it shows nothing: only spaces, control characters, and such as are invisible (U+200B, U+3164, U+2800)."""
    return _visible.search(text) is None


def is_word(text: str) -> bool:
    """Whether it is one word: letters, marks and digits of any script, of which a letter or a digit comes first.

    As UAX #31 has it: XID_Continue after XID_Start or a digit, but for connectors such as "_"; also all other numbers. Invisible
    characters are none of these, but for joiners where a script needs them (UAX #31, 2.3; RFC 5892, A.1 and A.2).
    """
    begins = text[:1].isalnum() or text[:1].isidentifier()
    return begins and all(_is_part(text, place) for place in range(len(text)))


def _is_part(text: str, place: int) -> bool:
    character = text[place]
    if character in _JOINERS:
        return _joins(text, place)
    if _ignorable.match(character) or unicodedata.category(character) == "Pc":
        return False
    return character.isalnum() or f"a{character}".isidentifier()


def _joins(text: str, place: int) -> bool:
    try:
        return idna.core.valid_contextj(text, place)
    except (ValueError, idna.IDNAError):  # too long, or beside a code point without a name
        return False
