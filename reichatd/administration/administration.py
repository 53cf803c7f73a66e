"""The administrator's counter: one request in, records and a conclusion out."""

import time
from collections.abc import Awaitable, Callable

from reichatd.accounts import Passwords
from reichatd.administration import requests
from reichatd.administration.exports import export_room, export_user
from reichatd.administration.records import (
    Conclusion,
    DaemonFigures,
    Done,
    Emit,
    Failed,
    RequestRefused,
    SettingRecord,
    StatsRecord,
)
from reichatd.administration.rooms import RoomAdministration
from reichatd.administration.users import UserAdministration
from reichatd.errors import Invalid, NotFound, ReichatError
from reichatd.live import LiveConnections
from reichatd.rooms import Rooms
from reichatd.settings import LiveSettings, Reload
from reichatd.store import Store, StoreError


class Administration:
    """Whoever may ask here may do everything: its callers see to who that is.

    Every request is made of steps that are whole, and leaves nothing that the same request, made again, does not finish. It may be
    cancelled at any time; a step under way is carried to its end, and the live connections hear of it.

    Arguments:
        live: in a daemon `Accounts.live`; with no daemon on the store, nobody.
        figures: what the daemon knows of itself; None without one.
        clock: seconds since the epoch.

    `reread` has the daemon read its settings again, and gives what came of each key that differs; a daemon sets it.
    """

    def __init__(
        self,
        *,
        store: Store,
        passwords: Passwords,
        rooms: Rooms,
        settings: LiveSettings,
        live: LiveConnections,
        figures: Callable[[], DaemonFigures] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._figures = figures
        self.reread: Callable[[], Awaitable[list[SettingRecord]]] | None = None
        self._users = UserAdministration(
            store=store, passwords=passwords, rooms=rooms, settings=settings, live=live, clock=clock
        )
        self._rooms = RoomAdministration(store=store, rooms=rooms, users=self._users)

    async def perform(self, request: requests.Request, emit: Emit) -> Conclusion:
        """Does what is asked for. May be called from any task, also several times at once.

        Raises nothing but what `emit` does.
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
            case requests.ExportUser():
                await export_user(self._store, await self._users.find(request.user), emit)
            case requests.ExportRoom():
                await export_room(self._store, await self._rooms.find(request.room_id), emit)
            case (
                requests.ListRooms()
                | requests.ShowRoom()
                | requests.CreateRoom()
                | requests.DeleteRoom()
                | requests.KickMember()
                | requests.BanUser()
                | requests.UnbanUser()
                | requests.TransferRoom()
            ):
                await self._rooms.perform(request, emit)
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
        )

    async def _read_settings(self, emit: Emit) -> None:
        if self.reread is None:
            raise NotFound("No daemon runs here; it reads its settings when it starts")
        records = await self.reread()
        for record in records:
            await emit(record)
        if any(record.outcome == Reload.REJECTED.value for record in records):
            raise Invalid("Not reloaded: all settings stay as they were")
