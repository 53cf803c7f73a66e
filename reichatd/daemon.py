"""The life of a daemon: starts the parts, keeps them running, reports to the service manager, and stops the parts in order.

The tasks, in the order in which they start:

    services nursery
    ├── outbox          sends mail
    ├── scribe          commits messages, one batch at a time
    ├── mark reader     reads the read marks of those who join, one batch at a time
    ├── hub             runs the live rooms
    ├── reconciliation  compares with the store what the sockets show: ends of logs, sessions, memberships
    ├── store events    follows what other daemons change in the store
    ├── disk space      looks whether the disk is almost full
    ├── health          asks the store whether it answers, for /readyz
    ├── heartbeat       tells the other daemons on the store that this one runs, and which one does what is marked with *
    ├── monitor         serves metrics on a port of their own, if they are enabled
    ├── housekeeping    * deletes expired registrations, login sessions and invitations, old audit entries, and the messages of
    │                   deleted rooms; stores when sessions were last in use
    ├── retention       * deletes messages that are too old
    ├── erasures        * erases the messages of users who were deleted with them
    ├── rewriting       rewrites the store's file at night, so that it has no copies of old texts
    ├── control         serves administrators' commands
    ├── signals         SIGTERM and SIGINT stop the daemon, SIGHUP reloads the settings
    ├── serving nursery
    │   └── gateway     accepts connections, and serves each in a task of its own
    └── watchdog        reports to the service manager, if there is one

A stop goes the other way:

 1. The gateway accepts no more connections, and answers the requests that it has. The hub closes the WebSockets in batches, with
    code 1001. After `server.drain_seconds` the connections that are left are cut.
 2. The scribe commits what it has.
 3. All services are cancelled.
 4. The store is closed.

A part that crashes ends the daemon, because all parts are needed. The service manager starts it again.
"""

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog
import trio

from reichatd.accounts.invites import invite_url
from reichatd.accounts.keys import Keys
from reichatd.accounts.shared_secret import require_shared_secret
from reichatd.administration import SettingRecord
from reichatd.api import create_monitor
from reichatd.audit import expire
from reichatd.chat import ShutdownPlan
from reichatd.gateway import Gateway, Listener
from reichatd.gateway.admission import Admissions
from reichatd.gateway.forwarded import Proxies
from reichatd.gateway.http import HttpServer
from reichatd.parts import Configuration, Parts
from reichatd.settings import Reload, SettingsError
from reichatd.store import StoreError, StoreInUse, backend_for
from reichatd.systemd import ServiceManager
from reichatd.unixsocket import UnixSocket
from reichatd.watchdog import Watchdog

_GC_THRESHOLDS = (700, 10, 1000)
"""For Python's garbage collector. Its default for the last generation is 10. A full collection stops everything for 0.1 s per
thousand connections (stalls of 100 to 500 ms while 5,000 clients join), and reference counting frees nearly all without it."""
_HOUSEKEEPING_SECONDS = 60.0
_SWEEP_MESSAGES = 1000
"""Messages of deleted rooms that are deleted in one step."""
_MONITOR_CONNECTIONS = 32
"""Connections at once to the port of the metrics."""

log = structlog.get_logger()


async def run(
    configuration: Configuration,
    *,
    data_file: Path,
    secret: bytes,
    listeners: list[Listener],
    monitors: list[Listener],
    control_socket: UnixSocket | None,
    manager: ServiceManager,
    reread: Callable[[], Configuration],
    ready: Callable[[str], None],
) -> None:
    """Runs the daemon until SIGTERM or SIGINT, then returns within `server.drain_seconds`. A second signal ends it at once.

    SIGHUP reloads the configuration.

    Arguments:
        data_file: the SQLite file, if the store is SQLite.
        secret: the secret that all tokens and hashes derive from, at least 32 bytes.
        listeners: already listening; closed at the end.
        monitors: the same for the metrics; empty if they are off.
        control_socket: already listening; closed at the end.
        manager: notified when the daemon is ready, reloads or stops, and of its status in between.
        reread: returns the configuration as it is now, or raises SettingsError. Called in a thread, because it reads files.
        ready: called when the daemon answers requests, with the URL of an invitation for the first account; "" if none is needed.

    Raises:
        StoreError: the store cannot be opened; or another daemon has it for itself (StoreInUse), or it was used with another secret
            (OtherSecret).
    """
    backend = backend_for(configuration.settings.storage, data_file)
    store = await backend.open()
    if store.caution:
        log.warning("one daemon only", reason=store.caution)
    try:
        parts = Parts(
            configuration,
            store=store,
            data_directory=None if backend.file is None else backend.file.parent,
            secret=secret,
            listeners=listeners,
        )
        await require_shared_secret(store.daemons, Keys(secret))
        await parts.heartbeat.enter()
        try:
            await _Daemon(parts, monitors, control_socket, manager, reread, ready).run()
        finally:
            await parts.heartbeat.leave()
        if parts.heartbeat.lost.is_set():
            raise StoreInUse("another daemon has taken the store, which allows one daemon only, while this one hung")
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
    log.info("stopped")


class _Daemon:
    """The tree of tasks."""

    def __init__(
        self,
        parts: Parts,
        monitors: list[Listener],
        control_socket: UnixSocket | None,
        manager: ServiceManager,
        reread: Callable[[], Configuration],
        ready: Callable[[str], None],
    ) -> None:
        self._parts = parts
        self._monitors = monitors
        self._control_socket = control_socket
        self._manager = manager
        self._reread = reread
        self._ready = ready
        self._watchdog = Watchdog(manager, parts.hub, parts.scribe, parts.commits)
        self._reloading = trio.Lock()
        self._serving = trio.CancelScope()  # the gateway and its connections
        self._is_stopping = False
        parts.administration.reread = self._reload

    async def run(self) -> None:
        """Starts the parts, serves until a signal to stop, and stops the parts: see the head of this module."""
        async with trio.open_nursery() as services:
            await self._start_services(services)
            with self._serving:
                async with trio.open_nursery() as serving:
                    # Signals come before the gateway: a stop during the start must be orderly, too.
                    await services.start(self._watch_signals)
                    await serving.start(self._parts.gateway.run)
                    await services.start(self._watchdog.run)
                    _tune_garbage_collection()
                    invitation = await self._first_invitation()
                    self._manager.ready()
                    self._ready(invitation)
            await self._parts.scribe.drained()
            services.cancel_scope.cancel()

    async def _first_invitation(self) -> str:
        """The URL of a new invitation for the first account; "" if there is an account, or anyone may register."""
        made = await self._parts.accounts.invites.first()
        return invite_url(self._parts.settings.server, made.token, base=self._parts.url) if made else ""

    async def _start_services(self, services: trio.Nursery) -> None:
        """Starts everything that must run before the first connection is accepted."""
        parts = self._parts
        await services.start(parts.outbox.run)
        await services.start(parts.scribe.run)
        await services.start(parts.marks.run)
        await services.start(parts.hub.run)
        await services.start(parts.hub.news.run, parts.rooms.own, parts.store.rooms)
        await services.start(parts.reconciliation.run, parts.settings.auth.session_recheck_seconds)
        await services.start(parts.store_events.run)
        await services.start(parts.disk_space.run)
        await services.start(parts.health.run)
        await services.start(parts.heartbeat.run)
        services.start_soon(self._stop_when_store_is_lost)
        if self._monitors:
            await services.start(self._monitor)
        services.start_soon(_run_housekeeping, parts)
        services.start_soon(parts.heartbeat.while_keeper, parts.retention.run, parts.wall_clock)
        services.start_soon(parts.erasures.run)
        services.start_soon(parts.rewriting.run)
        if self._control_socket is not None:
            await services.start(parts.control.run, self._control_socket)

    async def _monitor(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves the metrics until cancelled, also during a stop."""
        # Imported here, because only a daemon with metrics needs prometheus_client.
        from reichatd.metrics import Metrics

        parts = self._parts
        metrics = Metrics(parts)
        app = create_monitor(health=parts.health, expose=metrics.expose, settings=parts.live_settings)
        http = HttpServer(app, parts.live_settings, parts.commits.finished)
        gateway = Gateway(
            self._monitors,
            http,
            None,
            parts.live_settings,
            admissions=Admissions(parts.live_settings, Proxies(()), parts.connection_refusals),
            max_connections=_MONITOR_CONNECTIONS,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(metrics.run)
            await nursery.start(gateway.run)
            task_status.started()

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The first signal to stop begins an orderly stop; a second one cuts the remaining connections."""
        in_terminal = os.isatty(0)
        stopping = False
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                task_status.started()
                async for number in signals:
                    # SIGHUP also means that the terminal, in which the daemon was started, has gone: that is a stop.
                    if number == signal.SIGHUP and not (in_terminal and not os.isatty(0)):
                        nursery.start_soon(self._reload)
                    elif stopping:
                        self._serving.cancel()
                    else:
                        stopping = True
                        nursery.start_soon(self._stop)

    async def _stop_when_store_is_lost(self) -> None:
        await self._parts.heartbeat.lost.wait()
        log.error("store taken by another daemon")
        await self._stop()

    async def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        parts = self._parts
        log.info("stopping", connections=parts.hub.connections)
        self._manager.stopping()
        parts.health.stop()
        server = parts.settings.server
        self._serving.deadline = trio.current_time() + server.drain_seconds
        await parts.gateway.stop()
        parts.chat.end_kept_open()
        parts.scribe.stop_retrying()
        await parts.hub.close_all(ShutdownPlan(parts.hub.connections, server))

    async def _reload(self) -> list[SettingRecord]:
        """Reloads for a signal or an administrator, one at a time; returns the outcome for each key that differs or is wrong."""
        async with self._reloading:
            self._manager.reloading()
            try:
                # A file system may hang. A stop must not wait for it.
                new = await trio.to_thread.run_sync(self._reread, abandon_on_cancel=True)
                records = self._parts.reload(new)
            except SettingsError as error:
                for problem in error.problems:
                    log.error("setting rejected", key=problem.key, reason=str(problem))
                log.error("not reloaded: all settings stay as they were")
                self._watchdog.note = "the settings could not be reloaded, see the log"
                return [SettingRecord(each.key, Reload.REJECTED.value, reason=str(each)) for each in error.problems]
            else:
                log.info("reloaded")
                self._watchdog.note = ""
                return records
            finally:
                self._manager.ready()


def _tune_garbage_collection() -> None:
    """Leaves out of garbage collection what the start has made: it stays until the end."""
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.collect()
    gc.freeze()


async def _run_housekeeping(parts: Parts) -> None:
    store, accounts = parts.store, parts.accounts
    while True:
        try:
            await accounts.sessions.store_uses(parts.hub.sockets.session_ids())
            if parts.heartbeat.is_keeper and parts.wall_clock.is_trusted():
                await accounts.delete_expired()
                await expire(store.audit, parts.settings.audit)
            while parts.heartbeat.is_keeper and await store.messages.sweep(_SWEEP_MESSAGES) == _SWEEP_MESSAGES:
                await trio.lowlevel.checkpoint()
        except StoreError as error:
            log.warning("housekeeping failed, tried again later", error=str(error))
        await trio.sleep(_HOUSEKEEPING_SECONDS)
