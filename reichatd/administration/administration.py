"""Carries out administrators' requests: one request in, records and a conclusion out."""

import time
from collections.abc import Awaitable, Callable

from reichatd.accounts import Passwords
from reichatd.administration import requests
from reichatd.administration.audit import show_audit
from reichatd.administration.exports import export_room, export_user
from reichatd.administration.invites import InviteAdministration
from reichatd.administration.messages import DeleteInRoom, MessageAdministration
from reichatd.administration.records import (
    Conclusion,
    DaemonFigures,
    Done,
    Emit,
    Failed,
    RequestRefused,
    SettingRecord,
    StatsRecord,
    StoreDaemon,
)
from reichatd.administration.rooms import RoomAdministration
from reichatd.administration.users import UserAdministration
from reichatd.audit import AuditLog, Event
from reichatd.errors import Invalid, NotFound, ReichatError
from reichatd.live import LiveConnections
from reichatd.rights import ADMINISTRATOR
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LiveSettings, Reload
from reichatd.store import Store, StoreError
from reichatd.timestamps import isoformat


class Administration:
    """Turns requests into calls of use cases, made by an `Administrator`. The caller makes sure that it is one.

    Each request consists of atomic steps. If it is interrupted, the same request, made again, finishes the work. It may be
    cancelled at any time: a step that has started is completed, and live connections are notified.

    Arguments:
        live: `Accounts.live` in a daemon, `NoLiveConnections` without one.
        url: where clients reach the daemon; "" if only its settings say so.
        delete_messages: makes a deletion durable; see `DeleteInRoom`.
        figures: returns what the daemon knows about itself; None without a daemon.
        clock: seconds since the epoch.

    `reread` makes the daemon read its settings again and returns the outcome for each key that differs; the daemon sets it.
    """

    def __init__(
        self,
        *,
        store: Store,
        passwords: Passwords,
        rooms: Rooms,
        invites: RoomInvites,
        settings: LiveSettings,
        live: LiveConnections,
        delete_messages: DeleteInRoom,
        url: str = "",
        figures: Callable[[], DaemonFigures] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._figures = figures
        self._audit = AuditLog(store.audit, settings, clock)
        self.reread: Callable[[], Awaitable[list[SettingRecord]]] | None = None
        self._users = UserAdministration(
            store=store, passwords=passwords, rooms=rooms, settings=settings, live=live, clock=clock
        )
        self._rooms = RoomAdministration(store=store, rooms=rooms, users=self._users)
        self._messages = MessageAdministration(
            store=store, rooms=self._rooms, settings=settings, delete=delete_messages, clock=clock
        )
        self._invites = InviteAdministration(invites, settings, url)

    async def perform(self, request: requests.Request, emit: Emit) -> Conclusion:
        """Carries out a request. May be called from any task, also several times at once.

        Raises only what `emit` raises.
        """
        try:
            await self._perform(request, emit)
        except ReichatError as error:
            return RequestRefused(error.status, error.code, error.message)
        except StoreError as error:
            return Failed(str(error))
        return Done()

    async def _perform(self, request: requests.Request, emit: Emit) -> None:
        match request:
            case requests.GetStats():
                await emit(await self._stats())
            case requests.ReadSettings():
                await self._read_settings(emit)
            case requests.ReadAudit():
                await show_audit(self._store, self._users, request, emit)
            case requests.ExportUser():
                user = await self._users.find(request.user)
                await self._audit.record(Event.DATA_EXPORTED, ADMINISTRATOR, user_id=user.user_id)
                await export_user(self._store, user, emit)
            case requests.ExportRoom():
                await export_room(self._store, await self._rooms.find(request.room_id), emit)
            case _ if isinstance(request, requests.RoomRequest):
                await self._rooms.perform(request, emit)
            case _ if isinstance(request, requests.MessageRequest):
                await self._messages.perform(request, emit)
            case _ if isinstance(request, requests.InviteRequest):
                await self._invites.perform(request, emit)
            case _:
                await self._users.perform(request, emit)

    async def _stats(self) -> StatsRecord:
        totals = await self._store.totals()
        return StatsRecord(
            users=totals.users,
            registrations=totals.registrations,
            sessions=totals.sessions,
            rooms=totals.rooms,
            messages=totals.messages,
            store_bytes=totals.bytes,
            daemon=self._figures() if self._figures else None,
            daemons=[
                StoreDaemon(
                    version=each.daemon.version,
                    host=each.daemon.host,
                    pid=each.daemon.pid,
                    started_at=isoformat(each.daemon.started_at),
                    schema=each.schema,
                    idle_seconds=round(each.idle_seconds, 1),
                    housekeeping=each.is_keeper,
                )
                for each in await self._store.daemons.running()
            ],
        )

    async def _read_settings(self, emit: Emit) -> None:
        if self.reread is None:
            raise NotFound("No daemon runs here; it reads its settings when it starts")
        records = await self.reread()
        for record in records:
            await emit(record)
        if any(record.outcome == Reload.REJECTED.value for record in records):
            raise Invalid("Not reloaded: all settings stay as they were")
