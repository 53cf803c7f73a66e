"""How far a command is, for a person who waits at a terminal; nobody else is told."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reichatd.administration.records import Progress

if TYPE_CHECKING:
    from rich import progress


class ProgressBar:
    """A context manager. The bar appears with the first `show`, on standard error, and goes with the end."""

    def __init__(self) -> None:
        self._bar: progress.Progress | None = None
        self._tasks: dict[str, progress.TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def show(self, record: Progress) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.start()
        if record.what not in self._tasks:
            self._tasks[record.what] = self._bar.add_task(record.what)
        self._bar.update(self._tasks[record.what], completed=record.done, total=record.total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def bytes_shown(total: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """Gives what is to be called with what is being done, and how many bytes of it are; `total` is where each ends."""
    from rich.progress import DownloadColumn

    with _shown(DownloadColumn()) as shown:
        task = shown.add_task("", total=total)
        yield lambda what, done: shown.update(task, description=what, completed=done)


@contextmanager
def things_shown() -> Iterator[Callable[[str, int, int], None]]:
    """Gives what is to be called with what is being done, how many of these things are, and how many there are."""
    from rich.progress import MofNCompleteColumn

    with _shown(MofNCompleteColumn()) as shown:
        task = shown.add_task("", total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)


def _shown(column: "progress.ProgressColumn") -> "progress.Progress":
    """Writes nothing where standard error is no terminal."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    named, bar = progress.TextColumn("{task.description}"), progress.BarColumn()
    columns = (progress.SpinnerColumn(), named, bar, column, progress.TimeElapsedColumn())
    return progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
