"""Figures of rooms that are written and listened to at several daemons, compared with one daemon."""

from collections.abc import Sequence
from functools import partial
from statistics import median

from reichatd.bench.scenarios import ACK, ACKED, drive
from reichatd.bench.specs import Outcome, Talk
from tests.bench.daemons import Daemons, daemons, in_turn
from tests.bench.monitoring import cpu_seconds
from tests.bench.targets import Figure, Run, at_least, at_most, unbounded

_SENDERS = 60
_POSTS = 60
"""Of each sender."""
_ROOMS = 60
_LISTENERS = 1000
_TALKERS = 50
_TALKED = 60
"""Messages of each who talks to the listeners."""
_ROUNDS = 4


def _hot_room(run: Run) -> Sequence[float]:
    messages = run.scaled(_POSTS, 10)
    with daemons(3, _ROOMS) as at:
        contestants = [
            partial(_post, at, 1, 1, messages),
            partial(_post, at, 2, 1, messages),
            partial(_post, at, 3, 1, messages),
            partial(_post, at, 1, _ROOMS, messages),
            partial(_post, at, 2, _ROOMS, messages),
        ]
        one, two, three, own, own_two = outcomes = in_turn(contestants, _ROUNDS)
    return (
        two.per_second / one.per_second,
        three.per_second / one.per_second,
        own_two.per_second / own.per_second,
        one.per_second,
        own.per_second,
        two.latency.p99,
        three.latency.p99,
        sum(each.lost for each in outcomes),
    )


def _post(at: Daemons, count: int, rooms: int, messages: int) -> Outcome:
    """Posts at some of the daemons, each sender after its ack. With two daemons, half of the rooms are written at each."""
    ports = [target.port for target in at.targets[:count]]
    return drive(
        Talk(
            port=ports[0],
            others=ports[1:],
            requests=at.requests[:rooms],
            clients=_SENDERS,
            senders=_SENDERS,
            messages=messages,
            window=2,
            answers=1,
            readers=1,
            opening="",
            template=ACKED,
            match=ACK,
        )
    )


def _burst(run: Run) -> Sequence[float]:
    messages, listeners = run.scaled(_TALKED, 6), run.scaled(_LISTENERS, 2 * _TALKERS)
    busiest: dict[int, list[float]] = {1: [], 2: []}
    with daemons(2, 1) as at:

        def talk(count: int) -> Outcome:
            talking = at.targets[:count]
            before = [cpu_seconds(target) for target in talking]
            outcome = _talk(at, count, messages, listeners)
            used = [cpu_seconds(target) - earlier for target, earlier in zip(talking, before, strict=True)]
            busiest[count].append(max(used))
            return outcome

        one, two = in_turn([partial(talk, count) for count in (1, 2)], _ROUNDS)
    return (
        two.per_second / one.per_second,
        median(busiest[1]) / median(busiest[2]),
        one.per_second,
        two.per_second,
        two.latency.p99,
        one.lost + two.lost,
    )


def _talk(at: Daemons, count: int, messages: int, listeners: int) -> Outcome:
    ports = [target.port for target in at.targets[:count]]
    return drive(
        Talk(
            port=ports[0],
            others=ports[1:],
            requests=at.requests,
            clients=listeners,
            senders=_TALKERS,
            messages=messages,
            window=2,
            answers=_TALKERS,
            readers=listeners,
        )
    )


FIGURES = [
    Figure(
        "hot-room",
        "60 senders at several daemons, each waiting for its acks",
        [
            at_least(0.55, "posts in one room through two daemons, over those through one"),
            at_least(0.4, "through three daemons"),
            at_least(0.9, "posts in 60 rooms, half of them at another daemon, over those of one daemon"),
            unbounded("posts in one room through one daemon", "/s"),
            unbounded("posts in 60 rooms through one daemon", "/s"),
            unbounded("p99 through two daemons", "ms"),
            unbounded("p99 through three", "ms"),
            at_most(0, "posts lost"),
        ],
        _hot_room,
    ),
    Figure(
        "burst-of-two",
        "1,000 listeners, 50 senders, one room at two daemons; what bounds it is the machine, where it has few cores",
        [
            at_least(1.5, "deliveries over those of one daemon"),
            at_least(1.5, "processor time of one daemon, over that of the busier one of two"),
            unbounded("deliveries of one daemon", "/s"),
            unbounded("deliveries of two", "/s"),
            unbounded("p99 of two", "ms"),
            at_most(0, "deliveries lost"),
        ],
        _burst,
    ),
]
