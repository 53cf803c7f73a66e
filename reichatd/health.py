"""Readiness: whether the daemon can do its work, for load balancers and operators."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.store import Store, StoreError, StoreReplaced

OK = "ok"
_FRESH_SECONDS = 1.0
"""How long a result is reused: anyone may ask, and as often as they like."""
_REPLACED = "the file was removed or replaced"
DISK_LOW = "the disk is almost full"
"""Posts are refused, but the daemon stays ready: all else works, and no other daemon has the same disk to do better."""

log = structlog.get_logger()


class ScribeView(Protocol):
    """What is used of the scribe."""

    async def probe(self) -> None:
        """If the last commit failed, checks whether the store can be written to again. Raises StoreError if not."""


class CommitView(Protocol):
    """What is used of the commit status."""

    @property
    def seconds(self) -> float:
        """For how many seconds the commit under way has been waiting for the store; 0 if there is none."""


class DiskView(Protocol):
    """What is used of the disk's watch."""

    @property
    def is_low(self) -> bool:
        """Whether posts are refused, because the disk is almost full."""


class Health:
    """Checks that the store answers, and that it can be written to.

    Arguments:
        seconds: how long the store may take, for an answer or for a commit.
    """

    def __init__(self, store: Store, scribe: ScribeView, commits: CommitView, disk: DiskView, seconds: float) -> None:
        self._commits = commits
        self._disk = disk
        self._seconds = seconds
        self._stopping = False
        self._reading = _Check("store", store.ping, "failing", seconds)
        self._writing = _Check("scribe", scribe.probe, "commits fail", seconds)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs the checks on request, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._reading.run)
            nursery.start_soon(self._writing.run)
            task_status.started()

    def stop(self) -> None:
        """From here on the daemon is not ready, because it stops."""
        self._stopping = True

    async def verdicts(self) -> dict[str, str]:
        """For each part "ok", or what is wrong, in words that anyone may read.

        Any task may call it. It waits up to `seconds`.
        """
        deadline = trio.current_time() + self._seconds
        self._reading.request()
        self._writing.request()
        return {
            "daemon": "stopping" if self._stopping else OK,
            "store": await self._reading.result(deadline),
            "scribe": await self._scribe_verdict(deadline),
        }

    async def _scribe_verdict(self, deadline: float) -> str:
        if self._commits.seconds > self._seconds:
            return _late("a commit", self._seconds)
        verdict = await self._writing.result(deadline)
        return DISK_LOW if verdict == OK and self._disk.is_low else verdict


class _Check:
    """One check of the store. It runs once at a time, however many tasks wait for its result.

    Arguments:
        part: the part that depends on the store here, for the log.
        check: returns if all is well, or raises StoreError.
        failing: the verdict if it raises.
    """

    def __init__(self, part: str, check: Callable[[], Awaitable[None]], failing: str, seconds: float) -> None:
        self._part = part
        self._check = check
        self._failing = failing
        self._seconds = seconds
        self._verdict = OK
        self._fresh_until = -1.0  # in Trio's time
        self._requested = RepeatedEvent()
        self._done = RepeatedEvent()

    async def run(self) -> None:
        while True:
            await self._requested.wait()
            self._verdict = await self._try()
            self._fresh_until = trio.current_time() + _FRESH_SECONDS
            self._requested.clear()
            self._done.notify_all()

    def request(self) -> None:
        """Has the check run, unless the last result is fresh. Does not wait."""
        if trio.current_time() >= self._fresh_until:
            self._requested.set()

    async def result(self, deadline: float) -> str:
        """The verdict; or, if the check is not done by the deadline, that it is late."""
        if not self._requested.is_set():
            return self._verdict
        with trio.move_on_at(deadline):
            await self._done.wait()
            return self._verdict
        return _late("an answer", self._seconds)

    async def _try(self) -> str:
        try:
            await self._check()
        except StoreError as error:
            log.warning("not ready", part=self._part, error=str(error))
            return _REPLACED if isinstance(error, StoreReplaced) else self._failing
        return OK


def _late(what: str, seconds: float) -> str:
    return f"{what} takes longer than {seconds:g} s"
