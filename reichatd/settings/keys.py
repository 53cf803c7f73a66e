"""The keys of the settings by their full names (`server.port`), taken from the tables. Pure."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec.inspect import FloatType, IntType, LiteralType, Metadata, StrType, Type, UnionType, VarTupleType, type_info

from reichatd.settings.root import Settings
from reichatd.settings.tables import HIDDEN, Reload, Table, extra_of, field_of, is_secret

PREFIX = "REICHATD_"
_LONGEST_SHOWN = 60
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\"})


class Key(msgspec.Struct, frozen=True):
    """One key: its full name, what is allowed (as a type and in words), its default, and what a reload does with it."""

    name: str
    type: Any
    default: Any
    secret: bool
    allowed: str
    reload: Reload

    @property
    def environment(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()

    def convert(self, value: object) -> Any:  # noqa: ANN401 - as many types as there are keys
        """Converts a value from TOML to this key's type. Raises ValueError if it is not allowed."""
        return msgspec.convert(value, self.type)

    def convert_text(self, text: str) -> Any:  # noqa: ANN401 - as many types as there are keys
        """Converts a text from the environment to this key's type; the items of a list are separated by commas.

        Raises ValueError if it is not allowed.
        """
        text.encode()  # fails for bytes that are not UTF-8: as lone surrogates, TOML and JSON cannot hold them
        kind = _plain(type_info(self.type))
        if isinstance(kind, VarTupleType):
            return self.convert(_items(text))
        if isinstance(kind, UnionType):  # a text, or a list of texts
            return self.convert(_items(text) if "," in text else text.strip())
        return msgspec.convert(text if isinstance(kind, StrType) else text.strip(), self.type, strict=False)

    def shown(self, value: object) -> str:
        """A value of this key for display: on one line and shortened, or hidden if the key is a secret."""
        return HIDDEN if self.secret else shown(value)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def shown(value: object) -> str:
    """Any value of a TOML file for display: on one line and shortened."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "a list of tables or lists"
    text = as_toml(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def as_toml(value: object) -> str:
    """A setting's value (text, number, boolean or a sequence of them) as TOML, on one line and printable."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + printable(value.translate(_QUOTED)) + '"'
        case list() | tuple():
            return f"[{', '.join(map(as_toml, value))}]"
        case int() if value.bit_length() > 64:  # Python refuses to format very long ones
            return f"a number of {value.bit_length()} bits"
        case _:
            return str(value)


def printable(text: str) -> str:
    """The text, with TOML's escapes in place of line breaks and characters that control a terminal."""
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code_point: int) -> str:
    return f"\\u{code_point:04x}" if code_point < 0x10000 else f"\\U{code_point:08x}"


def value_of(settings: Settings, name: str) -> Any:  # noqa: ANN401 - as many types as there are keys
    """The value of the key of this full name."""
    return functools.reduce(getattr, map(field_of, name.split(".")), settings)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to `name`, for a hint after a mistake; None if none is similar.

    The last part of the name counts most: a key in the wrong table is as likely as a misspelt one.
    """
    from difflib import SequenceMatcher  # imported only after a mistake

    whole, last_part = SequenceMatcher(b=name), SequenceMatcher(b=name.rpartition(".")[2])

    def similarity(entry: str) -> float:
        last_part.set_seq1(entry.rpartition(".")[2])
        if "." not in name or last_part.ratio() < 0.4:
            return last_part.ratio()
        whole.set_seq1(entry)
        return 0.7 * last_part.ratio() + 0.3 * whole.ratio()

    score, best = max(((similarity(entry), entry) for entry in known), key=lambda pair: pair[0])
    return best if score >= 0.6 else None


def assemble(values: dict[str, Any], table: type[Table] = Settings, prefix: str = "") -> Any:  # noqa: ANN401 - any table
    """Makes the settings (or one table) from values by full name; other keys get their defaults."""
    fields = {}
    for info in msgspec.structs.fields(table):
        name = prefix + info.encode_name
        if _is_table(info.type):
            fields[info.name] = assemble(values, info.type, f"{name}.")
        elif name in values:
            fields[info.name] = values[name]
    return table(**fields)


def _is_table(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Table)


def _keys(table: type[Table], prefix: str = "") -> Iterator[Key]:
    for info in msgspec.structs.fields(table):
        name = prefix + info.encode_name
        if _is_table(info.type):
            yield from _keys(info.type, f"{name}.")
        else:
            kind = type_info(info.type)
            yield Key(
                name,
                info.type,
                info.default,
                is_secret(info),
                _in_words(kind),
                extra_of(kind).get("reload", table.reload),
            )


def _tables(table: type[Table], prefix: str = "") -> Iterator[tuple[str, type[Table]]]:
    for info in msgspec.structs.fields(table):
        if _is_table(info.type):
            yield prefix + info.name, info.type
            yield from _tables(info.type, f"{prefix}{info.name}.")


def _plain(kind: Type) -> Type:
    return kind.type if isinstance(kind, Metadata) else kind


def _in_words(kind: Type) -> str:
    match kind:
        case Metadata(extra={"allowed": str(words)}):
            return words
        case Metadata():
            return _in_words(kind.type)
        case IntType() | FloatType():
            noun = "a whole number" if isinstance(kind, IntType) else "a number"
            least = f"above {kind.gt:g}" if kind.gt is not None else f"from {kind.ge:g}"
            return f"{noun} {least} up to {kind.le:,.0f}".replace(",", "_")
        case LiteralType():
            return " or ".join(map(as_toml, kind.values))
        case VarTupleType():
            return f"a list, each {_in_words(kind.item_type)}"
        case StrType():
            return "text"
        case _:
            return "true or false"


KEYS = {key.name: key for key in _keys(Settings)}
TABLES = dict(_tables(Settings))
