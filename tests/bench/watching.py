"""Load processes, and what is seen of the daemon while they run.

Times are those of `time.perf_counter`, which is one clock for all processes here.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from reichatd.bench.scenarios import load_process, outcome_of
from reichatd.bench.specs import Latency, Outcome, Spec, latency
from reichatd.bench.target import BenchTarget
from tests.bench.pulse import Beat, Pulse

_LOOK_SECONDS = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


class Watched(NamedTuple):
    """What came of a load, from when to when it was, and what was seen meanwhile, each with its time."""

    outcome: Outcome
    began: float
    ended: float
    seen: list[tuple[float, float]]


def watch(spec: Spec, look: Callable[[], float]) -> Watched:
    """Has a load process do what `spec` says, and looks every tenth of a second while it does (not while it prepares)."""
    seen = []
    with load_process(spec) as process:
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], _LOOK_SECONDS)[0]:
            seen.append((time.perf_counter(), look()))
        outcome = outcome_of(process)
        ended = time.perf_counter()  # before the process ends, and with it all its connections
    began = ended - outcome.elapsed
    return Watched(outcome, began, ended, [each for each in seen if began <= each[0] <= ended])


def cpu_seconds(target: BenchTarget) -> float:
    """What our own daemon has used so far, all its threads together."""
    # The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field.
    fields = Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def open_files(target: BenchTarget) -> int:
    return len(os.listdir(f"/proc/{target.pid}/fd"))


@contextmanager
def helper(module: str, spec: msgspec.Struct) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this package that reads its spec and answers in lines. It is ready when this yields."""
    command = [sys.executable, "-m", f"tests.bench.{module}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(spec) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n", f"{module} has not begun"
        yield process


class Heart:
    """A paced conversation that goes on until `stop`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._beats: list[Beat] = []

    def listen(self, seconds: float) -> tuple[float, float]:
        """Lets it go on for a while; from when to when that was."""
        began = time.perf_counter()
        time.sleep(seconds)
        return began, time.perf_counter()

    def stop(self) -> None:
        """Ends it, when all that was sent has come."""
        output, _ = self._process.communicate()
        self._beats = msgspec.json.decode(output, type=list[Beat])

    def p99(self, began: float, ended: float) -> float:
        """Milliseconds, of the messages that were sent in this time. To be called after `stop`."""
        return self._latency(began, ended).p99

    def most(self, began: float, ended: float) -> float:
        """As `p99`, of the one that took longest."""
        return self._latency(began, ended).most

    def _latency(self, began: float, ended: float) -> Latency:
        return latency([beat.milliseconds for beat in self._beats if began <= beat.sent_at <= ended])


@contextmanager
def beating(target: BenchTarget, rate: float = 100.0, listeners: int = 10) -> Iterator[Heart]:
    """A paced conversation in a room of its own, from a process of its own.

    Arguments:
        rate: messages a second.
    """
    pulse = Pulse(host=target.host, port=target.port, request=target.rooms(1)[0], rate=rate, listeners=listeners)
    with helper("pulse", pulse) as process:
        yield Heart(process)
