"""What the service manager hears of a daemon that runs: that it lives, and how it is doing."""

import trio

from reichatd.chat import Hub, Scribe
from reichatd.systemd import Manager

_STATUS_SECONDS = 5.0
_BEATS_PER_WATCHDOG = 3
"""One that comes late is not yet the end."""


async def keep_telling(
    manager: Manager, hub: Hub, scribe: Scribe, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Feeds the watchdog and keeps the status true, until cancelled; started when hub and scribe have answered once.

    The watchdog is fed by the event loop, and only behind a round trip through the scribe and the hub: so it finds a loop that is
    blocked and a part that has stopped moving. A store that does not answer it does not find, and must not (see Scribe.beat).
    """
    pause = min(_STATUS_SECONDS, (manager.watchdog_seconds or _STATUS_SECONDS) / _BEATS_PER_WATCHDOG)
    await _tell(manager, hub, scribe, late=0.0)
    task_status.started()
    while True:
        due = trio.current_time() + pause
        await trio.sleep_until(due)
        await _tell(manager, hub, scribe, late=trio.current_time() - due)


async def _tell(manager: Manager, hub: Hub, scribe: Scribe, *, late: float) -> None:
    await scribe.beat()
    await hub.beat()
    manager.alive()
    manager.status(_status(hub, scribe, late))


def _status(hub: Hub, scribe: Scribe, late: float) -> str:
    status = (
        f"{hub.connections} connections in {hub.live_rooms} rooms, {hub.lagging} lagging; "
        f"event loop {round(late * 1000)} ms late"
    )
    if scribe.store_wait >= 1:
        status += f"; the store has not answered for {round(scribe.store_wait)} s"
    return status
