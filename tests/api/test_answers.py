"""What every answer has in common, and answers to errors outside the rules of accounts and rooms."""

from typing import Any

import pytest
import structlog
import trio
import trio.testing

from reichatd.errors import Unavailable
from reichatd.store import StoreError, StoreUnavailable
from tests.api.conftest import Api, Someone


async def test_root(api: Api) -> None:
    reply = await api("GET", "/")
    assert (reply.status, reply.body) == (200, {"message": "ok"})


@pytest.mark.parametrize(
    "path", ["/nothing", "/user/", "/user//", "/user//a", "/user/a/b", "/user/a%2Fb", "/static/x", "/room/x/join/", "*"]
)
async def test_unknown_path(api: Api, path: str) -> None:
    reply = await api("GET", path)
    assert (reply.status, reply.body) == (404, {"message": "Not found", "code": "not_found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/user", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/login", "OPTIONS, POST"),
        ("TEAPOT", "/room", "OPTIONS, POST"),
    ],
)
async def test_wrong_method(api: Api, method: str, path: str, allowed: str) -> None:
    reply = await api(method, path)
    assert (reply.status, reply.body) == (405, {"message": "Method not allowed", "code": "method_not_allowed"})
    assert reply.headers["Allow"] == allowed


async def test_options(api: Api) -> None:
    reply = await api("OPTIONS", "/room/x")
    assert (reply.status, reply.body) == (200, {"message": "ok"})
    assert set(reply.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
    assert (await api("OPTIONS", "/nothing")).status == 404


async def test_head(api: Api, ann: Someone) -> None:
    assert (await api("HEAD", "/user", by=ann)).status == 200
    assert (await api("HEAD", "/user")).status == 401


async def failing(error: Exception) -> None:
    raise error


def fail_with(api: Api, error: Exception) -> None:
    """Makes the store's list of public rooms raise `error`."""
    api.store.rooms.public = lambda *_: failing(error)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "error", [StoreError("/secret/path: corrupt"), ZeroDivisionError("secret"), KeyError("secret")]
)
async def test_internal_error(api: Api, ann: Someone, error: Exception) -> None:
    fail_with(api, error)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        reply = await api("GET", "/public", by=ann)
    assert (reply.status, reply.body) == (500, {"message": "Internal error", "code": "internal_error"})
    [entry] = [entry for entry in logged if entry["log_level"] == "error"]
    assert entry["exc_info"] is error
    assert entry["request_id"] == reply.headers["X-Request-ID"]


async def test_handler_that_answers_nothing(api: Api) -> None:
    api.app.add_url_rule("/broken", view_func=trio.lowlevel.checkpoint)  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as logged:
        assert (await api("GET", "/broken")).body["code"] == "internal_error"
    assert [entry["event"] for entry in logged] == ["request failed", "request"]


async def test_store_unavailable(api: Api, ann: Someone) -> None:
    fail_with(api, StoreUnavailable("/secret/path: disk full"))
    with structlog.testing.capture_logs() as logged:
        reply = await api("GET", "/public", by=ann)
    assert (reply.status, reply.body) == (503, {"message": "Try again later", "code": "unavailable"})
    assert reply.headers["Retry-After"] == "1"
    assert [entry["error"] for entry in logged if entry["log_level"] == "warning"] == ["/secret/path: disk full"]


async def test_unavailable(api: Api, ann: Someone) -> None:
    fail_with(api, Unavailable(retry_after=7))
    reply = await api("GET", "/public", by=ann)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")


async def test_log_line(api: Api, ann: Someone) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        reply = await api("GET", "/room/a%0A%1Bb?token=secret", by=ann)
    [entry] = logged
    assert entry.pop("ms") >= 0
    assert entry == {
        "event": "request",
        "log_level": "info",
        "request_id": reply.headers["X-Request-ID"],
        "method": "GET",
        "path": "/room/a%0A%1Bb",
        "status": 404,
        "client": "<local>",
        "user_id": ann.user_id,
    }


async def test_successful_reads_are_logged_at_level_debug(api: Api, ann: Someone) -> None:
    with structlog.testing.capture_logs() as logged:
        await api("GET", "/user", by=ann)
        await api("POST", "/logout", by=ann)
        await api("GET", "/user", by=ann)
    assert [(entry["log_level"], entry["status"]) for entry in logged] == [("debug", 200), ("info", 200), ("info", 401)]


async def test_client_that_hangs_up(api: Api, ann: Someone) -> None:
    called = trio.Event()

    async def hang(*_: object) -> None:
        called.set()
        await trio.sleep_forever()

    api.store.rooms.public = hang  # type: ignore[method-assign, assignment]
    headers = [(b"host", b"x"), (b"authorization", f"Bearer {ann.access_token}".encode())]
    with structlog.testing.capture_logs() as logged:
        assert await bare_call(api, {"path": "/public", "headers": headers}, until=called) is None
    assert [(entry["path"], entry["status"]) for entry in logged] == [("/public", None)]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"")],
        [(b"host", b"\xff")],
        [(b"host", b"a b:c:d")],
        [(b"host", b"[::1")],
        [(b"host", "bücher.example".encode())],
        [(b"host", b"x"), (b"cookie", b"session=\xff; ;;")],
        [(b"host", b"x"), (b"content-length", b"-1")],
        [(b"host", b"x"), (b"content-type", b"\xff;;;=")],
        [(b"host", b"x"), (b"x-request-id", b"mine")],
    ],
)
async def test_odd_headers(api: Api, headers: list[tuple[bytes, bytes]]) -> None:
    assert await bare_call(api, {"headers": headers}) == 200


@pytest.mark.parametrize("path", ["*", "http://elsewhere/", "/\udcff"])
async def test_odd_paths(api: Api, path: str) -> None:
    assert await bare_call(api, {"path": path}) in (200, 404)


async def test_fault_before_quart_is_ready(api: Api) -> None:
    with structlog.testing.capture_logs() as logged:
        assert await bare_call(api, {"query_string": b"\xff"}) == 500
    assert [entry["event"] for entry in logged] == ["request failed", "request"]


async def bare_call(api: Api, changes: dict[str, Any], *, until: trio.Event | None = None) -> int | None:
    """Calls the app as an ASGI server does, for a client that hangs up at `until`; returns the status, if there is one."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        **changes,
    }
    gone = trio.Event() if until is None else until
    statuses: list[int] = []

    async def receive() -> Any:  # noqa: ANN401 - the types are Hypercorn's, which only the gateway imports
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:  # noqa: ANN401
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    await api.app(scope, receive, send)  # type: ignore[arg-type]
    return statuses[0] if statuses else None
