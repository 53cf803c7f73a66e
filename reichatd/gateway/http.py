"""REST over one connection: reads requests, and has Hypercorn answer them until one asks for a WebSocket."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import trio
from hypercorn.typing import ASGIFramework

from reichatd.gateway.admission import TOO_MANY_CONNECTIONS, Admission, TooManyConnections
from reichatd.gateway.fair_scheduling import FairScheduler
from reichatd.gateway.forwarded import Proxies, RequestOrigin
from reichatd.gateway.head import HeadTooLarge, RequestHead, read_head
from reichatd.gateway.hypercorn_internals import (
    ASGIWrapper,
    Closed,
    Event,
    HttpProtocol,
    RawData,
    RequestRefused,
    TaskGroup,
    Updated,
    WorkerContext,
)
from reichatd.gateway.late_body import LateBody
from reichatd.gateway.lingering_close import HEAD_TOO_LARGE, linger, refuse
from reichatd.gateway.tls import Stream
from reichatd.messaging import HAND_OVER, Later
from reichatd.settings import LiveSettings

AUTHENTICATED = "reichatd.authenticated"
"""The key of an ASGI scope with a function to call when the request's client has shown who it is."""
HELD_BACK = "reichatd.held_back"
"""The key of an ASGI scope with a function that returns a context, in which the app delays an answer: see `Admission.held_back`."""


class HttpServer:
    """Serves an ASGI application on connections that the gateway has accepted.

    Arguments:
        app: called for each request.
        settings: of these, the limits for heads and for waiting.
        priority_work: waits for the work that goes before requests: see `FairScheduler`.
    """

    def __init__(
        self, app: ASGIFramework, settings: LiveSettings, priority_work: Callable[[], Awaitable[None]]
    ) -> None:
        self._app = app
        self._settings = settings
        self._context = WorkerContext(None)
        self._scheduler = FairScheduler(priority_work)
        self._waiting: set[trio.CancelScope] = set()  # of the connections that wait for a request

    async def serve(
        self,
        stream: Stream,
        head: RequestHead,
        peer: RequestOrigin,
        local: tuple[str, int],
        admission: Admission,
    ) -> RequestHead | None:
        """Answers requests until the connection ends, or until a request asks for a WebSocket.

        Arguments:
            head: of the first request.
            admission: of the connection, where the first request has begun.

        Returns:
            the head of the request that asks for a WebSocket; the stream goes on behind it and is the caller's. None if the
            connection has ended.
        """
        next_head: RequestHead | None = head
        while True:
            connection = _Connection(self, stream, peer, local, admission)
            next_head = await connection.run(next_head)
            late = connection.late_body()
            if late is None:
                return next_head
            del connection, next_head  # not kept for as long as a client may wait
            if not await self._send_late(late, stream, admission):
                return None
            next_head = None

    async def _send_late(self, late: tuple[LateBody, Later], stream: Stream, admission: Admission) -> bool:
        body, send = late
        if await body.serve(send):
            return True
        with admission.idle():
            await linger(stream, self._settings.limits.close_seconds)
        return False

    async def _call_app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as in `forwarding`
        await self._scheduler.wait_turn()
        await self._app(scope, receive, send)

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[trio.CancelScope]:
        """Limits the wait for a request. `stop` ends it at once."""
        with trio.move_on_after(seconds) as scope:
            if self._context.terminated.is_set():
                scope.cancel()
            self._waiting.add(scope)
            try:
                yield scope
            finally:
                self._waiting.discard(scope)

    async def stop(self) -> None:
        """Ends idle connections now, and the others once they have answered. Does not wait for them."""
        await self._context.terminated.set()
        for scope in list(self._waiting):
            scope.cancel()


class _Connection:
    """One HTTP connection. A cycle is one request and its response."""

    def __init__(
        self,
        server: HttpServer,
        stream: Stream,
        peer: RequestOrigin,
        local: tuple[str, int],
        admission: Admission,
    ) -> None:
        self._server = server
        self._admission = admission
        self._stream = stream
        self._peer = peer
        self._local = local
        self._protocol: HttpProtocol
        self._cycle = trio.CancelScope()  # the reading that goes on while a request is answered
        self._ended = False
        self._idle = False
        self._is_half_closed = False  # whether the peer has shut down its sending side
        self._response_head = b""  # sent together with what follows it, which always comes
        self._later: Later | None = None  # sends the body of the response

    def late_body(self) -> tuple[LateBody, Later] | None:
        """After `run`: the body of the last response, if it is to be sent later."""
        if self._later is None or not self._response_head:
            return None
        return LateBody(self._stream, self._response_head, self._admission.address), self._later

    async def run(self, head: RequestHead | None) -> RequestHead | None:
        """Answers requests: see `HttpServer.serve`. Returns None also if the body of a response is to be sent later.

        Arguments:
            head: of the first request; None if it has not begun.
        """
        server = self._server
        limits = server._settings.limits
        async with TaskGroup() as group:
            self._protocol = HttpProtocol(
                ASGIWrapper(self._call_app),
                server._context,
                group,
                self._peer,
                self._local,
                self._send,
                head_bytes=limits.head_bytes,
            )
            next_head = head or await self._next_head()
            while next_head is not None:
                if next_head.asks_for_websocket:
                    return next_head
                await server._scheduler.wait_turn()  # to be parsed; it waits for another one before it is answered
                await self._answer(next_head)
                if self._later is not None:
                    return None
                next_head = None if self._ended else await self._next_head()
            if self._ended or self._is_half_closed:
                with self._admission.idle():
                    await linger(self._stream, server._settings.limits.close_seconds)
        return None

    async def _call_app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as in `forwarding`
        scope[AUTHENTICATED] = self._admission.authenticated
        scope[HELD_BACK] = self._admission.held_back
        scope[HAND_OVER] = self._hand_over
        await self._server._call_app(scope, receive, send)

    def _hand_over(self, later: Later) -> None:
        self._later = later

    async def _answer(self, head: RequestHead) -> None:
        """Has one request answered. Meanwhile reads its body and notices when the peer leaves."""
        self._idle = False
        self._protocol.is_head_request = False  # a request that cannot be parsed does not say
        self._cycle = trio.CancelScope()
        with self._cycle:
            try:
                await self._protocol.handle(RawData(head.raw))
                while await self._read_on():
                    pass
            except RequestRefused:
                self._ended = True
        if not self._idle:
            self._ended = True
            await self._protocol.handle(Closed())

    async def _read_on(self) -> bool:
        """Reads more of the current request; False if it will never be complete. Cancelled when the cycle ends."""
        is_receiving_body = self._protocol.is_receiving_body
        try:
            with self._admission.idle() if is_receiving_body else nullcontext():
                data = await self._stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        if is_receiving_body:
            if not data:
                return False
            await self._protocol.handle(RawData(data))
            return True
        # The peer may have closed its sending side only, and wait for the response (RFC 9112, 9.6). If it is gone, sending fails.
        self._is_half_closed = not data
        self._stream.unread(data)  # the next request, sent before this one is answered
        await trio.sleep_forever()

    async def _next_head(self) -> RequestHead | None:
        limits, stream, admission = self._server._settings.limits, self._stream, self._admission
        admission.end_request()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            try:
                with admission.idle(), self._server.waiting(limits.keep_alive_seconds) as scope:
                    begun = await stream.receive_some()
                    scope.deadline = trio.current_time() + limits.request_seconds
                    head = await read_head(stream, limits.head_bytes, begun) if begun else None
                if not scope.cancelled_caught and head is not None:
                    admission.begin_request(head.all("x-forwarded-for"))
                    return head
            except TooManyConnections:
                await refuse(stream, TOO_MANY_CONNECTIONS, limits.close_seconds)
            except HeadTooLarge:
                await refuse(stream, HEAD_TOO_LARGE, limits.close_seconds)
        return None

    async def _send(self, event: Event) -> None:
        """Takes what Hypercorn sends."""
        if isinstance(event, RawData):
            if (
                event.data.startswith(b"HTTP/1.1 ")
                and not self._response_head
                and not event.data.startswith(b"HTTP/1.1 1")
            ):
                self._response_head = event.data
                return
            if self._later is not None:
                return  # the end of a body that has not begun
            data, self._response_head = self._response_head + event.data, b""
            try:
                with self._admission.idle(is_reading=False):  # the client may not read it
                    await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end()
                await self._protocol.handle(Closed())
        elif isinstance(event, Closed):
            self._end()
        elif isinstance(event, Updated) and event.idle:
            self._idle = True
            # What came in one piece with a body belongs to the next request, whose head is read like all others.
            self._stream.unread(self._protocol.take_trailing_data())
            self._cycle.cancel()

    def _end(self) -> None:
        self._ended = True
        self._cycle.cancel()


def forwarding(app: ASGIFramework, proxies: Proxies) -> ASGIFramework:
    """Wraps `app`: each request has the client's address and scheme as trusted proxies report them."""
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
