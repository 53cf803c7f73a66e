"""The origins of web pages (RFC 6454), and which pages may use this daemon. Pure."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_AUTHORITY = r"(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{0,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://" + _AUTHORITY + "/?")  # with a slash from Go's x/net/websocket
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}  # clients other than browsers send the scheme of the socket
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535


class WebOrigin(NamedTuple):
    """The origin of a page, in lower case. Without a port, it has the default port of its scheme, or None if there is none."""

    scheme: str
    host: str
    port: int | None


def parse_origin(text: str) -> WebOrigin | None:
    """The origin in an Origin header or a setting; None if the text is no origin (such as "null")."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme = _HTTP_SCHEMES.get(found[1], found[1])
    return _origin(scheme, found[2], found[3])


def is_own(origin: str, host: str) -> bool:
    """Whether a page comes from the host that its request goes to, over HTTP or HTTPS.

    The scheme of the request itself does not count: a proxy may not report it, and some clients other than browsers send "http://"
    over TLS too (older releases of websocket-client). This is safe: a socket needs a token, which browsers do not add on their own.

    Arguments:
        origin, host: the values of the headers of these names.
    """
    page, asked = parse_origin(origin), _HOST.fullmatch(host.lower())
    if page is None or asked is None:
        return False
    return any(page == _origin(scheme, asked[1], asked[2]) for scheme in _DEFAULT_PORTS)


def host_name(host: str) -> str | None:
    """The name or address in a Host header, in lower case and without brackets; None if there is none."""
    found = _HOST.fullmatch(host.lower())
    return found[1].strip("[]") if found else None


def _origin(scheme: str, host: str, port: str | None) -> WebOrigin | None:
    number = int(port) if port else _DEFAULT_PORTS.get(scheme)
    return WebOrigin(scheme, host, number) if number is None or number <= _MAX_PORT else None


@lru_cache(maxsize=2)  # parsed once for all requests; a reload may change them
def allowed_origins(allowed: tuple[str, ...]) -> "AllowedOrigins":
    """The origins of `server.allowed_origins`."""
    return AllowedOrigins(allowed)


class AllowedOrigins:
    """Other sites whose pages may use this daemon.

    Arguments:
        allowed: server.allowed_origins.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self.includes_all = "*" in allowed
        self._origins = {parse_origin(each) for each in allowed} - {None}

    def __bool__(self) -> bool:
        return self.includes_all or bool(self._origins)

    def __contains__(self, origin: str) -> bool:
        """Whether pages of this origin (the value of an Origin header) are allowed."""
        return self.includes_all or parse_origin(origin) in self._origins
