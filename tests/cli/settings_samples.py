"""Valid settings of every kind, and arbitrary TOML, for the property tests."""

import datetime
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.inspect import BoolType, FloatType, IntType, LiteralType, Metadata, StrType, VarTupleType, type_info

from reichatd.settings.keys import KEYS, TABLES, Key, as_toml, assemble
from reichatd.settings.rules import broken_rules

NETWORKS = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "unix"])
HOSTS = st.ip_addresses().map(str) | st.sampled_from(["localhost", "[::1]", "chat.example.org", "unix:/run/a b.sock"])


def _allowed_values(key: Key) -> st.SearchStrategy[Any]:
    if key.name == "server.trusted_proxies":
        return st.lists(NETWORKS, max_size=3).map(tuple)
    if key.name == "server.host":
        return HOSTS | st.lists(HOSTS, min_size=2, max_size=3).map(tuple)
    if key.name == "auth.secret_key":
        return st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=32) | st.just("")
    return _of_type(type_info(key.type))


def _of_type(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case Metadata():
            return _of_type(kind.type)
        case BoolType():
            return st.booleans()
        case IntType():
            return st.integers(int(kind.ge or 0), int(kind.le or 0))
        case FloatType():
            return st.floats(kind.gt if kind.gt is not None else kind.ge, kind.le, exclude_min=kind.gt is not None)
        case LiteralType():
            return st.sampled_from(kind.values)
        case VarTupleType():
            return st.lists(_of_type(kind.item_type), max_size=3).map(tuple)
        case StrType(pattern=str(pattern)):
            return st.from_regex(pattern).filter(lambda text: len(text) <= (kind.max_length or 1000) and _is_utf8(text))
    raise AssertionError(f"no values known for {kind}")


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _valid(values: dict[str, Any]) -> dict[str, Any]:
    """The values without the keys that break a rule."""
    while problems := broken_rules(assemble(values)):
        text = " ".join(map(str, problems))
        values = {name: value for name, value in values.items() if name not in text}
    return values


valid_values = st.fixed_dictionaries({}, optional={name: _allowed_values(key) for name, key in KEYS.items()}).map(
    _valid
)
"""Values by full name. Each is allowed, and together they break no rule."""

_LEAVES: st.SearchStrategy[Any] = (
    st.none().map(lambda _: [])
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.just(1 << 200)
)
_NAMES = st.sampled_from(sorted({part for name in [*KEYS, *TABLES] for part in name.split(".")})) | st.text()

garbage = st.dictionaries(
    _NAMES,
    st.recursive(
        _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20
    ),
)
"""Anything that a TOML file can contain, with names of settings in wrong places."""


def document(data: dict[str, Any]) -> str:
    """The data as a TOML document."""
    return "".join(f"{as_toml(name)} = {_inline(value)}\n" for name, value in data.items())


def _inline(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{as_toml(name)} = {_inline(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case datetime.date() | datetime.time():
            return value.isoformat()
        case int() if not isinstance(value, bool):
            return hex(value) if value >= 0 else str(value)
    return as_toml(value)
