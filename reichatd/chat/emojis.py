"""What counts as one emoji: decided by Unicode categories, without a list that grows old. Pure.

The grammar is that of Unicode Technical Standard #51, section 1.4.9, with any pictorial symbol as its characters.
"""

import re
import unicodedata

_MOST = 12
"""Code points of the longest emoji: families and flags of regions have up to 10."""
_OTHER_SYMBOLS = frozenset("\u2139\u203c\u2049\u3030\u2194\u2934\u2935\u25fb\u25fc\u25fd\u25fe\u303d")
"""Emojis that are letters, punctuation or mathematical signs to Unicode."""
_FLAG_OR_KEYCAP = re.compile("[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3")
_ELEMENT = "S\ufe0f?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
"""A symbol (written "S"), its variation selector, its skin tone, and the letters of a region's flag."""
_SYMBOLS = re.compile(f"{_ELEMENT}(?:\u200d{_ELEMENT})*")


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji, or another pictorial symbol: neither words, nor controls, nor marks of writing direction."""
    if not 1 <= len(text) <= _MOST:
        return False
    return bool(_FLAG_OR_KEYCAP.fullmatch(text) or _SYMBOLS.fullmatch("".join(map(_kind, text))))


def _kind(char: str) -> str:
    """ "S" for a symbol, " " for what is in no emoji; parts of emojis stay."""
    category = unicodedata.category(char)
    # Emojis that are newer than this Python's Unicode have no category yet ("Cn").
    is_new = category == "Cn" and "\U0001f000" <= char <= "\U0001faff"
    if category == "So" or is_new or char in _OTHER_SYMBOLS:
        return "S"
    return " " if char == "S" else char
