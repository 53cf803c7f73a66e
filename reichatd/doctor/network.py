"""HTTP and WebSocket requests of the doctor, each on a new connection.

It uses httpcore, the transport of httpx: httpcore adds no headers, decodes no bodies, and keeps the cause of an error.
It does not use trio-websocket, whose handshake never ends if the peer closes without an answer, whose refusals may have
bodies of any size, and which counts no pings. The upgrade is a request like any other; wsproto decodes the frames after it.

No function has a timeout of its own: the runner's ends the whole check.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpcore
import trio
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Event, Ping
from wsproto.utilities import generate_accept_token, generate_nonce

from reichatd import unixsocket
from reichatd.hosts import UNIX, with_port

_RECEIVE_BYTES = 16_384
_MAX_BODY_BYTES = 1_048_576
_NO_WEBSOCKET = "something else than a WebSocket"
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
"""Sent as they are (RFC 3986, 3.3), and "%", since a path may be encoded already."""


class BadAnswer(Exception):
    """The peer does not answer as HTTP or WebSocket demand. The text says what is wrong, and quotes nothing of the answer."""


class UpgradeRejected(Exception):
    """The peer answered the request for a WebSocket with this HTTP status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Address(NamedTuple):
    """Where a URL leads. `socket` is the path of a Unix socket, which is used in place of host and port."""

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
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def authority(self) -> str:
        return with_port(self.host, self.port).removesuffix(f":{443 if self.secure else 80}")

    @property
    def origin(self) -> str:
        """The Origin that a browser sends for a page at this address (RFC 6454, 6.2)."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return f"{UNIX}{self.socket}" if self.socket else f"{self.origin}{self.path}"


class Answer(NamedTuple):
    """The answer to a GET. Names of headers are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class WebSocket:
    """The client's side of an open WebSocket; made by `open_websocket`."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self.pings = 0
        """Pings received, each of which was answered."""
        self._stream = stream
        self._protocol = Connection(ConnectionType.CLIENT)

    async def closed(self) -> int:
        """Waits until the peer closes, and returns its close code: 1006 if the connection ended without one.

        Messages are discarded.

        Raises:
            trio.BrokenResourceError: the connection was reset.
        """
        while True:
            for event in self._protocol.events():
                if isinstance(event, CloseConnection):
                    return event.code
                await self._handle(event)
            with _map_errors():
                data = await self._stream.read(_RECEIVE_BYTES)
            self._protocol.receive_data(data or None)

    async def _handle(self, event: Event) -> None:
        if isinstance(event, Ping):
            self.pings += 1
            with _map_errors():
                await self._stream.write(self._protocol.send(event.response()))


async def certificate(address: Address) -> dict[str, Any]:
    """The verified certificate of an https address, as `ssl.SSLSocket.getpeercert` returns it.

    Raises:
        OSError: no connection.
        trio.BrokenResourceError: TLS failed; the cause is an ssl.SSLError.
    """
    with _map_errors():
        plain = await httpcore.TrioBackend().connect_tcp(address.host, address.port)
        try:
            secure = await plain.start_tls(_tls(verify=True), address.host)
            found: dict[str, Any] = secure.get_extra_info("ssl_object").getpeercert()
        finally:
            await plain.aclose()
    return found


async def get(address: Address, path: str, *, verify: bool = True, **headers: str) -> Answer:
    """The answer to a GET of this path below the address.

    Arguments:
        verify: whether TLS demands a valid certificate.
        headers: names with "_" in place of "-".

    Raises:
        OSError: no connection.
        trio.BrokenResourceError: the connection was reset, or TLS failed: then the cause is an ssl.SSLError.
        BadAnswer: no HTTP, or a body of more than 1 MiB.
    """
    with _map_errors():
        async with _response(address, path, {"Connection": "close", **headers}, verify=verify) as response:
            return Answer(response.status, _by_name(response), await _body(response))


@asynccontextmanager
async def open_websocket(
    address: Address, path: str, *, verify: bool = True, **headers: str
) -> AsyncIterator[WebSocket]:
    """An open WebSocket. Leaving the context closes the connection without a close frame.

    Arguments: as for `get`.

    Raises:
        UpgradeRejected: the answer is another status than 101.
        OSError, trio.BrokenResourceError, BadAnswer: as for `get`.
    """
    key = generate_nonce()
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
    }
    with _map_errors(_NO_WEBSOCKET):
        async with _response(address, path, upgrade | headers, verify=verify) as response:
            if response.status != 101:
                raise UpgradeRejected(response.status)
            if not _accepts(_by_name(response), key):
                raise BadAnswer(_NO_WEBSOCKET)
            yield WebSocket(response.extensions["network_stream"])


@asynccontextmanager
async def _response(
    address: Address, path: str, headers: dict[str, str], *, verify: bool
) -> AsyncIterator[httpcore.Response]:
    """The head of the answer to a GET, on a connection that ends with the context."""
    url = httpcore.URL(
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        target=quote(address.path + path, safe=_PATH_CHARACTERS) or "/",
    )
    lines = [("Host", address.authority), *((name.replace("_", "-"), value) for name, value in headers.items())]
    tls = _tls(verify=verify) if address.secure else None
    with unixsocket.address(Path(address.socket)) if address.socket else nullcontext() as socket:
        # A connection and not a pool of them, which drops the causes of errors.
        connection = httpcore.AsyncHTTPConnection(url.origin, tls, uds=socket, network_backend=httpcore.TrioBackend())
        async with connection, connection.stream("GET", url, headers=lines) as response:
            yield response


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _by_name(response: httpcore.Response) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in response.headers}


async def _body(response: httpcore.Response) -> bytes:
    body = bytearray()
    # Cancelled, and not left: an exception here would leave httpcore's generators to the garbage collector.
    with trio.CancelScope() as scope:
        async for data in response.aiter_stream():
            body += data
            if len(body) > _MAX_BODY_BYTES:
                scope.cancel()
    if len(body) > _MAX_BODY_BYTES:
        raise BadAnswer("an answer without end")
    return bytes(body)


def _accepts(headers: dict[bytes, bytes], key: bytes) -> bool:
    """Whether an answer with status 101 opens the WebSocket (RFC 6455, 4.1)."""
    return (
        headers.get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in [each.strip() for each in headers.get(b"connection", b"").lower().split(b",")]
        and headers.get(b"sec-websocket-accept", b"") == generate_accept_token(key)
    )


@contextmanager
def _map_errors(bad_answer: str = "no HTTP") -> Iterator[None]:
    """Raises the errors of the system, of TLS and of the doctor in place of httpcore's.

    Arguments:
        bad_answer: what a BadAnswer says where no answer came, or one that is not HTTP.
    """
    try:
        yield
    except httpcore.RemoteProtocolError:
        raise BadAnswer(bad_answer) from None
    except httpcore.NetworkError as error:
        if isinstance(error.__cause__, OSError | trio.BrokenResourceError):
            raise error.__cause__ from error.__cause__.__cause__
        raise
