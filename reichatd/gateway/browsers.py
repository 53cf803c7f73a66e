"""Response headers for browsers: CORS and Strict-Transport-Security."""

from ipaddress import ip_address
from typing import Any

from hypercorn.typing import ASGIFramework

from reichatd.gateway.origins import AllowedOrigins, allowed_origins, host_name
from reichatd.settings import LiveSettings

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
_ANSWER_HEADERS = b"Retry-After, X-Request-ID"
_PREFLIGHT_SECONDS = b"600"
"""How long a browser may cache the answer to a preflight, and so use a site that is no longer allowed."""

_Headers = list[tuple[bytes, bytes]]


class BrowserHeaders:
    """Wraps an application, and adds the headers that browsers need.

    Pages of allowed sites get CORS (https://fetch.spec.whatwg.org/#http-cors-protocol), without credentials: there are no cookies,
    and the page itself sends a token. Strict-Transport-Security (RFC 6797) is sent where our own listener speaks TLS.

    Arguments:
        app: not inside `forwarding`, which sets the scheme to "https" where a proxy speaks TLS.
        settings: of these, `server.allowed_origins` and `server.hsts_seconds`.
    """

    def __init__(self, app: ASGIFramework, settings: LiveSettings) -> None:
        self._app = app
        self._settings = settings

    @property
    def _allowed(self) -> AllowedOrigins:
        return allowed_origins(self._settings.server.allowed_origins)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's types do not fit
        may_read = self._may_read(scope)
        headers = self._headers(scope, may_read=may_read)
        if may_read and scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            await _allow(headers, send)
        elif headers:
            await self._app(scope, receive, _adding(headers, send))
        else:
            await self._app(scope, receive, send)

    def _may_read(self, scope: Any) -> bool:  # noqa: ANN401
        """Whether the request comes from a page of an allowed site."""
        origin = _header(scope, b"origin") if self._allowed else None
        return origin is not None and origin.decode("latin-1") in self._allowed

    def _headers(self, scope: Any, *, may_read: bool) -> _Headers:  # noqa: ANN401
        headers: _Headers = []
        seconds = self._settings.server.hsts_seconds
        if seconds and scope["scheme"] == "https" and _is_public_name(_header(scope, b"host")):
            headers.append((b"strict-transport-security", b"max-age=%d" % seconds))
        if self._allowed and not self._allowed.includes_all:
            headers.append((b"vary", b"Origin"))
        if may_read:
            allowed = b"*" if self._allowed.includes_all else _header(scope, b"origin") or b""
            headers += [
                (b"access-control-allow-origin", allowed),
                (b"access-control-expose-headers", _ANSWER_HEADERS),
            ]
        return headers


async def _allow(headers: _Headers, send: Any) -> None:  # noqa: ANN401
    """Answers a preflight for any path and method. Whether they exist, the request itself shows."""
    start = [
        *headers,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", _PREFLIGHT_SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": start})
    await send({"type": "http.response.body"})


def _adding(headers: _Headers, send: Any) -> Any:  # noqa: ANN401
    """A `send` that adds these headers to every response."""

    async def adding(message: Any) -> None:  # noqa: ANN401
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return adding


def _header(scope: Any, name: bytes) -> bytes | None:  # noqa: ANN401
    """The value of the header; None if it is absent, or there more than once."""
    values = [value for each, value in scope["headers"] if each == name]
    return values[0] if len(values) == 1 else None


def _is_public_name(host: bytes | None) -> bool:
    """Whether a Host header has a name for which HSTS makes sense.

    Browsers ignore it for addresses (RFC 6797, 8.1.1). For localhost it would block every other program that serves pages there.
    """
    name = host_name((host or b"").decode("latin-1"))
    if name is None or name == "localhost" or name.endswith(".localhost"):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False
