"""What can still be read of a frame that is not valid. Pure."""

import json
from typing import NamedTuple


class Names(NamedTuple):
    """What a client has named a frame by, which the answer to it repeats; None for what is absent or unreadable."""

    nonce: str | None = None
    request: str | None = None


def names_in(text: str | bytes) -> Names:
    """Reads the names in a client's frame, more tolerantly than a valid frame is read.

    A client that repeats a message until its nonce comes back would repeat this one for ever if the error did not name it.

    Arguments:
        text: of any kind, no longer than `limits.frame_bytes`.
    """
    try:
        # The parser of the standard library takes lone surrogates, control characters and NaN. Of the digits of a whole number it
        # would refuse more than 4,300 (sys.set_int_max_str_digits).
        frame = json.loads(_as_text(text), strict=False, parse_int=float)
    except (ValueError, RecursionError):
        return Names()
    if not isinstance(frame, dict):
        return Names()
    return Names(_name(frame.get("nonce")), _name(frame.get("request")))


def _as_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode(errors="replace")


def _name(value: object) -> str | None:
    """The value, if it is a text that can be sent back."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return value
