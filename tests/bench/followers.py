"""Figures of clients that follow a room by HTTP."""

import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack

from reichatd.bench.target import PrivateTarget, private
from tests.bench.targets import Figure, Run, at_most, unbounded

_AT_ONCE = 50
"""Clients that open a connection at the same time: what their requests need for a moment does not count."""
_QUIET_SECONDS = 2.0
_SECONDS = 60.0
_COMMENT = b":\n\n"
_WAITING = {"REICHATD_LIMITS_POLL_SECONDS": "600", "REICHATD_LIMITS_COMMENT_SECONDS": "600"}


def _followers(run: Run) -> Sequence[float]:
    count = run.scaled(5000)
    streams = _measure(count, "/room/{}/events?after_id=0", _COMMENT)
    polls = _measure(count, "/room/{}/messages?after_id=0&after_change=0&wait=600", b"")
    return streams[0], polls[0], streams[1], polls[1], streams[2] + polls[2]


def _measure(count: int, path: str, greeting: bytes) -> tuple[float, float, int]:
    """Opens followers in one room, then posts a message.

    Arguments:
        path: what they ask for; "{}" stands for the room.
        greeting: what each is sent at once.

    Returns:
        KiB for each, the seconds until all have the message, and how many have not got it.
    """
    with private(_WAITING) as target, ExitStack() as stack:
        room_id = target.private_room()
        request = target.request(path.format(room_id)).encode()
        target.call("GET", f"/room/{room_id}/messages")
        used = target.resident_kib()
        clients: list[socket.socket] = []
        while len(clients) < count:
            new = [_connect(target) for _ in range(min(_AT_ONCE, count - len(clients)))]
            for client in new:
                stack.enter_context(client)
                client.sendall(request)
            if greeting:
                assert not _wait_for(greeting, new)
            target.call("GET", f"/room/{room_id}/messages")
            clients += new
        time.sleep(_QUIET_SECONDS)
        each = (target.resident_kib() - used) / count
        began = time.perf_counter()
        target.call("POST", f"/room/{room_id}/messages", {"content": "news"})
        lost = _wait_for(b'"content":"news"', clients)
        return each, time.perf_counter() - began, lost


def _connect(target: PrivateTarget) -> socket.socket:
    return socket.create_connection((target.host, target.port))


def _wait_for(text: bytes, clients: Sequence[socket.socket]) -> int:
    """Waits until each client has received this text. Returns how many have not."""
    end = time.perf_counter() + _SECONDS
    received = {client.fileno(): (client, b"") for client in clients}
    poll = select.poll()
    for number in received:
        poll.register(number, select.POLLIN)
    while received and time.perf_counter() < end:
        for number, _ in poll.poll(1000):
            client, before = received[number]
            data = client.recv(65_536)
            received[number] = client, before + data
            if text in before + data or not data:
                poll.unregister(number)
                if data:
                    del received[number]
    return len(received)


FIGURES = [
    Figure(
        "followers",
        "5,000 event streams in one room, then 5,000 long polls",
        [
            at_most(15, "each event stream, in addition to the daemon before", "KiB"),
            at_most(15, "each long poll", "KiB"),
            unbounded("a message to all event streams", "s"),
            unbounded("a message to all long polls", "s"),
            at_most(0, "followers without the message"),
        ],
        _followers,
    )
]
