"""The client's side of a WebSocket, for counting rather than for talking: plain sockets, no task for each."""

import socket
from collections.abc import Iterator

_HANDSHAKE = (
    "GET {request} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: cmVpY2hhdGQgYmVuY2hlcw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b"\x89\0"
"""The daemon's pings are empty; these bytes stand in no other frame of it, since its JSON is UTF-8 of ASCII here."""
PONG = b"\x8a\x80\0\0\0\0"


class ConnectionLost(Exception):
    """The server did not take the handshake, or has closed the connection."""


def text_frame(payload: bytes) -> bytes:
    """A masked text frame; the key is zero, so that the payload is what it is."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + head + b"\0\0\0\0" + payload


def begin(host: str, port: int, request: str) -> socket.socket:
    """Connects, waiting for the kernel only, and sends the handshake."""
    sock = socket.create_connection((host, port), timeout=30)
    ask(sock, host, port, request)
    return sock


def ask(sock: socket.socket, host: str, port: int, request: str) -> None:
    """Sends the handshake on a socket that is connected."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(_HANDSHAKE.format(request=request, host=host, port=port).encode())


class FrameReader:
    """What a server sends on one connection: its side of the handshake, then frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._shaken = False

    def feed(self, data: bytes) -> None:
        """Takes what was received.

        Raises:
            Refused: nothing was: the server has closed.
        """
        if not data:
            raise ConnectionLost("the server has closed a connection")
        self._buffer += data

    def shaken(self) -> bool:
        """Whether the handshake is done.

        Raises:
            Refused: by an answer that is no handshake.
        """
        if not self._shaken and b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionLost(head.partition(b"\r\n")[0].decode("latin-1"))
            self._shaken = True
        return self._shaken

    def texts(self) -> Iterator[bytes]:
        """The payload of each text frame that is here, whole.

        Raises:
            Refused: a close frame.
        """
        while self.shaken() and len(buffer := self._buffer) >= 2:
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

    def wait_shaken(self, sock: socket.socket) -> None:
        """Receives, waiting, until the handshake is done."""
        while not self.shaken():
            self.feed(sock.recv(65_536))

    def wait_text(self, sock: socket.socket) -> bytes:
        """Receives, waiting, until there is a text frame."""
        while True:
            for text in self.texts():
                return text
            self.feed(sock.recv(65_536))
