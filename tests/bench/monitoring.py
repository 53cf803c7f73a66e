"""Runs load processes, and samples the daemon meanwhile.

Times are those of `time.perf_counter`, a clock that all processes share here.
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
from tests.bench.probe import Delivery, ProbeSpec

_SAMPLE_SECONDS = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


class Watched(NamedTuple):
    """The outcome of a load, its start and end, and the samples taken meanwhile, each with its time."""

    outcome: Outcome
    started: float
    ended: float
    samples: list[tuple[float, float]]


def watch(spec: Spec, sample: Callable[[], float]) -> Watched:
    """Runs `spec` in a load process, and calls `sample` every 0.1 s; keeps the samples from while it ran, not while it prepared."""
    samples = []
    with load_process(spec) as process:
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], _SAMPLE_SECONDS)[0]:
            samples.append((time.perf_counter(), sample()))
        outcome = outcome_of(process)
        ended = time.perf_counter()  # before the process, with all its connections, ends
    started = ended - outcome.elapsed
    return Watched(outcome, started, ended, [each for each in samples if started <= each[0] <= ended])


def cpu_seconds(target: BenchTarget) -> float:
    """The CPU time that a private daemon has used, in all its threads."""
    # The name, in parentheses, may contain anything. utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def open_files(target: BenchTarget) -> int:
    return len(os.listdir(f"/proc/{target.pid}/fd"))


@contextmanager
def helper(module: str, spec: msgspec.Struct) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a module of this package as a process, gives it its spec, and yields once it is ready."""
    command = [sys.executable, "-m", f"tests.bench.{module}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(spec) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n", f"{module} did not start"
        yield process


class Probe:
    """A paced conversation in a process, which measures latency until `stop`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._deliveries: list[Delivery] = []

    def wait(self, seconds: float) -> tuple[float, float]:
        """Lets the conversation go on for this time, and returns its start and end."""
        started = time.perf_counter()
        time.sleep(seconds)
        return started, time.perf_counter()

    def stop(self) -> None:
        """Ends the conversation once all messages are delivered."""
        output, _ = self._process.communicate()
        self._deliveries = msgspec.json.decode(output, type=list[Delivery])

    def p99(self, started: float, ended: float) -> float:
        """The 99th percentile, in ms, of the messages sent in this time. Call it after `stop`."""
        return self._latency(started, ended).p99

    def longest(self, started: float, ended: float) -> float:
        """As `p99`, the longest delay."""
        return self._latency(started, ended).most

    def _latency(self, started: float, ended: float) -> Latency:
        return latency([delivery.milliseconds for delivery in self._deliveries if started <= delivery.sent_at <= ended])


@contextmanager
def probing(target: BenchTarget, rate: float = 100.0, listeners: int = 10) -> Iterator[Probe]:
    """Runs a paced conversation in a separate room and process.

    Arguments:
        rate: messages a second.
    """
    spec = ProbeSpec(host=target.host, port=target.port, request=target.rooms(1)[0], rate=rate, listeners=listeners)
    with helper("probe", spec) as process:
        yield Probe(process)
