"""The parts of a daemon: makes them, connects them, and applies a reload to them."""

import os
import ssl
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog

from reichatd import __version__, contract, logs
from reichatd.accounts import Accounts, Passwords
from reichatd.accounts.oidc import OidcClient
from reichatd.administration import Administration, DaemonFigures, SettingRecord
from reichatd.api import create_app
from reichatd.audit import AuditLog
from reichatd.chat import (
    SOCKETS_PER_USER,
    CommitStatus,
    ConversationHandler,
    Hub,
    MarkReader,
    PostLimits,
    Reconciliation,
    RestConversation,
    Scribe,
    StoreEvents,
    UserSocketHandler,
    Writer,
    delete_by_scribe,
)
from reichatd.control import ControlServer
from reichatd.disk_space import DiskSpace
from reichatd.erasures import Erasures
from reichatd.gateway import Gateway, Listener, affordable_connections
from reichatd.gateway.admission import FULL, PER_ADDRESS, STRANGERS, Admissions
from reichatd.gateway.browsers import BrowserHeaders
from reichatd.gateway.forwarded import Proxies
from reichatd.gateway.frame_budget import BYTES, FRAMES
from reichatd.gateway.http import HttpServer, forwarding
from reichatd.gateway.upgrades import requiring_upgrades
from reichatd.gateway.websocket import WebSocketServer
from reichatd.health import Health
from reichatd.heartbeat import Heartbeat
from reichatd.logo import LiveLogo, Logo
from reichatd.mail import Outbox
from reichatd.rate_limits import MemoryCounts, RateLimiter, Refusals
from reichatd.retention import Retention
from reichatd.rewriting import Rewriting
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
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
    """What a start and each reload read: the settings, and the contents of files that they name."""

    settings: Settings
    tls: ssl.SSLContext | None
    mail_password: str | None
    oidc: OidcClient | None = None
    logo: Logo | None = None


class Parts:
    """All parts of a daemon. None starts a task: `reichatd.daemon` runs them.

    The caller owns the store and the listeners, and closes them.

    Arguments:
        data_directory: where the store has its file; None if a server has the data.
        secret: the secret that all tokens and hashes derive from, at least 32 bytes.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        store: Store,
        data_directory: Path | None,
        secret: bytes,
        listeners: list[Listener],
    ) -> None:
        settings = configuration.settings
        self.live_settings = live_settings = LiveSettings(settings)
        """Keys that need a restart keep the value of the start; all others have the value that was read last."""
        self.store = store
        self.url = settings.server.public_url or (listeners[0].url if listeners else "")
        """Where clients reach this daemon, as far as is known; "" without listeners."""
        self._started_at = time.monotonic()
        self.heartbeat = Heartbeat(store.daemons, settings.storage.mongodb)
        # Limits, and what they refused.
        self.limiter = RateLimiter(live_settings, local=MemoryCounts(), shared=store.counts)
        self.connection_refusals = Refusals(PER_ADDRESS, STRANGERS, FULL, SOCKETS_PER_USER, FRAMES, BYTES)

        # Chat: the hub owns the live rooms, the scribe writes their messages.
        self.commits = CommitStatus()
        self.hub = Hub(
            store.messages,
            live_settings,
            self.commits,
            refusals=self.connection_refusals,
            members=store.members,
        )
        self.scribe = Scribe(
            store.messages, self.hub, live_settings, self.commits, audit=AuditLog(store.audit, live_settings)
        )
        self.marks = MarkReader(store.messages)

        # Use cases: accounts, rooms, administration, retention.
        self.outbox = Outbox(settings.mail, configuration.mail_password, name=settings.web.name)
        passwords = Passwords(settings.auth)
        self.accounts = Accounts(
            auth=settings.auth,
            settings=live_settings,
            secret=secret,
            store=store,
            passwords=passwords,
            outbox=self.outbox,
            limiter=self.limiter,
            live=self.hub,
            oidc=configuration.oidc,
        )
        # What other daemons change, in the store that all share.
        sessions = self.accounts.sessions
        self.reconciliation = Reconciliation(store, self.hub, sessions.live, sessions.cache, live_settings)
        self.store_events = StoreEvents(
            store, self.hub, sessions.live, sessions.cache, live_settings, self.reconciliation
        )
        self.rooms = Rooms(
            settings=live_settings, store=store, passwords=passwords, limiter=self.limiter, live=self.hub
        )
        self.invites = RoomInvites(settings=live_settings, store=store, live=self.hub, invites=self.accounts.invites)
        self.administration = Administration(
            store=store,
            passwords=passwords,
            rooms=self.rooms,
            invites=self.invites,
            url=self.url,
            settings=live_settings,
            live=self.accounts.sessions.live,
            delete_messages=partial(delete_by_scribe, self.scribe),
            figures=self._figures,
        )
        self.control = ControlServer(self.administration, live_settings)
        self.wall_clock = WallClock()
        self.retention = Retention(live_settings, store)
        self.erasures = Erasures(store, self.accounts.sessions.live, is_keeper=lambda: self.heartbeat.is_keeper)
        self.rewriting = Rewriting(store, settings.storage)
        self.disk_space = DiskSpace(live_settings, data_directory, self.limiter.refusals)
        self.health = Health(store, self.scribe, self.commits, self.disk_space, settings.server.ready_seconds)

        self._logo = LiveLogo(configuration.logo)

        # The conversation, on sockets and by REST.
        self.writer = Writer(
            self.scribe, live_settings, PostLimits(live_settings, self.limiter.refusals), self.disk_space
        )
        self.messaging = RestConversation(
            hub=self.hub,
            messages=store.messages,
            marks=self.marks,
            scribe=self.scribe,
            settings=live_settings,
            writer=self.writer,
        )

        # REST: the app, behind what every HTTP request passes through.
        self.app = create_app(
            accounts=self.accounts,
            rooms=self.rooms,
            invites=self.invites,
            messaging=self.messaging,
            health=self.health,
            settings=live_settings,
            refusals=self.limiter.refusals,
            web_client=settings.web.enabled,
            logo=self._logo,
        )
        contract.publish(self.app, lambda: live_settings.limits, settings.server.public_url)
        proxies = Proxies(settings.server.trusted_proxies)
        forwarded = forwarding(self.app, proxies)
        self.browser_headers = BrowserHeaders(requiring_upgrades(forwarded), live_settings)
        self.http = HttpServer(self.browser_headers, live_settings, self.commits.finished)

        # WebSockets, and the gateway that accepts the connections of both.
        self.chat = ConversationHandler(
            accounts=self.accounts,
            hub=self.hub,
            marks=self.marks,
            scribe=self.scribe,
            settings=live_settings,
            writer=self.writer,
        )
        self.user_sockets = UserSocketHandler(
            accounts=self.accounts, hub=self.hub, rooms=self.rooms.own, settings=live_settings
        )
        self.websockets = WebSocketServer(self.chat, self.user_sockets, live_settings, self.connection_refusals)
        self.gateway = Gateway(
            listeners,
            self.http,
            self.websockets,
            live_settings,
            admissions=Admissions(live_settings, proxies, self.connection_refusals),
            max_connections=affordable_connections(settings.server.max_connections),
            tls=configuration.tls,
        )

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live_settings.whole

    def reload(self, new: Configuration) -> list[SettingRecord]:
        """Applies each changed key that needs no restart; returns and logs the outcome for each key that differs.

        Acts at once and does not wait, so no request sees a mixture of old and new settings.

        Raises:
            SettingsError: nothing has changed.
        """
        try:
            # First, because it can fail.
            self.outbox.reload(new.settings.mail, new.mail_password, name=new.settings.web.name)
        except ValueError as error:
            raise SettingsError(SettingsProblem("mail.sender", text=str(error))) from error
        records = [
            SettingRecord(change.key, outcome.value, change.old, change.new)
            for change, outcome in self._outcomes(new.settings)
        ]
        kept = {record.key for record in records if record.outcome == Reload.NEEDS_RESTART.value}
        self.live_settings.replace(merged(new.settings, self.settings, kept))
        self._logo.current = new.logo
        self._apply(new.tls)
        for record in records:
            fields = {"key": record.key, "old": record.old, "new": record.new, "outcome": record.outcome}
            if record.key in kept:
                log.warning("setting changed", **fields)
            else:
                log.info("setting changed", **fields)
        return records

    def _outcomes(self, new: Settings) -> Iterator[tuple[Change, Reload]]:
        starts_or_ends_tls = bool(new.server.tls_cert) != bool(self.settings.server.tls_cert)
        for change in changes(self.settings, new):
            if change.key.startswith("server.tls_") and starts_or_ends_tls:
                yield change, Reload.NEEDS_RESTART
            else:
                yield change, reload_of(change.key)

    def _apply(self, tls: ssl.SSLContext | None) -> None:
        """Changes what is not read from the live settings: the process's logging, its limit on open files, the certificate."""
        logs.configure(self.settings.log, sys.stderr)
        self.gateway.reload(max_connections=affordable_connections(self.settings.server.max_connections), tls=tls)

    def refusals(self) -> Iterator[tuple[str, int]]:
        """Each limit, with how often it refused something since the start."""
        yield from self.limiter.refusals.items()
        yield from self.connection_refusals.counts.items()

    def _figures(self) -> DaemonFigures:
        return DaemonFigures(
            version=__version__,
            pid=os.getpid(),
            uptime_seconds=round(time.monotonic() - self._started_at, 1),
            connections=self.hub.connections,
            live_rooms=self.hub.live_rooms,
            lagging=self.hub.lagging,
            refusals=dict(self.refusals()),
            changes=dict(self.scribe.changes),
            changes_delivered=self.hub.counters.changes,
        )
