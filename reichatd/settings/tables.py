"""What a table of the settings is declared with."""

from enum import Enum
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

HIDDEN = "…"
"""What stands where a secret would."""


class Reload(Enum):
    """What a reload does with a key that has changed. The values are for people."""

    APPLIED = "applied"
    NEW_CONNECTIONS = "applied to new connections"
    NEEDS_RESTART = "needs a restart"
    REJECTED = "rejected"


_Value = TypeVar("_Value")

Applied = Annotated[_Value, Meta(extra={"reload": Reload.APPLIED})]
"""The type of a key that a reload applies at once."""

NewConnections = Annotated[_Value, Meta(extra={"reload": Reload.NEW_CONNECTIONS})]
"""The type of a key that a reload applies to connections that come after it."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file, declared: each field is a key, and each key is declared here only.

    The field's type says what is allowed, its value is the default. The text after a field, or after a group of fields, is the
    manual's: `etc/reichatd.toml` and its man page are made from it (see `reichatd.settings.manual`). The table's own text is its
    docstring.

    A repr, which may end in a log, shows no secret.
    """

    reload: ClassVar[Reload] = Reload.NEEDS_RESTART
    """What a reload does with a key of this table, unless the key's type is `Applied` or `NewConnections`."""

    def __rich_repr__(self) -> Any:  # noqa: ANN401 - msgspec's own protocol for repr
        for info in msgspec.structs.fields(self):
            value = getattr(self, info.name)
            yield info.name, HIDDEN if is_secret(info) and value else value

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({inner})"


def is_secret(info: msgspec.structs.FieldInfo) -> bool:
    """Whether the value of this field must never be shown."""
    return bool(extra_of(msgspec.inspect.type_info(info.type)).get("secret"))


def extra_of(kind: msgspec.inspect.Type) -> dict[str, Any]:
    """What a field's type says beside what msgspec checks: `secret`, `allowed` (in words), `reload`."""
    return (kind.extra or {}) if isinstance(kind, msgspec.inspect.Metadata) else {}
