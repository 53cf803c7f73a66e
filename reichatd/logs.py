"""The log: one line an event, on one stream, with no secret in it.

The daemon's own events come by structlog, the libraries' by the standard library's logging; both take the same way out.
"""

import logging
import re
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from reichatd import settings
from reichatd.settings import HIDDEN
from reichatd.stdio import set_limit

_SECRET_NAME = (
    r"(?:[\w-]*(?:password|token|secret|authorization|cookie)s?|secret[_-]key|(?:verification_)?code|content)"
)
_IS_SECRET_NAME = re.compile(_SECRET_NAME, re.IGNORECASE)

_SECRETS_IN_TEXT = (
    # A value in quotes behind such a name: JSON, or the repr of an object.
    (re.compile(rf"(?is)(?<![\w-])({_SECRET_NAME}[\"']?\s*[=:]\s*b?)([\"'])(?:\\.|(?!\2).)*\2?"), rf"\1{HIDDEN}"),
    # A URL's query, whole or as it comes without its path.
    (re.compile(rf"(?i)([?&]{_SECRET_NAME}=)[^&#\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(?<![\w-])([\w-]*(?:token|password|secret)=)[^&#\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^\s/]+@"), rf"\1{HIDDEN}@"),
    # What looks like a JWT, wherever it is. (Without a bound, a long text of nothing but beginnings would take minutes.)
    (re.compile(r"eyJ[\w-]{6,512}\.[\w.-]+"), HIDDEN),
)


def configure(log: settings.LogSettings, stream: TextIO) -> None:
    """Sends the daemon's events from `log.level` on to `stream`, and the libraries' warnings with them.

    May be called again, with other settings or another stream. A stream that is queued holds `log.queue_lines` from then on.
    """
    set_limit(stream, log.queue_lines)
    level = logging.getLevelNamesMapping()[log.level.upper()]
    for_people = log.format == "console" or (log.format == "auto" and stream.isatty())
    lines = _Lines(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            *(_console(colors=stream.isatty()) if for_people else [structlog.processors.JSONRenderer()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,  # The loggers of modules must follow when this is called again.
    )
    _take_in_libraries(max(level, logging.WARNING))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor of last resort: whatever was let slip, no secret and no message's text goes out.

    Leaves only what JSON can hold. Values are hidden by their name, and by what they look like within a text.
    """
    redacted: EventDict = _redacted(dict(event))
    return redacted


def _redacted(value: object) -> Any:  # noqa: ANN401 - whatever JSON has
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {str(name): HIDDEN if _is_secret(name) else _redacted(inner) for name, inner in value.items()}
        case (str() | bytes() as name, _) if _is_secret(name):  # a header, as libraries keep them
            return [_redacted(name), HIDDEN]
        case list() | tuple() | set() | frozenset():
            return [_redacted(inner) for inner in value]
    text = value if isinstance(value, str) else repr(value)
    for pattern, replacement in _SECRETS_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _is_secret(name: object) -> bool:
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    return _IS_SECRET_NAME.fullmatch(text) is not None


def _console(*, colors: bool) -> list[Processor]:
    return [
        _escape,
        structlog.dev.ConsoleRenderer(
            colors=colors, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keeps an event on its line and its control characters off the terminal; a traceback for a person keeps its lines."""
    return {
        _escaped(name): _escaped(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


def _escaped(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]


class _Lines:
    """The way out for every event: a line at a time, from any thread.

    A stream that takes no more (a closed pipe, a full disk) loses the line: a log must not end what it tells of. There is no lock
    here: the thread that held it while a stream is slow would stop all others.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            # One call for a line and its end: threads cannot come in between.
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


class _Libraries(logging.Handler):
    """Passes on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # arguments that do not fit the text; logging would print them, whatever they hold
            text = str(record.msg)
        level = max(known for known in (logging.WARNING, logging.ERROR, logging.CRITICAL) if known <= record.levelno)
        structlog.get_logger().log(level, text, library=record.name, exc_info=record.exc_info)


def _take_in_libraries(level: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Libraries):
            root.removeHandler(handler)
    # The level stands at the handler too: a library that sets its own logger's passes the root's by.
    root.addHandler(_Libraries(level))
    root.setLevel(level)
    logging.captureWarnings(True)
