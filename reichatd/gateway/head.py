"""The head of an HTTP/1.1 request: found, parsed once, and passed on. All of it is pure but `read_head`.

The gateway, the WebSocket handshake and the check of a page's origin take the parsed `RequestHead`. Hypercorn gets the bytes and
parses them again, since its h11 accepts nothing else; the applications behind it (browsers.py, upgrades.py) take its result.
"""

import re
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, unquote

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_FOLD = re.compile(r"\n[ \t]+")  # RFC 9112, 5.2
_WHITESPACE = " \t"
_MAX_QUERY_FIELDS = 100


class HeadTooLarge(Exception):
    """The peer sent more bytes than a head may have."""


class Source(Protocol):
    """The part of a stream that `read_head` needs."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes: ...

    def unread(self, data: bytes) -> None: ...


class RequestHead(NamedTuple):
    """A parsed request head.

    A malformed head has `raw` and nothing else. It goes to the HTTP server, which says what is wrong with it.
    """

    raw: bytes
    """The head as it was received, with its empty line."""
    method: str = ""
    target: str = ""
    version: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Names are in lower case. A value's characters are its bytes (Latin-1)."""

    def header(self, name: str) -> str | None:
        """The value of the first header of this name."""
        return next((value for each, value in self.headers if each == name), None)

    def all(self, name: str) -> str:
        """The values of all headers of this name, joined by commas; "" if there are none."""
        return ",".join(value for each, value in self.headers if each == name)

    @property
    def upgrades_to(self) -> str | None:
        """The protocol that a GET asks to upgrade to ("websocket", "h2c"), in lower case."""
        connection = self.all("connection").lower()
        if self.method != "GET" or "upgrade" not in (token.strip() for token in connection.split(",")):
            return None
        return (self.header("upgrade") or "").lower() or None

    @property
    def asks_for_websocket(self) -> bool:
        return self.upgrades_to == "websocket"

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    def query(self, name: str) -> str | None:
        """The first value of a query parameter; None if it is absent."""
        query = self.target.partition("?")[2]
        try:
            fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:  # too many fields
            return None
        return next(iter(fields.get(name, ())), None)


async def read_head(stream: Source, limit: int, begun: bytes = b"") -> RequestHead | None:
    """Reads one request head up to its empty line. What follows it stays unread.

    Arguments:
        limit: the most bytes that a head may have.
        begun: the first bytes of the head, if some were received before.

    Returns:
        the head; None if the peer closed the connection before it was complete.

    Raises:
        HeadTooLarge
    """
    buffer = bytearray(begun)
    searched = 0
    while True:
        # A server skips empty lines before a request (RFC 9112, 2.2).
        while buffer.startswith((b"\r", b"\n")):
            del buffer[:1]
        end = _HEAD_END.search(buffer, max(0, searched - 3))
        size = end.end() if end else len(buffer)
        if size > limit:
            raise HeadTooLarge
        if end:
            stream.unread(bytes(buffer[size:]))
            return parse_head(bytes(buffer[:size]))
        searched = len(buffer)
        data = await stream.receive_some()
        if not data:
            return None
        buffer += data


def parse_head(raw: bytes) -> RequestHead:
    """The parts of a head, which are split but not checked: names and values may hold characters that HTTP forbids."""
    text = _LINE_FOLD.sub(" ", raw.replace(b"\r\n", b"\n").decode("latin-1"))
    # Not str.splitlines, which also splits at \x0b, \x0c, \x1c to \x1e and \x85.
    request_line, *lines = text.rstrip("\n").split("\n")
    parts = request_line.split(" ")
    if len(parts) != 3:
        return RequestHead(raw)
    method, target, version = parts
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return RequestHead(raw)
        headers.append((name.lower(), value.strip(_WHITESPACE)))
    return RequestHead(raw, method, target, version, tuple(headers))
