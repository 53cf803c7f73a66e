"""The texts for operators: the docstrings of the tables and of their keys.

Python does not keep the docstring of an attribute, so they are read from the source, as Sphinx and Pydantic do. Only the generators
of the manual need them; the daemon does not.
"""

import ast
import inspect
from collections.abc import Iterator
from typing import NamedTuple

from reichatd.settings.keys import KEYS, TABLES, Key
from reichatd.settings.tables import Table, key_of


class Group(NamedTuple):
    """Keys that one paragraph explains together."""

    keys: tuple[Key, ...]
    text: str


class Section(NamedTuple):
    """A table: its full name (`storage.mongodb`), its text, and its keys."""

    name: str
    text: str
    groups: tuple[Group, ...]


def sections() -> list[Section]:
    """All tables, in the order of the file.

    Raises:
        ValueError: a key has no text.
        OSError: the source cannot be read.
    """
    return [
        Section(name, _reflowed(table.__doc__ or ""), tuple(_groups(name, table))) for name, table in TABLES.items()
    ]


def _groups(name: str, table: type[Table]) -> Iterator[Group]:
    [declaration] = ast.parse(inspect.getsource(table)).body
    assert isinstance(declaration, ast.ClassDef)
    keys: list[Key] = []
    for statement in declaration.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=field)) if f"{name}.{key_of(field)}" in KEYS:
                keys.append(KEYS[f"{name}.{key_of(field)}"])
            case ast.Expr(value=ast.Constant(value=str(text))) if keys:
                yield Group(tuple(keys), _reflowed(text))
                keys = []
    if keys:
        raise ValueError(f"no text after {keys[-1].name}")


def _reflowed(text: str) -> str:
    return " ".join(text.split())
