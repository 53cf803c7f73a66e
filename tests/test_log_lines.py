"""reichatd(8) tells of every line of the log that an operator should look at, and of no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "reichatd").rglob("*.py"))
LEVELS = {"warning": "warning", "error": "error", "exception": "error", "critical": "critical"}
"""The methods of a logger that write such lines, and the level that the line has."""
PASSES_ON = ROOT / "reichatd" / "logs.py"
"""Gives the lines of libraries, whatever they are, their place in the log."""


class Line(NamedTuple):
    event: str
    level: str


class Row(NamedTuple):
    event: str
    level: str
    meaning: str
    remedy: str


def lines_of(source: str) -> Iterator[Line]:
    """The lines that a module writes, all by `log.METHOD("event", …)`.

    Raises:
        AssertionError: it uses its logger in another way, so that nobody can tell what it writes.
    """
    tree = ast.parse(source)
    calls: dict[ast.AST, ast.Call] = {call.func: call for call in ast.walk(tree) if isinstance(call, ast.Call)}
    named = set(filter(None, map(_logger_named, ast.walk(tree))))
    for node in ast.walk(tree):
        match node, calls.get(node):
            case ast.Attribute(ast.Name("log"), method), ast.Call(args=[ast.Constant(str(event))]) if method in LEVELS:
                yield Line(event, LEVELS[method])
            case ast.Attribute(ast.Name("log"), method), _ if method in LEVELS or (named and method in {"bind", "log"}):
                raise AssertionError(f"line {node.lineno}: what does it write? {ast.unparse(node)}")
            case ast.Attribute(_, "get_logger"), ast.Call() as made if made not in named:
                raise AssertionError(f"line {node.lineno}: a logger that is not called log")


def _logger_named(node: ast.AST) -> ast.Call | None:
    """The call that makes the logger, in the statement that calls it log."""
    match node:
        case ast.Assign([ast.Name("log")], ast.Call(ast.Attribute(_, "get_logger")) as made):
            return made
        case ast.AnnAssign(ast.Name("log"), _, ast.Call(ast.Attribute(_, "get_logger")) as made):
            return made
    return None


def rows_of(manual: str) -> list[Row]:
    """What the manual's chapter on the log says of each line."""
    section = manual.partition("\n## Log\n")[2].partition("\n## ")[0]
    items = [
        " ".join(item.split()) for item in re.findall(r"^- (`.+?)(?=\n- |\n\n)", section, re.DOTALL | re.MULTILINE)
    ]
    rows = [re.fullmatch(r"`(.+?)` \((\w+)\): (.+) \*Action:\* (.+)", item) for item in items]
    return [Row(*row.groups()) for row in rows if row]


def test_every_line_has_its_row_and_every_row_its_line() -> None:
    written = {line for module in MODULES if module != PASSES_ON for line in lines_of(module.read_text("utf-8"))}
    rows = rows_of((ROOT / "etc" / "man" / "reichatd.8.md").read_text("utf-8"))
    told = [Line(row.event, row.level) for row in rows]
    assert sorted(told) == sorted(written)
    assert all(len(row.meaning) > 15 and len(row.remedy) > 3 for row in rows)


def test_the_lines_of_a_module() -> None:
    source = 'log: Logger = structlog.get_logger()\nlog.info("a")\nlog.warning("b", c=1)\nlog.exception("d")\nlog.error("e")\n'
    assert list(lines_of(source)) == [Line("b", "warning"), Line("d", "error"), Line("e", "error")]


@pytest.mark.parametrize(
    "statement",
    [
        "tell = log.warning if bad else log.info",
        "log.error(text)",
        'log.error(f"room {room_id}")',
        'log.bind(room_id=1).error("crashed")',
        'log.log(logging.ERROR, "crashed")',
        "other = structlog.get_logger()",
        'structlog.get_logger().error("crashed")',
    ],
)
def test_a_logger_is_used_so_that_its_lines_can_be_found(statement: str) -> None:
    with pytest.raises(AssertionError, match="line 2"):
        list(lines_of(f"log = structlog.get_logger()\n{statement}\n"))
