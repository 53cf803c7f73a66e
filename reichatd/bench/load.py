"""A load process: reads its spec from standard input, generates the load, and writes the outcome to standard output.

It uses plain sockets and epoll, and as little Python for each delivery as possible: deliveries are counted, not parsed.
"""

import re
import select
import socket
import sys
import time
from collections import deque

import msgspec

from reichatd.bench.client import PING, PONG, ConnectionLost, FrameReader, connect, is_whole, text_frame
from reichatd.bench.specs import (
    Attack,
    AttackOutcome,
    Call,
    Fetch,
    Honest,
    HonestOutcome,
    Idle,
    Join,
    Outcome,
    Spec,
    Talk,
    latency,
)

_STAMP = re.compile(rb"T(\d+)\.")
_TIMED = 40
"""About how many clients measure the latency of their deliveries."""
_SETTLE_SECONDS = 0.5
_BUFFER = bytearray(1 << 20)


def main() -> None:
    """Runs the process."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Spec)
    outcome: Outcome | AttackOutcome | HonestOutcome
    match spec:
        case Talk():
            outcome = _TalkRunner(spec).run()
        case Join():
            outcome, _ = _join(spec)
        case Fetch():
            outcome = _fetch(spec)
        case Call():
            outcome = _call(spec)
        case Idle():
            outcome, sockets = _join(spec)
            _report(outcome)
            _keep_open(sockets)
            return
        case Honest():
            from reichatd.bench import honest

            outcome = honest.run(spec)
        case Attack():
            from reichatd.bench import attacks

            outcome = attacks.run(spec)
    _report(outcome)


def _report(outcome: Outcome | AttackOutcome | HonestOutcome) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    sys.stdout.buffer.flush()


class _Client:
    """One connection of a conversation."""

    __slots__ = ("first", "got", "sent", "sock", "tail", "timed")

    def __init__(self, sock: socket.socket, *, first: int, timed: bool) -> None:
        self.sock = sock
        self.first = first  # the number of its first message
        self.timed = timed
        self.tail = b""  # the end of the last bytes received: a match may begin there
        self.sent = 0
        self.got = 0


class _TalkRunner:
    """Runs a `specs.Talk`."""

    def __init__(self, spec: Talk) -> None:
        self._spec = spec
        self._match = spec.match.encode()
        self._padding = b"x" * spec.padding
        self._latencies: list[float] = []

    def run(self) -> Outcome:
        spec = self._spec
        clients = [self._connect(number) for number in range(spec.clients)]
        by_fd = {client.sock.fileno(): client for client in clients}
        poll = select.epoll()
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        self._settle(poll, by_fd)
        senders = deque(clients[: spec.senders])
        total, started = 0, time.perf_counter()
        last = due = started
        for client in senders:
            self._send(client, spec.window)
        while total < spec.expected and time.perf_counter() - started < spec.seconds:
            if spec.rate:
                due = self._send_due(senders, due)
            for fd, _ in poll.poll(0.002 if spec.rate else 0.5, 1024):
                if count := self._receive(by_fd[fd]):
                    total += count
                    last = time.perf_counter()
        return Outcome(
            count=total, lost=spec.expected - total, elapsed=last - started, latency=latency(self._latencies)
        )

    def _connect(self, number: int) -> _Client:
        spec = self._spec
        port = (spec.port, *spec.others)[number % (1 + len(spec.others))]
        sock = connect(spec.host, port, spec.requests[number % len(spec.requests)])
        first, timed = 1 + number * spec.messages, number % max(1, spec.clients // _TIMED) == 0
        client = _Client(sock, first=first, timed=timed)
        FrameReader().wait_open(sock)
        if spec.opening:
            sock.sendall(text_frame(spec.opening.encode()))
        sock.setblocking(False)
        return client

    def _settle(self, poll: select.epoll, by_fd: dict[int, _Client]) -> None:
        """Receives and discards what belongs to connecting, such as initial states."""
        end = time.perf_counter() + _SETTLE_SECONDS
        while time.perf_counter() < end:
            for fd, _ in poll.poll(0.05):
                self._receive(by_fd[fd])
        for client in by_fd.values():
            client.got = 0
        self._latencies.clear()

    def _send(self, client: _Client, count: int = 1) -> None:
        for _ in range(min(count, self._spec.messages - client.sent)):
            stamp = b"T%d." % time.perf_counter_ns()
            text = self._spec.template.encode().replace(b"@@", stamp + self._padding).replace(b"##", stamp)
            client.sock.sendall(text_frame(text.replace(b"%%", b"%d" % (client.first + client.sent))))
            client.sent += 1

    def _send_due(self, senders: deque[_Client], due: float) -> float:
        """Sends the messages that are due, from the senders in turn, and returns when the next one is due."""
        while due <= time.perf_counter():
            self._send(senders[0])
            senders.rotate(-1)
            due += 1 / (self._spec.rate * len(senders))
        return due

    def _receive(self, client: _Client) -> int:
        """Receives, and returns the number of deliveries."""
        try:
            size = client.sock.recv_into(_BUFFER)
        except BlockingIOError:
            return 0
        if not size:
            raise ConnectionLost("the server has closed a connection")
        # Counted in the buffer: copying would cost more than counting.
        count = _BUFFER.count(self._match, 0, size)
        cut = len(self._match) - 1
        count += (client.tail + _BUFFER[: min(cut, size)]).count(self._match)  # a match across two receives
        client.tail = (client.tail + bytes(_BUFFER[max(0, size - cut) : size]))[-cut:]
        if _BUFFER.find(PING, 0, size) >= 0:
            client.sock.sendall(PONG)
        if count and client.timed:
            now = time.perf_counter_ns()
            self._latencies += [(now - int(stamp[1])) / 1e6 for stamp in _STAMP.finditer(_BUFFER, 0, size)]
        if client.sent and not self._spec.rate:
            rounds = client.got // self._spec.answers
            client.got += count
            self._send(client, client.got // self._spec.answers - rounds)
        return count


def _join(spec: Join | Idle) -> tuple[Outcome, list[socket.socket]]:
    """Connects all clients, `at_once` at a time. One has joined when it got its initial state and sent `listen_latest`."""
    listen = text_frame(b'{"type":"listen_latest"}')
    joined: list[socket.socket] = []
    readers: dict[int, tuple[socket.socket, FrameReader, float]] = {}
    milliseconds: list[float] = []
    poll = select.epoll()
    requests = deque(spec.requests[number % len(spec.requests)] for number in range(spec.clients))
    started = time.perf_counter()
    while (requests or readers) and time.perf_counter() - started < spec.seconds:
        while requests and len(readers) < spec.at_once:
            start = time.perf_counter()
            sock = connect(spec.host, spec.port, requests.popleft())
            sock.setblocking(False)
            poll.register(sock.fileno(), select.EPOLLIN)
            readers[sock.fileno()] = sock, FrameReader(), start
        for fd, _ in poll.poll(0.5):
            sock, reader, start = readers[fd]
            reader.feed(sock.recv(65_536))
            if any(True for _ in reader.texts()):
                sock.send(listen)
                milliseconds.append((time.perf_counter() - start) * 1000)
                joined.append(sock)
                poll.unregister(fd)
                del readers[fd]
    elapsed = time.perf_counter() - started
    lost = spec.clients - len(joined)
    return Outcome(count=len(joined), lost=lost, elapsed=elapsed, latency=latency(milliseconds)), joined


def _keep_open(sockets: list[socket.socket]) -> None:
    """Keeps the sockets open, and answers pings, until standard input ends."""
    poll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    while True:
        for fd, _ in poll.poll():
            if fd == sys.stdin.fileno():
                return
            data = by_fd[fd].recv(65_536)
            if not data:
                poll.unregister(fd)
            elif PING in data:
                by_fd[fd].send(PONG)


def _fetch(spec: Fetch) -> Outcome:
    milliseconds: list[float] = []
    lost = 0
    sock = connect(spec.host, spec.port, spec.requests[0])
    reader = FrameReader()
    reader.wait_text(sock)  # the initial state
    started = time.perf_counter()
    for number in range(spec.pages):
        # Pages from all of the log, in an order that does not help a cache.
        first = 1 + number * 2_654_435_761 % max(1, spec.last_id - spec.page + 1)
        start = time.perf_counter()
        sock.sendall(text_frame(b'{"type":"fetch","from_id":%d,"to_id":%d}' % (first, first + spec.page - 1)))
        answer = reader.wait_text(sock)
        milliseconds.append((time.perf_counter() - start) * 1000)
        lost += answer.count(b'"message_id":') != spec.page
    return Outcome(count=spec.pages, lost=lost, elapsed=time.perf_counter() - started, latency=latency(milliseconds))


class _Caller:
    """One kept-alive connection that sends requests."""

    __slots__ = ("answer", "request", "sock", "start")

    def __init__(self, spec: Call, request: str) -> None:
        self.sock = socket.create_connection((spec.host, spec.port), timeout=spec.seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request.encode()
        self.answer = b""
        self.start = 0.0

    def send(self) -> None:
        self.start = time.perf_counter()
        self.sock.sendall(self.request)

    def receive(self) -> bytes | None:
        """Receives, and returns the answer once it is complete."""
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionLost("the server has closed a connection")
        self.answer += data
        if not is_whole(self.answer):
            return None
        answer, self.answer = self.answer, b""
        return answer


def _call(spec: Call) -> Outcome:
    callers = [_Caller(spec, spec.requests[number % len(spec.requests)]) for number in range(spec.clients)]
    by_fd = {caller.sock.fileno(): caller for caller in callers}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    milliseconds: list[float] = []
    lost, sent, started = 0, len(callers), time.perf_counter()
    for caller in callers:
        caller.send()
    while len(milliseconds) < sent and time.perf_counter() - started < spec.seconds:
        for fd, _ in poll.poll(0.5):
            caller = by_fd[fd]
            answer = caller.receive()
            if answer is None:
                continue
            milliseconds.append((time.perf_counter() - caller.start) * 1000)
            lost += not answer.startswith(b"HTTP/1.1 200")
            if sent < spec.calls:
                sent += 1
                caller.send()
    elapsed = time.perf_counter() - started
    return Outcome(count=len(milliseconds), lost=lost, elapsed=elapsed, latency=latency(milliseconds))


if __name__ == "__main__":
    main()
