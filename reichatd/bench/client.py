"""A minimal WebSocket client that counts messages: plain sockets, without a task for each."""

import re
import socket
from collections.abc import Iterator

_HANDSHAKE = (
    "GET {request} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: cmVpY2hhdGQgYmVuY2hlcw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PING = b"\x89\0"
"""An empty ping, as the daemon sends it. Its other frames never contain these bytes, since their JSON is ASCII here."""
PONG = b"\x8a\x80\0\0\0\0"


class ConnectionLost(Exception):
    """The server refused the handshake, or closed the connection."""


def text_frame(payload: bytes) -> bytes:
    """Encodes a text frame, masked with a key of zeros, which leaves the payload as it is."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + head + b"\0\0\0\0" + payload


def connect(host: str, port: int, request: str, *, source: str = "") -> socket.socket:
    """Connects, and sends the handshake. Waits for the connection, but not for the answer.

    Arguments:
        source: the address to connect from; "" leaves the choice to the system.
    """
    sock = socket.create_connection((host, port), timeout=30, source_address=(source, 0))
    send_handshake(sock, host, port, request)
    return sock


def send_handshake(sock: socket.socket, host: str, port: int, request: str) -> None:
    """Sends the handshake on a connected socket."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(handshake(host, port, request))


def handshake(host: str, port: int, request: str) -> bytes:
    """A client's handshake, as bytes."""
    return _HANDSHAKE.format(request=request, host=host, port=port).encode()


def is_whole(answer: bytes | bytearray) -> bool:
    """Whether these bytes are a complete answer to a request, with the body that its Content-Length announces."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and not (length and len(body) < int(length[1]))


class FrameReader:
    """Decodes what a server sends on one connection: the answer to the handshake, then frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._open = False

    def feed(self, data: bytes) -> None:
        """Takes received bytes.

        Raises:
            ConnectionLost: `data` is empty, since the server closed the connection.
        """
        if not data:
            raise ConnectionLost("the server has closed a connection")
        self._buffer += data

    def is_open(self) -> bool:
        """Whether the handshake is complete.

        Raises:
            ConnectionLost: the server refused it.
        """
        if not self._open and b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionLost(head.partition(b"\r\n")[0].decode("latin-1"))
            self._open = True
        return self._open

    def texts(self) -> Iterator[bytes]:
        """Yields the payload of each complete text frame.

        Raises:
            ConnectionLost: a close frame came.
        """
        while self.is_open() and len(buffer := self._buffer) >= 2:
            size, start = buffer[1] & 127, 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(buffer[2:start], "big")
            if len(buffer) < start + size:
                return
            opcode, payload = buffer[0] & 15, bytes(buffer[start : start + size])
            del buffer[: start + size]
            if opcode == 8:
                raise ConnectionLost(
                    f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}"
                )
            if opcode == 1:
                yield payload

    def wait_open(self, sock: socket.socket) -> None:
        """Blocks until the handshake is complete."""
        while not self.is_open():
            self.feed(sock.recv(65_536))

    def wait_text(self, sock: socket.socket) -> bytes:
        """Blocks until a text frame comes, and returns its payload."""
        while True:
            for text in self.texts():
                return text
            self.feed(sock.recv(65_536))
