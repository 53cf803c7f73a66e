"""Figures of how much later a daemon shows what was posted at another one.

Run as a program, it is the process that posts at one daemon, listens at the other, and compares their times by one clock. It
reads a `LagSpec` from standard input, and writes a `LagOutcome`.
"""

import re
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from socket import socket
from typing import NamedTuple

import msgspec

from reichatd.bench.client import PING, PONG, FrameReader, connect, text_frame
from reichatd.bench.scenarios import LISTEN_TO_CHANGES
from reichatd.bench.specs import Latency, latency
from tests.bench.daemons import Daemons, daemons
from tests.bench.targets import Figure, Run, at_most, unbounded

_LAST_SECONDS = 10.0
"""How long to wait for the last acks and messages."""
_UNANSWERED = 1000
"""Posts without an ack, at most: a machine that is too slow for the rate reaches a lower one, not a longer and longer queue."""
_POLL_SECONDS = 0.001
_AT_ONCE = 64
"""Sockets that are opened at the same time."""
_MOST_SECONDS = 60.0
"""Of one measurement."""
_ACK = re.compile(rb'"type":"ack","nonce":"\w+ (\d+)"')
_MESSAGE = re.compile(rb'"type":"latest_message","message":{"message_id":(\d+),.*"content":"(\d+) ')


class LagSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Posts to rooms by turns.

    Arguments:
        requests: request targets that open a WebSocket in each room.
        poster, listener: the ports of the daemons.
        rate: messages a second, in all rooms together.
        seconds: how long to post.
    """

    requests: list[str]
    poster: int
    listener: int
    rate: float
    seconds: float


class LagOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    Arguments:
        late: milliseconds from an ack to its message at the listener; below 0 if the message came first.
        acked: of the time from a post to its ack.
        rate: posts that were acknowledged, per second.
        lost: messages without an ack, or that the listener did not get.
        wrong: messages that the listener got twice, or out of order.
    """

    late: Latency
    acked: Latency
    rate: float
    lost: int
    wrong: int


def main() -> None:
    """Runs the process."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=LagSpec)
    sys.stdout.buffer.write(msgspec.json.encode(_LagRunner(spec).run()))


class _Client(NamedTuple):
    """A connection in a room, at one of the daemons."""

    sock: socket
    reader: FrameReader
    room: int
    posts: bool


class _LagRunner:
    def __init__(self, spec: LagSpec) -> None:
        self._spec = spec
        self._name = secrets.token_hex(8).encode()  # a nonce of an earlier run would be a repeat
        self._posters = list(self._connect(spec.poster, posts=True))
        listeners = self._connect(spec.listener, posts=False)
        self._clients = {client.sock.fileno(): client for client in (*self._posters, *listeners)}
        self._poll = select.epoll()
        for fd in self._clients:
            self._poll.register(fd, select.EPOLLIN)
        self._last_ids: dict[int, int] = {}  # by room: what the listener got
        self._sent: list[float] = []
        self._acked: dict[int, float] = {}
        self._seen: dict[int, float] = {}
        self._wrong = 0

    def run(self) -> LagOutcome:
        spec = self._spec
        started = due = time.perf_counter()
        while time.perf_counter() < started + spec.seconds:
            while due <= time.perf_counter() and len(self._sent) - len(self._acked) < _UNANSWERED:
                self._post()
                due = max(due + 1 / spec.rate, time.perf_counter() - 1)
            self._receive()
        end = time.perf_counter() + _LAST_SECONDS
        while min(len(self._acked), len(self._seen)) < len(self._sent) and time.perf_counter() < end:
            self._receive()
        both = self._acked.keys() & self._seen.keys()
        return LagOutcome(
            late=latency([(self._seen[each] - self._acked[each]) * 1000 for each in both]),
            acked=latency([(at - self._sent[each]) * 1000 for each, at in self._acked.items()]),
            rate=len(self._acked) / (max(self._acked.values(), default=end) - started),
            lost=len(self._sent) - len(both),
            wrong=self._wrong,
        )

    def _connect(self, port: int, *, posts: bool) -> Iterator[_Client]:
        """Opens a socket in each room, some at once."""
        requests = list(enumerate(self._spec.requests))
        for first in range(0, len(requests), _AT_ONCE):
            some = [
                _Client(connect("127.0.0.1", port, request), FrameReader(), room, posts)
                for room, request in requests[first : first + _AT_ONCE]
            ]
            for client in some:
                client.reader.wait_text(client.sock)  # the initial state
                if not posts:
                    client.sock.sendall(text_frame(LISTEN_TO_CHANGES.encode()))
            for client in some:
                while not posts and b'"type":"caught_up"' not in client.reader.wait_text(client.sock):
                    pass
            yield from some

    def _post(self) -> None:
        number = len(self._sent)
        text = b'{"type":"message","content":"%d %b","nonce":"%b %d"}' % (
            number,
            b"x" * 60,
            self._name,
            number,
        )
        self._sent.append(time.perf_counter())
        self._posters[number % len(self._posters)].sock.sendall(text_frame(text))

    def _receive(self) -> None:
        for fd, _ in self._poll.poll(_POLL_SECONDS):
            client = self._clients[fd]
            data, now = client.sock.recv(1 << 20), time.perf_counter()
            if PING in data:
                client.sock.sendall(PONG)
            client.reader.feed(data)
            for text in client.reader.texts():
                if client.posts:
                    if ack := _ACK.search(text):
                        self._acked[int(ack[1])] = now
                elif message := _MESSAGE.search(text):
                    self._take(client.room, int(message[1]), int(message[2]), now)

    def _take(self, room: int, message_id: int, number: int, now: float) -> None:
        # The first id is that of an earlier run's last message, and one.
        if message_id != self._last_ids.get(room, message_id - 1) + 1 or number in self._seen:
            self._wrong += 1
        self._last_ids[room] = message_id
        self._seen.setdefault(number, now)


def _behind(run: Run) -> Sequence[float]:
    many, seconds = run.scaled(1000, 100), max(1.0, 4 * run.scale)
    with daemons(2, many) as at:
        outcomes = [_measure(at, rooms, rate, seconds) for rate in (1000, 5000) for rooms in (50, many)]
    lines = [(each.late.p50, each.late.p99, each.acked.p50, each.rate) for each in outcomes]
    return [
        *(value for line in lines for value in line),
        sum(each.lost for each in outcomes),
        sum(each.wrong for each in outcomes),
    ]


def _measure(at: Daemons, rooms: int, rate: float, seconds: float) -> LagOutcome:
    poster, listener = at.targets
    spec = LagSpec(requests=at.requests[:rooms], poster=poster.port, listener=listener.port, rate=rate, seconds=seconds)
    command = [sys.executable, "-m", "tests.bench.behind"]
    process = subprocess.run(
        command, check=True, input=msgspec.json.encode(spec), stdout=subprocess.PIPE, timeout=_MOST_SECONDS
    )
    return msgspec.json.decode(process.stdout, type=LagOutcome)


FIGURES = [
    Figure(
        "behind",
        "how much later a listener at another daemon has a message than its author the ack",
        [
            line
            for rate, most in ((1000, 20), (5000, 100))
            for rooms in (50, 1000)
            for line in (
                at_most(5, f"p50, {rate:,} messages a second in {rooms:,} rooms", "ms"),
                at_most(most, "p99", "ms"),
                unbounded("p50 of the acks", "ms"),
                unbounded("posted", "/s"),
            )
        ]
        + [at_most(0, "messages lost"), at_most(0, "messages twice or out of order")],
        _behind,
    )
]


if __name__ == "__main__":
    main()
