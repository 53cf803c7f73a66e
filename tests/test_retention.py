"""The rules of retention on a real store: which messages each room keeps, and what happens while the clock is not trusted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
import trio

from reichatd.retention import Ledger, Retention
from reichatd.settings import LiveSettings, RetentionSettings, Settings
from reichatd.store import Keep, LogRange, Store, StoreUnavailable, sqlite
from reichatd.wallclock import WallClock
from tests.store.samples import room
from tests.store.test_contract_retention import DAY, fill, whole

TODAY = 100 * DAY
DAYS = range(91, 101)
"""Ten messages in each room, the last one from today."""

EARLIER = [number / 1000 for number in range(4000)]
"""Thousands of old messages."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await sqlite.open_store(tmp_path / "reichatd.sqlite3")
    yield store
    await store.aclose()


def retention(store: Store, keep_days: int = 0, keep_messages: int = 0) -> Retention:
    rules = RetentionSettings(keep_days=keep_days, keep_messages=keep_messages, interval_minutes=0.0002)
    return Retention(LiveSettings(Settings(retention=rules)), store, clock=lambda: TODAY)


async def applied(retention: Retention, *, by_age: bool = True) -> dict[str, int]:
    """How many messages `apply` removed from each room; checks that `look` reported the same before."""
    previewed, ledger = Ledger(), Ledger()
    if by_age:
        await retention.look(previewed.add)
    await retention.apply(ledger.add, by_age=by_age)
    if by_age:
        assert previewed.rooms == ledger.rooms
    return {room_id: removed.messages for room_id, removed in ledger.rooms.items()}


async def test_without_rules_nothing_is_removed(store: Store) -> None:
    await fill(store, *DAYS)
    assert await applied(retention(store)) == {}
    assert len(await whole(store)) == 10


async def test_the_servers_rules(store: Store) -> None:
    await fill(store, *DAYS)
    await fill(store, *DAYS, room_id="den")
    assert await applied(retention(store, keep_days=7)) == {"den": 2, "lobby": 2}
    assert await applied(retention(store, keep_days=7)) == {}
    assert await applied(retention(store, keep_days=7, keep_messages=3)) == {"den": 5, "lobby": 5}
    assert await applied(retention(store, keep_days=1, keep_messages=3)) == {"den": 1, "lobby": 1}
    assert await whole(store) == [9, 10]


async def test_a_rooms_own_rules_replace_the_servers(store: Store) -> None:
    for room_id in ("all", "days", "messages", "plain"):
        await fill(store, *DAYS, room_id=room_id)
    await store.rooms.keep("all", Keep())
    await store.rooms.keep("days", Keep(days=5))
    await store.rooms.keep("messages", Keep(messages=9))
    assert await applied(retention(store)) == {"days": 4, "messages": 1}
    assert await applied(retention(store, keep_messages=2)) == {"plain": 8}


async def test_more_rooms_and_messages_than_in_one_step(store: Store) -> None:
    for number in range(450):
        await store.rooms.create(room(f"room{number}"))
    await fill(store, *EARLIER[:1000])
    await fill(store, *DAYS, room_id="zoo")
    assert await applied(retention(store, keep_days=7)) == {"lobby": 1000, "zoo": 2}
    assert await whole(store) == []


async def test_without_a_trusted_clock_only_the_number_counts(store: Store) -> None:
    await fill(store, *DAYS)
    await fill(store, *DAYS, room_id="den")
    await store.rooms.keep("den", Keep(days=1, messages=9))
    assert await applied(retention(store, keep_days=2), by_age=False) == {"den": 1}


async def test_when_cancelled_it_leaves_complete_logs(store: Store) -> None:
    await fill(store, *EARLIER[:1000])
    with trio.CancelScope() as scope:

        def cancel(room_id: str, removed: LogRange) -> None:
            scope.cancel()

        await retention(store, keep_days=1).apply(cancel)
    assert scope.cancelled_caught
    assert 0 < len(await whole(store)) < 1000


async def test_posts_are_served_between_two_steps(store: Store) -> None:
    """A post waits for at most one step, however much there is to remove."""
    await fill(store, *EARLIER)
    await fill(store, *DAYS, room_id="den")
    done = trio.Event()
    waits: list[float] = []

    async def post() -> None:
        while not done.is_set():
            began = trio.current_time()
            await store.messages.commit([], {("den", "bob"): len(waits)})
            waits.append(trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(post)
        await applied(retention(store, keep_days=1))
        done.set()
    assert len(waits) > 20, "a post for each step of 200, at the least"


class Failing:
    """A store whose logs cannot be read at first."""

    def __init__(self, store: Store) -> None:
        self.messages = self
        self.rooms = store.rooms
        self.reclaim = store.reclaim
        self.failures = 1
        self.expire = store.messages.expire
        self._store = store

    async def expired(self, *arguments: object) -> LogRange:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")
        return await self._store.messages.expired(*arguments)  # type: ignore[arg-type]


async def test_it_continues_when_the_store_works_again(store: Store) -> None:
    await fill(store, *DAYS)
    failing = Failing(store)
    kept = retention(failing, keep_messages=1)  # type: ignore[arg-type] # has only the parts that are needed here
    with structlog.testing.capture_logs() as logs, trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run, WallClock())
            while len(logs) < 2:  # noqa: ASYNC110 - another task writes them
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert [line["event"] for line in logs[:2]] == ["retention failed, tried again later", "old messages removed"]
    assert logs[1]["messages"] == 9
