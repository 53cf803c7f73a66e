"""Text from users: Unicode normalization, and checks for invisible characters. Pure."""

import re
import unicodedata

import idna

GONE = "(deleted)"
"""The name of a deleted user. No user can have it: user names have letters and digits only."""

SPACES = "\t \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""White space within a line: the tab, and Unicode's space separators (Zs)."""

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's property Bidi_Control: invisible characters that can make the text after them run backwards."""

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
"""Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode 17.0; the same since 14.0. Not in `unicodedata`."""

_IGNORABLE = "".join(f"{chr(first)}-{chr(last)}" for first, last in DEFAULT_IGNORABLE)
_ignorable = re.compile(f"[{_IGNORABLE}]")
# Apart from white space and control characters, these show nothing: an empty Braille cell, a note without a head, annotation marks.
_visible = re.compile(rf"[^{_IGNORABLE}\s\x00-\x1f\x7f-\x9f\u2800\ufff9-\ufffb\U0001d159]")

_NOT_IN_LINES = frozenset({"Cc", "Zl", "Zp"})
"""Unicode categories: control characters, line and paragraph separators."""

_JOINERS = "\u200c\u200d"
_MOST_COMPOSED = 4
"""One character of NFC replaces at most four characters of another form."""


def normal(text: str, most: int) -> str:
    """The text in Unicode's normal form NFC: what looks the same is the same.

    A text that is certain to have more than `most` characters in NFC is returned unchanged; it has more than `most`, too. The
    reason: the time to normalize many combining marks grows with the square of their number.
    """
    return text if len(text) > _MOST_COMPOSED * most else unicodedata.normalize("NFC", text)


def is_blank(text: str) -> bool:
    """Whether the text shows nothing: only spaces, control characters and invisible ones (U+200B, U+3164, U+2800)."""
    return _visible.search(text) is None


def is_line(text: str) -> bool:
    """Whether the text is one line with something visible in it, and nothing that changes its direction."""
    return (
        not is_blank(text)
        and BIDI_CONTROLS.isdisjoint(text)
        and _NOT_IN_LINES.isdisjoint(unicodedata.category(character) for character in text)
    )


def is_word(text: str) -> bool:
    """Whether the text is one word: letters, marks and digits of any script, beginning with a letter or a digit.

    This follows UAX #31: XID_Continue after XID_Start or a digit, but without connectors such as "_", and with all other numbers.
    Invisible characters are refused, except joiners where a script needs them (UAX #31, 2.3; RFC 5892, A.1 and A.2).
    """
    begins_well = text[:1].isalnum() or text[:1].isidentifier()
    return begins_well and all(_is_part(text, index) for index in range(len(text)))


def _is_part(text: str, index: int) -> bool:
    character = text[index]
    if character in _JOINERS:
        return _joins(text, index)
    if _ignorable.match(character) or unicodedata.category(character) == "Pc":
        return False
    return character.isalnum() or f"a{character}".isidentifier()


def _joins(text: str, index: int) -> bool:
    try:
        return idna.core.valid_contextj(text, index)
    except (ValueError, idna.IDNAError):  # the text is too long, or the neighbour is an unassigned code point
        return False
