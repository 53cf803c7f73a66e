"""A client that can break every rule: blocking sockets, and full control over each byte."""

import json
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

SECONDS = 25.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Answer(NamedTuple):
    """An HTTP response. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)
        return answer


class Frame(NamedTuple):
    """A frame from the server."""

    opcode: int
    payload: bytes

    @property
    def json(self) -> dict[str, Any]:
        assert self.opcode == TEXT, self
        fields: dict[str, Any] = json.loads(self.payload)
        return fields

    @property
    def close_code(self) -> int:
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame from a client, valid or not."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([masked << 7 | size])
    elif size < 65_536:
        head += bytes([masked << 7 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked << 7 | 127]) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload if masked else head + payload  # a mask of zeros leaves the payload as it is


def text(type: str, **fields: Any) -> bytes:  # noqa: ANN401 - JSON
    """A text frame with JSON of the chat's protocol."""
    return frame(TEXT, json.dumps({"type": type, **fields}).encode())


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def request(method: str, target: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """A request. Content-Length is added if there is a body and no header with its length."""
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def upgrade(target: str, *headers: str, method: str = "GET") -> bytes:
    """The opening handshake of a WebSocket, with the headers that it needs and these."""
    return request(
        method,
        target,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    )


class RawClient:
    """One connection. Each call blocks for SECONDS at most. Received bytes are kept until they are read."""

    def __init__(
        self,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        receive_buffer: int = 0,
        segment: int = 0,
        source: str = "",
    ) -> None:
        sock = socket.socket()
        sock.settimeout(SECONDS)
        if source:  # any address of 127.0.0.0/8
            sock.bind((source, 0))
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment:  # the server's buffer is sized by it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        try:
            sock.connect(("127.0.0.1", port))
            self.socket = tls.wrap_socket(sock, server_hostname="localhost") if tls else sock
        except OSError:
            sock.close()
            raise
        self.unread = b""
        self._message: list[Frame] = []  # the fragments of an unfinished one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Resets the connection, as a crashed machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    # --- receiving

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError(f"the server has closed; unread: {self.unread!r}")
        self.unread += data

    def take(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            EOFError: the connection ends before.
        """
        while len(self.unread) < count:
            self._more()
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    def take_line(self) -> str:
        while b"\r\n" not in self.unread:
            self._more()
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line.decode("latin-1")

    def rest(self) -> bytes:
        """All further bytes, up to the end of the connection, which must not be a reset."""
        while data := self.socket.recv(65_536):
            self.unread += data
        data, self.unread = self.unread, b""
        return data

    def ended(self) -> bool:
        """Waits until the connection ends or is reset. Returns whether nothing was received before."""
        try:
            return self.rest() == b""
        except (ConnectionError, ssl.SSLError):
            return not self.unread

    # --- HTTP

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next response, also an interim one (1xx)."""
        status = int(self.take_line().split(" ")[1])
        headers = {}
        while line := self.take_line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        has_body = has_body and status >= 200
        return Answer(status, headers, self.take(int(headers.get("content-length", 0))) if has_body else b"")

    def final(self) -> Answer:
        """The next response that is not interim."""
        while (answer := self.answer()).status < 200:
            pass
        return answer

    def ask(self, method: str, target: str, *headers: str, body: bytes = b"") -> Answer:
        self.send(request(method, target, *headers, body=body))
        return self.answer(has_body=method != "HEAD")

    # --- WebSocket

    def upgrade(self, target: str, *headers: str) -> Self:
        """Opens a WebSocket, which must be accepted."""
        self.send(upgrade(target, *headers))
        return self.upgraded()

    def upgraded(self) -> Self:
        answer = self.answer()
        assert answer.status == 101, answer
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        return self

    def frame(self) -> Frame:
        """The next complete message, or a control frame that comes before it."""
        while True:
            is_final, opcode, payload = self.fragment()
            if opcode >= CLOSE:
                assert is_final, "a control frame is never fragmented"
                return Frame(opcode, payload)
            assert (opcode == CONTINUATION) == bool(self._message), (
                "a message within a message, or a continuation without a beginning"
            )
            self._message.append(Frame(opcode, payload))
            if is_final:
                message, self._message = self._message, []
                return Frame(message[0].opcode, b"".join(piece.payload for piece in message))

    def fragment(self) -> tuple[bool, int, bytes]:
        """The next frame, which must be valid: whether it ends its message, its opcode, its payload."""
        first, size = self.take(2)
        assert first & 0b0111_0000 == 0, "no reserved bits"
        assert size < 128, "a server's frame is not masked"
        if size == 126:
            size = int.from_bytes(self.take(2), "big")
        elif size == 127:
            size = int.from_bytes(self.take(8), "big")
        return first & 0x80 != 0, first & 0b1111, self.take(size)

    def message(self) -> dict[str, Any]:
        """The next message. Answers the pings before it."""
        while (received := self.frame()).opcode == PING:
            self.send(frame(PONG, received.payload))
        return received.json

    def next(self, type: str) -> dict[str, Any]:
        """The next message of this type. Skips others before it, and answers pings."""
        while (message := self.message())["type"] != type:
            pass
        return message

    def goes_on(self) -> bool:
        """Whether the server answers a ping; nothing may come before the answer."""
        self.send(frame(PING, b"?"))
        return self.frame() == (PONG, b"?")

    def frames(self) -> Iterator[Frame]:
        """All frames up to and including the close frame."""
        while True:
            frame = self.frame()
            yield frame
            if frame.opcode == CLOSE:
                return

    def close_code(self) -> int:
        """Reads up to the close frame and answers it. Returns its code. Nothing may follow it."""
        *_, last = self.frames()
        self.send(frame(CLOSE, last.payload))
        assert self.rest() == b""
        return last.close_code


def noise(count: int) -> bytes:
    """Random bytes."""
    return os.urandom(count)
