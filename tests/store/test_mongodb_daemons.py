"""Several daemons on one MongoDB: which migrations they live with, what a restore asks, and who owns a standalone server."""

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from reichatd.settings import MongoDBSettings
from reichatd.store import (
    ChangeOutcome,
    Daemon,
    Leased,
    NewerSchema,
    OlderDaemons,
    StoreInUse,
    StoreUnavailable,
)
from reichatd.store.mongodb import open_store, schema
from reichatd.store.mongodb.load import restoring
from tests.store.conftest import drop
from tests.store.test_mongodb_changes import change, edit, fresh, lobby

SECONDS = 3600.0
DAEMON = Daemon(daemon_id="1" * 24, version="2.6.0", host="chat1", processes="", pid=77, started_at=1_700_000_000.5)


@pytest.fixture
def settings(mongod_replica: str) -> Iterator[MongoDBSettings]:
    settings = fresh(mongod_replica)
    yield settings
    drop(settings)


@pytest.fixture
def raw(settings: MongoDBSettings) -> Iterator[Database[dict[str, Any]]]:
    """The same database, without the store."""
    with MongoClient[dict[str, Any]](settings.uri) as client:
        yield client[settings.database]


def with_steps(monkeypatch: pytest.MonkeyPatch, *further: schema.Step) -> None:
    """Makes this program one of a later version."""
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, *further])


async def test_a_migration_refuses_while_daemons_run_that_would_not_understand_it(
    settings: MongoDBSettings, raw: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = len(schema.MIGRATIONS)
    async with aclosing(await open_store(settings)) as store:
        await store.daemons.beat(DAEMON, SECONDS)
        with monkeypatch.context() as patch:
            with_steps(patch, schema.Step(lambda _: None))
            with pytest.raises(OlderDaemons) as caught:
                await open_store(settings)
        assert "2.6.0 on chat1 (process 77)" in str(caught.value)
        assert raw.meta.find_one({"_id": "schema"}) == {"_id": "schema", "version": version, "oldest": 7}
        await store.daemons.leave(DAEMON.daemon_id)
        with_steps(monkeypatch, schema.Step(lambda _: None))
        await (await open_store(settings)).aclose()
        assert raw.meta.find_one({"_id": "schema"}) == {"_id": "schema", "version": version + 1, "oldest": version + 1}


async def test_older_daemons_go_on_and_start_on_a_schema_that_spares_them(
    settings: MongoDBSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = len(schema.MIGRATIONS)
    spares, breaks = schema.Step(lambda _: None, spares_older=True), schema.Step(lambda _: None)
    async with aclosing(await open_store(settings)) as store:
        await store.daemons.beat(DAEMON, SECONDS)
        with monkeypatch.context() as patch:
            with_steps(patch, spares, spares)
            await (await open_store(settings)).aclose()
        await (await open_store(settings)).aclose()
        await store.daemons.leave(DAEMON.daemon_id)
        with monkeypatch.context() as patch:
            with_steps(patch, spares, spares, breaks, spares)
            await (await open_store(settings)).aclose()
        with pytest.raises(NewerSchema, match=f"schema version {version + 4}"):
            await open_store(settings)


async def test_a_restore_refuses_while_daemons_run(settings: MongoDBSettings) -> None:
    async with aclosing(await open_store(settings)) as store:
        await store.daemons.fingerprint("of the former secret")
        await store.daemons.beat(DAEMON, SECONDS)
        with pytest.raises(StoreInUse, match=r"chat1 \(process 77\)"):
            async with restoring(settings, replace=True):
                pass
        await store.daemons.leave(DAEMON.daemon_id)
        async with restoring(settings, replace=True):
            pass
        assert await store.daemons.fingerprint("of the next secret") == "of the next secret"


async def test_what_has_expired_is_removed_by_the_server(
    settings: MongoDBSettings, raw: Database[dict[str, Any]]
) -> None:
    async with aclosing(await open_store(settings)) as store:
        now = datetime.now(UTC).timestamp()
        await store.tickets.use("used", now)
        await store.daemons.beat(DAEMON, SECONDS)
    for collection in raw.tickets, raw.daemons:
        assert {"key": {"expires": 1}, "expireAfterSeconds": 0}.items() <= {
            name: dict(value) if name == "key" else value
            for name, value in collection.index_information()["expires_1"].items()
        }.items()
    ticket = raw.tickets.find_one()
    assert ticket is not None
    # The server's clock may be ahead of that of the daemon which is asked to accept the ticket again.
    assert ticket["expires"].replace(tzinfo=UTC) >= datetime.fromtimestamp(now, UTC) + timedelta(minutes=59)


async def test_a_daemon_that_lost_a_standalone_server_changes_nothing(mongod_standalone: str) -> None:
    settings = fresh(mongod_standalone)
    async with aclosing(await open_store(settings)) as one, aclosing(await open_store(settings)) as two:
        assert one.daemons.is_exclusive
        await one.daemons.lease(Leased.STORE, "one", 0.001)
        while (await two.daemons.lease(Leased.STORE, "two", SECONDS)).daemon_id != "two":
            pass
        await lobby(two, 1)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="taken over by another daemon"):
                await change(one, edit(1, "lost"))
        assert (await change(two, edit(1, "new")))[0].outcome is ChangeOutcome.CHANGED
        await two.daemons.leave("two")
        assert (await change(one, edit(1, "newer")))[0].outcome is ChangeOutcome.CHANGED, "it is taken again"
    drop(settings)
