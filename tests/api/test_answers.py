"""What is true of every answer, and what is answered when something is wrong that is no rule's business."""

from collections.abc import Awaitable, Callable
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
    "path", ["/nothing", "//", "//user", "/user/", "/user/a/b", "/room", "/static/x", "/room/x/join/", "/%2F", "*"]
)
async def test_unknown_path(api: Api, path: str) -> None:
    reply = await api("PATCH" if path == "/room" else "GET", path)
    assert reply.status == (405 if path == "/room" else 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/user", "GET, HEAD, OPTIONS"),
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
    """Lets the store's list of public rooms raise `error`."""
    api.store.rooms.public = lambda: failing(error)  # type: ignore[method-assign, assignment, return-value]


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
    }


async def test_reads_that_went_well_are_logged_for_debugging_only(api: Api, ann: Someone) -> None:
    with structlog.testing.capture_logs() as logged:
        await api("GET", "/user", by=ann)
        await api("POST", "/logout", by=ann)
        await api("GET", "/user", by=ann)
    assert [(entry["log_level"], entry["status"]) for entry in logged] == [("debug", 200), ("info", 200), ("info", 401)]


async def test_client_that_goes(api: Api, ann: Someone) -> None:
    called = trio.Event()

    async def hang(*_: object) -> None:
        called.set()
        await trio.sleep_forever()

    api.store.rooms.public = hang  # type: ignore[method-assign, assignment]
    with structlog.testing.capture_logs() as logged:
        async with api.client.request("/public", headers={"Authorization": f"Bearer {ann.access_token}"}) as connection:
            await connection.send_complete()
            await called.wait()
            await connection.disconnect()
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


@pytest.mark.parametrize("path", ["*", "http://elsewhere/", "/\udcff", "/\ud800"])
async def test_odd_paths(api: Api, path: str) -> None:
    assert await bare_call(api, {"path": path}) in (200, 404)


async def bare_call(api: Api, changes: dict[str, Any]) -> int:
    """A call to the app as an ASGI server makes it; returns the status."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"\xff",
        "headers": [(b"host", b"x")],
        **changes,
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return await trio.sleep_forever()

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    app: Callable[..., Awaitable[None]] = api.app
    await app(scope, receive, send)
    [status] = statuses
    return status
