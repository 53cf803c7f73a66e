"""How far long work has come, for a person at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


@contextmanager
def bytes_shown(total: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """Gives what is to be called with what is being done, and how many bytes of it are; `total` is where each ends."""
    with _shown(DownloadColumn()) as progress:
        task = progress.add_task("", total=total)
        yield lambda what, done: progress.update(task, description=what, completed=done)


@contextmanager
def things_shown() -> Iterator[Callable[[str, int, int], None]]:
    """Gives what is to be called with what is being done, how many of these things are, and how many there are."""
    with _shown(MofNCompleteColumn()) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _shown(column: ProgressColumn) -> Progress:
    """Writes nothing where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), column, TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
