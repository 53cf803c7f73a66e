"""The stores under test: every test that uses `store` or `opener` runs once for each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio
from pymongo import MongoClient

from reichatd.settings import MongoDBSettings
from reichatd.store import Store, mongodb, sqlite

Opener = Callable[[], Awaitable[Store]]
"""Opens the store of this test, again with each call; the test closes it."""


@asynccontextmanager
async def sqlite_file(path: Path) -> AsyncIterator[Opener]:
    yield lambda: sqlite.open_store(path)


def sqlite_store(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opener]:
    directory: Path = request.getfixturevalue("tmp_path")
    return sqlite_file(directory / "chat" / "reichatd.sqlite3")


@asynccontextmanager
async def mongodb_database(uri: str) -> AsyncIterator[Opener]:
    settings = MongoDBSettings(uri=uri, database=f"test-{uuid4().hex}")
    yield lambda: mongodb.open_store(settings)
    await trio.to_thread.run_sync(drop, settings)


def drop(settings: MongoDBSettings) -> None:
    with MongoClient[dict[str, Any]](settings.uri) as client:
        client.drop_database(settings.database)


def mongodb_standalone(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opener]:
    return mongodb_database(request.getfixturevalue("mongod_standalone"))


def mongodb_replica(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opener]:
    return mongodb_database(request.getfixturevalue("mongod_replica"))


STORES: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Opener]]] = {
    "sqlite": sqlite_store,
    "mongodb-standalone": mongodb_standalone,
    "mongodb-replica": mongodb_replica,
}
"""Each provides a new empty store, and removes it afterwards.

The plain function requests the fixtures, since pytest cannot provide any while the async part runs.
"""


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opener]:
    return STORES[request.param](request)


@pytest.fixture
async def opener(place: AbstractAsyncContextManager[Opener]) -> AsyncIterator[Opener]:
    async with place as open_here:
        yield open_here


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[Store]:
    store = await opener()
    yield store
    await store.aclose()
