"""Figures of changes: listeners who know them, storms of edits and of reactions, and catching up."""

import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from reichatd.bench.client import FrameReader, connect, text_frame
from reichatd.bench.scenarios import CHANGED, EDIT, LISTEN_TO_CHANGES, fill, read_up_to
from reichatd.bench.specs import Outcome
from reichatd.bench.target import BenchTarget, private
from tests.bench import compare, stores
from tests.bench.compare import LATEST, LISTEN, Shape
from tests.bench.monitoring import cpu_seconds, helper
from tests.bench.reactors import ReactorsOutcome, ReactorsSpec
from tests.bench.targets import Figure, Run, at_least, at_most, unbounded

_ORDER = (False, True, True, False, True, False, False, True)
"""Whose turn it is: a machine that gets slower or faster meanwhile does so for both contestants."""
_LISTENERS = 1000
_REACTIONS = 10_000
_SECONDS = 60.0
_REACTED_TO = 10
"""Messages that get the reactions."""
_EDIT_SECONDS = 3.0
_CHANGES = 100_000
_CATCH_UPS = 10


# --- bursts and conversations


class _Contest(NamedTuple):
    """The outcomes of two contestants, which run in turn on one daemon.

    The fastest run of each counts: what else the machine does can only slow a run down.
    """

    first: Sequence[Outcome]
    second: Sequence[Outcome]

    @property
    def ratio(self) -> float:
        """The deliveries a second of the second over those of the first."""
        return _fastest(self.second).per_second / _fastest(self.first).per_second

    @property
    def lost(self) -> int:
        return sum(each.lost for each in (*self.first, *self.second))


def _fastest(outcomes: Sequence[Outcome]) -> Outcome:
    return max(outcomes, key=lambda each: each.per_second)


def _contest(first: Callable[[BenchTarget], Outcome], second: Callable[[BenchTarget], Outcome]) -> _Contest:
    with private(compare.UNPINGED) as target:
        outcomes = [(is_second, (second if is_second else first)(target)) for is_second in _ORDER]
    return _Contest(*([outcome for is_second, outcome in outcomes if is_second == which] for which in (False, True)))


def _with_changes(run: Run) -> Sequence[float]:
    burst, conversation = _known(run, compare.BURST), _known(run, compare.CONVERSATION)
    rates = [_fastest(each.first).per_second for each in (burst, conversation)]
    return burst.ratio, conversation.ratio, *rates, burst.lost + conversation.lost


def _known(run: Run, shape: Shape) -> _Contest:
    """A conversation of listeners who do not know changes, and of listeners who do."""
    shape = _scaled(run, shape)
    return _contest(partial(_talk, run, shape, opening=LISTEN), partial(_talk, run, shape, opening=LISTEN_TO_CHANGES))


def _edits(run: Run) -> Sequence[float]:
    """The burst, and the same with edits in place of messages."""
    shape = _scaled(run, compare.BURST)
    contest = _contest(partial(_talk, run, shape, opening=LISTEN), partial(_edit, run, shape))
    burst, storm = _fastest(contest.first), _fastest(contest.second)
    return contest.ratio, storm.per_second, burst.per_second, storm.latency.p99, contest.lost


def _talk(run: Run, shape: Shape, target: BenchTarget, *, opening: str) -> Outcome:
    return shape.talk(run.tools, target.port, target.rooms(1)[0], opening=opening, match=LATEST)


def _edit(run: Run, shape: Shape, target: BenchTarget) -> Outcome:
    request = target.rooms(1)[0]
    fill(target, request, shape.senders * shape.messages)
    return shape.talk(run.tools, target.port, request, opening=LISTEN_TO_CHANGES, match=CHANGED, template=EDIT)


def _scaled(run: Run, shape: Shape) -> Shape:
    return shape._replace(messages=run.scaled(shape.messages, 20))


# --- reactions


def _reactions(run: Run) -> Sequence[float]:
    """Each listener is another user, who reacts to each of the messages. Their acks count as the daemon's work, too."""
    listeners, secret = run.scaled(_LISTENERS, 200), secrets.token_hex(32)
    seconds = max(2 * _EDIT_SECONDS, _SECONDS * run.scale)
    with TemporaryDirectory() as directory:
        path = Path(directory, "crowd.sqlite3")
        tokens = stores.create_with_members(path, secret, listeners, "crowd")
        with private({"REICHATD_STORAGE_PATH": str(path), "REICHATD_AUTH_SECRET_KEY": secret}) as target:
            spec = ReactorsSpec(
                port=target.port,
                requests=[f"/ws/chat/crowd?token={token}" for token in tokens],
                messages=_REACTED_TO,
                reactions=int(_REACTIONS / _SECONDS * seconds),
                seconds=seconds,
                edit_seconds=_EDIT_SECONDS,
            )
            with helper("reactors", spec) as process:
                used = cpu_seconds(target)
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(b"go\n")
                process.stdin.flush()
                outcome = msgspec.json.decode(process.stdout.readline(), type=ReactorsOutcome)
                used = cpu_seconds(target) - used
    edits = outcome.edits
    return (
        used / outcome.elapsed,
        edits.most,
        edits.p50,
        outcome.unordered,
        outcome.missing,
        spec.reactions - outcome.acked,
        outcome.frames / listeners / spec.reactions,
        outcome.acked / outcome.elapsed,
    )


# --- catching up


class _CaughtUp(NamedTuple):
    """How a client caught up, in milliseconds.

    Arguments:
        opened, resumed: from opening the socket, and from `listen_latest`, to the first change.
        whole: from opening the socket to the last one.
        lost: changes that did not come.
    """

    opened: float
    resumed: float
    whole: float
    lost: int


def _catch_up(run: Run) -> Sequence[float]:
    """A client that holds the last messages of a room of which each message was changed since."""
    size = run.scaled(_CHANGES, 20_000)
    full = run.scratch / f"changes-{size}.sqlite3"
    stores.create_once(full, lambda path: stores.create_with_changes(path, "changed", size))
    with TemporaryDirectory() as directory:
        path = shutil.copy(full, directory)
        with private({"REICHATD_STORAGE_PATH": str(path)}) as target:
            target.call("POST", "/room/changed/join")
            request = target.socket_request("changed")
            read_up_to(target, request, size)
            few, many = ([_resume(target, request, size, held) for _ in range(_CATCH_UPS)] for held in (300, 10_000))
    return (
        median(each.opened for each in few),
        median(each.opened for each in many),
        median(each.resumed for each in few),
        median(each.resumed for each in many),
        max(each.opened for each in few),
        max(each.opened for each in many),
        median(each.whole for each in few),
        median(each.whole for each in many),
        sum(each.lost for each in (*few, *many)),
    )


def _resume(target: BenchTarget, request: str, last_id: int, held: int) -> _CaughtUp:
    """Opens a socket, and listens from the last message on, as a client that holds that many messages and no change of them."""
    listen = {"type": "listen_latest", "after_id": last_id, "after_change": 0, "held_from": last_id - held + 1}
    began = time.perf_counter()
    with connect(target.host, target.port, request) as sock:
        reader = FrameReader()
        reader.wait_text(sock)  # the initial state
        resumed = time.perf_counter()
        sock.sendall(text_frame(msgspec.json.encode(listen)))
        text, first = reader.wait_text(sock), time.perf_counter()
        changes = 0
        while CHANGED.encode() in text:
            changes += 1
            text = reader.wait_text(sock)
        assert b'"type":"caught_up"' in text, text
        end = time.perf_counter()
    return _CaughtUp((first - began) * 1000, (first - resumed) * 1000, (end - began) * 1000, held - changes)


FIGURES = [
    Figure(
        "with-changes",
        "burst and conversation whose listeners all know changes, compared with the same whose listeners do not",
        [
            at_least(0.95, "burst: deliveries over those to listeners who do not know changes"),
            at_least(0.95, "conversation: deliveries over those to listeners who do not know changes"),
            unbounded("burst: deliveries to listeners who do not know changes", "/s"),
            unbounded("conversation: deliveries to listeners who do not know changes", "/s"),
            at_most(0, "deliveries lost"),
        ],
        _with_changes,
    ),
    Figure(
        "edits",
        "1,000 listeners, 50 senders that edit messages, one room; compared with the burst",
        [
            at_least(0.7, "deliveries over those of the burst"),
            unbounded("deliveries", "/s"),
            unbounded("deliveries of the burst", "/s"),
            unbounded("p99", "ms"),
            at_most(0, "deliveries lost"),
        ],
        _edits,
    ),
    Figure(
        "reactions",
        "10,000 reactions in a minute in a room of 1,000 listeners, and an edit every 3 s",
        [
            at_most(0.3, "CPU", "cores"),
            at_most(100, "the slowest edit at the slowest listener", "ms"),
            unbounded("edits: p50 of all listeners", "ms"),
            at_most(0, "changes out of order at a listener"),
            at_most(0, "edits, or last states of reactions, that a listener has not got"),
            at_most(0, "reactions without ack"),
            at_most(0.1, "frames of reactions that a listener gets, for each reaction"),
            unbounded("reactions", "/s"),
        ],
        _reactions,
    ),
    Figure(
        "catch-up",
        "after 100,000 changes: from opening the socket to the first change",
        [
            at_most(20, "300 messages held: median", "ms"),
            at_most(100, "10,000 messages held: median", "ms"),
            unbounded("300 held: from listen_latest", "ms"),
            unbounded("10,000 held: from listen_latest", "ms"),
            unbounded("300 held: the slowest", "ms"),
            unbounded("10,000 held: the slowest", "ms"),
            unbounded("300 held: all changes", "ms"),
            unbounded("10,000 held: all changes", "ms"),
            at_most(0, "changes that did not come"),
        ],
        _catch_up,
    ),
]
