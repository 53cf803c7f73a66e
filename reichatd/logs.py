"""The log: one line per event, on one stream, without secrets.

The daemon's own events come from structlog, those of libraries from the standard library's logging. Both end here.
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

ADDRESS_FIELD = "client"
"""The field of an event with the address of a client."""

_SECRET_NAME = (
    r"(?:[\w-]*(?:password|token|secret|authorization|cookie)s?|secret[_-]key|(?:verification_)?code|totp|content)"
)
_IS_SECRET_NAME = re.compile(_SECRET_NAME, re.IGNORECASE)

_SECRETS_IN_TEXT = (
    # A value in quotes after such a name: JSON, or the repr of an object.
    (re.compile(rf"(?is)(?<![\w-])({_SECRET_NAME}[\"']?\s*[=:]\s*b?)([\"'])(?:\\.|(?!\2).)*\2?"), rf"\1{HIDDEN}"),
    # A URL's query, with or without the path before it.
    (re.compile(rf"(?i)([?&]{_SECRET_NAME}=)[^&#\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(?<![\w-])([\w-]*(?:token|password|secret)=)[^&#\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^\s/]+@"), rf"\1{HIDDEN}@"),
    # What looks like a JWT. (Without the bound, a long text full of possible beginnings would take minutes.)
    (re.compile(r"eyJ[\w-]{6,512}\.[\w.-]+"), HIDDEN),
    (re.compile(r"rct_[0-9A-Za-z]{6,}"), HIDDEN),  # a token for programs
)


def configure(log: settings.LogSettings, stream: TextIO) -> None:
    """Writes the daemon's events of `log.level` and above to `stream`, and warnings and errors of libraries.

    May be called again, with other settings or another stream. The queue of a queued stream then holds `log.queue_lines`.
    """
    set_limit(stream, log.queue_lines)
    level = logging.getLevelNamesMapping()[log.level.upper()]
    is_console = log.format == "console" or (log.format == "auto" and stream.isatty())
    lines = _Lines(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([] if log.addresses else [_without_addresses]),
            redact,
            *(_console(colors=stream.isatty()) if is_console else [structlog.processors.JSONRenderer()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,  # A later call must change the loggers that modules hold, too.
    )
    _log_libraries(max(level, logging.WARNING))


def _without_addresses(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Removes the client's address. All events have it in the same field."""
    event.pop(ADDRESS_FIELD, None)
    return event


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last safeguard: removes secrets and message texts that a log call has passed by mistake.

    A value is hidden because of its name, or because of what it looks like inside a text. The result has only types of JSON.
    """
    redacted: EventDict = _redacted(dict(event))
    return redacted


def _redacted(value: object) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {str(name): HIDDEN if _is_secret(name) else _redacted(inner) for name, inner in value.items()}
        case (str() | bytes() as name, _) if _is_secret(name):  # a header, as libraries represent it
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
    """Escapes line breaks and control characters: one event is one line, and cannot control the terminal. Tracebacks stay."""
    return {
        _escaped(name): _escaped(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


def _escaped(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]


class _Lines:
    """Writes events to a stream, one line each, from any thread.

    If the stream fails (a closed pipe, a full disk), the line is lost: a failing log must not stop the daemon. There is no lock,
    because a thread that held it while the stream is slow would stop all others.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            # One call for the line and its end, so that no other thread's text comes between.
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


class _Libraries(logging.Handler):
    """Passes the log records of libraries to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # the arguments do not fit the text; logging itself would print them, secrets included
            text = str(record.msg)
        level = max(known for known in (logging.WARNING, logging.ERROR, logging.CRITICAL) if known <= record.levelno)
        structlog.get_logger().log(level, text, library=record.name, exc_info=record.exc_info)


def _log_libraries(level: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Libraries):
            root.removeHandler(handler)
    # The handler has the level too: a logger with a level of its own ignores the root's.
    root.addHandler(_Libraries(level))
    root.setLevel(level)
    logging.captureWarnings(True)
