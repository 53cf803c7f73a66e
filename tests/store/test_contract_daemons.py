"""What several daemons on one store need of it, for every store."""

from functools import partial

import pytest
import trio

from reichatd.store import Daemon, Lease, Leased, RunningDaemon, Store
from tests.store.conftest import Opener
from tests.store.samples import add_user, at_once

LONG = 3600.0
SHORT = 0.2
WAIT_SECONDS = 60.0

ONE, TWO = (
    Daemon(
        daemon_id=name * 24, version="2.6.0", host="here", processes="boot", pid=pid, started_at=1_700_000_000.5 + pid
    )
    for name, pid in (("1", 7), ("2", 8))
)


@pytest.fixture
def shares(store: Store) -> bool:
    """Whether several daemons may use the store."""
    return "sqlite" not in type(store).__module__


async def test_a_ticket_is_used_once(store: Store) -> None:
    uses = await at_once([partial(store.tickets.use, "a", 2_000_000_000.0)] * 8)
    assert sorted(uses) == [False] * 7 + [True]
    assert await store.tickets.use("b", 2_000_000_000.0)
    assert await store.tickets.used(["a", "b", "c"]) == {"a", "b"}


async def test_a_ticket_that_was_used_through_another_daemon(opener: Opener) -> None:
    one, two = await opener(), await opener()
    assert await one.tickets.use("a", 2_000_000_000.0)
    # Either the other daemon knows of it, or it does not accept the tickets of this one.
    assert not await two.tickets.use("a", 2_000_000_000.0) or one.tickets.epoch != two.tickets.epoch
    await one.aclose()
    await two.aclose()


async def test_heartbeats(store: Store) -> None:
    assert await store.daemons.running() == []
    await store.daemons.beat(ONE, LONG)
    await store.daemons.beat(ONE, LONG)
    (found,) = await store.daemons.running()
    assert found == RunningDaemon(ONE, found.schema, found.idle_seconds, found.is_keeper)
    assert found.schema > 0
    assert 0 <= found.idle_seconds < WAIT_SECONDS
    await store.daemons.lease(Leased.HOUSEKEEPING, ONE.daemon_id, LONG)
    assert (await store.daemons.running())[0].is_keeper
    await store.daemons.leave(ONE.daemon_id)
    assert await store.daemons.running() == []


async def test_a_heartbeat_expires(store: Store, shares: bool) -> None:
    await store.daemons.beat(TWO, LONG)
    if not shares:
        return
    await store.daemons.beat(ONE, SHORT)
    with trio.fail_after(WAIT_SECONDS):
        while [each.daemon for each in await store.daemons.running()] != [TWO]:  # noqa: ASYNC110
            await trio.sleep(0.02)


async def test_a_lease_is_renewed_by_its_holder_only(store: Store, shares: bool) -> None:
    first = await store.daemons.lease(Leased.HOUSEKEEPING, "one", LONG)
    assert first.daemon_id == "one"
    again = await store.daemons.lease(Leased.HOUSEKEEPING, "one", LONG)
    assert again.daemon_id == "one"
    assert not shares or again.renewals > first.renewals
    assert not shares or await store.daemons.lease(Leased.HOUSEKEEPING, "two", LONG) == again
    assert (await store.daemons.lease(Leased.STORE, "two", LONG)).daemon_id == "two"
    await store.daemons.leave("one")
    assert (await store.daemons.lease(Leased.HOUSEKEEPING, "two", LONG)).daemon_id == "two"


async def test_a_lease_that_expires_goes_to_one_daemon(store: Store, shares: bool) -> None:
    await store.daemons.lease(Leased.HOUSEKEEPING, "one", SHORT)
    if not shares:
        return

    async def wait_for_it(name: str) -> Lease:
        while (  # noqa: ASYNC110
            lease := await store.daemons.lease(Leased.HOUSEKEEPING, name, LONG)
        ).daemon_id == "one":
            await trio.sleep(0.02)
        return lease

    with trio.fail_after(WAIT_SECONDS):
        found = await at_once([partial(wait_for_it, name) for name in ("two", "three", "four")])
    assert len({lease.daemon_id for lease in found}) == 1


async def test_several_daemons_ask_for_a_new_lease_at_once(store: Store, shares: bool) -> None:
    asking = [partial(store.daemons.lease, Leased.HOUSEKEEPING, name, LONG) for name in "abcdefgh"]
    assert not shares or len({lease.daemon_id for lease in await at_once(asking)}) == 1


async def test_the_first_fingerprint_stays(store: Store) -> None:
    await add_user(store, "ann")
    assert await store.daemons.fingerprint("of the first") == "of the first"
    assert await store.daemons.fingerprint("of another") == "of the first"
    await store.daemons.replace_fingerprint("of another")
    assert await store.daemons.fingerprint("of the first") == "of another"


async def test_of_several_fingerprints_offered_at_once_one_is_stored(store: Store) -> None:
    await add_user(store, "ann")
    found = await at_once([partial(store.daemons.fingerprint, name) for name in "abcdefgh"])
    assert len(set(found)) == 1
