"""Headers that browsers go by: raw, as a browser would see them. A real one is in tests/web."""

from collections.abc import Iterator
from typing import Any

import pytest

from reichatd.gateway.browsers import BrowserHeaders
from reichatd.settings import LiveSettings, ServerSettings, Settings
from tests.gateway.house import House
from tests.gateway.raw import Wire, request

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
def wire(unharmed: House) -> Iterator[Wire]:
    with unharmed.wire() as wire:
        yield wire


@pytest.mark.parametrize("status", CALLS)
def test_a_page_of_an_allowed_site_may_read_every_answer(wire: Wire, status: int) -> None:
    wire.send(CALLS[status])
    answer = wire.answer()
    assert answer.status == status
    assert (answer.headers[ALLOW], answer.headers["vary"]) == (FRIEND, "Origin")
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example.org", "null", "http://friend.example.org", "http://localhost", "", f"{FRIEND}.evil"],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_page_of_another_site_may_read_none(wire: Wire, origin: str, method: str) -> None:
    answer = wire.ask(method, "/", f"Origin: {origin}", *PREFLIGHT)
    assert answer.status == 200
    assert not any(name.startswith("access-control-") for name in answer.headers)
    assert answer.headers["vary"] == "Origin"


def test_two_origins_are_none(wire: Wire) -> None:
    assert ALLOW not in wire.ask("GET", "/", ORIGIN, ORIGIN).headers


@pytest.mark.parametrize("path", ["/login", "/room/lounge", "/ws/ticket", "/nowhere", "/ws/chat/lounge"])
def test_a_browser_may_ask_first(wire: Wire, path: str) -> None:
    answer = wire.ask("OPTIONS", path, ORIGIN, *PREFLIGHT)
    assert (answer.status, answer.body, answer.headers[ALLOW]) == (204, b"", FRIEND)
    assert {"GET", "POST", "PUT", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert int(answer.headers["access-control-max-age"]) > 0
    no_preflight = wire.ask("OPTIONS", "/login", ORIGIN)
    assert set(no_preflight.headers["allow"].split(", ")) == {"OPTIONS", "POST"}


async def headers_of(server: ServerSettings, origin: str | None, scheme: str = "http") -> dict[str, str]:
    """Those that an answer of nothing has with these settings."""
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


async def test_none_is_allowed_unless_it_is_said() -> None:
    assert await headers_of(ServerSettings(), FRIEND) == {}


async def test_the_promise_of_tls_is_made_over_tls_only() -> None:
    assert await headers_of(ServerSettings(), None, "https") == {"strict-transport-security": "max-age=31536000"}
    assert await headers_of(ServerSettings(hsts_seconds=0), None, "https") == {}
    assert await headers_of(ServerSettings(), None, "http") == {}
