"""A process that measures the latency of deliveries in a paced conversation, while the daemon has another load.

It reads a `ProbeSpec` from standard input, prints "ready", talks until standard input ends, and writes its deliveries.
"""

import select
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from reichatd.bench.client import PING, PONG, FrameReader, connect, text_frame

if TYPE_CHECKING:
    from socket import socket

_SETTLE_SECONDS = 0.5
_LAST_SECONDS = 10.0
"""How long to wait for the last deliveries."""


class ProbeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation in one room, where the first listener sends.

    Arguments:
        request: the request target that opens a WebSocket in the room.
        rate: messages a second.
    """

    host: str
    port: int
    request: str
    listeners: int
    rate: float


class Delivery(msgspec.Struct, frozen=True, array_like=True):
    """A delivery: when its message was sent, by `time.perf_counter`, and how long it took."""

    sent_at: float
    milliseconds: float


def main() -> None:
    """Runs the process."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=ProbeSpec)
    runner = _ProbeRunner(spec)
    runner.settle()
    print("ready", flush=True)
    runner.talk()
    sys.stdout.buffer.write(msgspec.json.encode(runner.deliveries))


class _ProbeRunner:
    def __init__(self, spec: ProbeSpec) -> None:
        self.deliveries: list[Delivery] = []
        self._pause = 1 / spec.rate
        self._sockets: dict[int, tuple[socket, FrameReader]] = {}
        self._poll = select.epoll()
        self._sent: list[float] = []
        for _ in range(spec.listeners):
            sock, reader = connect(spec.host, spec.port, spec.request), FrameReader()
            reader.wait_text(sock)  # the initial state
            sock.sendall(text_frame(b'{"type":"listen_latest"}'))
            self._sockets[sock.fileno()] = sock, reader
            self._poll.register(sock.fileno(), select.EPOLLIN)
        self._sender = next(iter(self._sockets.values()))[0]

    def settle(self) -> None:
        """Gives the daemon time to handle `listen_latest` of all clients."""
        time.sleep(_SETTLE_SECONDS)

    def talk(self) -> None:
        """Sends at a fixed rate until standard input ends, then waits for the last deliveries."""
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        due, going = time.perf_counter(), True
        while going:
            while due <= time.perf_counter():
                self._send()
                due += self._pause
            going = self._receive(due - time.perf_counter())
        self._poll.unregister(sys.stdin.fileno())
        end = time.perf_counter() + _LAST_SECONDS
        while len(self.deliveries) < len(self._sent) * len(self._sockets):
            assert time.perf_counter() < end, "messages are lost"
            self._receive(0.1)

    def _send(self) -> None:
        sent_at = time.perf_counter()
        self._sender.sendall(text_frame(b'{"type":"message","content":"%d"}' % len(self._sent)))
        self._sent.append(sent_at)

    def _receive(self, seconds: float) -> bool:
        """Receives for this time. Returns False when standard input has ended."""
        going = True
        for fd, _ in self._poll.poll(max(0.0, seconds)):
            if fd == sys.stdin.fileno():
                going = False
                continue
            sock, reader = self._sockets[fd]
            data = sock.recv(65_536)
            now = time.perf_counter()
            if PING in data:
                sock.sendall(PONG)
            reader.feed(data)
            for text in reader.texts():
                sent_at = self._sent[int(msgspec.json.decode(text)["message"]["content"])]
                self.deliveries.append(Delivery(sent_at, (now - sent_at) * 1000))
        return going


if __name__ == "__main__":
    main()
