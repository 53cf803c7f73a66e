"""Listening, accepting, and finding out who should serve a connection."""

import errno
import resource
import socket
import ssl
from collections.abc import Callable
from functools import partial

import structlog
import trio

from reichatd.gateway.forwarded import RequestOrigin
from reichatd.gateway.head import HeadTooLarge, asks_for_websocket, read_head
from reichatd.gateway.http import HttpServer
from reichatd.gateway.lingering_close import HEAD_TOO_LARGE, NO_WEBSOCKET, refuse
from reichatd.gateway.listeners import Listener, local_address, peer_address
from reichatd.gateway.stream import FrameStream
from reichatd.gateway.tls import Stream, TlsStream
from reichatd.gateway.websocket import WebSocketServer
from reichatd.settings import LiveSettings

_ACCEPTS = 4
"""Connections taken from one listener in a round of the event loop: each is served from the next one on (fair_scheduling.py)."""
_OTHER_FILES = 100
"""Files that are open beside the connections: the store's, the log, the libraries'."""
_REST_SECONDS = 0.1
"""The pause when no file descriptors are left."""
_CRAMPED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}

log = structlog.get_logger()


def needed_files(connections: int) -> int:
    """How many files the daemon has open with so many connections, at the most."""
    return connections + _OTHER_FILES


def affordable_connections(wanted: int) -> int:
    """How many connections the system's limit on open files allows; raises the limit, for this process, as far as it may.

    Arguments:
        wanted: server.max_connections.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = needed_files(wanted)
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < needed:
        log.warning("the limit on open files allows fewer connections", wanted=wanted, allowed=soft - _OTHER_FILES)
    return max(1, min(wanted, soft - _OTHER_FILES))


class Gateway:
    """Accepts connections and gives each a task, in which it is served to its end.

    Arguments:
        http, websockets: who serves what; None where no WebSockets are served.
        tls: None where a proxy speaks TLS, or nobody does.
    """

    def __init__(
        self,
        listeners: list[Listener],
        http: HttpServer,
        websockets: WebSocketServer | None,
        settings: LiveSettings,
        *,
        max_connections: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listeners = listeners
        self._http = http
        self._websockets = websockets
        self._settings = settings
        self._tls = tls
        self._places = trio.CapacityLimiter(max_connections)
        self._accepting = trio.CancelScope()

    def reload(self, *, max_connections: int, tls: ssl.SSLContext | None) -> None:
        """From here on these hold, for new connections. With fewer places than are taken, those that are stay.

        Arguments:
            tls: in place of the one in force, which stays if there is no new one. A gateway that spoke none goes on to speak none.
        """
        if self._tls is not None:
            self._tls = tls or self._tls
        self._places.total_tokens = max_connections

    @property
    def connections(self) -> int:
        """How many connections are open, of any kind."""
        return self._places.borrowed_tokens

    @property
    def max_connections(self) -> int:
        """How many are served at once."""
        return int(self._places.total_tokens)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until `stop` was called and the last connection has ended; cancelled, it drops them all."""
        async with trio.open_nursery() as nursery:
            try:
                with self._accepting:
                    async with trio.open_nursery() as acceptors:
                        for listener in self._listeners:
                            acceptors.start_soon(self._accept, listener.socket, nursery)
                        task_status.started()
            finally:  # not before: an acceptor may be about to use one
                for listener in self._listeners:
                    listener.close()

    async def stop(self) -> None:
        """Accepts no more; HTTP connections end when their requests are answered. Sockets are the hub's to close. Does not wait."""
        self._accepting.cancel()
        await self._http.stop()

    async def _accept(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        cramped = False
        while True:
            await trio.lowlevel.wait_readable(listener)
            for _ in range(_ACCEPTS):
                # A place first: beyond max_connections new ones wait in the kernel's queue.
                token = object()
                await self._places.acquire_on_behalf_of(token)
                give_back = partial(self._places.release_on_behalf_of, token)
                try:
                    sock, _ = listener.accept()
                except OSError as error:
                    give_back()
                    if error.errno in _CRAMPED:
                        if not cramped:
                            log.warning("connections must wait", reason=error.strerror)
                        cramped = True
                        await trio.sleep(_REST_SECONDS)
                    break
                cramped = False
                nursery.start_soon(self._serve, sock, give_back)

    async def _serve(self, sock: socket.socket, give_back: Callable[[], None]) -> None:
        """One connection's task: whatever happens in it stays in it."""
        stream = FrameStream(sock, stall_seconds=self._settings.limits.slow_reader_seconds)
        try:
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._dispatch(stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, OSError):
            pass  # the peer has gone, or never got to the point
        except* Exception:
            log.exception("connection crashed")
        finally:
            stream.close()
            give_back()

    async def _dispatch(self, connection: FrameStream) -> None:
        """Reads the first request's head and hands the connection to whom it concerns."""
        limits = self._settings.limits
        stream: Stream = connection
        head = None
        try:
            with self._http.waiting(limits.handshake_seconds) as patience:
                if self._tls is not None:
                    stream = secured = TlsStream(connection, self._tls)
                    await secured.handshake()
                patience.deadline = trio.current_time() + limits.request_seconds
                head = await read_head(stream, limits.head_bytes)
        except HeadTooLarge:
            await refuse(stream, HEAD_TOO_LARGE, limits.close_seconds)
        if not head:
            return
        peer = RequestOrigin(peer_address(stream.socket), "https" if self._tls else "http")
        if not asks_for_websocket(head):
            head = await self._http.serve(stream, head, peer, local_address(stream.socket))
        if not head:
            return
        if self._websockets is None:
            await refuse(stream, NO_WEBSOCKET, limits.close_seconds)
        else:
            await self._websockets.serve(stream, head)
