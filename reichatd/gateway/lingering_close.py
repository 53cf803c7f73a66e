"""Refusing a request, and the lingering close: a connection ends in a way that lets the last bytes sent on it arrive."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
import trio

from reichatd.gateway.tls import Stream

CLOSE = (b"connection", b"close")
_LINGER_BYTES = 16_777_216


class GatewayRefusal(NamedTuple):
    """An HTTP response that the gateway gives without the application, in the form that `reichatd.errors` defines."""

    status: HTTPStatus
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        return msgspec.json.encode({"message": self.message, "code": self.code})

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """All headers of the response, in ASGI's form."""
        about_body = (("Content-Type", "application/json"), ("Content-Length", str(len(self.body))))
        return [(name.lower().encode(), value.encode()) for name, value in (*about_body, *self.headers)]

    def encode(self) -> bytes:
        """The whole response, after which the connection closes."""
        start = f"HTTP/1.1 {self.status.value} {self.status.phrase}".encode()
        fields = (b"%b: %b" % field for field in (*self.fields, CLOSE))
        return b"\r\n".join((start, *fields, b"", self.body))


HEAD_TOO_LARGE = GatewayRefusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The head of the request is too large"
)
NO_WEBSOCKET = GatewayRefusal(HTTPStatus.NOT_FOUND, "not_found", "There is no WebSocket here")


async def refuse(stream: Stream, refusal: GatewayRefusal, seconds: float) -> None:
    """Sends the refusal, then lingers for `seconds` at most.

    Raises:
        trio.BrokenResourceError, trio.ClosedResourceError
    """
    await stream.send_all(refusal.encode())
    await linger(stream, seconds)


async def linger(stream: Stream, seconds: float) -> None:
    """Shuts down the sending side, then drops what the peer still sends, for `seconds` at most.

    Closing a socket with unread bytes resets the connection, and the reset may overtake the last bytes sent. Raises nothing but
    Cancelled; does not close the stream.
    """
    dropped = 0
    try:
        with trio.move_on_after(seconds):
            await stream.send_eof()
            while dropped < _LINGER_BYTES and (data := await stream.receive_some()):
                dropped += len(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
