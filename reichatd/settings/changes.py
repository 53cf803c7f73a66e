"""For a reload: which keys differ between two settings, and how to merge old and new ones. Pure."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from reichatd.settings.keys import KEYS
from reichatd.settings.tables import HIDDEN, Reload, Table, is_secret

AnyTable = TypeVar("AnyTable", bound=Table)


def reload_of(key: str) -> Reload:
    """What a reload does with the key of this full name."""
    return KEYS[key].reload


class Change(NamedTuple):
    """A key whose value differs. The values are HIDDEN if they are secrets."""

    key: str
    old: Any
    new: Any


def changes(old: Table, new: Table, prefix: str = "") -> Iterator[Change]:
    """The keys whose values differ between two settings (or two tables of one kind)."""
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.encode_name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            yield from changes(before, after, f"{key}.")
        elif before != after:
            yield Change(key, *((HIDDEN, HIDDEN) if is_secret(info) else (before, after)))


def merged(old: AnyTable, new: AnyTable, keys: Collection[str], prefix: str = "") -> AnyTable:
    """The old settings (or table) with the values of these keys from the new ones."""
    values = {}
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.encode_name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            values[info.name] = merged(before, after, keys, f"{key}.")
        else:
            values[info.name] = after if key in keys else before
    return type(old)(**values)
