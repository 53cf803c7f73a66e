"""reichatd(8) explains every log event of level warning or above, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "reichatd").rglob("*.py"))
LEVELS = {"warning": "warning", "error": "error", "exception": "error", "critical": "critical"}
"""The methods of a logger that write such events, and the level of the event."""
LOGS_LIBRARIES = ROOT / "reichatd" / "logs.py"
"""Logs events of libraries, whose texts are unknown here."""


class Event(NamedTuple):
    event: str
    level: str


class Entry(NamedTuple):
    event: str
    level: str
    meaning: str
    remedy: str


def events_of(source: str) -> Iterator[Event]:
    """The events that a module logs. All must have the form `log.METHOD("event", …)`.

    Raises:
        AssertionError: the module uses its logger in another way, so its events cannot be found.
    """
    tree = ast.parse(source)
    calls: dict[ast.AST, ast.Call] = {call.func: call for call in ast.walk(tree) if isinstance(call, ast.Call)}
    named = set(filter(None, map(_logger_named, ast.walk(tree))))
    for node in ast.walk(tree):
        match node, calls.get(node):
            case ast.Attribute(ast.Name("log"), method), ast.Call(args=[ast.Constant(str(event))]) if method in LEVELS:
                yield Event(event, LEVELS[method])
            case ast.Attribute(ast.Name("log"), method), _ if method in LEVELS or (named and method in {"bind", "log"}):
                raise AssertionError(f"line {node.lineno}: not of the form log.METHOD(EVENT, …): {ast.unparse(node)}")
            case ast.Attribute(_, "get_logger"), ast.Call() as made if made not in named:
                raise AssertionError(f"line {node.lineno}: a logger that is not named log")


def _logger_named(node: ast.AST) -> ast.Call | None:
    """The call that makes the logger, if the statement assigns it to `log`."""
    match node:
        case ast.Assign([ast.Name("log")], ast.Call(ast.Attribute(_, "get_logger")) as made):
            return made
        case ast.AnnAssign(ast.Name("log"), _, ast.Call(ast.Attribute(_, "get_logger")) as made):
            return made
    return None


def entries_of(manual: str) -> list[Entry]:
    """The entries of the manual's section on the log."""
    section = manual.partition("\n## Log\n")[2].partition("\n## ")[0]
    items = [
        " ".join(item.split()) for item in re.findall(r"^- (`.+?)(?=\n- |\n\n)", section, re.DOTALL | re.MULTILINE)
    ]
    rows = [re.fullmatch(r"`(.+?)` \((\w+)\): (.+) \*Action:\* (.+)", item) for item in items]
    return [Entry(*row.groups()) for row in rows if row]


def test_the_manual_explains_every_event_and_no_other() -> None:
    written = {line for module in MODULES if module != LOGS_LIBRARIES for line in events_of(module.read_text("utf-8"))}
    rows = entries_of((ROOT / "etc" / "man" / "reichatd.8.md").read_text("utf-8"))
    explained = [Event(row.event, row.level) for row in rows]
    assert sorted(explained) == sorted(written)
    assert all(len(row.meaning) > 15 and len(row.remedy) > 3 for row in rows)


def test_the_events_of_a_module() -> None:
    source = 'log: Logger = structlog.get_logger()\nlog.info("a")\nlog.warning("b", c=1)\nlog.exception("d")\nlog.error("e")\n'
    assert list(events_of(source)) == [Event("b", "warning"), Event("d", "error"), Event("e", "error")]


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
def test_any_other_use_of_a_logger_is_an_error(statement: str) -> None:
    with pytest.raises(AssertionError, match="line 2"):
        list(events_of(f"log = structlog.get_logger()\n{statement}\n"))
