"""Whether the daemon can do its work, for load balancers and for people."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
import trio

from reichatd.store import Store, StoreError, StoreReplaced

OK = "ok"
_FRESH_SECONDS = 1.0
"""So long an answer of the store counts: strangers may ask as often as they like."""
_REPLACED = "the file was removed or replaced"

log = structlog.get_logger()


class ScribeView(Protocol):
    """The scribe, as it is seen here."""

    async def probe(self) -> None:
        """If commits fail, finds out whether the store can be written to by now. Raises StoreError if not."""


class CommitView(Protocol):
    """What the scribe writes, as it is seen here."""

    @property
    def seconds(self) -> float:
        """For how many seconds the store has had the commit under way; 0 if none is."""


class Health:
    """Asks the store whether it answers, and whether it can be written to.

    Arguments:
        seconds: how long the store may take, for an answer or for a commit.
    """

    def __init__(self, store: Store, scribe: ScribeView, commits: CommitView, seconds: float) -> None:
        self._commits = commits
        self._seconds = seconds
        self._stopping = False
        self._reading = _Question("store", store.ping, "failing", seconds)
        self._writing = _Question("scribe", scribe.probe, "commits fail", seconds)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Asks whenever somebody wants to know, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._reading.run)
            nursery.start_soon(self._writing.run)
            task_status.started()

    def stop(self) -> None:
        """From here on the daemon is not ready: it goes down."""
        self._stopping = True

    async def verdicts(self) -> dict[str, str]:
        """For each part "ok" or, in words that anybody may read, what is wrong.

        Any task may call it; waits `seconds` at the most.
        """
        deadline = trio.current_time() + self._seconds
        self._reading.ask()
        self._writing.ask()
        return {
            "daemon": "stopping" if self._stopping else OK,
            "store": await self._reading.answer(deadline),
            "scribe": await self._scribe_verdict(deadline),
        }

    async def _scribe_verdict(self, deadline: float) -> str:
        if self._commits.seconds > self._seconds:
            return _late("a commit", self._seconds)
        return await self._writing.answer(deadline)


class _Question:
    """What is asked of the store once at a time, however many want to know.

    Arguments:
        part: who depends on the answer.
        put: puts the question; returns if all is well.
        failing: the verdict if it is not.
    """

    def __init__(self, part: str, put: Callable[[], Awaitable[None]], failing: str, seconds: float) -> None:
        self._part = part
        self._put = put
        self._failing = failing
        self._seconds = seconds
        self._verdict = OK
        self._known_until = -1.0  # in Trio's time
        self._asked = trio.Event()
        self._answered = trio.Event()

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            self._verdict = await self._try()
            self._known_until = trio.current_time() + _FRESH_SECONDS
            self._asked = trio.Event()
            self._answered.set()
            self._answered = trio.Event()

    def ask(self) -> None:
        """Has the question put, unless the last answer still counts. Does not wait."""
        if trio.current_time() >= self._known_until:
            self._asked.set()

    async def answer(self, deadline: float) -> str:
        """The verdict; or, if it is not there at the deadline, that it is late."""
        if not self._asked.is_set():
            return self._verdict
        with trio.move_on_at(deadline):
            await self._answered.wait()
            return self._verdict
        return _late("an answer", self._seconds)

    async def _try(self) -> str:
        try:
            await self._put()
        except StoreError as error:
            log.warning("not ready", part=self._part, error=str(error))
            return _REPLACED if isinstance(error, StoreReplaced) else self._failing
        return OK


def _late(what: str, seconds: float) -> str:
    return f"{what} takes longer than {seconds:g} s"
