"""What is asked of a figure, and what came of it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from tests.bench import compare
from tests.bench.machine import Machine, between, look


class Line(NamedTuple):
    """One thing that a figure measures. Without a `bound` nothing is asked of it: it explains the others.

    Arguments:
        most: whether the bound is the most that it may be, rather than the least.
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
        """None if nothing is asked."""
        if self.bound is None:
            return None
        return value <= self.bound if self.most else value >= self.bound


def at_least(bound: float, what: str, unit: str = "") -> Line:
    return Line(what, unit, bound)


def at_most(bound: float, what: str, unit: str = "") -> Line:
    return Line(what, unit, bound, most=True)


def noted(what: str, unit: str = "") -> Line:
    return Line(what, unit)


class Workshop:
    """What the rounds of a run share.

    Arguments:
        scale: 1 is the whole, 0.1 a tenth of the work.
        scratch: where what takes long to make is kept.
    """

    def __init__(self, scale: float, scratch: Path) -> None:
        self.scale = scale
        self.scratch = scratch

    @cached_property
    def tools(self) -> Path:
        """The peers and the load generator in C, built when they are first asked for."""
        directory = self.scratch / "tools"
        directory.mkdir(exist_ok=True)
        compare.build(directory)
        return directory

    def scaled(self, number: int, least: int = 1) -> int:
        return max(least, int(number * self.scale))


class Figure(NamedTuple):
    """One of the things that reichatd should be good at. `measure` is one round: a value for each of the lines."""

    name: str
    what: str
    lines: Sequence[Line]
    measure: Callable[[Workshop], Sequence[float]]


class Result(msgspec.Struct, frozen=True):
    """A line with what was measured: the rounds as they came, and their median.

    Arguments:
        machine: as it was before the rounds.
    """

    figure: str
    what: str
    asked: str
    measured: float
    unit: str
    met: bool | None
    rounds: list[float]
    machine: Machine


def results(figure: Figure, rounds: int, workshop: Workshop) -> Iterator[Result]:
    """Measures it so many times."""
    looks, values = [], []
    for _ in range(rounds):
        looks.append(look(workshop.scratch))
        values.append(figure.measure(workshop))
    yield from _as_results(figure, values, between(looks))


def _as_results(figure: Figure, rounds: Sequence[Sequence[float]], machine: Machine) -> Iterator[Result]:
    for line, values in zip(figure.lines, zip(*rounds, strict=True), strict=True):
        middle = median(values)
        yield Result(figure.name, line.what, line.asked, middle, line.unit, line.met(middle), list(values), machine)


@contextmanager
def workshop(scale: float, scratch: Path | None) -> Iterator[Workshop]:
    """Arguments: scratch: None for a directory that is gone in the end."""
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
        yield Workshop(scale, scratch)
        return
    with tempfile.TemporaryDirectory(prefix="reichatd-figures-") as directory:
        yield Workshop(scale, Path(directory))
