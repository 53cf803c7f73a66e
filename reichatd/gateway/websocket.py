"""WebSockets over a connection that the gateway has accepted. The only module that knows trio-websocket.

The library shakes hands, reads frames and answers pings and closes; data frames go out beside it, ready made, through the same
`FrameStream`.
"""

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream
from wsproto.utilities import LocalProtocolError

from reichatd.chat import Chat, PeerGone, PeerStalled
from reichatd.chat.socket import ABORT
from reichatd.config import Limits
from reichatd.gateway.handshake import plain_handshake
from reichatd.gateway.head import Head, parse_head
from reichatd.gateway.parting import Refusal, linger, refuse
from reichatd.gateway.stream import Stalled
from reichatd.gateway.tls import Stream
from reichatd.gateway.wire import Wire

_PATH = re.compile(r"/(?:ws/chat|room)/([^/]+)")  # /room/{room_id} is how older clients come
_QUEUE = 64
"""Messages that the library holds for us: when it is full, pings wait too."""
_REASON_BYTES = 123
"""What fits into a close frame beside the code (RFC 6455, 5.5)."""
_BREACHES = {1002, 1007, 1009}
"""Close codes for a peer that sends what it may not, and perhaps more of it."""
_UNSENDABLE = {1005, 1006}
"""Close codes that stand for having none (RFC 6455, 7.4.1)."""

logging.getLogger("trio-websocket").setLevel(logging.WARNING)  # its debug lines cost time for each frame


class _Request(NamedTuple):
    """What a handshake asks for; `plain` is the handshake as the library is shown it."""

    plain: bytes
    room_id: str
    token: str | None


class WebSocketServer:
    """Has the chat's conversations on the connections that ask for a WebSocket.

    Arguments:
        chat: called for each socket.
        limits: for handshakes, frames and waiting.
        allowed_origins: other sites whose pages may open sockets here; "*" for all.
    """

    def __init__(self, chat: Chat, limits: Limits, allowed_origins: Sequence[str]) -> None:
        self._chat = chat
        self._limits = limits
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)

    async def serve(self, stream: Stream, head: bytes) -> None:
        """Shakes hands and converses; returns when it is over. The stream is the caller's to close.

        Arguments:
            head: of the request that asks for a WebSocket; the stream goes on behind it.
        """
        request = self._examine(head)
        if isinstance(request, Refusal):
            await refuse(stream, request, self._limits.close_seconds)
            return
        try:
            async with trio.open_nursery() as nursery:
                socket = await self._accept(nursery, stream, request)
                await self._chat.converse(socket, request.room_id, request.token)
                nursery.cancel_scope.cancel()
        except* LocalProtocolError:
            # The library answers a ping even behind its own close frame, and is then told that it may not.
            await linger(stream, self._limits.close_seconds)
        else:
            await socket.part()

    def _examine(self, head: bytes) -> _Request | Refusal:
        plain = plain_handshake(head)
        if isinstance(plain, Refusal):
            return plain
        parsed = parse_head(head)
        assert parsed is not None, "else it would not have been taken for a handshake"
        path = _PATH.fullmatch(parsed.path)
        if path is None:
            return Refusal(HTTPStatus.NOT_FOUND, "not_found", "There is no WebSocket here")
        if not self._is_welcome(parsed):
            return Refusal(HTTPStatus.FORBIDDEN, "forbidden", "Pages of this origin may not open sockets here")
        return _Request(plain, path[1], _token(parsed))

    def _is_welcome(self, head: Head) -> bool:
        """Whether the page that asks, if it is one, is our own or of a site that was allowed."""
        origin = head.header("origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return True
        return urlsplit(origin).netloc.lower() == (head.header("host") or "").lower()

    async def _accept(self, nursery: trio.Nursery, stream: Stream, request: _Request) -> "WebSocket":
        limits = self._limits
        wire = Wire(stream, request.plain, limits)
        try:
            with trio.fail_after(limits.handshake_seconds):
                # The library counts characters of decoded text; a frame is never longer in characters than in bytes.
                asked = await wrap_server_stream(nursery, wire, _QUEUE, limits.frame_bytes)
                connection = await asked.accept()
        except ConnectionClosed:
            raise trio.BrokenResourceError("the peer has left in the middle of its handshake") from None
        stream.widen(limits.send_buffer_bytes)
        return WebSocket(connection, wire, stream, limits)


class WebSocket:
    """An open WebSocket; `reichatd.chat.Socket` for real."""

    def __init__(self, connection: WebSocketConnection, wire: Wire, stream: Stream, limits: Limits) -> None:
        self._connection = connection
        self._wire = wire
        self._stream = stream
        self._limits = limits
        self.try_send = stream.try_send

    @property
    def owing(self) -> bool:
        return self._stream.owing

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except Stalled:
            raise PeerStalled from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise PeerGone from None

    async def receive(self) -> str | bytes:
        text = await self._wire.text()
        if text is not None:
            return text
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            raise PeerGone from None
        self._wire.since_message = 0
        if isinstance(message, str) and len(message) * 4 > self._limits.frame_bytes < len(message.encode()):
            await self.close(1009, "Message too big")
            raise PeerGone
        return message

    @property
    def heard_at(self) -> float:
        return self._stream.last_heard if self._stream.listening else trio.current_time()

    async def close(self, code: int, reason: str) -> None:
        if code == ABORT:
            return  # and the gateway lets go of the connection
        with trio.move_on_after(self._limits.close_seconds):
            try:
                # Room for the goodbye behind all that a slow reader has yet to read.
                self._stream.widen(2 * self._limits.send_buffer_bytes)
                await self._connection.aclose(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

    async def part(self) -> None:
        """Sees to it that a close frame has been sent, where the peer can still hear it. To be called when nobody reads any more.

        The library sends none where the frames themselves are wrong, and none when it is cancelled on its way to an answer.
        """
        closed = self._connection.closed
        if closed is None or closed.code in _UNSENDABLE:
            return
        if not self._wire.said_goodbye:
            self.try_send(b"\x88\x02" + closed.code.to_bytes(2, "big"), (4,))
        if closed.code in _BREACHES:
            await linger(self._stream, self._limits.close_seconds)


def _token(head: Head) -> str | None:
    """The access token: in the query, or in the Authorization header."""
    scheme, _, value = (head.header("authorization") or "").partition(" ")
    return head.query("token") or (value.strip() if scheme.lower() == "bearer" else "") or None
