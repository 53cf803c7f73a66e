"""WebSockets over a connection that the gateway has accepted. The only module that knows trio-websocket.

Frames go out ready made, through `FrameStream`; texts come in by the short way of `PlainFrames`. For whatever else there is to hear
and to say (fragments, binary messages, breaches of the protocol, goodbyes) the library takes over, when there is need of it.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import NamedTuple

import structlog
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.utilities import LocalProtocolError

from reichatd.chat import ConversationHandler, PeerGone, PeerStalled
from reichatd.chat.rate_limit import TokenBucket
from reichatd.closing import ABNORMAL
from reichatd.gateway.handshake import shake_hands
from reichatd.gateway.head import Head, parse_head
from reichatd.gateway.lingering_close import NO_WEBSOCKET, GatewayRefusal, linger, refuse
from reichatd.gateway.origins import allowed_origins, is_own
from reichatd.gateway.plain import PlainFrames
from reichatd.gateway.stream import Stalled
from reichatd.gateway.tls import Stream
from reichatd.gateway.wire import Wire
from reichatd.settings import LimitSettings, LiveSettings

_PATH = re.compile(r"/(?:ws/chat|room)/([^/]+)")  # /room/{room_id} is how older clients come
_STILL = "/ws/doctor"
"""Where the operator tries whether a socket that says nothing lives (`ConversationHandler.keep_open`)."""
_QUEUE = 64
"""Messages that the library holds for us: when it is full, pings wait too."""
_REASON_BYTES = 123
"""What fits into a close frame beside the code (RFC 6455, 5.5)."""
_TOO_BIG = 1009
_BREACHES = {1002, 1007, _TOO_BIG}
"""Close codes for a peer that sends what it may not, and perhaps more of it."""
_NONE = 1005
_UNSENDABLE = {_NONE, ABNORMAL}
"""Close codes that stand for having none (RFC 6455, 7.4.1)."""
_LOGGED_CHARACTERS = 200
_LOGGED_PER_SECOND, _LOGGED_AT_ONCE = 0.1, 20
"""Refused origins that are logged: anybody can make them up."""
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)

log = structlog.get_logger()
logging.getLogger("trio-websocket").setLevel(logging.WARNING)  # its debug lines cost time for each frame


class _Request(NamedTuple):
    """What a handshake asks for, and its answer; `room_id` is None for a socket in no room."""

    answer: bytes
    room_id: str | None
    token: str | None
    ticket: str | None


class WebSocketServer:
    """Has the chat's conversations on the connections that ask for a WebSocket.

    Arguments:
        chat: called for each socket.
        settings: of these, the limits for handshakes, frames and waiting, as they are when a socket is opened; and the other sites
            whose pages may open sockets here (`server.allowed_origins`).
    """

    def __init__(self, chat: ConversationHandler, settings: LiveSettings) -> None:
        self._chat = chat
        self._settings = settings
        self._refusals = TokenBucket()  # for the log

    async def serve(self, stream: Stream, head: bytes) -> None:
        """Shakes hands and converses; returns when it is over. The stream is the caller's to close.

        Arguments:
            head: of the request that asks for a WebSocket; the stream goes on behind it.
        """
        request, limits = self._examine(head), self._settings.limits
        if isinstance(request, GatewayRefusal):
            await refuse(stream, request, limits.close_seconds)
            return
        with trio.fail_after(limits.handshake_seconds):
            await stream.send_all(request.answer)
        stream.widen(limits.send_buffer_bytes)
        try:
            async with trio.open_nursery() as nursery:
                socket = WebSocket(stream, nursery, limits)
                if request.room_id is None:
                    await self._chat.keep_open(socket, request.token)
                else:
                    await self._chat.converse(socket, request.room_id, request.token, request.ticket)
                nursery.cancel_scope.cancel()
        except* LocalProtocolError:
            # The library answers a ping even behind its own close frame, and is then told that it may not.
            await linger(stream, limits.close_seconds)
        else:
            await socket.part()

    def _examine(self, head: bytes) -> _Request | GatewayRefusal:
        answer = shake_hands(head)
        if isinstance(answer, GatewayRefusal):
            return answer
        parsed = parse_head(head)
        assert parsed is not None, "else it would not have been taken for a handshake"
        path = _PATH.fullmatch(parsed.path)
        if path is None and parsed.path != _STILL:
            return NO_WEBSOCKET
        if not self._is_welcome(parsed):
            self._log_refusal(parsed)
            return GatewayRefusal(HTTPStatus.FORBIDDEN, "forbidden", "Pages of this origin may not open sockets here")
        return _Request(answer, path and path[1], _token(parsed), parsed.query("ticket"))

    def _is_welcome(self, head: Head) -> bool:
        """Whether the page that asks, if it is one, is our own or of a site that was allowed."""
        origin = head.header("origin")
        if origin is None or origin in allowed_origins(self._settings.server.allowed_origins):
            return True
        return is_own(origin, head.header("host") or "")

    def _log_refusal(self, head: Head) -> None:
        if not self._refusals.take(trio.current_time(), _LOGGED_PER_SECOND, _LOGGED_AT_ONCE):
            log.warning("origin refused", origin=_shown(head.header("origin")), host=_shown(head.header("host")))


class WebSocket:
    """An open WebSocket; `reichatd.chat.Socket` for real.

    Arguments:
        nursery: for the library's task, as long as the WebSocket lives.
    """

    __slots__ = ("_library", "_limits", "_nursery", "_plain", "_stream", "_texts", "_wire", "try_send")

    def __init__(self, stream: Stream, nursery: trio.Nursery, limits: LimitSettings) -> None:
        self.try_send = stream.try_send
        self._stream = stream
        self._nursery = nursery
        self._limits = limits
        self._plain = PlainFrames(limits.frame_bytes)
        self._texts: list[str] = []  # that came together, the last one first
        self._wire: Wire | None = None
        self._library: WebSocketConnection | None = None

    @property
    def has_pending(self) -> bool:
        return self._stream.has_pending

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except _BROKEN as error:
            raise _gone(error) from None

    @asynccontextmanager
    async def unbroken(self) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        try:
            async with self._stream.unbroken() as send:
                yield send
        except _BROKEN as error:
            raise _gone(error) from None

    async def receive(self) -> str | bytes:
        while not self._texts:
            if self._library is not None:
                return await self._receive_by_library(self._library)
            await self._receive_plain()
        return self._texts.pop()

    async def _receive_plain(self) -> None:
        try:
            data = await self._stream.receive_some()
        except _BROKEN as error:
            raise _gone(error) from None
        if not data:
            raise PeerGone
        texts, pongs, rest = self._plain.feed(data)
        self._texts = texts[::-1]
        if pongs:
            await self.send(pongs)
        if self._plain.ended:
            self._hand_over(rest)

    def _hand_over(self, received: bytes) -> WebSocketConnection:
        """Has the library go on from here: `received`, then what the stream brings."""
        self._wire = Wire(self._stream, received, self._limits)
        protocol = WSConnection(ConnectionType.SERVER)
        protocol.connection = Connection(ConnectionType.SERVER)  # hands were shaken
        # The wire holds messages to their size; the library's own limit counts characters and is never reached.
        self._library = WebSocketConnection(
            self._wire, protocol, message_queue_size=_QUEUE, max_message_size=self._limits.frame_bytes
        )
        # As the library's wrap_server_stream does, which can only begin with a handshake.
        self._nursery.start_soon(self._library._reader_task)
        return self._library

    async def _receive_by_library(self, library: WebSocketConnection) -> str | bytes:
        assert self._wire is not None
        try:
            message = await library.get_message()
        except ConnectionClosed:
            raise PeerGone from None
        self._wire.since_message = 0
        return message

    @property
    def heard_at(self) -> float:
        return self._stream.last_heard if self._stream.listening else trio.current_time()

    async def close(self, code: int, reason: str) -> None:
        if code == ABNORMAL:
            return  # and the gateway lets go of the connection
        with trio.move_on_after(self._limits.close_seconds):
            try:
                # Room for the goodbye behind all that a slow reader has yet to read.
                self._stream.widen(2 * self._limits.send_buffer_bytes)
                library = self._library or self._hand_over(self._plain.end())
                await library.aclose(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
            except _BROKEN:
                pass

    async def part(self) -> None:
        """Sees to it that a close frame has been sent, where the peer can still hear it. To be called when nobody reads any more.

        The library sends none where the frames themselves are wrong, none when it is cancelled on its way to an answer, and knows
        nothing of a message that is announced to be too big.
        """
        if self._library is None or self._wire is None:
            return
        closed = self._library.closed
        code = _TOO_BIG if self._wire.is_too_big else closed.code if closed else _NONE
        if code in _UNSENDABLE:
            return
        if not self._wire.said_goodbye:
            self.try_send(b"\x88\x02" + code.to_bytes(2, "big"), (4,))
        if code in _BREACHES:
            await linger(self._stream, self._limits.close_seconds)


def _gone(error: trio.BrokenResourceError | trio.ClosedResourceError) -> PeerGone:
    """What has become of the stream, in the chat's words."""
    return PeerStalled() if isinstance(error, Stalled) else PeerGone()


def _shown(value: str | None) -> str:
    """A header's value for the log: it may be long, and hold what a terminal would obey."""
    return ascii((value or "")[:_LOGGED_CHARACTERS])[1:-1]


def _token(head: Head) -> str | None:
    """The access token: in the query, or in the Authorization header."""
    scheme, _, value = (head.header("authorization") or "").partition(" ")
    return head.query("token") or (value.strip() if scheme.lower() == "bearer" else "") or None
