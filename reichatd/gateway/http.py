"""REST over one connection: Hypercorn's HTTP/1.1 protocol, driven by our own reader.

The only module that knows Hypercorn. Its `H11Protocol` turns bytes into ASGI calls and back; the reading around it is ours, since
only so can an Upgrade be handed over at a request boundary (proxies reuse kept-alive connections for it), and since Hypercorn's own
`TCPServer` can be ended or blocked from outside (a body behind an Upgrade, a reader that stops: pgjones/hypercorn#225).
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState, LifespanState

from reichatd.gateway.fair_scheduling import FairScheduler
from reichatd.gateway.forwarded import Proxies, RequestOrigin
from reichatd.gateway.head import HeadTooLarge, asks_for_websocket, read_head
from reichatd.gateway.lingering_close import CLOSE, HEAD_TOO_LARGE, GatewayRefusal, linger, refuse
from reichatd.gateway.tls import Stream
from reichatd.settings import LiveSettings


class _Refused(Exception):
    """A request that the application behind us must not see; it has been answered."""


class _Protocol(H11Protocol):
    """HTTP/1.1 and nothing else: no HTTP/2 by `h2c` or by prior knowledge, no WebSocket."""

    asks_for_head = False

    async def _check_protocol(self, event: h11.Request) -> None:
        self.asks_for_head = event.method == b"HEAD"
        upgrades = [value.lower() for name, value in event.headers if name.lower() == b"upgrade"]
        if not event.http_version.startswith(b"1."):
            status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        elif any(b"websocket" in value for value in upgrades) or not _has_path(event.target) or _has_two_ends(event):
            status = HTTPStatus.BAD_REQUEST
        else:
            return
        await self._send_error_response(status)
        raise _Refused

    async def _send_error_response(self, status_code: int) -> None:
        status = HTTPStatus(status_code)
        refusal = GatewayRefusal(status, "bad_request", f"{status.phrase}: this request cannot be served")
        await self._send_h11_event(h11.Response(status_code=status, headers=[*refusal.fields, CLOSE]))
        if not self.asks_for_head:
            await self._send_h11_event(h11.Data(data=refusal.body))
        await self._send_h11_event(h11.EndOfMessage())


def _has_two_ends(request: h11.Request) -> bool:
    """Whether two headers say where the body ends, which is how requests are smuggled past a proxy (RFC 9112, 6.1)."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in request.headers}


def _has_path(target: bytes) -> bool:
    """Whether a request's target has a path, which Quart takes for granted."""
    try:
        return target.startswith(b"/") or urlsplit(target).path != b""
    except ValueError:
        return False


class HttpServer:
    """Serves an ASGI application on connections that the gateway has accepted.

    Arguments:
        app: called for each request.
        settings: of these, the limits for heads and for waiting.
        clear: who goes before all requests: see `FairScheduler`.
    """

    def __init__(self, app: ASGIFramework, settings: LiveSettings, clear: Callable[[], Awaitable[None]]) -> None:
        self._app = ASGIWrapper(self._in_turn)
        self._application = app
        self._settings = settings
        self._context = WorkerContext(None)
        self._turnstile = FairScheduler(clear)
        self._waiting: set[trio.CancelScope] = set()  # of the connections that wait for a request

    async def serve(self, stream: Stream, head: bytes, peer: RequestOrigin, local: tuple[str, int]) -> bytes | None:
        """Answers requests until the connection ends, or until one asks for a WebSocket.

        Arguments:
            head: the first request's, which asks for none.

        Returns:
            the head of the request that asks for a WebSocket; then the stream is at its end, and the caller's. None: it is over.
        """
        connection = _Connection(self, stream, peer, local)
        return await connection.run(head)

    async def _in_turn(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as in `forwarding`
        await self._turnstile.turn()
        await self._application(scope, receive, send)

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[trio.CancelScope]:
        """Round the wait for a request, so many seconds at the most: `stop` cuts it short."""
        with trio.move_on_after(seconds) as scope:
            if self._context.terminated.is_set():
                scope.cancel()
            self._waiting.add(scope)
            try:
                yield scope
            finally:
                self._waiting.discard(scope)

    async def stop(self) -> None:
        """Ends idle connections, and the others when they have answered. Does not wait for them."""
        await self._context.terminated.set()
        for scope in list(self._waiting):
            scope.cancel()


class _Connection:
    """One HTTP connection. A cycle is one request and its answer."""

    def __init__(self, server: HttpServer, stream: Stream, peer: RequestOrigin, local: tuple[str, int]) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer
        self._local = local
        self._config = _hypercorn_config(server._settings.limits.head_bytes)
        self._protocol: _Protocol
        self._cycle = trio.CancelScope()  # the reading that goes on while a request is answered
        self._ended = False
        self._idle = False
        self._is_half_closed = False  # whether the peer has said that it will send no more
        self._head = b""  # of an answer: it goes out with what follows it, which always comes

    async def run(self, head: bytes) -> bytes | None:
        async with TaskGroup() as group:
            server = self._server
            self._protocol = _Protocol(
                server._app,
                self._config,
                server._context,
                group,
                ConnectionState(LifespanState({})),
                self._peer.scheme == "https",
                (self._peer.address, 0),
                self._local,
                self._send,
            )
            next_head: bytes | None = head
            while next_head is not None:
                if asks_for_websocket(next_head):
                    return next_head
                await server._turnstile.turn()  # one to be taken apart, another one to be answered
                await self._answer(next_head)
                next_head = None if self._ended else await self._next_head()
            if self._ended or self._is_half_closed:
                await linger(self._stream, server._settings.limits.close_seconds)
        return None

    async def _answer(self, head: bytes) -> None:
        """Has one request answered, reading its body and watching for the peer to leave."""
        self._idle = False
        self._protocol.asks_for_head = False  # a request that cannot be read does not say
        self._cycle = trio.CancelScope()
        with self._cycle:
            try:
                await self._protocol.handle(RawData(head))
                while await self._read_on():
                    pass
            except _Refused:
                self._ended = True
        if not self._idle:
            self._ended = True
            await self._protocol.handle(Closed())

    async def _read_on(self) -> bool:
        """Reads what belongs to the request under way; False if it will never be whole. Cancelled when the cycle ends."""
        try:
            data = await self._stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        if self._protocol.connection.their_state is h11.SEND_BODY:
            if not data:
                return False
            await self._protocol.handle(RawData(data))
            return True
        # It may have closed its half only, and waits for the answer (RFC 9112, 9.6). If it is gone, sending will tell.
        self._is_half_closed = not data
        self._stream.unread(data)  # the next request, ahead of its time
        await trio.sleep_forever()

    async def _next_head(self) -> bytes | None:
        limits, stream = self._server._settings.limits, self._stream
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            try:
                with self._server.waiting(limits.keep_alive_seconds) as scope:
                    begun = await stream.receive_some()
                    scope.deadline = trio.current_time() + limits.request_seconds
                    return await read_head(stream, limits.head_bytes, begun) if begun else None
            except HeadTooLarge:
                await refuse(stream, HEAD_TOO_LARGE, limits.close_seconds)
        return None

    async def _send(self, event: Event) -> None:
        """Hypercorn's way out."""
        if isinstance(event, RawData):
            if event.data.startswith(b"HTTP/1.1 ") and not self._head and not event.data.startswith(b"HTTP/1.1 1"):
                self._head = event.data
                return
            data, self._head = self._head + event.data, b""
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end()
                await self._protocol.handle(Closed())
        elif isinstance(event, Closed):
            self._end()
        elif isinstance(event, Updated) and event.idle:
            self._idle = True
            self._give_back()
            self._cycle.cancel()

    def _give_back(self) -> None:
        """What came behind a body in one piece with it is the next request's: it goes the way of all heads."""
        ahead = self._protocol.connection.trailing_data[0]
        if ahead:
            self._stream.unread(ahead)
            size = self._config.h11_max_incomplete_size
            self._protocol.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=size)

    def _end(self) -> None:
        self._ended = True
        self._cycle.cancel()


@lru_cache(maxsize=2)  # a reload may change it
def _hypercorn_config(head_bytes: int) -> Config:
    config = Config()
    config.h11_max_incomplete_size = head_bytes + 4
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    return config


def forwarding(app: ASGIFramework, proxies: Proxies) -> ASGIFramework:
    """The same application, told of each request where it comes from, as trusted proxies say."""
    if not proxies:
        return app

    async def forwarded(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's types do not fit a copy
        peer = RequestOrigin(scope["client"][0], scope["scheme"])
        client = proxies.origin(peer, _joined(scope, b"x-forwarded-for"), _joined(scope, b"x-forwarded-proto"))
        scope = {**scope, "client": (client.address, 0), "scheme": client.scheme, "reichatd.peer": peer.address}
        await app(scope, receive, send)

    return forwarded


def _joined(scope: Any, name: bytes) -> str:  # noqa: ANN401
    return ",".join(value.decode("latin-1") for each, value in scope["headers"] if each == name)
