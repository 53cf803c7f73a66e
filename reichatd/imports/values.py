"""Reads values from documents that may hold anything. Pure."""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reichatd.store.bounds import FIRST_MOMENT, LAST_MOMENT
from reichatd.text import is_blank

Document = Mapping[str, Any]


def documents(value: object) -> list[Document]:
    """The entries of a list that are documents; empty if it is not a list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def key(value: object) -> str:
    """An id as text; empty if it is not an id. Integers and ObjectIds are converted to text."""
    if value is None or isinstance(value, bool | float | list | Mapping):
        return ""
    return str(value).strip()


def keys(value: object) -> list[str]:
    """The ids in a list, without duplicates, in their order."""
    return list(dict.fromkeys(filter(None, map(key, value)))) if isinstance(value, list) else []


def number(value: object) -> int | None:
    """An integer of up to 64 bits, as stores hold them, also one that was stored as a float; None if it is not one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        return None
    return int(value)


def seconds(value: object) -> float | None:
    """A time, from ISO 8601 text (UTC by default) or a date, as seconds since the epoch; None if it is not one."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        found = moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    # The first and the last day of this range may be out of range in another time zone.
    return found if FIRST_MOMENT <= found <= LAST_MOMENT else None


def content(value: object) -> str:
    """The text of a message. Other values are converted to text, lists and documents to JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | Mapping):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def line(value: object, most: int) -> str:
    """A text as one line of at most this many characters; empty if it is not text, or is blank."""
    if not isinstance(value, str):
        return ""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in value)
    found = plain.strip()[:most].strip()
    return "" if is_blank(found) else found


def is_hash(value: object) -> bool:
    """Whether it is a password hash of argon2."""
    return isinstance(value, str) and value.startswith("$argon2") and value.isascii() and len(value) < 1000
