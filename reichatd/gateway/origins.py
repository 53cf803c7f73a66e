"""The origins of web pages (RFC 6454): which pages may use this daemon. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_AUTHORITY = r"(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{0,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://" + _AUTHORITY + "/?")  # with a slash from Go's x/net/websocket
_SAME_AS = {"ws": "http", "wss": "https"}  # clients that are no browsers send the scheme of the socket
_PORTS = {"http": 80, "https": 443}
_MOST = 65_535


class WebOrigin(NamedTuple):
    """A page's origin, in lower case; the port is the scheme's own where none is given, None where the scheme has none."""

    scheme: str
    host: str
    port: int | None


def parse_origin(text: str) -> WebOrigin | None:
    """The origin that an Origin header names, or a setting; None for what names none ("null", say)."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme = _SAME_AS.get(found[1], found[1])
    return _origin(scheme, found[2], found[3])


def is_own(origin: str, host: str) -> bool:
    """Whether a page comes from the host that its request goes to, by HTTP or by HTTPS.

    Which of them the request itself came by does not matter: a proxy need not tell, and clients that are no browsers say "http://"
    by TLS too (as older releases of websocket-client do). A page gains nothing by it: a socket takes a token, which no browser
    sends of its own accord.

    Arguments:
        origin, host: the values of the headers of these names.
    """
    page, asked = parse_origin(origin), _HOST.fullmatch(host.lower())
    if page is None or asked is None:
        return False
    return any(page == _origin(scheme, asked[1], asked[2]) for scheme in _PORTS)


def host_name(host: str) -> str | None:
    """The name or address in a Host header, in lower case and without brackets; None if it has none."""
    found = _HOST.fullmatch(host.lower())
    return found[1].strip("[]") if found else None


def _origin(scheme: str, host: str, port: str | None) -> WebOrigin | None:
    number = int(port) if port else _PORTS.get(scheme)
    return WebOrigin(scheme, host, number) if number is None or number <= _MOST else None


class AllowedOrigins:
    """Other sites whose pages may use this daemon.

    Arguments:
        allowed: server.allowed_origins.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self.everybody = "*" in allowed
        self._origins = {parse_origin(each) for each in allowed} - {None}

    def __bool__(self) -> bool:
        return self.everybody or bool(self._origins)

    def __contains__(self, origin: str) -> bool:
        """Whether pages of this origin, as an Origin header names it, are among them."""
        return self.everybody or parse_origin(origin) in self._origins
