"""The daemon: builds the parts, keeps them alive, ends them in order.

    services nursery
    ├── outbox          sends mail
    ├── housekeeping    removes what has expired
    ├── scribe          one group commit at a time
    ├── mark reader     one group read at a time, for those who join
    ├── hub             the live rooms
    └── doors nursery   signals; the gateway and its connections

It ends from the leaves: no new connections, the sockets told 1001, requests answered; then the scribe empties itself; then the
store closes. A part that crashes takes the daemon down: all of them are needed, and a service manager starts it anew.
"""

import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import trio

from reichatd.accounts import Accounts, Passwords
from reichatd.api import create_app
from reichatd.chat import Chat, Hub, MarkReader, Scribe
from reichatd.config import Settings, Storage
from reichatd.gateway import Gateway, Listener, affordable_connections
from reichatd.gateway.forwarded import Proxies
from reichatd.gateway.http import HttpServer, forwarding
from reichatd.gateway.websocket import WebSocketServer
from reichatd.mail import Outbox
from reichatd.rooms import Rooms
from reichatd.store import Store, StoreError

_HOUSEKEEPING_SECONDS = 60.0
_SWEEP_AT_ONCE = 1000

log = structlog.get_logger()


async def run(
    settings: Settings,
    *,
    data_file: Path,
    secret: bytes,
    mail_password: str | None,
    listeners: list[Listener],
    tls: ssl.SSLContext | None,
    ready: Callable[[], None],
) -> None:
    """Runs the daemon until SIGTERM or SIGINT; then returns within `server.drain_seconds`. A second signal ends it at once.

    Arguments:
        data_file: the SQLite file, where that is the store.
        secret: the seed of all trust, at least 32 bytes.
        listeners: listening already; closed in the end.
        ready: called when it would answer.

    Raises:
        StoreError: the store cannot be opened.
    """
    store = await _open_store(settings.storage, data_file)
    try:
        await _serve(settings, store, secret, mail_password, listeners, tls, ready)
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
    log.info("stopped")


async def _serve(
    settings: Settings,
    store: Store,
    secret: bytes,
    mail_password: str | None,
    listeners: list[Listener],
    tls: ssl.SSLContext | None,
    ready: Callable[[], None],
) -> None:
    limits = settings.limits
    hub = Hub(store.messages, limits)
    scribe = Scribe(store.messages, hub, limits)
    outbox = Outbox(settings.mail, mail_password)
    passwords = Passwords(settings.auth)
    accounts = Accounts(
        auth=settings.auth,
        limits=limits,
        secret=secret,
        store=store,
        passwords=passwords,
        outbox=outbox,
        live=hub,
    )
    rooms = Rooms(limits=limits, store=store, passwords=passwords, live=hub)
    marks = MarkReader(store.messages)
    chat = Chat(accounts=accounts, messages=store.messages, hub=hub, marks=marks, scribe=scribe, limits=limits)
    app = forwarding(
        create_app(accounts=accounts, rooms=rooms, limits=limits), Proxies(settings.server.trusted_proxies)
    )
    gateway = Gateway(
        listeners,
        HttpServer(app, limits),
        WebSocketServer(chat, limits, settings.server.allowed_origins),
        limits,
        max_connections=affordable_connections(settings.server.max_connections),
        tls=tls,
    )
    async with trio.open_nursery() as services:
        await services.start(outbox.run)
        await services.start(scribe.run)
        await services.start(marks.run)
        await services.start(hub.run)
        services.start_soon(_keep_house, store, accounts)
        async with trio.open_nursery() as doors:

            async def stop() -> None:
                log.info("stopping", connections=hub.connections)
                doors.cancel_scope.deadline = trio.current_time() + settings.server.drain_seconds
                await gateway.stop()
                hub.close_all(1001, "The server is going down")

            await services.start(_watch_signals, stop, doors.cancel_scope)
            await doors.start(gateway.run)
            ready()
        await scribe.drained()
        services.cancel_scope.cancel()


async def _watch_signals(
    stop: Callable[[], Awaitable[None]], doors: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    """The first signal asks to stop; one that comes after it cuts the waiting short."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        await anext(signals)
        await stop()
        await anext(signals)
        doors.cancel()


async def _open_store(storage: Storage, data_file: Path) -> Store:
    # Imported late: pymongo takes a while, and only those who use it should wait for it.
    if storage.backend == "mongodb":
        from reichatd.store import mongodb

        return await mongodb.open_store(storage.mongodb)
    from reichatd.store import sqlite

    return await sqlite.open_store(data_file)


async def _keep_house(store: Store, accounts: Accounts) -> None:
    while True:
        try:
            await accounts.delete_expired()
            while await store.messages.sweep(_SWEEP_AT_ONCE) == _SWEEP_AT_ONCE:
                await trio.lowlevel.checkpoint()
        except StoreError as error:
            log.warning("housekeeping failed, tried again later", error=str(error))
        await trio.sleep(_HOUSEKEEPING_SECONDS)
