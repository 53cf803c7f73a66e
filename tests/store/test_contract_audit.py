"""The audit log, in every store."""

from functools import partial

import msgspec

from reichatd.store import AuditEntry, AuditFilter, Store
from tests.store.samples import at_once

ALL = AuditFilter()


def entry(
    at: float = 1.5, event: str = "kicked", actor: str = "ann", user_id: str = "bob", room_id: str = "den"
) -> AuditEntry:
    return AuditEntry(0, at, event, actor, user_id, room_id, "192.0.2.1", "a word")


async def events(store: Store, chosen: AuditFilter = ALL, at_most: int = 100) -> list[str]:
    return [one.event for one in await store.audit.page(chosen, at_most)]


async def test_an_entry_is_found_as_it_was_added(store: Store) -> None:
    number = await store.audit.add(entry())
    assert await store.audit.page(ALL, 10) == [msgspec.structs.replace(entry(), number=number)]


async def test_numbers_grow_also_when_many_add_at_once(store: Store) -> None:
    numbers = await at_once([partial(store.audit.add, entry(at=float(n))) for n in range(20)])
    assert len(set(numbers)) == 20
    found = [one.number for one in await store.audit.page(ALL, 100)]
    assert found == sorted(numbers)
    assert await store.audit.add(entry()) > max(numbers)


async def test_pages_of_chosen_entries(store: Store) -> None:
    for number, (actor, user_id, room_id) in enumerate(
        [("ann", "", ""), ("bob", "ann", "den"), ("bob", "eve", "den"), ("eve", "", "attic")]
    ):
        await store.audit.add(entry(10.0 + number, f"{number}", actor, user_id, room_id))
    first, *_, last = await store.audit.page(ALL, 10)
    assert await events(store) == ["0", "1", "2", "3"]
    assert await events(store, AuditFilter(user_id="ann")) == ["0", "1"]
    assert await events(store, AuditFilter(room_id="den")) == ["1", "2"]
    assert await events(store, AuditFilter(user_id="eve", room_id="den")) == ["2"]
    assert await events(store, AuditFilter(since=12.0)) == ["2", "3"]
    assert await events(store, AuditFilter(after=first.number), 2) == ["1", "2"]
    assert await events(store, AuditFilter(before=last.number, newest_first=True), 2) == ["2", "1"]


async def test_entries_since_a_time_although_clocks_were_set_back(store: Store) -> None:
    for at in (10.0, 5000.0, 2000.0, 1990.0, 6000.0, 100_000.0):
        await store.audit.add(entry(at, f"{at:.0f}"))
    assert await events(store, AuditFilter(since=1995.0)) == ["5000", "2000", "6000", "100000"]
    assert await events(store, AuditFilter(since=1995.0), 2) == ["5000", "2000"]
    assert await events(store, AuditFilter(since=5500.0)) == ["6000", "100000"]
    assert await events(store, AuditFilter(since=100_001.0)) == []


async def test_old_entries_are_removed_and_older_ones_lose_their_addresses(store: Store) -> None:
    for at in (1.0, 2.0, 3.0, 4.0, 5.0):
        await store.audit.add(entry(at))
    assert await store.audit.expire(2.0, 4.0, 1) == 1, "one at a time"
    while await store.audit.expire(2.0, 4.0, 1) == 1:
        pass
    assert [(one.at, one.address) for one in await store.audit.page(ALL, 10)] == [
        (2.0, ""),
        (3.0, ""),
        (4.0, "192.0.2.1"),
        (5.0, "192.0.2.1"),
    ]
    assert await store.audit.expire(2.0, 4.0, 10) == 0
