"""A figure of tickets, compared with tokens."""

import time
from collections.abc import Sequence
from statistics import median

from reichatd.bench.client import FrameReader, connect
from reichatd.bench.target import BenchTarget
from tests.bench.daemons import daemons
from tests.bench.targets import Figure, Run, at_most, unbounded

_OPENED = 200


def _tickets(run: Run) -> Sequence[float]:
    """In turn: the machine gets slower or faster for both."""
    by_token, by_ticket = [], []
    with daemons(2, 1) as at:
        here, there = at.targets
        path = at.requests[0].partition("?")[0]
        for _ in range(run.scaled(_OPENED, 20)):
            by_token.append(_open(there, at.requests[0]))
            ticket = here.call("POST", "/ws/ticket")["ticket"]
            by_ticket.append(_open(there, f"{path}?ticket={ticket}"))
    token, ticket = median(by_token), median(by_ticket)
    return ticket / token, token, ticket


def _open(target: BenchTarget, request: str) -> float:
    """Milliseconds from the connection to the first frame."""
    began = time.perf_counter()
    with connect(target.host, target.port, request) as sock:
        FrameReader().wait_text(sock)
        return (time.perf_counter() - began) * 1000


FIGURES = [
    Figure(
        "tickets",
        "a socket opened with a ticket of another daemon",
        [
            at_most(2.2, "median time over that with a token"),
            unbounded("with a token", "ms"),
            unbounded("with a ticket", "ms"),
        ],
        _tickets,
    ),
]
