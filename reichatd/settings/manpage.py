"""The man page of the settings, reichatd.toml(5), in mdoc(7), made from their declaration."""

import datetime
import re
import textwrap
from collections.abc import Iterable, Iterator

from reichatd.settings.manual import ENVIRONMENT, FILES, INTRODUCTION, PATHS, default_of, reloading, short_name
from reichatd.settings.prose import Group, Section, sections
from reichatd.settings.tables import Reload

_WIDTH = 78

_RELOADS = {
    Reload.APPLIED: "a reload applies a change",
    Reload.NEW_CONNECTIONS: "a reload applies a change to new connections",
    Reload.NEEDS_RESTART: "a change needs a restart",
}


def man_page(revised: datetime.date) -> str:
    """reichatd.toml(5). `mandoc -T lint` finds nothing in it.

    Arguments:
        revised: the date at its foot.
    """
    return "\n".join(_page(revised)) + "\n"


def _page(revised: datetime.date) -> Iterator[str]:
    yield f".Dd {revised:%B} {revised.day}, {revised.year}"
    yield ".Dt REICHATD.TOML 5"
    yield ".Os"
    yield ".Sh NAME"
    yield ".Nm reichatd.toml"
    yield ".Nd the settings of reichatd"
    yield ".Sh DESCRIPTION"
    yield from _paragraphs([INTRODUCTION, PATHS, reloading()])
    for section in sections():
        yield from _section(section)
    yield ".Sh ENVIRONMENT"
    yield from _text(ENVIRONMENT)
    yield ".Sh FILES"
    yield from _text(FILES)


def _section(section: Section) -> Iterator[str]:
    yield f".Ss [{section.name}]\\&"
    yield from _text(section.text)
    yield ".Bl -tag -width Ds"
    for group in section.groups:
        yield from _group(group)
    yield ".El"


def _group(group: Group) -> Iterator[str]:
    for key in group.keys:
        yield f'.It Ic {short_name(key)} Li "= {_escaped(default_of(key)).replace(chr(34), chr(92) + "(dq")}"'
    yield from _text(group.text)
    yield ".Pp"
    allowed = {key.allowed for key in group.keys}
    if len(allowed) == 1:
        yield from _text(f"Allowed: {allowed.pop()}.")
    else:
        yield from _text("Allowed: " + "; ".join(f"{short_name(key)}, {key.allowed}" for key in group.keys) + ".")
    reloads = {key.reload for key in group.keys}
    if len(reloads) == 1:
        yield f"{_RELOADS[reloads.pop()].capitalize()}."
    else:
        yield from _text("; ".join(f"{short_name(key)}: {_RELOADS[key.reload]}" for key in group.keys) + ".")


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        if index:
            yield ".Pp"
        yield from _text(text)


def _text(text: str) -> Iterator[str]:
    """Each sentence begins a line, as mdoc wants it; what is in backquotes is bold."""
    for sentence in re.split(r"(?<=[.:?]) (?=[A-Z0-9\"`/])", text):
        marked = re.sub(r"`([^`]*)`", r"\\fB\1\\fP", _escaped(sentence))
        for line in textwrap.wrap(marked, _WIDTH, break_long_words=False, break_on_hyphens=False):
            yield f"\\&{line}" if line.startswith((".", "'")) else line


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)
