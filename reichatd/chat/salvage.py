"""Reads nonce and request from an invalid frame, so that the error can repeat them. Pure."""

import json
from typing import NamedTuple


class Names(NamedTuple):
    """The names that a client gave its frame; the answer repeats them. None if absent or unreadable."""

    nonce: str | None = None
    request: str | None = None


def names_in(text: str | bytes) -> Names:
    """Reads the names in a client's frame, more tolerantly than `frames.decode` does.

    Some clients repeat a message until its nonce comes back: without the name in the error they would never stop.

    Arguments:
        text: anything, no longer than `limits.frame_bytes`.
    """
    try:
        # The standard library's parser accepts lone surrogates, control characters and NaN. parse_int=float: it refuses integers
        # of more than 4,300 digits (sys.set_int_max_str_digits).
        frame = json.loads(_as_text(text), strict=False, parse_int=float)
    except (ValueError, RecursionError):
        return Names()
    if not isinstance(frame, dict):
        return Names()
    return Names(_name(frame.get("nonce")), _name(frame.get("request")))


def _as_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode(errors="replace")


def _name(value: object) -> str | None:
    """The value, if it is text that can be encoded."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return value
