"""The base class and the types that the tables of settings are declared with."""

from enum import Enum
from keyword import iskeyword
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

HIDDEN = "…"
"""Shown in place of a secret."""


class Reload(Enum):
    """What a reload does with a key that has changed. The values are shown to people."""

    APPLIED = "applied"
    NEW_CONNECTIONS = "applied to new connections"
    NEEDS_RESTART = "needs a restart"
    REJECTED = "rejected"


_Value = TypeVar("_Value")

Applied = Annotated[_Value, Meta(extra={"reload": Reload.APPLIED})]
"""The type of a key that a reload applies at once."""

NewConnections = Annotated[_Value, Meta(extra={"reload": Reload.NEW_CONNECTIONS})]
"""The type of a key that a reload applies only to connections that are opened after it."""


def key_of(field: str) -> str:
    """The key that a field declares: `from_` declares `from`, which is a word of Python's."""
    return field.removesuffix("_")


def field_of(key: str) -> str:
    """The field that declares a key: the reverse of `key_of`."""
    return f"{key}_" if iskeyword(key) else key


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=key_of):
    """The base of all tables of the settings file. Each field is a key, and is declared only here.

    The field's type says what is allowed; its value is the default. The docstring after a field, or after a group of fields, is
    the text for operators: `etc/reichatd.toml` and its man page are generated from it (see `reichatd.settings.manual`). The class's
    docstring is the text of the table.

    A repr may get into a log, so it shows no secrets.
    """

    reload: ClassVar[Reload] = Reload.NEEDS_RESTART
    """What a reload does with a key of this table, unless the key's type is `Applied` or `NewConnections`."""

    def __rich_repr__(self) -> Any:  # noqa: ANN401 - the protocol that msgspec uses for repr
        for info in msgspec.structs.fields(self):
            value = getattr(self, info.name)
            yield info.encode_name, HIDDEN if is_secret(info) and value else value

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({inner})"


def is_secret(info: msgspec.structs.FieldInfo) -> bool:
    """Whether this field is a secret, which must never be shown."""
    return bool(extra_of(msgspec.inspect.type_info(info.type)).get("secret"))


def extra_of(kind: msgspec.inspect.Type) -> dict[str, Any]:
    """What a field's type says in addition to what msgspec checks: `secret`, `allowed` (in words), `reload`."""
    return (kind.extra or {}) if isinstance(kind, msgspec.inspect.Metadata) else {}
