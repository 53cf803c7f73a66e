"""WebSockets over a connection that the gateway has accepted. The only module that knows trio-websocket.

The library shakes hands, reads frames and answers pings and closes; data frames go out beside it, ready made, through the same
`FrameStream`.
"""

import logging
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, wrap_server_stream

from reichatd.chat import Chat, PeerGone, PeerStalled
from reichatd.chat.socket import ABORT
from reichatd.config import Limits
from reichatd.gateway.head import Head
from reichatd.gateway.stream import Stalled
from reichatd.gateway.tls import Stream

_PATH = re.compile(r"/(?:ws/chat|room)/([^/]+)")  # /room/{room_id} is how older clients come
_QUEUE = 64
"""Messages that the library holds for us: when it is full, pings wait too."""
_REASON_BYTES = 123
"""What fits into a close frame beside the code (RFC 6455, 5.5)."""

logging.getLogger("trio-websocket").setLevel(logging.WARNING)  # its debug lines cost time for each frame


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

    async def serve(self, stream: Stream, head: Head) -> None:
        """Shakes hands and converses; returns when it is over. The stream, from which `head` can be read again, is the caller's
        to close."""
        limits = self._limits
        async with trio.open_nursery() as nursery:
            with trio.fail_after(limits.handshake_seconds):
                # The library counts characters of decoded text; a frame is never longer in characters than in bytes.
                request = await wrap_server_stream(nursery, stream, _QUEUE, limits.frame_bytes)
                socket = await self._accept(request, stream, head)
            if socket is not None:
                stream.widen(limits.send_buffer_bytes)
                await self._chat.converse(socket, _room_id(head) or "", _token(head))
            nursery.cancel_scope.cancel()

    async def _accept(self, request: WebSocketRequest, stream: Stream, head: Head) -> "WebSocket | None":
        if _room_id(head) is None:
            await request.reject(404)
        elif not self._is_welcome(head):
            await request.reject(403, body=b"This origin may not open sockets here (server.allowed_origins)\n")
        else:
            return WebSocket(await request.accept(), stream, self._limits)
        return None

    def _is_welcome(self, head: Head) -> bool:
        """Whether the page that asks, if it is one, is our own or of a site that was allowed."""
        origin = head.header("origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return True
        return urlsplit(origin).netloc.lower() == (head.header("host") or "").lower()


class WebSocket:
    """An open WebSocket; `reichatd.chat.Socket` for real."""

    def __init__(self, connection: WebSocketConnection, stream: Stream, limits: Limits) -> None:
        self._connection = connection
        self._stream = stream
        self._limits = limits
        self.try_send = stream.try_send

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except Stalled:
            raise PeerStalled from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise PeerGone from None

    async def receive(self) -> str | bytes:
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            raise PeerGone from None
        if isinstance(message, str) and len(message) * 4 > self._limits.frame_bytes < len(message.encode()):
            await self.close(1009, "Message too big")
            raise PeerGone
        return message

    @property
    def heard_at(self) -> float:
        return self._stream.last_heard if self._stream.listening else trio.current_time()

    async def close(self, code: int, reason: str) -> None:
        with trio.CancelScope(shield=True) as scope:
            scope.deadline = trio.current_time() + self._limits.close_seconds
            if code != ABORT:
                try:
                    # Room for the goodbye behind all that a slow reader has yet to read.
                    self._stream.widen(2 * self._limits.send_buffer_bytes)
                    await self._connection.aclose(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass
        self._stream.close()


def _room_id(head: Head) -> str | None:
    match = _PATH.fullmatch(head.path)
    return match and match[1]


def _token(head: Head) -> str | None:
    """The access token: in the query, or in the Authorization header."""
    scheme, _, value = (head.header("authorization") or "").partition(" ")
    return head.query("token") or (value.strip() if scheme.lower() == "bearer" else "") or None
