"""What a reload has to know: which keys differ, and how settings are put together from old and new ones. All pure."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from reichatd.settings.keys import KEYS
from reichatd.settings.tables import HIDDEN, Reload, Table, is_secret

AnyTable = TypeVar("AnyTable", bound=Table)


def reload_of(key: str) -> Reload:
    """What a reload does with the key with this full name."""
    return KEYS[key].reload


class Change(NamedTuple):
    """A key that two settings differ in. The values are HIDDEN if they are secrets."""

    key: str
    old: Any
    new: Any


def changes(old: Table, new: Table, prefix: str = "") -> Iterator[Change]:
    """What differs between two settings (or two tables of one kind), key by key."""
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            yield from changes(before, after, f"{key}.")
        elif before != after:
            yield Change(key, *((HIDDEN, HIDDEN) if is_secret(info) else (before, after)))


def merged(old: AnyTable, new: AnyTable, keys: Collection[str], prefix: str = "") -> AnyTable:
    """The old settings (or table) with the values of these keys from the new ones."""
    values = {}
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            values[info.name] = merged(before, after, keys, f"{key}.")
        else:
            values[info.name] = after if key in keys else before
    return type(old)(**values)
