"""The head of an HTTP/1.1 request: reading one, and telling whose it is. Everything but `read_head` is pure."""

import re
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, unquote

_END = re.compile(rb"\r?\n\r?\n")


class HeadTooLarge(Exception):
    """The peer sent more than a head may have."""


class Source(Protocol):
    """As much of a stream as is needed to read a head."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes: ...

    def unread(self, data: bytes) -> None: ...


async def read_head(stream: Source, limit: int, begun: bytes = b"") -> bytes | None:
    """Reads one request head, its empty line included, and leaves what follows it unread.

    Arguments:
        limit: bytes at the most.
        begun: what was read of it already.

    Returns:
        the head; None if the peer has closed before it was whole.

    Raises:
        HeadTooLarge
    """
    buffer = bytearray(begun)
    searched = 0
    while True:
        # Empty lines before a request are to be skipped (RFC 9112, 2.2).
        while buffer.startswith((b"\r", b"\n")):
            del buffer[:1]
        end = _END.search(buffer, max(0, searched - 3))
        if (end.end() if end else len(buffer)) > limit:
            raise HeadTooLarge
        if end:
            stream.unread(bytes(buffer[end.end() :]))
            return bytes(buffer[: end.end()])
        searched = len(buffer)
        data = await stream.receive_some()
        if not data:
            return None
        buffer += data


class Head(NamedTuple):
    """A request head, as far as it concerns the gateway. Names of headers are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """The value of the first such header."""
        return next((value for each, value in self.headers if each == name), None)

    def all(self, name: str) -> str:
        """The values of all such headers, joined by commas; "" if there are none."""
        return ",".join(value for each, value in self.headers if each == name)

    @property
    def upgrades_to(self) -> str | None:
        """The protocol that a GET asks to go on with ("websocket", "h2c"), in lower case."""
        connection = self.all("connection").lower()
        if self.method != "GET" or "upgrade" not in (token.strip() for token in connection.split(",")):
            return None
        return (self.header("upgrade") or "").strip().lower() or None

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    def query(self, name: str) -> str | None:
        """The first value of a query parameter; None if it is absent."""
        try:
            fields = parse_qs(self.target.partition("?")[2], keep_blank_values=True, max_num_fields=100)
        except ValueError:  # more fields than anybody means
            return None
        return next(iter(fields.get(name, ())), None)


def parse_head(head: bytes) -> Head | None:
    """The parts of a head; None for something that is none (the HTTP parser behind us says what is wrong with it)."""
    request_line, *lines = head.decode("latin-1").split(
        "\n"
    )  # and nowhere else: a value may hold what Unicode calls an end
    parts = request_line.rstrip("\r").split(" ")
    if len(parts) != 3:
        return None
    headers = (line.partition(":") for line in lines if line.strip())
    return Head(parts[0], parts[1], tuple((name.strip().lower(), value.strip()) for name, _, value in headers))


def asks_for_websocket(head: bytes) -> bool:
    """Whether the request of this head wants the connection to go on as a WebSocket."""
    parsed = parse_head(head)
    return parsed is not None and parsed.upgrades_to == "websocket"
