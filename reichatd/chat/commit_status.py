"""The state of the group commits: the scribe reports them, other parts read it."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.timings import Timings


class CommitStatus:
    """The commit in progress, and how long commits take. There is one at a time. All calls come from the event loop."""

    def __init__(self) -> None:
        self.timings = Timings()
        """Durations of the commits that succeeded."""
        self.last_seconds = 0.0
        """The duration of the last of them."""
        self._began_at: float | None = None
        self._finished = RepeatedEvent()

    @contextmanager
    def in_progress(self) -> Iterator[None]:
        """For the scribe: surrounds one commit, from the call of the store until the rooms have its messages."""
        self._began_at = trio.current_time()
        try:
            yield
        finally:
            self._began_at = None
            self._finished.notify_all()

    def stored(self) -> None:
        """For the scribe: the store has written the commit in progress."""
        self.last_seconds = self.seconds
        self.timings.note(self.last_seconds)

    @property
    def idle(self) -> bool:
        """Whether no commit is in progress."""
        return self._began_at is None

    @property
    def seconds(self) -> float:
        """How long the commit in progress has taken so far; 0 if there is none."""
        return 0.0 if self._began_at is None else trio.current_time() - self._began_at

    async def finished(self) -> None:
        """Waits until the commit in progress, if any, is done and the rooms have its messages. Any task may call it."""
        if self._began_at is not None:
            await self._finished.wait()
