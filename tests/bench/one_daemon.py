"""Figures of one daemon alone on MongoDB, compared with an earlier version; and of tickets, compared with tokens."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from reichatd.bench.client import FrameReader, connect
from reichatd.bench.scenarios import ACK, ACKED, drive
from reichatd.bench.specs import Outcome, Talk
from reichatd.bench.target import BenchTarget, started
from tests.bench.daemons import daemons, in_turn, on_mongodb
from tests.bench.targets import Figure, Run, at_least, at_most, unbounded
from tests.mongod import Mongod

_ROUNDS = 4
_SENDERS = 200
_ROOMS = 100
_POSTS = 50
"""Of each sender."""
_MESSAGES = 400
"""In the conversation."""
_OPENED = 200


def _alone(run: Run) -> Sequence[float]:
    assert run.before is not None
    with (
        Mongod(replica_set=True) as mongod,
        started(on_mongodb(mongod.uri, "now")) as now,
        started(on_mongodb(mongod.uri, "before"), source=run.before) as before,
    ):
        targets = (now, before)
        for target in targets:
            target.register("bench")
        posted, posted_before = in_turn([_posts(run, target) for target in targets], _ROUNDS)
        talked, talked_before = in_turn([_conversation(run, target) for target in targets], _ROUNDS)
    return (
        posted.per_second / posted_before.per_second,
        talked.per_second / talked_before.per_second,
        posted.per_second,
        talked.per_second,
    )


def _posts(run: Run, target: BenchTarget) -> Callable[[], Outcome]:
    spec = Talk(
        port=target.port,
        requests=target.rooms(_ROOMS),
        clients=_SENDERS,
        senders=_SENDERS,
        messages=run.scaled(_POSTS, 10),
        window=1,
        answers=1,
        readers=1,
        opening="",
        template=ACKED,
        match=ACK,
    )
    return partial(drive, spec)


def _conversation(run: Run, target: BenchTarget) -> Callable[[], Outcome]:
    spec = Talk(
        port=target.port,
        requests=target.rooms(1),
        clients=200,
        senders=1,
        messages=run.scaled(_MESSAGES, 50),
        window=1,
        answers=1,
        readers=200,
    )
    return partial(drive, spec)


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
        "alone",
        "one daemon alone on MongoDB, over the version of --before",
        [
            at_least(0.97, "posts of 200 senders in 100 rooms, over those before"),
            at_least(0.97, "messages of one sender with 200 listeners, over those before"),
            unbounded("posts", "/s"),
            unbounded("deliveries of the conversation", "/s"),
        ],
        _alone,
        compares=True,
    ),
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
