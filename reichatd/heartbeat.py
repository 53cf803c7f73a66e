"""What this daemon tells other daemons on the same store: that it runs, and that it does the housekeeping for all of them.

A lease ends without its holder, so that another daemon takes over from one that was killed. A store that allows one daemon only (a
standalone MongoDB) is a lease too. A daemon that starts then waits until it knows whether the holder lives: it renews the lease.
"""

import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVarTuple

import structlog
import trio

from reichatd import __version__
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import MongoDBSettings
from reichatd.store import Daemon, Leased, RunningDaemon, StoreError, StoreInUse
from reichatd.store.protocol import DaemonStore

_LEAVE_SECONDS = 5.0
_LOOKS = 8
"""How often a daemon looks, while one interval of heartbeats passes, whether the holder of the store lives."""

Ts = TypeVarTuple("Ts")
log = structlog.get_logger()


class Heartbeat:
    """This daemon's heartbeat and leases.

    Arguments:
        settings: `heartbeat_seconds` is between two heartbeats, `lease_seconds` how long one of them, and a lease, is valid.
    """

    def __init__(self, store: DaemonStore, settings: MongoDBSettings) -> None:
        self._store = store
        self._settings = settings
        self.daemon = Daemon(
            daemon_id=secrets.token_hex(12),
            version=__version__,
            host=socket.gethostname(),
            processes=process_ids(),
            pid=os.getpid(),
            started_at=time.time(),
        )
        self.daemons: list[RunningDaemon] = []
        """All daemons on the store, this one too, as of the last heartbeat."""
        self.lost = trio.Event()
        """Another daemon has taken the store, which allows one only: this one has to stop."""
        self._keeper_until = -1.0  # in Trio's time
        self._became_keeper = RepeatedEvent()
        self._keeping: set[trio.CancelScope] = set()

    @property
    def is_keeper(self) -> bool:
        """Whether this daemon does the housekeeping. It may end at any time, so what it does must not harm if done twice."""
        return trio.current_time() < self._keeper_until

    async def enter(self) -> None:
        """Makes the daemon known to the others. To be called once, before it serves anyone.

        Waits for `lease_seconds` and a little more at most, if the store allows one daemon only and the last one was killed.

        Raises:
            StoreInUse: the store allows one daemon only, and another one uses it.
            StoreError
        """
        if self._store.is_exclusive:
            await self._take_store()
        await self._beat()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Beats, and renews the leases, until cancelled. After a failure of the store it tries again."""
        task_status.started()
        due = trio.current_time()
        fails = False
        while True:
            due = max(due + self._settings.heartbeat_seconds, trio.current_time())
            await trio.sleep_until(due)
            try:
                await self._beat()
                fails = False
            except StoreError as error:
                if not fails:
                    log.warning("heartbeat failed, tried again", error=str(error))
                fails = True

    async def leave(self) -> None:
        """Ends the heartbeat and the leases, so that another daemon need not wait. To be called at the end; raises nothing."""
        with suppress(StoreError), trio.move_on_after(_LEAVE_SECONDS, shield=True):
            await self._store.leave(self.daemon.daemon_id)

    async def while_keeper(self, task: Callable[[*Ts], Awaitable[None]], *args: *Ts) -> None:
        """Runs a task whenever this daemon does the housekeeping, until cancelled. The task is cancelled when that ends."""
        while True:
            while not self.is_keeper:
                await self._became_keeper.wait()
            with trio.CancelScope(deadline=self._keeper_until) as scope:
                self._keeping.add(scope)
                try:
                    await task(*args)
                finally:
                    self._keeping.discard(scope)

    async def _beat(self) -> None:
        seconds, daemon_id = self._settings.lease_seconds, self.daemon.daemon_id
        await self._store.beat(self.daemon, seconds)
        if (
            self._store.is_exclusive
            and (await self._store.lease(Leased.STORE, daemon_id, seconds)).daemon_id != daemon_id
        ):
            self.lost.set()
        asked_at = trio.current_time()
        lease = await self._store.lease(Leased.HOUSEKEEPING, daemon_id, seconds)
        self._keep_until(asked_at + seconds if lease.daemon_id == daemon_id else asked_at)
        self.daemons = await self._store.running()

    def _keep_until(self, end: float) -> None:
        was_keeper, self._keeper_until = self.is_keeper, end
        for scope in self._keeping:
            scope.deadline = end
        if self.is_keeper and not was_keeper:
            log.info("this daemon does the housekeeping")
            self._became_keeper.notify_all()

    async def _take_store(self) -> None:
        seen = None
        while True:
            lease = await self._store.lease(Leased.STORE, self.daemon.daemon_id, self._settings.lease_seconds)
            if lease.daemon_id == self.daemon.daemon_id:
                return
            holder = await self._running(lease.daemon_id)
            if holder is not None and is_dead(holder):
                await self._store.leave(lease.daemon_id)
            elif seen is not None and lease != seen:
                raise StoreInUse(_in_use(holder))
            else:
                if seen is None:
                    log.info(
                        "waiting to see whether another daemon uses the store", seconds=self._settings.lease_seconds
                    )
                seen = lease
                await trio.sleep(self._settings.heartbeat_seconds / _LOOKS)

    async def _running(self, daemon_id: str) -> Daemon | None:
        return next((each.daemon for each in await self._store.running() if each.daemon.daemon_id == daemon_id), None)


def _in_use(holder: Daemon | None) -> str:
    who = f"a daemon on {holder.host} (process {holder.pid})" if holder else "another daemon"
    return (
        f"{who} uses this MongoDB, a standalone server, which allows one daemon only: stop that one first, or make the server a "
        "replica set (rs.initiate()) for several daemons"
    )


def process_ids() -> str:
    """Names the process ids that are unique together with this process's: those of this boot, in this container. "" if unknown."""
    # systemd hides the first from the service (ProcSubset=pid).
    for path in ("/proc/sys/kernel/random/boot_id", "/etc/machine-id"):
        with suppress(OSError):
            return f"{Path(path).read_text().strip()} {socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    return ""


def is_dead(daemon: Daemon) -> bool:
    """Whether it is certain that this daemon, another than this process, has ended: its process would be seen here."""
    if not daemon.processes or daemon.processes != process_ids():
        return False
    if daemon.pid == os.getpid():
        return True
    try:
        os.kill(daemon.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it lives, and belongs to another user
    return False
