"""Makes reichatd.toml(5) from the annotated settings file and the types of the keys."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reichatd.cli.manual.prose import marked
from reichatd.settings.keys import KEYS, as_toml
from reichatd.settings.tables import Reload

_RELOADS = {
    Reload.APPLIED: "A reload applies it.",
    Reload.NEW_CONNECTIONS: "A reload applies it to new connections.",
    Reload.NEEDS_RESTART: "A change needs a restart.",
}
_KEY = re.compile(r"# ([a-z0-9_]+) = ")
_TABLE = re.compile(r"\[([a-z0-9_.]+)\]")
_CODE = re.compile(
    r"""\[?"[^"]*"(?:, "[^"]*")*\]?|`[^`]*`|\b[a-z]+_[a-z_]+\b(?: = \w+)?|(?<!\w)[$]?[A-Z]+_[A-Z_]*[A-Z]\b"""
)
"""Values, commands, names of keys and of environment variables."""


class Group(NamedTuple):
    """Keys that are explained together, by full name. No keys if the text is about the whole table."""

    prose: str
    keys: tuple[str, ...]


class Section(NamedTuple):
    """A table of the settings file. The text before the first table is a section with an empty name."""

    table: str
    groups: tuple[Group, ...]


def documented(annotated: str) -> Iterator[Section]:
    """The content of the annotated settings file: its prose, and the keys that each paragraph explains."""
    table = ""
    groups: list[Group] = []
    for block in re.split(r"\n(?:#?\n)+", annotated.strip()):
        lines = block.splitlines()
        if match := _TABLE.fullmatch(lines[0]):
            yield Section(table, tuple(groups))
            table, groups = match[1], []
            del lines[0]
        if lines:
            keys = [found[1] for line in lines if (found := _KEY.match(line))]
            prose = " ".join(line.removeprefix("# ") for line in lines if not _KEY.match(line))
            groups.append(Group(prose, tuple(f"{table}.{key}" for key in keys)))
    yield Section(table, tuple(groups))


def settings_page(sections: Iterable[Section]) -> str:
    """The page, in Markdown."""
    head, *tables = sections
    blocks = ["# reichatd.toml(5): the settings of the chat daemon", "## Description"]
    blocks += [_block(group) for group in head.groups]
    blocks += ["## Settings"]
    for section in tables:
        blocks += [f"### [{section.table}]", *map(_block, section.groups)]
    blocks += ["## See also", "reichatd(1), reichatd(8)"]
    return "\n\n".join(blocks) + "\n"


def _block(group: Group) -> str:
    prose = marked(group.prose, _CODE)
    if not group.keys:
        return prose
    tag = ", ".join(f"`{name.rpartition('.')[2]}`" for name in group.keys)
    facts = [_facts(name) for name in group.keys]
    if len(set(facts)) == 1:
        return f"- {tag}: {prose}\n\n  {facts[0]}"
    each = [f"  - `{name.rpartition('.')[2]}`: {fact}" for name, fact in zip(group.keys, facts, strict=True)]
    return "\n".join([f"- {tag}: {prose}", "", *each])


def _facts(name: str) -> str:
    key = KEYS[name]
    return f"*Default:* `{as_toml(key.default)}`. *Allowed:* {marked(key.allowed, _CODE)}. {_RELOADS[key.reload]}"
