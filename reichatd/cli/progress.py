"""Shows the progress of a command on a terminal."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A context manager. The bar appears on standard error with the first `show`, and disappears at the end.

    If standard error is no terminal, nothing is shown.

    Arguments:
        in_bytes: whether the work is measured in bytes; otherwise it is counted.
    """

    def __init__(self, *, in_bytes: bool = False) -> None:
        self._in_bytes = in_bytes
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def show(self, what: str, done: int, total: int | None) -> None:
        """Shows what the command does now, how much of it is done, and the whole amount; None if that is not known."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = _bar(self._in_bytes)
            self._bar.add_task("")
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=what, completed=done, total=total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(in_bytes: bool) -> "Progress":
    from rich import progress
    from rich.console import Console

    amount = progress.DownloadColumn() if in_bytes else progress.MofNCompleteColumn()
    what, bar = progress.TextColumn("{task.description}"), progress.BarColumn()
    columns = (progress.SpinnerColumn(), what, bar, amount, progress.TimeElapsedColumn())
    return progress.Progress(*columns, console=Console(stderr=True), transient=True)
