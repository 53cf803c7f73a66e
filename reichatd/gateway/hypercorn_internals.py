"""Hypercorn's HTTP/1.1 protocol, used without Hypercorn's server. The only module that reaches into Hypercorn.

Hypercorn has no public way to serve a connection that somebody else reads. Two things need that:

- An Upgrade is taken over between two requests. Proxies reuse kept-alive connections for it, so it need not be the first request.
- Hypercorn's own `TCPServer` can be ended or blocked from outside: by a body behind an Upgrade, or by a client that stops reading
  (pgjones/hypercorn#225).

`pyproject.toml` pins Hypercorn to one minor version. tests/gateway/test_hypercorn_internals.py fails if what is used here changes.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

import h11
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, LifespanState

from reichatd.gateway.forwarded import RequestOrigin
from reichatd.gateway.lingering_close import CLOSE, GatewayRefusal

__all__ = [
    "ASGIWrapper",
    "Closed",
    "Event",
    "HttpProtocol",
    "RawData",
    "RequestRefused",
    "TaskGroup",
    "Updated",
    "WorkerContext",
]


class RequestRefused(Exception):
    """A request that the application must not see. It has been answered."""


class HttpProtocol(H11Protocol):
    """HTTP/1.1 and nothing else: no HTTP/2 by `h2c` or by prior knowledge, no WebSocket.

    Arguments:
        send: called with what Hypercorn sends: bytes (`RawData`), the end of a request (`Updated`) or of the connection (`Closed`).
        head_bytes: the most bytes of a request head; longer ones must not come here.
    """

    is_head_request = False

    def __init__(
        self,
        app: ASGIWrapper,
        context: WorkerContext,
        group: TaskGroup,
        peer: RequestOrigin,
        local: tuple[str, int],
        send: Callable[[Event], Awaitable[None]],
        *,
        head_bytes: int,
    ) -> None:
        state, is_tls, client = ConnectionState(LifespanState({})), peer.scheme == "https", (peer.address, 0)
        super().__init__(app, _config(head_bytes), context, group, state, is_tls, client, local, send)

    @property
    def is_receiving_body(self) -> bool:
        """Whether more bytes of the current request's body must come."""
        return self.connection.their_state is h11.SEND_BODY

    def take_trailing_data(self) -> bytes:
        """Takes out what h11 received behind the request that is over.

        h11 has no way to give bytes back, so a new h11 connection takes the place of the one that holds them.
        """
        data = self.connection.trailing_data[0]
        if data:
            self.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size)
        return bytes(data)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Hypercorn calls it with each request, to switch to HTTP/2."""
        self.is_head_request = event.method == b"HEAD"
        upgrades = [value.lower() for name, value in event.headers if name.lower() == b"upgrade"]
        if not event.http_version.startswith(b"1."):
            status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        elif any(b"websocket" in value for value in upgrades) or not _has_path(event.target) or _has_two_lengths(event):
            status = HTTPStatus.BAD_REQUEST
        else:
            return
        await self._send_error_response(status)
        raise RequestRefused

    async def _send_error_response(self, status_code: int) -> None:
        """Hypercorn calls it when a request cannot be parsed; its own answer has no body."""
        status = HTTPStatus(status_code)
        refusal = GatewayRefusal(status, "bad_request", f"{status.phrase}: this request cannot be served")
        await self._send_h11_event(h11.Response(status_code=status, headers=[*refusal.fields, CLOSE]))
        if not self.is_head_request:
            await self._send_h11_event(h11.Data(data=refusal.body))
        await self._send_h11_event(h11.EndOfMessage())


def _has_two_lengths(request: h11.Request) -> bool:
    """Whether two headers say where the body ends, which is how requests are smuggled past a proxy (RFC 9112, 6.1)."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in request.headers}


def _has_path(target: bytes) -> bool:
    """Whether a request's target has a path: Quart fails without one."""
    try:
        return target.startswith(b"/") or urlsplit(target).path != b""
    except ValueError:
        return False


@lru_cache(maxsize=2)  # a reload may change it
def _config(head_bytes: int) -> Config:
    config = Config()
    config.h11_max_incomplete_size = head_bytes + 4
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    return config
