"""The current speed of the machine, without which absolute figures say little."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

_ADDITIONS = 1_000_000
_WRITES = 50
_BLOCK = bytes(4096)


class Machine(msgspec.Struct, frozen=True):
    """The speed of the machine.

    Arguments:
        load: the load average of the last minute; with other processes at work, measurements are worth little.
        python_ms: time of a million additions in a Python loop.
        sync_ms: time to write and sync a block of 4 KiB (fdatasync), median of 50.
    """

    load: float
    python_ms: float
    sync_ms: float

    def __str__(self) -> str:
        return f"load {self.load:.1f}, a million additions {self.python_ms:.0f} ms, a block on the disk {self.sync_ms:.2f} ms"


def measure(directory: Path) -> Machine:
    """Measures the current speed; takes a fraction of a second.

    Arguments:
        directory: a directory on the disk to measure.
    """
    load, _, _ = os.getloadavg()
    return Machine(load, _add() * 1000, _sync(directory) * 1000)


def medians(samples: Sequence[Machine]) -> Machine:
    """The medians of several measurements."""
    return Machine(
        median(each.load for each in samples),
        median(each.python_ms for each in samples),
        median(each.sync_ms for each in samples),
    )


def _add() -> float:
    started, total = time.perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    return time.perf_counter() - started


def _sync(directory: Path) -> float:
    taken = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for number in range(_WRITES):
            os.pwrite(file.fileno(), _BLOCK, number * len(_BLOCK))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    return median(taken)
