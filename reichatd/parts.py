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
from reichatd.chat import Chat, Commits, Hub, MarkReader, Scribe
from reichatd.config import Change, Reload, Settings, changes, merged, reload_of
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
from reichatd.store import Store
from reichatd.wallclock import WallClock

log = structlog.get_logger()


class Configuration(NamedTuple):
    """What is read when the daemon starts, and again at each reload: the settings, and what is in files that they name."""

    settings: Settings
    tls: ssl.SSLContext | None
    mail_password: str | None


class Mistake(NamedTuple):
    """What is wrong with a new configuration: the key ("" if there is none to blame) and a line for a person."""

    key: str
    text: str


class Rejected(Exception):
    """A new configuration is not as it must be. `mistakes` has everything that is wrong with it, and no secret."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistake.text for mistake in mistakes))


class Parts:
    """All parts but the store, which is the caller's as the listeners are. None runs by itself: the daemon gives them tasks.

    Arguments:
        secret: the seed of all trust, at least 32 bytes.
    """

    def __init__(self, configuration: Configuration, *, store: Store, secret: bytes, listeners: list[Listener]) -> None:
        self.settings = settings = configuration.settings
        """Those in force: what needs a restart is as it was at the start, all else as it was read last."""
        limits = settings.limits
        self._made_at = time.monotonic()
        self.store = store
        self.commits = Commits()
        self.hub = Hub(store.messages, limits, self.commits)
        self.scribe = Scribe(store.messages, self.hub, limits, self.commits)
        self.marks = MarkReader(store.messages)
        self.outbox = Outbox(settings.mail, configuration.mail_password)
        passwords = Passwords(settings.auth)
        self.accounts = Accounts(
            auth=settings.auth,
            limits=limits,
            secret=secret,
            store=store,
            passwords=passwords,
            outbox=self.outbox,
            live=self.hub,
        )
        self.rooms = Rooms(limits=limits, store=store, passwords=passwords, live=self.hub)
        self.administration = Administration(
            store=store,
            passwords=passwords,
            rooms=self.rooms,
            limits=limits,
            live=self.accounts.live,
            figures=self._figures,
        )
        self.control = ControlServer(self.administration, limits)
        self.wall_clock = WallClock()
        self.retention = Retention(settings.retention, store)
        self.chat = Chat(
            accounts=self.accounts,
            hub=self.hub,
            marks=self.marks,
            scribe=self.scribe,
            limits=limits,
        )
        self.health = Health(store, self.scribe, self.commits, settings.server.ready_seconds)
        self.app = create_app(
            accounts=self.accounts,
            rooms=self.rooms,
            health=self.health,
            limits=limits,
            web_client=settings.web.enabled,
        )
        contract.publish(self.app, lambda: self.settings.limits, settings.server.public_url)
        forwarded = forwarding(self.app, Proxies(settings.server.trusted_proxies))
        self.browser_headers = BrowserHeaders(requiring_upgrades(forwarded), settings.server)
        self.http = HttpServer(self.browser_headers, limits, self.commits.over)
        self.websockets = WebSocketServer(self.chat, limits, settings.server.allowed_origins)
        self.gateway = Gateway(
            listeners,
            self.http,
            self.websockets,
            limits,
            max_connections=affordable_connections(settings.server.max_connections),
            tls=configuration.tls,
        )

    def reload(self, new: Configuration) -> list[SettingRecord]:
        """Has everything that can change without a restart do so; says, and the log does too, what came of each key that differs.

        Acts at once and does not wait: no request sees half of it.

        Raises:
            Rejected: nothing has changed.
        """
        try:
            self.outbox.reload(new.settings.mail, new.mail_password)
        except ValueError as error:
            raise Rejected(Mistake("mail.sender", str(error))) from error
        records = [
            SettingRecord(change.key, outcome.value, change.old, change.new)
            for change, outcome in self._outcomes(new.settings)
        ]
        kept = {record.key for record in records if record.outcome == Reload.NEEDS_RESTART.value}
        self.settings = merged(new.settings, self.settings, kept)
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
        server, limits = self.settings.server, self.settings.limits
        logs.configure(self.settings.log, sys.stderr)
        administrative = (self.administration, self.control)
        for part in (self.hub, self.scribe, self.accounts, self.rooms, *administrative, self.chat, self.http):
            part.reload(limits)
        self.retention.reload(self.settings.retention)
        set_limits(self.app, limits)
        self.browser_headers.reload(server)
        self.websockets.reload(limits, server.allowed_origins)
        self.gateway.reload(limits, max_connections=affordable_connections(server.max_connections), tls=new.tls)
