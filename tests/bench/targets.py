"""Figures, the targets of their values, and the results of a run."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from tests.bench import compare
from tests.bench.machine import Machine, measure, medians


class Line(NamedTuple):
    """One value of a figure. Without a `bound` it has no target, and explains the other values.

    Arguments:
        most: whether the bound is a maximum, rather than a minimum.
    """

    what: str
    unit: str = ""
    bound: float | None = None
    most: bool = False

    @property
    def asked(self) -> str:
        if self.bound is None:
            return ""
        return f"{'at most' if self.most else 'at least'} {self.bound:,g}{self.unit and ' '}{self.unit}"

    def met(self, value: float) -> bool | None:
        """Whether the value meets the target; None without one."""
        if self.bound is None:
            return None
        return value <= self.bound if self.most else value >= self.bound


def at_least(bound: float, what: str, unit: str = "") -> Line:
    return Line(what, unit, bound)


def at_most(bound: float, what: str, unit: str = "") -> Line:
    return Line(what, unit, bound, most=True)


def unbounded(what: str, unit: str = "") -> Line:
    return Line(what, unit)


class Run:
    """A run of the measurements, shared by its rounds.

    Arguments:
        scale: 1 is all of the work, 0.1 a tenth.
        scratch: the directory for what takes long to create.
    """

    def __init__(self, scale: float, scratch: Path) -> None:
        self.scale = scale
        self.scratch = scratch

    @cached_property
    def tools(self) -> Path:
        """The directory of the peers and the load generator in C, which are built on first use."""
        directory = self.scratch / "tools"
        directory.mkdir(exist_ok=True)
        compare.build(directory)
        return directory

    def scaled(self, number: int, least: int = 1) -> int:
        return max(least, int(number * self.scale))


class Figure(NamedTuple):
    """A figure of reichatd. `measure` runs one round, and returns a value for each line."""

    name: str
    what: str
    lines: Sequence[Line]
    measure: Callable[[Run], Sequence[float]]


class Result(msgspec.Struct, frozen=True):
    """The values that were measured for a line: each round, and the median.

    Arguments:
        machine: its speed before the rounds.
    """

    figure: str
    what: str
    asked: str
    measured: float
    unit: str
    met: bool | None
    rounds: list[float]
    machine: Machine


def results(figure: Figure, rounds: int, run: Run) -> Iterator[Result]:
    """Measures a figure in this number of rounds."""
    samples, values = [], []
    for _ in range(rounds):
        samples.append(measure(run.scratch))
        values.append(figure.measure(run))
    yield from _as_results(figure, values, medians(samples))


def _as_results(figure: Figure, rounds: Sequence[Sequence[float]], machine: Machine) -> Iterator[Result]:
    for line, values in zip(figure.lines, zip(*rounds, strict=True), strict=True):
        middle = median(values)
        yield Result(figure.name, line.what, line.asked, middle, line.unit, line.met(middle), list(values), machine)


@contextmanager
def open_run(scale: float, scratch: Path | None) -> Iterator[Run]:
    """A run of the measurements.

    Arguments:
        scratch: None for a temporary directory.
    """
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
        yield Run(scale, scratch)
        return
    with tempfile.TemporaryDirectory(prefix="reichatd-figures-") as directory:
        yield Run(scale, Path(directory))
