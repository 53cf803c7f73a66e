"""WebSockets over connections that the gateway has accepted.

Encoded frames go out through `FrameStream`, and `PlainFrames` reads texts. trio-websocket takes over a connection when anything
else is received or sent: fragments, binary messages, protocol errors, close frames.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import NamedTuple

import structlog
import trio

from reichatd.chat import ConversationHandler, PeerGone, PeerStalled, UserSocketHandler
from reichatd.chat.rate_limit import TokenBucket
from reichatd.closing import ABNORMAL, INVALID_TEXT, PROTOCOL_ERROR, TOO_BIG
from reichatd.gateway.admission import Admission
from reichatd.gateway.frame_budget import FrameBudget
from reichatd.gateway.handshake import answer_handshake
from reichatd.gateway.head import RequestHead
from reichatd.gateway.library_stream import LibraryStream
from reichatd.gateway.lingering_close import NO_WEBSOCKET, GatewayRefusal, linger, refuse
from reichatd.gateway.origins import allowed_origins, is_own
from reichatd.gateway.plain_frames import PlainFrames
from reichatd.gateway.stream import Stalled
from reichatd.gateway.tls import Stream
from reichatd.gateway.trio_websocket_internals import (
    ConnectionClosed,
    LocalProtocolError,
    WebSocketConnection,
    open_connection,
)
from reichatd.rate_limits import Refusals
from reichatd.settings import LimitSettings, LiveSettings

_ROOM_PATH = re.compile(r"/(?:ws/chat|room)/([^/]+)")  # older clients use /room/{room_id}
_USER_PATH = "/ws/user"
_DOCTOR_PATH = "/ws/doctor"
"""`reichatd doctor` opens a silent socket here, to see whether proxies keep it open (`ConversationHandler.keep_open`)."""
_REASON_BYTES = 123
"""The room that a close frame has for a reason (RFC 6455, 5.5)."""
_PROTOCOL_ERRORS = {PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG}
"""Close codes for a peer that breaks the protocol, and may go on sending."""
_NO_CODE = 1005
_UNSENDABLE = {_NO_CODE, ABNORMAL}
"""Close codes that are reserved for "there was none" (RFC 6455, 7.4.1)."""
_FRAMES_AT_ONCE = 64
"""Frames of one socket that are read before other tasks run."""
_LOGGED_CHARACTERS = 200
_LOGGED_PER_SECOND, _LOGGED_BURST = 0.1, 20
"""How many refused origins are logged: any client can invent more."""
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)

log = structlog.get_logger()


class _Handshake(NamedTuple):
    """A good handshake: the response to it, and what it asks for. `room_id` is None for a socket in no room."""

    response: bytes
    path: str
    room_id: str | None
    token: str | None
    ticket: str | None


class WebSocketServer:
    """Serves the connections that ask for a WebSocket: answers the handshake and starts the conversation.

    Arguments:
        chat: called for each socket of a room.
        users: called for each socket of a user.
        settings: of these, the limits that hold when a socket is opened, and the other sites whose pages may open sockets here
            (`server.allowed_origins`).
        refusals: told of sockets that send too much.
    """

    def __init__(
        self, chat: ConversationHandler, users: UserSocketHandler, settings: LiveSettings, refusals: Refusals
    ) -> None:
        self._chat = chat
        self._users = users
        self._settings = settings
        self._refusals = refusals
        self._refused_origins = TokenBucket()  # for the log

    async def serve(self, stream: Stream, head: RequestHead, admission: Admission) -> None:
        """Serves one WebSocket until it ends. The caller closes the stream.

        Arguments:
            head: of the request that asks for a WebSocket; the stream goes on behind it.
            admission: of the connection.
        """
        handshake, limits = self._examine(head), self._settings.limits
        del head
        if isinstance(handshake, GatewayRefusal):
            await refuse(stream, handshake, limits.close_seconds)
            return
        with trio.fail_after(limits.handshake_seconds):
            await stream.send_all(handshake.response)
        stream.set_send_buffer(limits.send_buffer_bytes)
        try:
            async with trio.open_nursery() as nursery:
                budget = FrameBudget(self._settings, self._refusals, admission.address)
                socket = WebSocket(stream, nursery, limits, admission, budget)
                if handshake.room_id is not None:
                    await self._chat.converse(socket, handshake.room_id, handshake.token, handshake.ticket)
                elif handshake.path == _USER_PATH:
                    await self._users.follow(socket, handshake.token, handshake.ticket)
                else:
                    await self._chat.keep_open(socket, handshake.token)
                nursery.cancel_scope.cancel()
        except* LocalProtocolError:
            # The close frame was sent: see open_connection.
            await linger(stream, limits.close_seconds)
        else:
            await socket.ensure_close_frame()

    def _examine(self, head: RequestHead) -> _Handshake | GatewayRefusal:
        response = answer_handshake(head)
        if isinstance(response, GatewayRefusal):
            return response
        room = _ROOM_PATH.fullmatch(head.path)
        if room is None and head.path not in {_USER_PATH, _DOCTOR_PATH}:
            return NO_WEBSOCKET
        if not self._is_allowed(head):
            self._log_refusal(head)
            return GatewayRefusal(HTTPStatus.FORBIDDEN, "forbidden", "Pages of this origin may not open sockets here")
        return _Handshake(response, head.path, room and room[1], _token(head), head.query("ticket"))

    def _is_allowed(self, head: RequestHead) -> bool:
        """Whether the request comes from a page of ours, from a page of an allowed site, or from no page."""
        origin = head.header("origin")
        if origin is None or origin in allowed_origins(self._settings.server.allowed_origins):
            return True
        return is_own(origin, head.header("host") or "")

    def _log_refusal(self, head: RequestHead) -> None:
        if not self._refused_origins.take(trio.current_time(), _LOGGED_PER_SECOND, _LOGGED_BURST):
            log.warning("origin refused", origin=_shown(head.header("origin")), host=_shown(head.header("host")))


class WebSocket:
    """An open WebSocket. It implements `reichatd.chat.Socket`.

    Arguments:
        nursery: for the library's task; it lives as long as the WebSocket.
        admission: of the connection.
        budget: what the client may send.
    """

    __slots__ = (
        "_admission",
        "_budget",
        "_library",
        "_library_stream",
        "_limits",
        "_nursery",
        "_plain",
        "_stream",
        "_texts",
        "try_send",
    )

    def __init__(
        self,
        stream: Stream,
        nursery: trio.Nursery,
        limits: LimitSettings,
        admission: Admission,
        budget: FrameBudget,
    ) -> None:
        self.try_send = stream.try_send
        self._admission = admission
        self._budget = budget
        self._stream = stream
        self._nursery = nursery
        self._limits = limits
        self._plain = PlainFrames(limits.frame_bytes)
        self._texts: list[str] = []  # received and not yet taken, the last one first
        self._library_stream: LibraryStream | None = None
        self._library: WebSocketConnection | None = None

    @property
    def client(self) -> str:
        return self._admission.address

    def authenticated(self) -> None:
        self._admission.authenticated()

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
        if self._budget.is_spent:
            await self._budget.refilled()
        data = b""
        if self._plain.is_behind:
            await trio.lowlevel.checkpoint()
        else:
            try:  # not in a method of its own, whose frame would cost each idle socket memory
                data = await self._stream.receive_some()
            except _BROKEN as error:
                raise _gone(error) from None
            if not data:
                raise PeerGone
        texts, pongs, rest = self._plain.feed(data, _FRAMES_AT_ONCE)
        self._budget.spend(self._plain.frames, len(data))
        self._texts = texts[::-1]
        if pongs:
            await self.send(pongs)
        if self._plain.ended:
            self._hand_over(rest)

    def _hand_over(self, received: bytes) -> WebSocketConnection:
        """Has the library read from here on: `received`, then what the stream brings."""
        self._library_stream = LibraryStream(self._stream, received, self._limits, self._budget)
        # LibraryStream limits messages in bytes, so the library never reaches its own limit, which counts a text's characters.
        self._library = open_connection(self._nursery, self._library_stream, self._limits.frame_bytes)
        return self._library

    async def _receive_by_library(self, library: WebSocketConnection) -> str | bytes:
        assert self._library_stream is not None
        try:
            message = await library.get_message()
        except ConnectionClosed:
            raise PeerGone from None
        self._library_stream.since_message = 0
        return message

    @property
    def heard_at(self) -> float:
        return self._stream.last_heard if self._stream.is_receiving else trio.current_time()

    async def close(self, code: int, reason: str) -> None:
        if code == ABNORMAL:
            return  # the gateway closes the connection
        with trio.move_on_after(self._limits.close_seconds), self._admission.idle(is_reading=False):
            try:
                # Room for the close frame behind everything that a slow reader has not read yet.
                self._stream.set_send_buffer(2 * self._limits.send_buffer_bytes)
                library = self._library or self._hand_over(self._plain.end())
                await library.aclose(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
            except _BROKEN:
                pass

    async def ensure_close_frame(self) -> None:
        """Sends a close frame if the library did not, and the peer may still read one. Called when no task receives any more.

        The library does not always send one (see `open_connection`), and does not know of a message that is announced as too big.
        """
        if self._library is None or self._library_stream is None:
            return
        closed = self._library.closed
        code = TOO_BIG if self._library_stream.is_too_big else closed.code if closed else _NO_CODE
        if code in _UNSENDABLE:
            return
        if not self._library_stream.sent_close_frame:
            self.try_send(b"\x88\x02" + code.to_bytes(2, "big"), (4,))
        if code in _PROTOCOL_ERRORS:
            await linger(self._stream, self._limits.close_seconds)


def _gone(error: trio.BrokenResourceError | trio.ClosedResourceError) -> PeerGone:
    """The stream's error as the chat knows it."""
    return PeerStalled() if isinstance(error, Stalled) else PeerGone()


def _shown(value: str | None) -> str:
    """A header's value for the log: shortened, and without characters that control a terminal."""
    return ascii((value or "")[:_LOGGED_CHARACTERS])[1:-1]


def _token(head: RequestHead) -> str | None:
    """The access token: in the query, or in the Authorization header."""
    scheme, _, value = (head.header("authorization") or "").partition(" ")
    return head.query("token") or (value.strip() if scheme.lower() == "bearer" else "") or None
