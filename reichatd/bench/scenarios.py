"""The scenarios of the bench. Each creates its rooms, loads the daemon from separate processes, and returns one row."""

import subprocess
import sys
from collections.abc import Callable
from math import gcd
from typing import NamedTuple, TypeVar

import msgspec

from reichatd.bench.client import FrameReader, connect, text_frame
from reichatd.bench.specs import Call, Fetch, Idle, Join, Latency, Outcome, Spec, Talk
from reichatd.bench.target import BenchTarget, TargetError

ACKED = '{"type":"message","content":"@@","nonce":"##"}'
ACK = '"type":"ack"'
LISTEN_TO_CHANGES = '{"type":"listen_latest","after_change":0}'
EDIT = '{"type":"edit","message_id":%%,"content":"@@"}'
"""Each edit is of another message: so the daemon sends each of them."""
CHANGED = '"type":"message_changed"'


AnyOutcome = TypeVar("AnyOutcome", bound=msgspec.Struct)


class Row(msgspec.Struct, frozen=True):
    """One row of the result."""

    scenario: str
    what: str
    figure: float
    unit: str
    latency: Latency
    lost: int


class Scenario(NamedTuple):
    """A scenario. `run` takes the target and the scale: 1 is all of the work, 0.1 a tenth."""

    name: str
    what: str
    run: Callable[[BenchTarget, float], Row]
    local: bool = False
    """Whether it measures the daemon's process, so that it needs a private daemon."""


def fan_out(target: BenchTarget, scale: float) -> Row:
    crowd = _crowd(target, target.rooms(1), clients=1000, messages=max(10, int(400 * scale)))
    return _row("fan-out", "1,000 listeners, 50 senders, one room", drive(crowd), "deliveries/s")


def edits(target: BenchTarget, scale: float) -> Row:
    requests = target.rooms(1)
    crowd = _crowd(target, requests, clients=max(100, int(1000 * scale)), messages=max(10, int(200 * scale)))
    fill(target, requests[0], crowd.senders * crowd.messages)
    outcome = drive(msgspec.structs.replace(crowd, opening=LISTEN_TO_CHANGES, template=EDIT, match=CHANGED))
    return _row("edits", f"{crowd.clients:,} listeners, 50 senders that edit, one room", outcome, "deliveries/s")


def conversation(target: BenchTarget, scale: float) -> Row:
    clients, messages = 200, max(50, int(2000 * scale))
    outcome = drive(
        Talk(
            host=target.host,
            port=target.port,
            requests=target.rooms(1),
            clients=clients,
            senders=1,
            messages=messages,
            window=1,
            answers=1,
            readers=clients,
        )
    )
    return _row("conversation", "200 listeners, one message at a time", outcome, "deliveries/s")


def many_rooms(target: BenchTarget, scale: float) -> Row:
    rooms, seconds = max(10, int(1000 * scale)), 10
    outcome = drive(
        Talk(
            host=target.host,
            port=target.port,
            requests=target.rooms(rooms),
            clients=rooms * 5,
            senders=rooms,
            messages=seconds,
            rate=1.0,
            answers=1,
            readers=5,
        )
    )
    return _row("many rooms", f"{rooms:,} rooms of 5, a message a second in each", outcome, "deliveries/s")


def posts(target: BenchTarget, scale: float) -> Row:
    clients, messages = 200, max(20, int(400 * scale))
    outcome = drive(
        Talk(
            host=target.host,
            port=target.port,
            requests=target.rooms(100),
            clients=clients,
            senders=clients,
            messages=messages,
            window=1,
            answers=1,
            readers=1,
            opening="",
            template=ACKED,
            match=ACK,
        )
    )
    return _row("posts", "200 senders in 100 rooms, each waiting for its ack", outcome, "durable posts/s")


def joins(target: BenchTarget, scale: float) -> Row:
    requests = target.rooms(1)
    fill(target, requests[0], 80)
    read_up_to(target, requests[0], 30)
    outcome = drive(Join(host=target.host, port=target.port, requests=requests, clients=max(200, int(5000 * scale))))
    return _row("joins", "connect, initial state of 80 messages, listen", outcome, "joins/s")


def history(target: BenchTarget, scale: float) -> Row:
    requests, size = target.rooms(1), max(2000, int(20_000 * scale))
    fill(target, requests[0], size)
    outcome = drive(
        Fetch(
            host=target.host,
            port=target.port,
            requests=requests,
            clients=1,
            last_id=size,
            pages=max(100, int(1000 * scale)),
        )
    )
    return _row("history", f"a page of 100 anywhere in {size:,} messages", outcome, "pages/s")


def rest(target: BenchTarget, scale: float) -> Row:
    requests = [target.request("/joined")]
    outcome = drive(
        Call(host=target.host, port=target.port, requests=requests, clients=32, calls=max(500, int(5000 * scale)))
    )
    return _row("rest", "GET /joined, 32 connections", outcome, "answers/s")


def idle(target: BenchTarget, scale: float) -> Row:
    clients = max(500, int(5000 * scale))
    spec = Idle(host=target.host, port=target.port, requests=target.rooms(1), clients=clients)
    before = target.resident_kib()
    with load_process(spec) as process:
        outcome = outcome_of(process)
        each = (target.resident_kib() - before) / max(1, outcome.count)
    return Row(
        "idle", f"{clients:,} connections that listen", round(each, 1), "KiB each", outcome.latency, outcome.lost
    )


SCENARIOS = [
    Scenario("fan-out", "many senders, many listeners, one room", fan_out),
    Scenario("edits", "many senders that edit messages, many listeners, one room", edits),
    Scenario("conversation", "one sender, many listeners, one message at a time", conversation),
    Scenario("many-rooms", "many small rooms, all active", many_rooms),
    Scenario("posts", "durable posts, each acknowledged", posts),
    Scenario("joins", "many clients reconnect", joins),
    Scenario("history", "pages of old messages", history),
    Scenario("rest", "a GET request", rest),
    Scenario("idle", "memory of idle connections", idle, local=True),
]


def drive(spec: Spec) -> Outcome:
    """Runs `spec` in a load process, and returns the outcome.

    Raises:
        TargetError: the process failed.
    """
    with load_process(spec) as process:
        return outcome_of(process)


def load_process(spec: Spec) -> subprocess.Popen[bytes]:
    """Starts a load process for `spec`. Use it as a context manager, which closes its standard input and waits for its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reichatd.bench.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(spec) + b"\n")
    process.stdin.flush()
    return process


def outcome_of(process: subprocess.Popen[bytes]) -> Outcome:
    """Waits for the outcome of a load process.

    Raises:
        TargetError: the process failed.
    """
    return decoded_outcome(process, Outcome)


def decoded_outcome(process: subprocess.Popen[bytes], kind: type[AnyOutcome]) -> AnyOutcome:
    """Waits for the outcome of a load process, which is of this kind.

    Raises:
        TargetError: the process failed.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        raise TargetError(process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2])
    return msgspec.json.decode(line, type=kind)


def fill(target: BenchTarget, request: str, count: int) -> None:
    """Posts messages to a room."""
    senders = gcd(50, count)  # divides the count, so that each sender posts the same number
    drive(
        Talk(
            host=target.host,
            port=target.port,
            requests=[request],
            clients=senders,
            senders=senders,
            messages=count // senders,
            window=20,
            answers=1,
            readers=1,
            opening="",
            template=ACKED,
            match=ACK,
        )
    )


def read_up_to(target: BenchTarget, request: str, message_id: int) -> None:
    """Sets the read mark, around which the initial state shows messages.

    A mark only moves forward, and posting moved it to the end: so the user leaves and joins again, which resets it.
    """
    room = f"/room/{request.split('/')[3].partition('?')[0]}"
    target.call("POST", f"{room}/leave")
    target.call("POST", f"{room}/join")
    with connect(target.host, target.port, request) as sock:
        reader = FrameReader()
        reader.wait_text(sock)  # the initial state
        sock.sendall(text_frame(b'{"type":"set_last_read","message_id":%d}' % message_id))
        sock.sendall(text_frame(b'{"type":"fetch","from_id":1,"to_id":0}'))
        reader.wait_text(sock)  # the answer: so the daemon has handled the frame before


def _crowd(target: BenchTarget, requests: list[str], *, clients: int, messages: int) -> Talk:
    """Many listeners in one room; 50 of them send."""
    senders = 50
    return Talk(
        host=target.host,
        port=target.port,
        requests=requests,
        clients=clients,
        senders=senders,
        messages=messages,
        window=2,
        answers=senders,
        readers=clients,
    )


def _row(scenario: str, what: str, outcome: Outcome, unit: str) -> Row:
    return Row(scenario, what, round(outcome.per_second), unit, outcome.latency, outcome.lost)
