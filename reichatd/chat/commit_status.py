"""How the commits are getting on: told by the scribe, asked by those who go by them."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from reichatd.timings import Timings


class CommitStatus:
    """The scribe's commits, of which there is one at a time. Everything is called from the event loop."""

    def __init__(self) -> None:
        self.timings = Timings()
        """Of those that have not failed."""
        self.last_seconds = 0.0
        """How long the store had the last one of them."""
        self._asked_at: float | None = None
        self._over = trio.Event()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """For the scribe: one commit, from the asking of the store until the rooms have its messages."""
        self._asked_at = trio.current_time()
        try:
            yield
        finally:
            self._asked_at = None
            self._over.set()
            self._over = trio.Event()

    def stored(self) -> None:
        """For the scribe: the store has done the one under way."""
        self.last_seconds = self.wait
        self.timings.note(self.last_seconds)

    @property
    def idle(self) -> bool:
        """Whether none is under way."""
        return self._asked_at is None

    @property
    def wait(self) -> float:
        """For how many seconds the store has had the one under way; 0 if none is."""
        return 0.0 if self._asked_at is None else trio.current_time() - self._asked_at

    async def over(self) -> None:
        """Waits for the one under way, if there is one, and until the rooms have its messages. Any task may call it."""
        if self._asked_at is not None:
            await self._over.wait()
