"""The parts of a daemon, made and put together; and what a reload makes of them."""

import os
import ssl
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from reichatd import __version__, contract, logs
from reichatd.accounts import Accounts, Passwords
from reichatd.administration import Administration, DaemonFigures, SettingRecord
from reichatd.api import create_app, set_limits
from reichatd.chat import CommitStatus, ConversationHandler, Hub, MarkReader, Scribe
from reichatd.control import ControlServer
from reichatd.gateway import Gateway, Listener, affordable_connections
from reichatd.gateway.browsers import BrowserHeaders
from reichatd.gateway.forwarded import Proxies
from reichatd.gateway.http import HttpServer, forwarding
from reichatd.gateway.upgrades import requiring_upgrades
from reichatd.gateway.websocket import WebSocketServer
from reichatd.health import Health
from reichatd.mail import Outbox
from reichatd.retention import Retention
from reichatd.rooms import Rooms
from reichatd.settings import (
    Change,
    LiveSettings,
    Reload,
    Settings,
    SettingsError,
    SettingsProblem,
    changes,
    merged,
    reload_of,
)
from reichatd.store import Store
from reichatd.wallclock import WallClock

log = structlog.get_logger()


class Configuration(NamedTuple):
    """What is read when the daemon starts, and again at each reload: the settings, and what is in files that they name."""

    settings: Settings
    tls: ssl.SSLContext | None
    mail_password: str | None


class Parts:
    """All parts but the store, which is the caller's as the listeners are. None runs by itself: the daemon gives them tasks.

    Arguments:
        secret: the seed of all trust, at least 32 bytes.
    """

    def __init__(self, configuration: Configuration, *, store: Store, secret: bytes, listeners: list[Listener]) -> None:
        settings = configuration.settings
        self.in_force = in_force = LiveSettings(settings)
        """What needs a restart is as it was at the start, all else as it was read last."""
        self._made_at = time.monotonic()
        self.store = store
        self.commits = CommitStatus()
        self.hub = Hub(store.messages, in_force, self.commits)
        self.scribe = Scribe(store.messages, self.hub, in_force, self.commits)
        self.marks = MarkReader(store.messages)
        self.outbox = Outbox(settings.mail, configuration.mail_password)
        passwords = Passwords(settings.auth)
        self.accounts = Accounts(
            auth=settings.auth,
            settings=in_force,
            secret=secret,
            store=store,
            passwords=passwords,
            outbox=self.outbox,
            live=self.hub,
        )
        self.rooms = Rooms(settings=in_force, store=store, passwords=passwords, live=self.hub)
        self.administration = Administration(
            store=store,
            passwords=passwords,
            rooms=self.rooms,
            settings=in_force,
            live=self.accounts.live,
            figures=self._figures,
        )
        self.control = ControlServer(self.administration, in_force)
        self.wall_clock = WallClock()
        self.retention = Retention(settings.retention, store)
        self.chat = ConversationHandler(
            accounts=self.accounts,
            hub=self.hub,
            marks=self.marks,
            scribe=self.scribe,
            settings=in_force,
        )
        self.health = Health(store, self.scribe, self.commits, settings.server.ready_seconds)
        self.app = create_app(
            accounts=self.accounts,
            rooms=self.rooms,
            health=self.health,
            limits=settings.limits,
            web_client=settings.web.enabled,
        )
        contract.publish(self.app, lambda: in_force.limits, settings.server.public_url)
        forwarded = forwarding(self.app, Proxies(settings.server.trusted_proxies))
        self.browser_headers = BrowserHeaders(requiring_upgrades(forwarded), in_force)
        self.http = HttpServer(self.browser_headers, in_force, self.commits.finished)
        self.websockets = WebSocketServer(self.chat, in_force)
        self.gateway = Gateway(
            listeners,
            self.http,
            self.websockets,
            in_force,
            max_connections=affordable_connections(settings.server.max_connections),
            tls=configuration.tls,
        )

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self.in_force.whole

    def reload(self, new: Configuration) -> list[SettingRecord]:
        """Has everything that can change without a restart do so; says, and the log does too, what came of each key that differs.

        Acts at once and does not wait: no request sees half of it.

        Raises:
            SettingsError: nothing has changed.
        """
        try:
            self.outbox.reload(new.settings.mail, new.mail_password)
        except ValueError as error:
            raise SettingsError(SettingsProblem("mail.sender", text=str(error))) from error
        records = [
            SettingRecord(change.key, outcome.value, change.old, change.new)
            for change, outcome in self._outcomes(new.settings)
        ]
        kept = {record.key for record in records if record.outcome == Reload.NEEDS_RESTART.value}
        self.in_force.replace(merged(new.settings, self.settings, kept))
        self._spread(new)
        for record in records:
            told = {"key": record.key, "old": record.old, "new": record.new, "outcome": record.outcome}
            if record.key in kept:
                log.warning("setting changed", **told)
            else:
                log.info("setting changed", **told)
        return records

    def _figures(self) -> DaemonFigures:
        return DaemonFigures(
            version=__version__,
            pid=os.getpid(),
            uptime_seconds=round(time.monotonic() - self._made_at, 1),
            connections=self.hub.connections,
            live_rooms=self.hub.live_rooms,
            lagging=self.hub.lagging,
        )

    def _outcomes(self, new: Settings) -> Iterator[tuple[Change, Reload]]:
        starts_or_ends_tls = bool(new.server.tls_cert) != bool(self.settings.server.tls_cert)
        for change in changes(self.settings, new):
            if change.key.startswith("server.tls_") and starts_or_ends_tls:
                yield change, Reload.NEEDS_RESTART
            else:
                yield change, reload_of(change.key)

    def _spread(self, new: Configuration) -> None:
        """Tells the parts that have something to do about it; all others read what is in force."""
        settings = self.settings
        logs.configure(settings.log, sys.stderr)
        set_limits(self.app, settings.limits)
        self.hub.reload()
        self.retention.reload(settings.retention)
        self.gateway.reload(max_connections=affordable_connections(settings.server.max_connections), tls=new.tls)
