"""Counts that protect accounts, and the networks that a user has logged in from."""

import trio

from reichatd.rate_limits.counts import Count
from reichatd.store import Store
from tests.store.samples import add_user, session

THREE = Count("of ada", 3, 3600)
MANY = Count("of all", 100, 3600)


async def test_a_count_is_used_up(store: Store) -> None:
    assert [await store.counts.hit([MANY, THREE]) for _ in range(5)] == [None, None, None, 1, 1]
    assert await store.counts.hit([Count("of bob", 3, 3600)]) is None
    assert 0 < await store.counts.retry_after(THREE) <= 3601
    assert await store.counts.retry_after(MANY) == 1


async def test_who_waits_as_long_as_told_is_not_refused_again(store: Store) -> None:
    one = Count("of eve", 1, 1)
    assert await store.counts.hit([one]) is None
    while await store.counts.hit([one]) is None:  # a new window may just have begun
        pass
    await trio.sleep(await store.counts.retry_after(one))
    assert await store.counts.hit([one]) is None


async def test_what_is_refused_does_not_count(store: Store) -> None:
    other = Count("of all", 4, 3600)
    for _ in range(10):
        await store.counts.hit([THREE, other])
    assert await store.counts.hit([other]) is None, "3 of 4 are used"
    assert await store.counts.hit([other]) == 0


async def test_one_more_is_allowed_for_each_that_is_given_back(store: Store) -> None:
    for _ in range(20):
        assert await store.counts.hit([THREE]) is None
        await store.counts.give_back([THREE])


async def test_no_more_than_allowed_at_once(store: Store) -> None:
    outcomes: list[int | None] = []

    async def hit() -> None:
        outcomes.append(await store.counts.hit([THREE]))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(hit)
    assert outcomes.count(None) == 3


async def test_a_network_is_known_while_a_session_from_it_lives(store: Store) -> None:
    await add_user(store, "ann")
    await store.sessions.create(session("s1", "ann", network="192.0.2.1"))
    address = "ann@example.org"
    assert await store.sessions.is_known_network(address, "192.0.2.1")
    assert await store.sessions.is_known_network(address.upper(), "192.0.2.1"), "as an address is found"
    assert not await store.sessions.is_known_network(address, "192.0.2.2")
    assert not await store.sessions.is_known_network("bob@example.org", "192.0.2.1")
    found = await store.sessions.get("s1")
    assert found is not None
    assert found[0].network == "192.0.2.1"
    await store.sessions.end("s1")
    assert not await store.sessions.is_known_network(address, "192.0.2.1")
