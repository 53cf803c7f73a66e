"""Response headers for browsers, as raw HTTP. tests/web has a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from reichatd.gateway.browsers import BrowserHeaders
from reichatd.settings import LiveSettings, ServerSettings, Settings
from tests.gateway.raw import RawClient, request
from tests.gateway.running_daemon import RunningDaemon

FRIEND = "https://friend.example.org"
ORIGIN = f"Origin: {FRIEND}"
ALLOW = "access-control-allow-origin"
PREFLIGHT = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization,content-type")
CALLS = {
    200: request("GET", "/", ORIGIN),
    400: request("POST", "/login", ORIGIN, body=b'{"email": "ada@example.org", "password": "wrong password"}'),
    401: request("GET", "/user", ORIGIN),
    404: request("GET", "/nowhere", ORIGIN),
    405: request("DELETE", "/login", ORIGIN),
    408: request("POST", "/login", ORIGIN, "Content-Length: 9"),
    413: request("POST", "/login", ORIGIN, body=bytes(100_000)),
    422: request("POST", "/login", ORIGIN, body=b"{}"),
    426: request("GET", "/ws/chat/lounge", ORIGIN),
}


@pytest.fixture
def client(daemon: RunningDaemon) -> Iterator[RawClient]:
    with daemon.connect() as client:
        yield client


@pytest.mark.parametrize("status", CALLS)
def test_a_page_of_an_allowed_site_may_read_every_response(client: RawClient, status: int) -> None:
    client.send(CALLS[status])
    answer = client.answer()
    assert answer.status == status
    assert (answer.headers[ALLOW], answer.headers["vary"]) == (FRIEND, "Origin")
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example.org", "null", "http://friend.example.org", "http://localhost", "", f"{FRIEND}.evil"],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_page_of_another_site_may_read_no_response(client: RawClient, origin: str, method: str) -> None:
    answer = client.ask(method, "/", f"Origin: {origin}", *PREFLIGHT)
    assert answer.status == 200
    assert not any(name.startswith("access-control-") for name in answer.headers)
    assert answer.headers["vary"] == "Origin"


def test_two_origin_headers_count_as_none(client: RawClient) -> None:
    assert ALLOW not in client.ask("GET", "/", ORIGIN, ORIGIN).headers


@pytest.mark.parametrize("path", ["/login", "/room/lounge", "/ws/ticket", "/nowhere", "/ws/chat/lounge"])
def test_preflights_are_answered(client: RawClient, path: str) -> None:
    answer = client.ask("OPTIONS", path, ORIGIN, *PREFLIGHT)
    assert (answer.status, answer.body, answer.headers[ALLOW]) == (204, b"", FRIEND)
    assert {"GET", "POST", "PUT", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert (
        answer.headers["access-control-allow-headers"] == "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
    )
    assert int(answer.headers["access-control-max-age"]) > 0
    no_preflight = client.ask("OPTIONS", "/login", ORIGIN)
    assert set(no_preflight.headers["allow"].split(", ")) == {"OPTIONS", "POST"}


async def headers_of(server: ServerSettings, origin: str | None, scheme: str = "http") -> dict[str, str]:
    """The headers that are added to an empty response with these settings."""
    started: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:  # noqa: ANN401
        started.append(message)

    headers = [(b"host", b"chat.example.org"), *([(b"origin", origin.encode())] if origin is not None else [])]
    scope = {"type": "http", "method": "GET", "scheme": scheme, "headers": headers}
    await BrowserHeaders(app, LiveSettings(Settings(server=server)))(scope, None, send)
    return {name.decode(): value.decode() for name, value in started[0]["headers"]}


async def test_every_site_may_be_allowed() -> None:
    for origin in ("https://any.example.org", "null"):
        headers = await headers_of(ServerSettings(allowed_origins=("*",)), origin)
        assert (headers.get(ALLOW), "vary" in headers) == ("*", False)
    assert await headers_of(ServerSettings(allowed_origins=("*",)), None) == {}


async def test_by_default_no_site_is_allowed() -> None:
    assert await headers_of(ServerSettings(), FRIEND) == {}


async def test_hsts_is_sent_over_tls_only() -> None:
    assert await headers_of(ServerSettings(), None, "https") == {"strict-transport-security": "max-age=31536000"}
    assert await headers_of(ServerSettings(hsts_seconds=0), None, "https") == {}
    assert await headers_of(ServerSettings(), None, "http") == {}
