"""The daemon: keeps the parts alive, tells its service manager, and ends the parts in order.

    services nursery
    ├── outbox          sends mail
    ├── housekeeping    removes what has expired
    ├── retention       removes messages that are too old
    ├── recheck         whether open sockets may stay open
    ├── control         administrators' commands
    ├── scribe          one group commit at a time
    ├── mark reader     one group read at a time, for those who join
    ├── hub             the live rooms
    ├── health          asks the store, for those who ask whether the daemon is ready
    ├── monitor         metrics, on a port of their own, where the settings want them
    ├── signals         stop, reload
    ├── pulse           the watchdog and the status, where a service manager wants them
    └── doors nursery   the gateway and its connections

It ends from the leaves: no new connections, the sockets told 1001 batch by batch, requests answered; then the scribe empties
itself; then the store closes. A part that crashes takes the daemon down: all of them are needed, and a service manager starts it
anew.
"""

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog
import trio

from reichatd.accounts import Accounts
from reichatd.administration import SettingRecord
from reichatd.api import create_monitor
from reichatd.chat import ShutdownPlan, recheck_sockets
from reichatd.gateway import Gateway, Listener
from reichatd.gateway.http import HttpServer
from reichatd.parts import Configuration, Parts
from reichatd.settings import Reload, SettingsError
from reichatd.store import Store, StoreError, backend_for
from reichatd.systemd import Manager
from reichatd.unixsocket import UnixSocket
from reichatd.wallclock import WallClock
from reichatd.watchdog import Watchdog

_COLLECTOR = (700, 10, 1000)
"""Python's thresholds for garbage collection. The last one is 10 by itself: to look at all objects then stops everything for a
tenth of a second per thousand connections (stalls of 100 to 500 ms in a storm of 5,000 joins), though what ends is nearly always
freed without it."""
_HOUSEKEEPING_SECONDS = 60.0
_SWEEP_AT_ONCE = 1000
_MONITORS_AT_ONCE = 32
"""Connections to the port of the metrics: more than anybody needs."""

log = structlog.get_logger()


async def run(
    configuration: Configuration,
    *,
    data_file: Path,
    secret: bytes,
    listeners: list[Listener],
    monitors: list[Listener],
    control_socket: UnixSocket | None,
    manager: Manager,
    reread: Callable[[], Configuration],
    ready: Callable[[], None],
) -> None:
    """Runs the daemon until SIGTERM or SIGINT; then returns within `server.drain_seconds`. A second signal ends it at once.

    SIGHUP has the configuration read again.

    Arguments:
        data_file: the SQLite file, where that is the store.
        secret: the seed of all trust, at least 32 bytes.
        listeners: listening already; closed in the end.
        monitors: likewise, for the metrics; none where they are off.
        control_socket: listening too; closed in the end.
        manager: is told of readiness, reloads and the end, and how it goes meanwhile.
        reread: gives the configuration as it is now, or raises SettingsError; called in a thread, since it reads files.
        ready: called when it would answer.

    Raises:
        StoreError: the store cannot be opened.
    """
    store = await backend_for(configuration.settings.storage, data_file).open()
    try:
        parts = Parts(configuration, store=store, secret=secret, listeners=listeners)
        await _Daemon(parts, monitors, control_socket, manager, reread, ready).run()
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
    log.info("stopped")


class _Daemon:
    """The tree of tasks, from the first part to the last."""

    def __init__(
        self,
        parts: Parts,
        monitors: list[Listener],
        control_socket: UnixSocket | None,
        manager: Manager,
        reread: Callable[[], Configuration],
        ready: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._monitors = monitors
        self._control_socket = control_socket
        self._manager = manager
        self._reread = reread
        self._ready = ready
        self._pulse = Watchdog(manager, parts.hub, parts.scribe, parts.commits)
        self._reloading = trio.Lock()
        self._doors = trio.CancelScope()
        parts.administration.reread = self._reload

    async def run(self) -> None:
        parts = self._parts
        async with trio.open_nursery() as services:
            await services.start(parts.outbox.run)
            await services.start(parts.scribe.run)
            await services.start(parts.marks.run)
            await services.start(parts.hub.run)
            await services.start(parts.health.run)
            if self._monitors:
                await services.start(self._monitor)
            services.start_soon(_keep_house, parts.store, parts.accounts, parts.wall_clock)
            services.start_soon(parts.retention.run, parts.wall_clock)
            recheck_seconds = parts.settings.auth.session_recheck_seconds
            services.start_soon(recheck_sockets, parts.hub, parts.store.sessions, parts.store.messages, recheck_seconds)
            if self._control_socket is not None:
                await services.start(parts.control.run, self._control_socket)
            with self._doors:
                async with trio.open_nursery() as doors:
                    await services.start(self._watch_signals)
                    await doors.start(parts.gateway.run)
                    await services.start(self._pulse.run)
                    _spare_the_collector()
                    self._manager.ready()
                    self._ready()
            await parts.scribe.drained()
            services.cancel_scope.cancel()

    async def _monitor(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves the metrics until cancelled: also while the daemon stops."""
        # Imported late: only those who look at the metrics should pay for them.
        from reichatd.metrics import Metrics

        parts = self._parts
        metrics = Metrics(parts)
        app = create_monitor(health=parts.health, expose=metrics.expose, limits=parts.settings.limits)
        http = HttpServer(app, parts.in_force, parts.commits.over)
        gateway = Gateway(self._monitors, http, None, parts.in_force, max_connections=_MONITORS_AT_ONCE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(metrics.run)
            await nursery.start(gateway.run)
            task_status.started()

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The first signal to stop begins a stop; one that comes after it cuts the waiting short."""
        in_terminal = os.isatty(0)
        stopping = False
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                task_status.started()
                async for number in signals:
                    # SIGHUP has two meanings: a terminal that it was started in, and that is gone, asks for no reload.
                    if number == signal.SIGHUP and not (in_terminal and not os.isatty(0)):
                        nursery.start_soon(self._reload)
                    elif stopping:
                        self._doors.cancel()
                    else:
                        stopping = True
                        nursery.start_soon(self._stop)

    async def _stop(self) -> None:
        parts = self._parts
        log.info("stopping", connections=parts.hub.connections)
        self._manager.stopping()
        parts.health.stop()
        server = parts.settings.server
        self._doors.deadline = trio.current_time() + server.drain_seconds
        await parts.gateway.stop()
        parts.chat.let_go()
        await parts.hub.say_goodbye(ShutdownPlan(parts.hub.connections, server))

    async def _reload(self) -> list[SettingRecord]:
        """For a signal or an administrator, one at a time; what came of each key that differs, or is wrong."""
        async with self._reloading:
            self._manager.reloading()
            try:
                # A file system may hang: nobody waits for that at a stop.
                records = self._parts.reload(await trio.to_thread.run_sync(self._reread, abandon_on_cancel=True))
            except SettingsError as error:
                for problem in error.problems:
                    log.error("setting rejected", key=problem.key, reason=str(problem))
                log.error("not reloaded: all settings stay as they were")
                self._pulse.note = "the settings could not be reloaded, the log says why"
                return [SettingRecord(each.key, Reload.REJECTED.value, reason=str(each)) for each in error.problems]
            else:
                log.info("reloaded")
                self._pulse.note = ""
                return records
            finally:
                self._manager.ready()


def _spare_the_collector() -> None:
    """What is there when the daemon is ready stays to the end: nobody need look for garbage among it."""
    gc.set_threshold(*_COLLECTOR)
    gc.collect()
    gc.freeze()


async def _keep_house(store: Store, accounts: Accounts, clock: WallClock) -> None:
    while True:
        try:
            if clock.believed():
                await accounts.delete_expired()
            while await store.messages.sweep(_SWEEP_AT_ONCE) == _SWEEP_AT_ONCE:
                await trio.lowlevel.checkpoint()
        except StoreError as error:
            log.warning("housekeeping failed, tried again later", error=str(error))
        await trio.sleep(_HOUSEKEEPING_SECONDS)
