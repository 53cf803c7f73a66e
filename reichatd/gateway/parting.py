"""Ending a connection so that the last words arrive."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
import trio

from reichatd.gateway.tls import Stream

_LINGER_BYTES = 16_777_216


class Refusal(NamedTuple):
    """An answer that the gateway gives by itself, in the words of `reichatd.errors`; the connection ends with it."""

    status: HTTPStatus
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        return msgspec.json.encode({"message": self.message, "code": self.code})

    def encode(self) -> bytes:
        """The whole answer."""
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


HEAD_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The head of the request is too large"
)
NO_WEBSOCKET = Refusal(HTTPStatus.NOT_FOUND, "not_found", "There is no WebSocket here")


async def refuse(stream: Stream, refusal: Refusal, seconds: float) -> None:
    """Answers, and lingers for so many seconds at the most.

    Raises:
        trio.BrokenResourceError, trio.ClosedResourceError
    """
    await stream.send_all(refusal.encode())
    await linger(stream, seconds)


async def linger(stream: Stream, seconds: float) -> None:
    """Says that no more will come, and for a while drops what the peer still sends: a close with bytes unread resets the
    connection, and the reset may overtake what was said last. Never raises; does not close the stream.
    """
    dropped = 0
    try:
        with trio.move_on_after(seconds):
            await stream.send_eof()
            while dropped < _LINGER_BYTES and (data := await stream.receive_some()):
                dropped += len(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
