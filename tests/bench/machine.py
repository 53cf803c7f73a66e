"""How fast the machine is just now: with absolute figures, half of what there is to know."""

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
    """Arguments:
    load: how many processes wanted to run in the last minute; with others at work, nothing measured is worth much.
    python_ms: what a million additions took, in a loop in Python.
    sync_ms: what it took to have a block of 4 KiB on the disk (fdatasync), at the median of 50.
    """

    load: float
    python_ms: float
    sync_ms: float

    def __str__(self) -> str:
        return f"load {self.load:.1f}, a million additions {self.python_ms:.0f} ms, a block on the disk {self.sync_ms:.2f} ms"


def look(directory: Path) -> Machine:
    """As it is at this moment; takes a fraction of a second.

    Arguments:
        directory: on the disk that counts.
    """
    load, _, _ = os.getloadavg()
    return Machine(load, _add() * 1000, _sync(directory) * 1000)


def between(looks: Sequence[Machine]) -> Machine:
    """Several looks as one, by their medians."""
    return Machine(
        median(each.load for each in looks),
        median(each.python_ms for each in looks),
        median(each.sync_ms for each in looks),
    )


def _add() -> float:
    began, total = time.perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    return time.perf_counter() - began


def _sync(directory: Path) -> float:
    taken = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for number in range(_WRITES):
            os.pwrite(file.fileno(), _BLOCK, number * len(_BLOCK))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken)
