"""How far a command is, for a person who waits at a terminal; nobody else is told."""

import sys
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
