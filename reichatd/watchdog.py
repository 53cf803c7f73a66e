"""Feeds the service manager's watchdog, and reports the daemon's status to it."""

import trio

from reichatd.chat import CommitStatus, Hub, Scribe
from reichatd.systemd import ServiceManager

_STATUS_SECONDS = 5.0
_BEATS_PER_WATCHDOG = 3
"""Three beats fit into the watchdog's timeout, so that one late beat does not end the daemon."""


class Watchdog:
    """Reports to the service manager, if there is one.

    `note` is a text that the status shows beside its figures; empty for none. Any task may set it.
    """

    def __init__(self, manager: ServiceManager, hub: Hub, scribe: Scribe, commits: CommitStatus) -> None:
        self.note = ""
        self._manager = manager
        self._hub = hub
        self._scribe = scribe
        self._commits = commits

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Feeds the watchdog and updates the status until cancelled. Started when hub and scribe have answered once.

        Each beat waits for a round trip through the scribe and the hub. So a blocked event loop, a stalled scribe or a stalled hub
        causes a watchdog timeout. A store that does not answer must not cause one (see Scribe.check_alive).
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
        self._manager.feed_watchdog()
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
