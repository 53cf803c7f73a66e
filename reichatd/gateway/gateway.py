"""Accepts connections, and gives each to the HTTP server or the WebSocket server."""

import errno
import resource
import socket
import ssl
from contextlib import suppress

import structlog
import trio

from reichatd.gateway.admission import TOO_MANY_CONNECTIONS, Admission, Admissions, TooManyConnections
from reichatd.gateway.forwarded import RequestOrigin
from reichatd.gateway.head import HeadTooLarge, RequestHead, read_head
from reichatd.gateway.http import HttpServer
from reichatd.gateway.lingering_close import HEAD_TOO_LARGE, NO_WEBSOCKET, refuse
from reichatd.gateway.listeners import Listener, local_address, peer_address
from reichatd.gateway.stream import FrameStream
from reichatd.gateway.tls import Stream, TlsStream
from reichatd.gateway.websocket import WebSocketServer
from reichatd.settings import LiveSettings

_ACCEPTS_PER_ROUND = 4
"""Connections accepted from one listener in a round of the event loop; all of them are served from the next round on."""
_OTHER_FILES = 100
"""Open files that are not connections: of the store, the log, the libraries."""
_ACCEPT_PAUSE_SECONDS = 0.1
_MAX_DISPLACED = 100
"""Connections closed in one round of the event loop."""
_FULL_SECONDS = 0.1
"""How often a full daemon looks for a connection to close, if there was none."""
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
"""Errors of `accept` when no file descriptors or memory are left (accept(2))."""

log = structlog.get_logger()


def needed_files(connections: int) -> int:
    """The most files that the daemon has open with this number of connections."""
    return connections + _OTHER_FILES


def affordable_connections(wanted: int) -> int:
    """How many connections the limit on open files allows. Raises this process's soft limit if needed and possible.

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
    """Accepts connections, and serves each in a task of its own until it ends.

    Arguments:
        websockets: None if no WebSockets are served.
        admissions: counts the connections, by client.
        max_connections: how many connections are served at once. For others, idle strangers are closed; if there are none, they
            wait in the kernel's queue.
        tls: None if the daemon does not speak TLS itself.
    """

    def __init__(
        self,
        listeners: list[Listener],
        http: HttpServer,
        websockets: WebSocketServer | None,
        settings: LiveSettings,
        *,
        admissions: Admissions,
        max_connections: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listeners = listeners
        self._http = http
        self._websockets = websockets
        self._settings = settings
        self._tls = tls
        self._admissions = admissions
        self._slots = trio.CapacityLimiter(max_connections)
        self._accepting = trio.CancelScope()

    def reload(self, *, max_connections: int, tls: ssl.SSLContext | None) -> None:
        """Changes these settings for new connections. Open ones stay, even if there are more than the new limit.

        Arguments:
            tls: the new context; None keeps the present one. A gateway that started without TLS stays without it.
        """
        if self._tls is not None:
            self._tls = tls or self._tls
        self._slots.total_tokens = max_connections

    @property
    def connections(self) -> int:
        """How many connections are open, of any kind."""
        return self._slots.borrowed_tokens

    @property
    def max_connections(self) -> int:
        """How many connections are served at once."""
        return int(self._slots.total_tokens)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until `stop` is called and the last connection has ended. If cancelled, it drops all connections."""
        async with trio.open_nursery() as nursery:
            try:
                with self._accepting:
                    async with trio.open_nursery() as acceptors:
                        for listener in self._listeners:
                            acceptors.start_soon(self._accept, listener.socket, nursery)
                        task_status.started()
            finally:  # not in `stop`: a task in `_accept` may be about to use a listener
                for listener in self._listeners:
                    listener.close()

    async def stop(self) -> None:
        """Stops accepting. HTTP connections end once their requests are answered; the hub closes WebSockets. Does not wait."""
        self._accepting.cancel()
        await self._http.stop()

    async def _accept(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        is_paused = False
        while True:
            await trio.lowlevel.wait_readable(listener)
            for number in range(_ACCEPTS_PER_ROUND):
                if number and self._slots.available_tokens <= 0:
                    break  # first find out whether there is a connection that needs room
                slot = object()
                await self._take_slot(slot)
                try:
                    sock, _ = listener.accept()
                except OSError as error:
                    self._slots.release_on_behalf_of(slot)
                    if error.errno in _OUT_OF_RESOURCES:
                        if not is_paused:
                            log.warning("accepting paused", reason=error.strerror)
                        is_paused = True
                        await trio.sleep(_ACCEPT_PAUSE_SECONDS)
                    break
                is_paused = False
                self._admit(sock, nursery, slot)

    async def _take_slot(self, slot: object) -> None:
        """Waits until there are fewer than max_connections. Before `accept`, so that new ones wait in the kernel's queue."""
        await trio.lowlevel.checkpoint()  # other tasks run between two connections
        if self._slots.available_tokens > 0:
            with suppress(trio.WouldBlock):  # the task of another listener is first
                self._slots.acquire_on_behalf_of_nowait(slot)
                return
        while True:
            # More than one after a reload that has lowered max_connections.
            for _ in range(min(_MAX_DISPLACED, 1 - int(self._slots.available_tokens))):
                if not self._admissions.displace():
                    break
            with trio.move_on_after(_FULL_SECONDS):
                await self._slots.acquire_on_behalf_of(slot)
                return

    def _admit(self, sock: socket.socket, nursery: trio.Nursery, slot: object) -> None:
        """Starts the task of a connection, unless its client has too many."""
        stream = FrameStream(sock, stall_seconds=self._settings.limits.slow_reader_seconds)
        try:
            admission = self._admissions.admit(peer_address(sock), stream)
        except TooManyConnections:
            if self._tls is None:
                # Before the request has come, and without waiting for it: an honest client sees why, and a flood costs little.
                answer = TOO_MANY_CONNECTIONS.encode()
                stream.try_send(answer, (len(answer),))
        except OSError:
            pass  # the peer has gone
        else:
            nursery.start_soon(self._serve, stream, admission, slot)
            return
        stream.close()
        self._slots.release_on_behalf_of(slot)

    async def _serve(self, stream: FrameStream, admission: Admission, slot: object) -> None:
        """The task of one connection. Errors end this connection only."""
        try:
            if stream.socket.family != socket.AF_UNIX:
                stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._dispatch(stream, admission)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, OSError):
            pass  # the peer has gone, or was too slow
        except* Exception:
            log.exception("connection crashed")
        finally:
            stream.close()
            admission.leave()
            self._slots.release_on_behalf_of(slot)

    async def _dispatch(self, connection: FrameStream, admission: Admission) -> None:
        """Reads the head of the first request, and passes the connection to the server that it asks for."""
        limits = self._settings.limits
        stream: Stream = connection
        head: RequestHead | None = None
        try:
            with admission.idle(), self._http.waiting(limits.handshake_seconds) as scope:
                if self._tls is not None:
                    stream = encrypted = TlsStream(connection, self._tls)
                    await encrypted.handshake()
                scope.deadline = trio.current_time() + limits.request_seconds
                head = await read_head(stream, limits.head_bytes)
            if head is not None:
                admission.begin_request(head.all("x-forwarded-for"))
        except HeadTooLarge:
            await refuse(stream, HEAD_TOO_LARGE, limits.close_seconds)
            return
        except TooManyConnections:
            await refuse(stream, TOO_MANY_CONNECTIONS, limits.close_seconds)
            return
        if head is None:
            return
        peer = RequestOrigin(admission.peer, "https" if self._tls else "http")
        if not head.asks_for_websocket:
            head = await self._http.serve(stream, head, peer, local_address(stream.socket), admission)
        if head is None:
            return
        if self._websockets is None:
            await refuse(stream, NO_WEBSOCKET, limits.close_seconds)
        else:
            conversation = self._websockets.serve(stream, head, admission)
            del head  # not kept for as long as the socket lives: over a KiB for each
            await conversation
