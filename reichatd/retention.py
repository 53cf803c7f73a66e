"""Retention: removes from the front of each log what is older, or more, than is to be kept.

It goes step by step: a few messages, then a pause, so that posts never wait for long and nothing is lost when it is cut off. The
daemon does so by itself; `reichatd retention run` does the same to a store that a daemon may be using.
"""

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings, RetentionSettings
from reichatd.store import Cutoff, Keep, LogRange, Store, StoreError
from reichatd.wallclock import WallClock

_AT_ONCE = 200
"""Messages removed in one step, and rooms read in one."""

_LEISURE = 2.0
"""How long the pause after a step is, measured by the step: the store is left to others for that much of the time."""

_DAY_SECONDS = 86_400.0

log = structlog.get_logger()

Tell = Callable[[str, LogRange], None]
"""Hears of each step: the room's id, and what went, or would go, from the front of its log."""


class Ledger:
    """What has gone, or would go, from each room. `add` is a `Tell`."""

    def __init__(self) -> None:
        self.rooms: dict[str, LogRange] = {}

    def add(self, room_id: str, stretch: LogRange) -> None:
        before = self.rooms.get(room_id)
        self.rooms[room_id] = stretch if before is None else before.followed_by(stretch)

    @property
    def messages(self) -> int:
        return sum(stretch.messages for stretch in self.rooms.values())

    @property
    def size(self) -> int:
        """About how many bytes the messages take."""
        return sum(stretch.size for stretch in self.rooms.values())


class Retention:
    """The rules of the server and of the rooms, on top of a store. The methods may be called from any task, and wait.

    Arguments:
        settings: `retention` says how long messages are kept in rooms without limits of their own.
        clock: seconds since the epoch.
    """

    def __init__(self, settings: LiveSettings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._reloaded = RepeatedEvent()  # other limits may be in force: the next run is due now
        settings.on_change(self._reloaded.set)
        self._store = store
        self._clock = clock

    @property
    def _rules(self) -> RetentionSettings:
        return self._settings.whole.retention

    @property
    def _default(self) -> Keep:
        return Keep(self._rules.keep_days, self._rules.keep_messages)

    async def run(self, clock: WallClock) -> None:
        """Applies the rules again and again, until cancelled. A store that fails is tried again at the next turn.

        Arguments:
            clock: while it is not trusted, nothing is removed by age.
        """
        while True:
            try:
                await self._turn(by_age=clock.is_trusted())
            except StoreError as error:
                log.warning("retention failed, tried again later", error=str(error))
            with trio.move_on_after(self._rules.interval_minutes * 60):
                await self._reloaded.wait()
            self._reloaded.clear()

    async def _turn(self, *, by_age: bool) -> None:
        ledger = Ledger()
        try:
            await self.apply(ledger.add, by_age=by_age)
        finally:
            if ledger.messages:
                log.info("old messages removed", messages=ledger.messages, rooms=len(ledger.rooms))
        given_back = await self.reclaim()
        if given_back:
            log.info("space given back to the disk", bytes=given_back)

    async def look(self, tell: Tell) -> None:
        """Tells what `apply` would remove now, and removes nothing.

        Errors: StoreError.
        """
        for room_id, horizon in (await self._horizons()).items():
            first_id, looked_at = 1, _AT_ONCE
            while looked_at == _AT_ONCE:
                found = await self._store.messages.expired(room_id, horizon, first_id, _AT_ONCE)
                first_id, looked_at = found.next_id, found.messages
                if found.messages:
                    tell(room_id, found)

    async def apply(self, tell: Tell, *, by_age: bool = True) -> None:
        """Removes what is too old, or too much. Cancelled, it leaves every log whole from its first message on.

        Arguments:
            by_age: False keeps for now what only its age would remove.

        Errors: StoreError.
        """
        for room_id, horizon in (await self._horizons(by_age=by_age)).items():
            # Most rooms have nothing to remove: to see that costs no turn of those who write.
            if (await self._store.messages.expired(room_id, horizon, 1, 1)).messages:
                await self._cut(room_id, horizon, tell)

    async def reclaim(self) -> int:
        """Gives the space of what was removed back to the disk, as far as the store can; returns how many bytes.

        Errors: StoreError.
        """
        total = 0
        while True:
            async with _leisurely():
                given_back = await self._store.reclaim()
            total += given_back
            if not given_back:
                return total

    async def _cut(self, room_id: str, horizon: Cutoff, tell: Tell) -> None:
        removed = _AT_ONCE
        while removed == _AT_ONCE:
            async with _leisurely():
                gone = await self._store.messages.expire(room_id, horizon, _AT_ONCE)
                removed = gone.messages
                if removed:
                    tell(room_id, gone)  # before the pause, in which the whole may be cut off

    async def _horizons(self, *, by_age: bool = True) -> dict[str, Cutoff]:
        """The rooms whose logs have a limit, in the order of their ids."""
        now, default = self._clock(), self._default
        rooms = await all_kept(self._store, all_rooms=default != Keep())
        horizons = {room_id: _horizon(own or default, now, by_age) for room_id, own in rooms.items()}
        return {room_id: horizon for room_id, horizon in horizons.items() if horizon != Cutoff()}


async def all_kept(store: Store, *, all_rooms: bool) -> dict[str, Keep | None]:
    """As `Rooms.kept`, to the last room."""
    rooms: dict[str, Keep | None] = {}
    while some := await store.rooms.kept(next(reversed(rooms), ""), _AT_ONCE, all_rooms=all_rooms):
        rooms.update(some)
    return rooms


def _horizon(keep: Keep, now: float, by_age: bool) -> Cutoff:
    before = now - keep.days * _DAY_SECONDS if keep.days and by_age else -math.inf
    return Cutoff(before, keep.messages or None)


@asynccontextmanager
async def _leisurely() -> AsyncIterator[None]:
    began = trio.current_time()
    yield
    await trio.sleep(_LEISURE * (trio.current_time() - began))
