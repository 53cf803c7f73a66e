"""Figures of users' sockets: people in 200 rooms."""

import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

from reichatd.bench.specs import Talk
from reichatd.bench.target import BenchTarget, PrivateTarget, private
from tests.bench.monitoring import cpu_seconds, watch
from tests.bench.targets import Figure, Run, at_most, unbounded

_ROOMS = 200
_PEOPLE = 100
_SECONDS = 20
_HELLO_END = b"}]}"
_HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _user_sockets(run: Run) -> Sequence[float]:
    with private({}) as target, ExitStack() as stack:
        requests = target.rooms(_ROOMS)
        author = target.as_another("author")
        theirs = [author.socket_request(request.split("?")[0].rpartition("/")[2]) for request in requests]
        for request in requests:
            author.call("POST", f"/room/{request.split('?')[0].rpartition('/')[2]}/join")
        alone = _load(target, author, theirs)
        people = run.scaled(_PEOPLE)
        used = target.resident_kib()
        hellos = []
        readers = []
        for _ in range(people):
            began = time.perf_counter()
            readers.append(stack.enter_context(_open(target, f"/ws/user?token={target.token}", _HELLO_END)))
            hellos.append(time.perf_counter() - began)
            readers.append(stack.enter_context(_open(target, requests[0], b'"type":"initial_state"')))
        each = (target.resident_kib() - used) / people
        with _reading(readers):
            followed = _load(target, author, theirs)
        return median(hellos) * 1000, each, (followed - alone) * _PEOPLE / people, alone


def _open(target: BenchTarget, request: str, until: bytes) -> socket.socket:
    """Opens a WebSocket, and waits for its first frame."""
    client = socket.create_connection((target.host, target.port))
    client.sendall(_HANDSHAKE.format(request).encode())
    received = b""
    while until not in received:
        data = client.recv(65_536)
        assert data, received
        received += data
    return client


@contextmanager
def _reading(clients: Sequence[socket.socket]) -> Iterator[None]:
    """Reads what the clients are sent, and drops it."""
    poll, of_number = select.poll(), {client.fileno(): client for client in clients}
    for number in of_number:
        poll.register(number, select.POLLIN)
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            for number, _ in poll.poll(100):
                of_number[number].recv(1_048_576)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        is_over.set()
        reader.join()


def _load(target: PrivateTarget, author: BenchTarget, requests: list[str]) -> float:
    """Cores that the daemon uses while someone posts a message a second in each room."""
    spec = Talk(
        port=author.port,
        requests=requests,
        clients=len(requests),
        senders=len(requests),
        messages=_SECONDS,
        rate=1.0,
        answers=1,
        readers=1,
    )
    watched = watch(spec, lambda: cpu_seconds(target))
    # Without the first and the last tenth, in which clients may still connect or already leave.
    edge = (watched.ended - watched.started) / 10
    steady = [each for each in watched.samples if watched.started + edge <= each[0] <= watched.ended - edge]
    (first, before), (last, after) = steady[0], steady[-1]
    return (after - before) / (last - first)


FIGURES = [
    Figure(
        "user-sockets",
        f"{_PEOPLE} people in {_ROOMS} rooms, each with /ws/user and one open room; a message a second in each room",
        [
            at_most(50, "until `hello`", "ms"),
            at_most(40, "the two sockets of one", "KiB"),
            at_most(0.1, f"for {_PEOPLE} people, in addition to the posts", "cores"),
            unbounded("for the posts", "cores"),
        ],
        _user_sockets,
    )
]
