"""Compares reichatd with its peers. They run in turn, since machines are shared and noisy: only the ratios count.

    python -m tests.bench.compare [--rounds 5] [burst conversation rest]

The peers: `limit.c` (needs cc), Node's ws (needs node and npm), a bare route of Quart-Trio on Hypercorn.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from reichatd.bench.scenarios import drive
from reichatd.bench.specs import Call, Outcome
from reichatd.bench.target import private

HERE = Path(__file__).parent
Measure = Callable[[], Outcome]
UNPINGED = {"REICHATD_LIMITS_PING_SECONDS": "600"}
"""`talk.c` does not answer pings: on a slow machine it would be disconnected."""
LISTEN = '{"type":"listen_latest"}'
LATEST = '"type":"latest_message"'
_PADDING_TO_OURS = 240
"""Padding that makes a peer's frames, which carry only the text, as long as ours: 290 bytes instead of 110."""
_MESSAGE = '{"type":"message","content":"@@"}'


class Shape(NamedTuple):
    """A conversation: each of the first `senders` clients sends `messages`, with `window` of them unanswered."""

    clients: int
    senders: int
    messages: int
    window: int
    padding: int = 60

    def talk(
        self, directory: Path, port: int, request: str, *, opening: str, match: str, template: str = _MESSAGE
    ) -> Outcome:
        """Runs it with `talk.c`: on two cores, a load generator in Python would slow down the server that it measures."""
        numbers = map(str, (self.clients, self.senders, self.messages, self.window, self.padding))
        command = [str(directory / "talk"), str(port), request, *numbers, opening, template, match]
        return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=Outcome)


BURST = Shape(clients=1000, senders=50, messages=200, window=2)
"""1,000 listeners, 50 senders, one room."""
CONVERSATION = Shape(clients=200, senders=1, messages=1000, window=1)
"""200 listeners, one sender, a message at a time."""


def main() -> None:
    """Prints the medians and their ratios for each comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("comparisons", nargs="*", metavar="COMPARISON", help=f"of {', '.join(COMPARISONS)}; all")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        build(Path(directory))
        for name in options.comparisons or COMPARISONS:
            show(name, COMPARISONS[name](Path(directory)), options.rounds)


def show(name: str, contestants: dict[str, Measure], rounds: int) -> None:
    """Runs all contestants in turn, `rounds` times, and prints the results. The first is reichatd."""
    outcomes: dict[str, list[Outcome]] = {contestant: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant, measure in contestants.items():
            outcomes[contestant].append(measure())
    print(f"\n{name}: medians of {rounds}")
    ours = outcomes["reichatd"]
    for contestant, theirs in outcomes.items():
        rate = median(each.per_second for each in theirs)
        p50 = median(each.latency.p50 for each in theirs)
        p99 = median(each.latency.p99 for each in theirs)
        ratio = median(us.per_second / them.per_second for us, them in zip(ours, theirs, strict=True))
        slower = median(us.latency.p50 / (them.latency.p50 or 1) for us, them in zip(ours, theirs, strict=True))
        lost = sum(each.lost for each in theirs)
        print(
            f"  {contestant:22} {rate:12,.0f}/s  p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  lost {lost}"
            f"  reichatd has {ratio:.2f} times its rate, {slower:.2f} times its p50"
        )


def burst(directory: Path) -> dict[str, Measure]:
    return {
        "reichatd": lambda: on_reichatd(directory, BURST),
        "limit.c": lambda: on_peer(directory, [directory / "limit"], BURST),
        "limit.c, our frames": lambda: on_peer(
            directory, [directory / "limit"], BURST._replace(padding=_PADDING_TO_OURS)
        ),
        "Node's ws": lambda: on_peer(directory, ["node", directory / "ws_peer.js"], BURST._replace(messages=10)),
    }


def conversation(directory: Path) -> dict[str, Measure]:
    return {
        "reichatd": lambda: on_reichatd(directory, CONVERSATION),
        "limit.c": lambda: on_peer(directory, [directory / "limit"], CONVERSATION),
        "Node's ws": lambda: on_peer(directory, ["node", directory / "ws_peer.js"], CONVERSATION),
    }


def rest(directory: Path) -> dict[str, Measure]:
    """GET over 32 connections."""

    def ours(path: str) -> Outcome:
        with private({}) as target:
            target.rooms(3)
            room_id = target.rooms(1)[0].split("/")[3].partition("?")[0]
            request = target.request(path.replace("ROOM", room_id))
            return drive(Call(port=target.port, requests=[request], clients=32, calls=3000))

    def bare() -> Outcome:
        with peer([sys.executable, HERE / "bare_route.py"]) as port:
            request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            return drive(Call(port=port, requests=[request], clients=32, calls=3000))

    return {"reichatd": lambda: ours("/joined"), "reichatd, a room": lambda: ours("/room/ROOM"), "a bare route": bare}


COMPARISONS: dict[str, Callable[[Path], dict[str, Measure]]] = {
    "burst": burst,
    "conversation": conversation,
    "rest": rest,
}


def on_reichatd(directory: Path, shape: Shape) -> Outcome:
    with private(UNPINGED) as target:
        return shape.talk(directory, target.port, target.rooms(1)[0], opening=LISTEN, match=LATEST)


def on_peer(directory: Path, command: list[str | Path], shape: Shape) -> Outcome:
    with peer(command) as port:
        return shape.talk(directory, port, "/", opening="", match='"content"')


def build(directory: Path) -> None:
    """Builds the peers and the load generator."""
    for program in ("limit", "talk"):
        subprocess.run(["cc", "-O2", "-o", directory / program, HERE / f"{program}.c"], check=True)
    shutil.copy(HERE / "ws_peer.js", directory)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "ws@8"], cwd=directory, check=True)


@contextmanager
def peer(command: list[str | Path]) -> Iterator[int]:
    """Runs a server that takes its port as the last argument, and yields that port once the server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*map(str, command), str(port)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
