"""Whether the daemon can do its work, for load balancers and for people."""

from collections.abc import Callable

import structlog
import trio

from reichatd.store import Store, StoreError

OK = "ok"
_FRESH_SECONDS = 1.0
"""So long an answer of the store counts: strangers may ask as often as they like."""

log = structlog.get_logger()


class Health:
    """Asks the store whether it answers, one question at a time however many want to know.

    Arguments:
        store_wait: for how long the store has had the commit under way, 0 if there is none (`Scribe.store_wait`).
        seconds: how long the store may take, for an answer or for a commit.
    """

    def __init__(self, store: Store, store_wait: Callable[[], float], seconds: float) -> None:
        self._store = store
        self._store_wait = store_wait
        self._seconds = seconds
        self._stopping = False
        self._verdict = OK
        self._known_until = -1.0  # in Trio's time
        self._asked = trio.Event()
        self._answered = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Asks the store whenever somebody wants to know, until cancelled."""
        task_status.started()
        while True:
            await self._asked.wait()
            self._verdict = await self._ping()
            self._known_until = trio.current_time() + _FRESH_SECONDS
            self._asked = trio.Event()
            self._answered.set()
            self._answered = trio.Event()

    def stop(self) -> None:
        """From here on the daemon is not ready: it goes down."""
        self._stopping = True

    async def verdicts(self) -> dict[str, str]:
        """For each part "ok" or, in words that anybody may read, what is wrong.

        Any task may call it; waits `seconds` at the most.
        """
        return {
            "daemon": "stopping" if self._stopping else OK,
            "store": await self._ask_store(),
            "scribe": self._late("a commit") if self._store_wait() > self._seconds else OK,
        }

    async def _ask_store(self) -> str:
        if trio.current_time() < self._known_until:
            return self._verdict
        self._asked.set()
        with trio.move_on_after(self._seconds):
            await self._answered.wait()
            return self._verdict
        return self._late("an answer")

    async def _ping(self) -> str:
        try:
            await self._store.ping()
        except StoreError as error:
            log.warning("not ready: the store fails", error=str(error))
            return "failing"
        return OK

    def _late(self, what: str) -> str:
        return f"{what} takes longer than {self._seconds:g} s"
