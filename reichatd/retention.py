"""Retention: removes messages from the front of each log that are too old or too many.

It works in steps, a few messages and then a pause, so that posts never wait for long and an interruption does no harm. The daemon
does it regularly; `reichatd retention run` does the same on a store that a daemon may be using.
"""

import math
import time
from collections.abc import Callable

import structlog
import trio

from reichatd.pacing import pause_after
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings, RetentionSettings
from reichatd.store import Cutoff, Keep, LogRange, Store, StoreError
from reichatd.wallclock import WallClock

_AT_ONCE = 200
"""Messages removed in one step, and rooms read in one."""

_DAY_SECONDS = 86_400.0

log = structlog.get_logger()

Report = Callable[[str, LogRange], None]
"""Receives each step: the room's id, and the range that was removed, or would be, from the front of its log."""


class Ledger:
    """What was removed, or would be, from each room. `add` is a `Report`."""

    def __init__(self) -> None:
        self.rooms: dict[str, LogRange] = {}

    def add(self, room_id: str, removed: LogRange) -> None:
        before = self.rooms.get(room_id)
        self.rooms[room_id] = removed if before is None else before.followed_by(removed)

    @property
    def messages(self) -> int:
        return sum(removed.messages for removed in self.rooms.values())

    @property
    def size(self) -> int:
        """The approximate size of the messages in bytes."""
        return sum(removed.size for removed in self.rooms.values())


class Retention:
    """Applies the retention rules of the server and of the rooms to a store. Any task may call the methods; the async ones wait.

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
        """Applies the rules at regular intervals, until cancelled. After a failure of the store it tries again at the next
        interval.

        Arguments:
            clock: while it is not trusted, nothing is removed by age.
        """
        while True:
            try:
                await self._run_once(by_age=clock.is_trusted())
            except StoreError as error:
                log.warning("retention failed, tried again later", error=str(error))
            with trio.move_on_after(self._rules.interval_minutes * 60):
                await self._reloaded.wait()
            self._reloaded.clear()

    async def _run_once(self, *, by_age: bool) -> None:
        ledger = Ledger()
        try:
            await self.apply(ledger.add, by_age=by_age)
        finally:
            if ledger.messages:
                log.info("old messages removed", messages=ledger.messages, rooms=len(ledger.rooms))
        freed = await self.reclaim()
        if freed:
            log.info("space given back to the disk", bytes=freed)

    async def look(self, report: Report) -> None:
        """Reports what `apply` would remove now, and removes nothing.

        Errors: StoreError.
        """
        for room_id, cutoff in (await self._cutoffs()).items():
            first_id, found_messages = 1, _AT_ONCE
            while found_messages == _AT_ONCE:
                found = await self._store.messages.expired(room_id, cutoff, first_id, _AT_ONCE)
                first_id, found_messages = found.next_id, found.messages
                if found.messages:
                    report(room_id, found)

    async def apply(self, report: Report, *, by_age: bool = True) -> None:
        """Removes messages that are too old or too many. Cancelled, it leaves every log complete from its first message on.

        Arguments:
            by_age: False keeps messages, for now, that would be removed because of their age only.

        Errors: StoreError.
        """
        for room_id, cutoff in (await self._cutoffs(by_age=by_age)).items():
            # Most rooms have nothing to remove: this check is a read, so posts do not wait for it.
            if (await self._store.messages.expired(room_id, cutoff, 1, 1)).messages:
                await self._cut(room_id, cutoff, report)

    async def reclaim(self) -> int:
        """Returns the space of removed messages to the disk, as far as the store can; returns how many bytes.

        Errors: StoreError.
        """
        total = 0
        while True:
            async with pause_after():
                freed = await self._store.reclaim()
            total += freed
            if not freed:
                return total

    async def _cut(self, room_id: str, cutoff: Cutoff, report: Report) -> None:
        messages = _AT_ONCE
        while messages == _AT_ONCE:
            async with pause_after():
                removed = await self._store.messages.expire(room_id, cutoff, _AT_ONCE)
                messages = removed.messages
                if messages:
                    report(room_id, removed)  # before the pause, which may be cancelled

    async def _cutoffs(self, *, by_age: bool = True) -> dict[str, Cutoff]:
        """The rooms whose logs have a limit, in the order of their ids."""
        now, default = self._clock(), self._default
        rooms = await all_kept(self._store, all_rooms=default != Keep())
        cutoffs = {room_id: _cutoff(own or default, now, by_age) for room_id, own in rooms.items()}
        return {room_id: cutoff for room_id, cutoff in cutoffs.items() if cutoff != Cutoff()}


async def all_kept(store: Store, *, all_rooms: bool) -> dict[str, Keep | None]:
    """As `RoomStore.kept`, for all rooms, without a limit on their number."""
    rooms: dict[str, Keep | None] = {}
    while some := await store.rooms.kept(next(reversed(rooms), ""), _AT_ONCE, all_rooms=all_rooms):
        rooms.update(some)
    return rooms


def _cutoff(keep: Keep, now: float, by_age: bool) -> Cutoff:
    before = now - keep.days * _DAY_SECONDS if keep.days and by_age else -math.inf
    return Cutoff(before, keep.messages or None)
