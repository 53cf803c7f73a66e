"""HTTP and WebSockets as the doctor needs them: a connection for each question, and a close look at what comes back."""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request
from wsproto.utilities import RemoteProtocolError

from reichatd import unixsocket
from reichatd.hosts import UNIX, with_port

_RECEIVE_BYTES = 16_384
_MOST_BYTES = 1_048_576
Stream = trio.SSLStream[trio.SocketStream] | trio.SocketStream


class Strange(Exception):
    """What answers speaks no HTTP, or not as it should. The text says how, and quotes nothing."""


class Address(NamedTuple):
    """Where a URL leads; `socket` is the path of the Unix socket that stands there in place of host and port."""

    secure: bool
    host: str
    port: int
    path: str
    socket: str = ""

    @classmethod
    def of(cls, url: str) -> "Address":
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname or "", parts.port or (443 if secure else 80), parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        whole = with_port(self.host, self.port)
        return whole.removesuffix(f":{443 if self.secure else 80}")

    @property
    def origin(self) -> str:
        """What a browser sends as Origin for a page that is there (RFC 6454, 6.2)."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    def __str__(self) -> str:
        return f"{UNIX}{self.socket}" if self.socket else f"{self.origin}{self.path}"


class Answer(NamedTuple):
    """An answer to a GET."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@asynccontextmanager
async def dial(address: Address, *, verify: bool = True) -> AsyncIterator[Stream]:
    """A connection, its TLS shaken hands on.

    Raises:
        OSError: nobody is there.
        trio.BrokenResourceError: TLS failed, for the ssl.SSLError that is its cause.
    """
    plain = await _connected(address)
    async with plain:
        if not address.secure:
            yield plain
            return
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream = trio.SSLStream(plain, context, server_hostname=address.host, https_compatible=True)
        await stream.do_handshake()
        yield stream


async def _connected(address: Address) -> trio.SocketStream:
    if not address.socket:
        return await trio.open_tcp_stream(address.host, address.port)
    with unixsocket.address(Path(address.socket)) as place:
        return await trio.open_unix_socket(place)


async def get(address: Address, path: str, *, verify: bool = True, **headers: str) -> Answer:
    """Asks for a path below the address; a header's name has "_" for "-".

    Raises:
        Strange, and those of `dial`.
    """
    async with dial(address, verify=verify) as stream:
        http = h11.Connection(h11.CLIENT)
        lines = [("Host", address.authority), ("Connection", "close"), *_named(headers)]
        request = h11.Request(method="GET", target=address.path + path, headers=lines)
        await stream.send_all((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
        response, body = None, b""
        try:
            while not isinstance(event := await _next(http, stream), h11.EndOfMessage | h11.ConnectionClosed):
                if isinstance(event, h11.Response):
                    response = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > _MOST_BYTES:
                        raise Strange("an answer without end")
        except h11.RemoteProtocolError:
            raise Strange("no HTTP") from None
        if response is None:
            raise Strange("no answer: the connection was closed")
        return Answer(response.status_code, dict(response.headers), body)


async def _next(http: h11.Connection, stream: Stream) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(bytes(await stream.receive_some(_RECEIVE_BYTES)))
    return event


class Rejected(Exception):
    """Who was asked for a WebSocket has answered with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Socket:
    """The client's side of an open WebSocket; made by `upgraded`."""

    def __init__(self, stream: Stream) -> None:
        self.pings = 0  # that have come, each of which was answered
        self._stream = stream
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events: deque[Event] = deque()

    async def open(self, request: Request) -> None:
        """Raises: Rejected, Strange."""
        await self._stream.send_all(self._protocol.send(request))
        try:
            event = await self._event()
        except RemoteProtocolError:
            raise Strange("something else than a WebSocket") from None
        if isinstance(event, RejectConnection):
            raise Rejected(event.status_code)
        if not isinstance(event, AcceptConnection):
            raise Strange("no answer to the request for a WebSocket: the connection was closed")

    async def closed(self) -> int:
        """Waits until the other side closes; its code, 1006 if it says none."""
        while not isinstance(event := await self._event(), CloseConnection):
            if isinstance(event, Ping):
                self.pings += 1
                await self._stream.send_all(self._protocol.send(event.response()))
        return event.code

    async def _event(self) -> Event:
        while not self._events:
            data = bytes(await self._stream.receive_some(_RECEIVE_BYTES))
            self._protocol.receive_data(data or None)
            self._events.extend(self._protocol.events())
        return self._events.popleft()


@asynccontextmanager
async def upgraded(address: Address, path: str, *, verify: bool = True, **headers: str) -> AsyncIterator[Socket]:
    """An open WebSocket; closed without a goodbye.

    Raises:
        Rejected, Strange, and those of `dial`.
    """
    extra = [(name.encode(), value.encode()) for name, value in _named(headers)]
    async with dial(address, verify=verify) as stream:
        socket = Socket(stream)
        await socket.open(Request(host=address.authority, target=address.path + path, extra_headers=extra))
        yield socket


def _named(headers: dict[str, str]) -> Sequence[tuple[str, str]]:
    return [(name.replace("_", "-"), value) for name, value in headers.items()]
