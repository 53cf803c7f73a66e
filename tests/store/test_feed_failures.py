"""The feed where the way to the server, the server itself or its history fails."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import trio
from msgspec.structs import replace
from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from structlog.testing import capture_logs

from reichatd.settings import MongoDBSettings
from reichatd.store import Message, Store, StoreError
from reichatd.store.feed import FeedOpened
from reichatd.store.mongodb import drop_temporary_database, open_store, temporary_database
from tests.gate import Gate
from tests.mongod import Mongod
from tests.store.listening import following
from tests.store.samples import add_user, post, room

SECONDS = 90.0


@pytest.fixture
async def gate(mongod_replica: str, nursery: trio.Nursery) -> Gate:
    gate = Gate(int(mongod_replica.partition("/?")[0].rpartition(":")[2]))
    await nursery.start(gate.run)
    return gate


@pytest.fixture
async def settings(mongod_replica: str) -> AsyncIterator[MongoDBSettings]:
    """Of an empty store."""
    settings = replace(temporary_database(mongod_replica), timeout_seconds=30.0)
    yield settings
    await trio.to_thread.run_sync(drop_temporary_database, settings)


@pytest.fixture
async def one(settings: MongoDBSettings) -> AsyncIterator[Store]:
    """The store of a daemon with the room lobby."""
    store = await open_store(settings)
    await fill(store)
    yield store
    await store.aclose()


@pytest.fixture
async def other(gate: Gate, settings: MongoDBSettings, one: Store) -> AsyncIterator[Store]:
    """The store of another daemon, by way of the gate."""
    uri = f"mongodb://127.0.0.1:{gate.port}/?directConnection=true"
    store = await open_store(replace(settings, uri=uri))
    yield store
    await store.aclose()


async def fill(store: Store) -> None:
    await add_user(store)
    await store.rooms.create(room(users=("ann",)))


def ids(messages: list[Message]) -> list[int]:
    return [message.message_id for message in messages]


async def test_nothing_is_missed_where_the_connection_breaks(one: Store, other: Store, gate: Gate) -> None:
    async with following(other) as heard:
        await one.messages.commit([post()], {})
        await heard.messages_up_to(1)
        await _shut_until_it_shows(gate)
        await one.messages.commit([post()] * 2, {})
        await one.users.rename("ann", "Anna")
        await one.messages.commit([post()], {})
        gate.open()
        assert ids(await heard.messages_up_to(4)) == [1, 2, 3, 4]
        await heard.event(FeedOpened(whole=True))
        await one.messages.commit([post()], {})
        assert (await heard.messages_up_to(5))[-1].username == "Anna"


async def _shut_until_it_shows(gate: Gate) -> None:
    """Shuts the gate, and waits until the feed says that it has broken off."""
    with capture_logs() as logs, trio.fail_after(SECONDS):
        gate.shut()
        while not logs:  # noqa: ASYNC110 - it happens in a thread
            await trio.sleep(0.01)
    assert [entry["event"] for entry in logs] == ["changes by others not heard, tried again"]


async def test_the_feed_goes_on_at_the_present_where_history_is_lost(
    one: Store, other: Store, gate: Gate, mongod_replica: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(other) as heard:
        await one.messages.commit([post()], {})
        await heard.messages_up_to(1)
        lost = await trio.to_thread.run_sync(_token_of_the_past, mongod_replica)
        monkeypatch.setattr(ChangeStream, "resume_token", property(lambda stream: stream._resume_token and lost))
        await _shut_until_it_shows(gate)
        await one.messages.commit([post()], {})
        await one.users.rename("ann", "Anna")
        gate.open()
        heard.events.clear()
        await heard.event(FeedOpened(whole=False))
        await one.messages.commit([post()], {})
        (told,) = await heard.messages_up_to(3)
        assert told.username == "Anna"


def _token_of_the_past(uri: str) -> dict[str, str]:
    """The token of a change from before the history of the server.

    It refuses it as it does one that has left its log of operations, which is too large to be filled in a test.
    """
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[f"test-{uuid4().hex}"]
        with database.watch() as stream:
            database["any"].insert_one({})
            token = next(stream)["_id"]["_data"]
        client.drop_database(database.name)
    return {"_data": token[:2] + f"{1:08x}" + token[10:]}  # the seconds since the epoch


async def test_the_feed_ends_though_the_server_says_nothing(other: Store, gate: Gate) -> None:
    async with following(other):
        gate.hold()
    gate.open()


async def test_a_server_is_killed_and_steps_down() -> None:
    with Mongod(replica_set=True) as mongod:
        settings = MongoDBSettings(uri=mongod.uri, database=f"test-{uuid4().hex}", timeout_seconds=30.0)
        one, other = await open_store(settings), await open_store(settings)
        await fill(one)
        async with following(other) as heard:
            await one.messages.commit([post()], {})
            await trio.to_thread.run_sync(mongod.kill)
            await trio.to_thread.run_sync(mongod.restart)
            await _post(one, "after the crash")
            await heard.messages_up_to(2)
            await trio.to_thread.run_sync(_step_down, mongod.port)
            await _post(one, "after the election")
            assert ids(await heard.messages_up_to(3)) == [1, 2, 3]
        await one.aclose()
        await other.aclose()


async def _post(store: Store, content: str) -> None:
    """Posts as soon as the server accepts it."""
    with trio.fail_after(SECONDS):
        while True:
            try:
                await store.messages.commit([post(content, nonce=content)], {})
            except StoreError:
                await trio.sleep(0.05)
            else:
                return


def _step_down(port: int) -> None:
    with MongoClient[dict[str, Any]](port=port, directConnection=True) as client:
        client.admin.command({"replSetStepDown": 1, "force": True})
