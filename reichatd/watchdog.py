"""What the service manager hears of a daemon that runs: that it lives, and how it is doing."""

import trio

from reichatd.chat import CommitStatus, Hub, Scribe
from reichatd.systemd import Manager

_STATUS_SECONDS = 5.0
_BEATS_PER_WATCHDOG = 3
"""One that comes late is not yet the end."""


class Watchdog:
    """Tells the service manager, where there is one.

    `note` is what it should know beside the numbers, "" for nothing; whoever has something to say sets it.
    """

    def __init__(self, manager: Manager, hub: Hub, scribe: Scribe, commits: CommitStatus) -> None:
        self.note = ""
        self._manager = manager
        self._hub = hub
        self._scribe = scribe
        self._commits = commits

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Feeds the watchdog and keeps the status true, until cancelled; started when hub and scribe have answered once.

        The watchdog is fed by the event loop, and only behind a round trip through the scribe and the hub: so it finds a loop
        that is blocked and a part that has stopped moving. A store that does not answer it does not find, and must not (see
        Scribe.check_alive).
        """
        manager = self._manager
        pause = min(_STATUS_SECONDS, (manager.watchdog_seconds or _STATUS_SECONDS) / _BEATS_PER_WATCHDOG)
        await self._beat(0.0)
        task_status.started()
        while manager:
            due = trio.current_time() + pause
            await trio.sleep_until(due)
            await self._beat(trio.current_time() - due)

    async def _beat(self, late: float) -> None:
        await self._scribe.check_alive()
        await self._hub.check_alive()
        self._manager.alive()
        self._manager.status(self._status(late))

    def _status(self, late: float) -> str:
        hub, wait = self._hub, self._commits.seconds
        status = (
            f"{hub.connections} connections in {hub.live_rooms} rooms, {hub.lagging} lagging; "
            f"event loop {round(late * 1000)} ms late"
        )
        if wait >= 1:
            status += f"; the store has not answered for {round(wait)} s"
        return f"{status}; {self.note}" if self.note else status
