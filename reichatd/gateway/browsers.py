"""What answers tell browsers beside their content: pages of which other sites may read them, and that TLS is spoken here."""

from ipaddress import ip_address
from typing import Any

from hypercorn.typing import ASGIFramework

from reichatd.gateway.origins import AllowedOrigins, allowed_origins, host_name
from reichatd.settings import LiveSettings

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"Authorization, Content-Type"
_ANSWER_HEADERS = b"Retry-After, X-Request-ID"
_PREFLIGHT_SECONDS = b"600"
"""For how long a browser need not ask again: so much later it hears of a site that is allowed no longer."""

_Headers = list[tuple[bytes, bytes]]


class BrowserHeaders:
    """The same application, with the headers that browsers go by.

    Pages of allowed sites get CORS (https://fetch.spec.whatwg.org/#http-cors-protocol), without credentials: there are no cookies,
    and a token is sent by the page itself. Strict-Transport-Security (RFC 6797) goes out where our own listener speaks TLS.

    Arguments:
        app: without `forwarding`, which would tell of a proxy's TLS.
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
        """Whether a page of another site asks that is allowed to."""
        origin = _header(scope, b"origin") if self._allowed else None
        return origin is not None and origin.decode("latin-1") in self._allowed

    def _headers(self, scope: Any, *, may_read: bool) -> _Headers:  # noqa: ANN401
        headers: _Headers = []
        seconds = self._settings.server.hsts_seconds
        if seconds and scope["scheme"] == "https" and _is_public_name(_header(scope, b"host")):
            headers.append((b"strict-transport-security", b"max-age=%d" % seconds))
        if self._allowed and not self._allowed.everybody:
            headers.append((b"vary", b"Origin"))
        if may_read:
            allowed = b"*" if self._allowed.everybody else _header(scope, b"origin") or b""
            headers += [
                (b"access-control-allow-origin", allowed),
                (b"access-control-expose-headers", _ANSWER_HEADERS),
            ]
        return headers


async def _allow(headers: _Headers, send: Any) -> None:  # noqa: ANN401
    """Answers a preflight, of whatever path and method: what there is, the call itself will say."""
    start = [
        *headers,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", _PREFLIGHT_SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": start})
    await send({"type": "http.response.body"})


def _adding(headers: _Headers, send: Any) -> Any:  # noqa: ANN401
    """A `send` that has these headers in every answer."""

    async def adding(message: Any) -> None:  # noqa: ANN401
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return adding


def _header(scope: Any, name: bytes) -> bytes | None:  # noqa: ANN401
    """The value of the only such header; None if there is none, or more than one."""
    values = [value for each, value in scope["headers"] if each == name]
    return values[0] if len(values) == 1 else None


def _is_public_name(host: bytes | None) -> bool:
    """Whether a Host header has a name that HSTS is for.

    Browsers ignore it for addresses (RFC 6797, 8.1.1). For localhost it would shut out every other program that serves pages there.
    """
    name = host_name((host or b"").decode("latin-1"))
    if name is None or name == "localhost" or name.endswith(".localhost"):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False
