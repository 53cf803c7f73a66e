"""What a log line is, and what never is in one."""

import io
import json
import logging
import os
import re
import warnings
from collections.abc import Callable
from typing import Any, TextIO

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reichatd import logs
from reichatd.settings import AuthSettings, LogSettings, Settings

MARK = "hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


pytestmark = pytest.mark.usefixtures("restored_logs")


def configured(log: LogSettings | None = None) -> io.StringIO:
    stream = io.StringIO()
    logging.getLogger().handlers.clear()  # pytest's handlers fail at a record with wrong arguments
    logs.configure(log or LogSettings(), stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_request() -> None:
    stream = configured()
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger().info("room\nopened", room_id="a", members=3, ratio=0.5, private=False, owner=None)
    [event] = events(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event.pop("timestamp"))
    assert event == {
        "event": "room\nopened",
        "level": "info",
        "request_id": "r1",
        "room_id": "a",
        "members": 3,
        "ratio": 0.5,
        "private": False,
        "owner": None,
    }


def test_addresses_of_clients_can_be_left_out() -> None:
    for addresses, fields in ((True, {"client": "192.0.2.1", "reason": "x"}), (False, {"reason": "x"})):
        stream = configured(LogSettings(addresses=addresses))
        structlog.get_logger().info("login refused", client="192.0.2.1", reason="x")
        [event] = events(stream)
        assert {name: event[name] for name in event if name not in ("event", "level", "timestamp")} == fields


def test_only_the_level_and_above_is_logged() -> None:
    for level, count in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
        stream = configured(LogSettings(level=level))  # type: ignore[arg-type]
        log = structlog.get_logger()
        log.debug("a")
        log.info("a")
        log.warning("a")
        log.error("a")
        assert len(events(stream)) == count


@pytest.mark.parametrize(("form", "is_json"), [("auto", False), ("console", False), ("json", True)])
def test_a_terminal_gets_lines_for_people(form: str, is_json: bool) -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal, open(ours, encoding="utf-8") as screen:
        logs.configure(LogSettings(format=form), terminal)  # type: ignore[arg-type]
        structlog.get_logger().info("room opened", room_id="a\x1b[2Jb\nc", password=MARK)
        line = screen.readline()
    assert line.startswith("{") is is_json
    assert "room opened" in line
    assert "[2Jb\\nc" in line
    assert "\x1b[2J" not in line
    assert MARK not in line


def test_the_console_format_has_no_colours_without_a_terminal() -> None:
    stream = configured(LogSettings(format="console"))
    structlog.get_logger().info("two\nlines", who="a b")
    [line] = stream.getvalue().splitlines()
    assert "two\\nlines" in line
    assert "who='a b'" in line
    assert "\x1b" not in line


def test_a_traceback_is_in_its_line_and_shows_no_variable() -> None:
    stream = configured()
    unshown = MARK
    try:
        raise ValueError(f"no such thing: {{'content': '{unshown}'}}")
    except ValueError:
        structlog.get_logger().exception("crashed")
    [event] = events(stream)
    assert event["exception"].startswith("Traceback")
    assert event["exception"].endswith("ValueError: no such thing: {'content': …}")
    console = configured(LogSettings(format="console"))
    try:
        raise ValueError("whatever")
    except ValueError:
        structlog.get_logger().exception("crashed")
    assert console.getvalue().splitlines()[-1] == "ValueError: whatever"
    assert MARK not in console.getvalue()


# Libraries


@pytest.mark.parametrize("name", ["hypercorn.error", "trio-websocket", "quart.app", "pymongo.topology", "asyncio"])
def test_warnings_of_libraries_are_events(name: str) -> None:
    stream = configured(LogSettings(level="debug"))
    structlog.contextvars.bind_contextvars(request_id="r1")
    library = logging.getLogger(name)
    before = library.level
    library.setLevel(logging.DEBUG)  # as Hypercorn does with its logger
    library.info("hello")
    library.warning("cannot %s /ws?token=%s", "open", MARK)
    library.setLevel(before)
    [event] = events(stream)
    assert event.pop("timestamp")
    assert event == {"event": "cannot open /ws?token=…", "level": "warning", "library": name, "request_id": "r1"}


def test_wrong_log_calls_of_libraries_are_logged() -> None:
    stream = configured()
    logging.getLogger("x").warning("%d of %s", MARK)
    logging.getLogger("x").log(logging.ERROR + 5, "of a level of its own")
    try:
        raise ValueError("inside")
    except ValueError:
        logging.getLogger("x").exception("outside")
    assert [event["event"] for event in events(stream)] == ["%d of %s", "of a level of its own", "outside"]
    assert [event["level"] for event in events(stream)] == ["warning", "error", "error"]
    assert events(stream)[2]["exception"].endswith("ValueError: inside")


def test_warnings_of_python_are_events() -> None:
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    [event] = events(stream)
    assert "DeprecationWarning: old" in event["event"]
    assert event["library"] == "py.warnings"


def test_a_higher_level_also_holds_for_libraries() -> None:
    stream = configured(LogSettings(level="error"))
    logging.getLogger("x").warning("a")
    assert events(stream) == []


def test_configured_again_it_writes_only_to_the_new_stream() -> None:
    log = structlog.get_logger()
    first = configured()
    log.info("a")
    second = configured()
    log.info("b")
    logging.getLogger("x").warning("c")
    assert [event["event"] for event in events(first)] == ["a"]
    assert [event["event"] for event in events(second)] == ["b", "c"]


# A failing log must not stop the daemon


def _full() -> TextIO:
    return open("/dev/full", "w", encoding="utf-8")


def _without_a_reader() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, "w", encoding="utf-8")


@pytest.mark.parametrize("stream", [_full, _without_a_reader])
def test_a_broken_stream_only_loses_lines(stream: Callable[[], TextIO]) -> None:
    broken = stream()
    logs.configure(LogSettings(), broken)
    structlog.get_logger().info("a")
    logging.getLogger("x").warning("a")
    with pytest.raises(OSError):  # noqa: PT011 - the stream is broken, not the test
        broken.close()


def test_a_closed_stream_only_loses_lines() -> None:
    stream = configured()
    stream.close()
    structlog.get_logger().info("a")


class WithSecrets:
    def __repr__(self) -> str:
        return f"<WithSecrets password={MARK!r} of {JWT}>"


def test_values_of_any_type_can_be_logged() -> None:
    stream = configured()
    structlog.get_logger().info(
        "a", thing=WithSecrets(), error=OSError(2, "gone"), raw=b"\xff", nested={1: (1, {2})}, lone="\udcff"
    )
    [event] = events(stream)
    assert event["thing"] == "<WithSecrets password=… of …>"
    assert event["error"] == "FileNotFoundError(2, 'gone')"
    assert event["raw"] == "b'\\xff'"
    assert event["nested"] == {"1": [1, [2]]}


# No secrets


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "token", "access_token", "refresh_token", "code", "verification_code", "secret",
        "secret_key", "content", "authorization", "Authorization", "X-Auth-Token", "Set-Cookie", "tokens", "client_secret",
    ],
)  # fmt: skip
def test_a_value_with_the_name_of_a_secret_is_hidden_at_any_depth(name: str) -> None:
    stream = configured()
    log = structlog.get_logger()
    log.info("a", **{name: MARK})
    log.info("a", body={"user": {name: [MARK]}})
    log.info("a", headers=[(name, MARK), (name.encode(), MARK.encode())])
    log.info("a", text=f"{{'{name}': '{MARK} it\\'s {MARK}', 'b': 1}}")
    log.info("a", text=json.dumps({name: f'{MARK} "{MARK}"'}))
    log.info("a", text=f"Thing({name}={MARK!r}, b=1)")
    log.info("a", url=f"https://a/b?x=1&{name}={MARK}&y=2#f")
    assert len(events(stream)) == 7
    assert MARK not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"GET /ws/chat/a?token={JWT} HTTP/1.1", "GET /ws/chat/a?token=… HTTP/1.1"),
        (f"/ws?token={MARK}&x=1", "/ws?token=…&x=1"),
        (f"token={MARK}", "token=…"),
        (f"jwt {JWT}, refused", "jwt …, refused"),
        (f"Authorization: Bearer {MARK}", "Authorization: Bearer …"),
        (f"b'authorization', b'Bearer {MARK}'", "b'authorization', b'Bearer …'"),
        (f"mongodb://user:{MARK}@db:27017/?a=b", "mongodb://user:…@db:27017/?a=b"),
        (f"mongodb://user:p@{MARK}@db", "mongodb://user:…@db"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_any_text(text: str, redacted: str) -> None:
    stream = configured()
    structlog.get_logger().info(text, text=text, raw=text.encode())
    [event] = events(stream)
    assert (event["event"], event["text"]) == (redacted, redacted)
    assert MARK not in stream.getvalue()
    assert JWT not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "closed with code=1006",
        "exit code: 5",
        "https://a.example:8000/rooms?from=1",
        "token expired",
        "a@b.example",
        "e=mc2",
    ],
)
def test_what_is_no_secret_is_logged(text: str) -> None:
    stream = configured()
    structlog.get_logger().info(text, close_code=1006, room_id="eyJ", content_length=5, codec="utf-8")
    [event] = events(stream)
    assert event["event"] == text
    assert (event["close_code"], event["room_id"], event["content_length"]) == (1006, "eyJ", 5)
    assert event["codec"] == "utf-8"


def test_settings_can_be_logged() -> None:
    stream = configured()
    structlog.get_logger().info("a", settings=Settings(auth=AuthSettings(secret_key=MARK)))
    assert MARK not in stream.getvalue()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.binary() | st.integers(), inner)
    ),
    max_leaves=10,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.dictionaries(st.text(), anything), st.sampled_from(["json", "console"]))
def test_any_event_is_one_line(text: str, values: dict[str, Any], form: str) -> None:
    stream = configured(LogSettings(format=form))  # type: ignore[arg-type]
    structlog.get_logger().info(
        text, **{name: value for name, value in values.items() if name not in ("event", "exc_info")}
    )
    [line] = stream.getvalue().splitlines()
    assert line
