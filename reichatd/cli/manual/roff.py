"""Turns a page of the manual from Markdown into a man page: man(7) macros, which groff and mandoc both read. Pure.

A list item that begins with code becomes a tagged paragraph (`.TP`): its tag ends at the first colon outside of code.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reichatd.markdown import Node, parsed

_WIDTH = 78
_TITLE = re.compile(r"(?P<name>[\w.-]+)\((?P<section>\d)\): (?P<purpose>.+)")
_ESCAPES = str.maketrans({"\\": r"\e", "…": "..."})
_CODE = _ESCAPES | str.maketrans(
    {"-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", "…": "...", "─": r"\-"}
)
_FONTS = {"strong": "B", "em": "I"}


class Title(NamedTuple):
    """The first heading of a page: `reichatd(8): operate the chat daemon`."""

    name: str
    section: str
    purpose: str


def title_of(text: str) -> Title:
    """The title of a page. Raises ValueError if the page does not begin with one."""
    heading = text.partition("\n")[0].removeprefix("# ")
    if match := _TITLE.fullmatch(heading):
        return Title(**match.groupdict())
    raise ValueError(f"not a title of a man page: {heading}")


def man_page(text: str, date: str) -> str:
    """The man page of a Markdown page.

    Arguments:
        date: when the manual was last revised (2026-11-27).

    Raises:
        ValueError: the page has no title, or an element that is not supported here, such as a table.
    """
    title = title_of(text)
    lines = [
        '.\\" Made from Markdown by reichatd.cli.manual: do not edit.',
        f'.TH {title.name.upper()} {title.section} {date} reichatd "reichatd manual"',
        ".nr HY 0",  # otherwise groff turns hyphenation on again at each paragraph
        ".nh",
        ".ad l",
        ".SH NAME",
        rf"{_code(title.name)} \- {title.purpose.translate(_ESCAPES)}",
        *_blocks(parsed(text).children[1:]),
    ]
    return "\n".join(lines) + "\n"


def _blocks(nodes: Sequence[Node]) -> Iterator[str]:
    after_heading = False
    for node in nodes:
        match node.type:
            case "heading":
                macro = ".SH" if node.tag == "h2" else ".SS"
                text = _inline(node.children[0]).replace('"', r"\(dq")
                yield f"{macro} {text.upper() if macro == '.SH' else text}"
            case "paragraph":
                if not after_heading:
                    yield ".PP"
                yield from _filled(_inline(node.children[0]))
            case "fence" | "code_block":
                if not after_heading:
                    yield ".PP"
                yield from _literal(node.content)
            case "bullet_list":
                for item in node.children:
                    yield from _item(item, r"\(bu")
            case "ordered_list":
                for number, item in enumerate(node.children, start=1):
                    yield from _item(item, f"{number}.")
            case other:
                raise ValueError(f"not supported in a man page: {other}")
        after_heading = node.type == "heading"


def _item(item: Node, mark: str) -> Iterator[str]:
    first, *rest = item.children
    tag, text = _split(first.children[0])
    if tag:
        yield ".TP"
        yield tag
    else:
        yield f".IP {mark} 3"
    yield from _filled(text)
    if rest:
        yield ".RS"
        yield from _blocks(rest)
        yield ".RE"


def _split(inline: Node) -> tuple[str, str]:
    """The tag of an item and the text after it. The tag is "" if the item does not begin with code."""
    nodes = inline.children
    if nodes[0].type == "code_inline":
        for index, node in enumerate(nodes):
            if node.type == "text" and ": " in node.content:
                before, _, behind = node.content.partition(": ")
                tag = "".join(map(_span, nodes[:index])) + before.translate(_ESCAPES)
                return tag, behind.translate(_ESCAPES) + "".join(map(_span, nodes[index + 1 :]))
    return "", _inline(inline)


def _inline(inline: Node) -> str:
    return "".join(map(_span, inline.children))


def _span(node: Node) -> str:
    match node.type:
        case "text":
            return node.content.translate(_ESCAPES)
        case "softbreak":
            return " "
        case "code_inline":
            return rf"\fB{_code(node.content)}\fR"
        case "strong" | "em":
            return rf"\f{_FONTS[node.type]}{''.join(map(_span, node.children))}\fR"
        case other:
            raise ValueError(f"not supported in a man page: {other}")


def _code(text: str) -> str:
    return text.translate(_CODE)


def _filled(text: str) -> list[str]:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_protected(line) for line in lines]


def _literal(content: str) -> Iterator[str]:
    yield from (".RS 4", ".EX")
    yield from (_protected(_code(line)) for line in content.rstrip("\n").split("\n"))
    yield from (".EE", ".RE")


def _protected(line: str) -> str:
    """The line, so that no formatter takes it for a request."""
    return rf"\&{line}" if line.startswith((".", "'")) else line
