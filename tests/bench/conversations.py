"""Figures of conversations: bursts, small rooms, posts, joins and slow readers."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from reichatd.bench import scenarios
from reichatd.bench.specs import Join, Latency, Outcome, Talk
from reichatd.bench.target import BenchTarget, private
from tests.bench import compare, stores
from tests.bench.monitoring import cpu_seconds, helper, probing, watch
from tests.bench.slow_readers import ReaderOutcomes, SlowReaders
from tests.bench.targets import Figure, Run, at_least, at_most, unbounded
from tests.mongod import Mongod


def _burst(run: Run) -> Sequence[float]:
    of = _round(compare.burst(run.tools))
    ours = of["reichatd"]
    rate, p99 = ours.per_second, ours.latency.p99
    limit, ws = of["limit.c"].per_second, of["Node's ws"].per_second
    return rate, rate / limit, rate / of["limit.c, our frames"].per_second, rate / ws, ours.lost, p99


def _conversation(run: Run) -> Sequence[float]:
    of = _round(compare.conversation(run.tools))
    ours, ws = of["reichatd"], of["Node's ws"]
    return ours.per_second, ours.per_second / ws.per_second, ours.latency.p50 / ws.latency.p50


def _round(contestants: dict[str, compare.Measure]) -> dict[str, Outcome]:
    return {contestant: measure() for contestant, measure in contestants.items()}


def _many_rooms(run: Run) -> Sequence[float]:
    rooms = run.scaled(1000)
    with private({}) as target:
        spec = Talk(
            port=target.port,
            requests=target.rooms(rooms),
            clients=rooms * 5,
            senders=rooms,
            messages=10,
            rate=1.0,
            answers=1,
            readers=5,
        )
        watched = watch(spec, lambda: cpu_seconds(target))
    # Without the first and the last tenth, in which clients may still connect or already leave.
    edge = (watched.ended - watched.started) / 10
    steady = [each for each in watched.samples if watched.started + edge <= each[0] <= watched.ended - edge]
    (first, before), (last, after) = steady[0], steady[-1]
    return (after - before) / (last - first), watched.outcome.latency.p99, watched.outcome.lost


def _posts(run: Run) -> Sequence[float]:
    with private({}) as target:
        on_sqlite = scenarios.posts(target, run.scale)
    with _on_mongodb() as target:
        on_mongodb = scenarios.posts(target, run.scale)
    return on_sqlite.figure, on_mongodb.figure, on_sqlite.lost + on_mongodb.lost


def _mongodb_burst(run: Run) -> Sequence[float]:
    shape = compare.BURST._replace(messages=run.scaled(compare.BURST.messages, 20))
    on_sqlite = compare.on_reichatd(run.tools, shape)
    with _on_mongodb() as target:
        request = target.rooms(1)[0]
        on_mongodb = shape.talk(run.tools, target.port, request, opening=compare.LISTEN, match=compare.LATEST)
    ratio = on_mongodb.per_second / on_sqlite.per_second
    return on_mongodb.per_second, on_sqlite.per_second, ratio, on_mongodb.lost + on_sqlite.lost


@contextmanager
def _on_mongodb() -> Iterator[BenchTarget]:
    """A daemon on a new replica set of one node. The store demands majority and journal for every write."""
    with Mongod(replica_set=True) as mongod:
        environ = {"REICHATD_STORAGE_BACKEND": "mongodb", "REICHATD_STORAGE_MONGODB_URI": mongod.uri}
        with private(environ | compare.UNPINGED) as target:
            yield target


def _joins(run: Run) -> Sequence[float]:
    """Each client has its own session, so that the daemon reads each."""
    count, secret = run.scaled(5000, 500), secrets.token_hex(32)
    with TemporaryDirectory() as directory:
        path = Path(directory, "crowd.sqlite3")
        tokens = stores.create_with_members(path, secret, count, "storm")
        with private({"REICHATD_STORAGE_PATH": str(path), "REICHATD_AUTH_SECRET_KEY": secret}) as target:
            requests = [f"/ws/chat/storm?token={token}" for token in tokens]
            with probing(target) as probe:
                calm = probe.wait(count / 1000)
                storm = watch(Join(port=target.port, requests=requests, clients=count), lambda: 0.0)
                probe.stop()
    during = probe.p99(storm.started, storm.ended)
    return storm.outcome.per_second, storm.outcome.lost, during, probe.p99(*calm), storm.outcome.latency.p99


class _SlowReadersResult(NamedTuple):
    """The latency of 900 listeners, the growth of the daemon's memory, and the outcomes of the slow readers."""

    latency: Latency
    grown_mib: float
    readers: ReaderOutcomes


def _slow_readers(run: Run) -> Sequence[float]:
    """The room gets 70 KB/s, so that slow readers soon exceed what the kernel buffers for them."""
    alone, beside = _listen_beside(run, 0), _listen_beside(run, 100)
    p99, calm, readers = beside.latency.p99, alone.latency.p99, beside.readers
    return p99 / calm, p99, calm, beside.grown_mib, readers.failed, readers.closed, readers.behind


def _listen_beside(run: Run, slow: int) -> _SlowReadersResult:
    with private({}) as target:
        request = target.rooms(1)[0]
        talk = Talk(
            port=target.port,
            requests=[request],
            clients=900,
            senders=10,
            messages=5 * run.scaled(20, 5),
            rate=5.0,
            answers=1,
            readers=900,
            padding=1000,
        )
        with helper(
            "slow_readers", SlowReaders(host=target.host, port=target.port, request=request, clients=slow)
        ) as process:
            watched = watch(talk, target.resident_kib)
            output, _ = process.communicate(b"%d\n" % (talk.senders * talk.messages))
    sizes = [size for _, size in watched.samples]
    return _SlowReadersResult(
        watched.outcome.latency, (max(sizes) - sizes[0]) / 1024, msgspec.json.decode(output, type=ReaderOutcomes)
    )


FIGURES = [
    Figure(
        "burst",
        "1,000 listeners, 50 senders, one room",
        [
            unbounded("deliveries", "/s"),
            at_least(0.6, "deliveries over those of limit.c"),
            unbounded("deliveries over those of limit.c with frames as long as ours"),
            at_least(20, "deliveries over those of Node's ws, which stores nothing"),
            at_most(0, "deliveries lost"),
            at_most(100, "p99", "ms"),
        ],
        _burst,
    ),
    Figure(
        "conversation",
        "200 listeners, 1 sender, one message at a time",
        [
            unbounded("deliveries", "/s"),
            at_least(0.8, "deliveries over those of Node's ws, which stores nothing"),
            at_most(1.5, "p50 over that of Node's ws"),
        ],
        _conversation,
    ),
    Figure(
        "many-rooms",
        "1,000 rooms of 5, a message in each every second",
        [at_most(0.7, "CPU", "cores"), at_most(50, "p99", "ms"), at_most(0, "deliveries lost")],
        _many_rooms,
    ),
    Figure(
        "posts",
        "200 senders in 100 rooms, each waiting for its ack",
        [
            at_least(8000, "durable posts on SQLite", "/s"),
            at_least(4000, "durable posts on MongoDB", "/s"),
            at_most(0, "posts lost"),
        ],
        _posts,
    ),
    Figure(
        "mongodb",
        "the burst, on MongoDB",
        [
            unbounded("deliveries on MongoDB", "/s"),
            unbounded("deliveries on SQLite", "/s"),
            at_least(0.5, "deliveries on MongoDB over those on SQLite"),
            at_most(0, "deliveries lost"),
        ],
        _mongodb_burst,
    ),
    Figure(
        "joins",
        "5,000 clients reconnect, 64 at a time, each with its own session; initial state of 80 messages",
        [
            at_least(1000, "joins", "/s"),
            at_most(0, "joins failed"),
            at_most(100, "p99 of another room at the same time", "ms"),
            unbounded("p99 of that room before", "ms"),
            unbounded("p99 of a join", "ms"),
        ],
        _joins,
    ),
    Figure(
        "slow-readers",
        "900 listeners, and 100 that read 1 KB/s",
        [
            at_most(1.25, "p99 of the others over theirs without slow readers"),
            unbounded("p99 of the others", "ms"),
            unbounded("p99 without slow readers", "ms"),
            at_most(64, "growth of the memory", "MiB"),
            at_most(0, "slow readers that neither got everything in order nor were closed with 1013"),
            unbounded("slow readers closed with 1013"),
            unbounded("share of the messages that the median slow reader still lacked at the end"),
        ],
        _slow_readers,
    ),
]
