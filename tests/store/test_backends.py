"""The backends, as the rest of the program uses them. The tests of the stores are test_contract_*."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from reichatd.settings import MongoDBSettings, StorageSettings
from reichatd.store import Backend, StoreError, backend_for
from tests.store.conftest import drop
from tests.store.samples import room


@pytest.fixture(params=["sqlite", "mongodb"])
def storage(request: pytest.FixtureRequest) -> Iterator[StorageSettings]:
    if request.param == "sqlite":
        yield StorageSettings(backend="sqlite")
        return
    mongodb = MongoDBSettings(uri=request.getfixturevalue("mongod_standalone"), database=f"test-{uuid4().hex}")
    yield StorageSettings(backend="mongodb", mongodb=mongodb)
    drop(mongodb)


@pytest.fixture
def backend(storage: StorageSettings, tmp_path: Path) -> Backend:
    return backend_for(storage, tmp_path / "reichatd.sqlite3")


async def test_nothing_but_open_creates_a_store(backend: Backend) -> None:
    assert not await backend.exists()
    assert await backend.contents() == ""
    with pytest.raises(StoreError):
        async with backend.dumping():
            pass
    assert not await backend.exists()
    async with aclosing(await backend.open()) as store:
        await store.rooms.create(room())
        assert await backend.exists()
    assert await backend.contents()


async def test_a_store_is_dumped_and_restored(backend: Backend) -> None:
    async with aclosing(await backend.open()) as store:
        await store.rooms.create(room())
    async with backend.dumping() as pages:
        records = [record async for page in pages for record in page]
    async with backend.restoring(replace=True) as loader:
        await loader.load(records)
    async with aclosing(await backend.open()) as store:
        assert await store.rooms.get("lobby") == room()


def test_what_a_backend_says_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "chat.sqlite3"
    sqlite = backend_for(StorageSettings(), file)
    assert (sqlite.title, sqlite.keeps_space, sqlite.file, sqlite.description) == ("SQLite", False, file, str(file))
    settings = StorageSettings(backend="mongodb", mongodb=MongoDBSettings(uri="mongodb://host/chat"))
    mongodb = backend_for(settings, file)
    described = (mongodb.title, mongodb.keeps_space, mongodb.file, mongodb.description)
    assert described == ("MongoDB", True, None, "MongoDB, database chat")


@pytest.mark.parametrize("backend", ["sqlite", "mongodb"])
def test_naming_a_backend_imports_nothing_heavy(backend: str) -> None:
    program = f"""
import sys, pathlib
from reichatd.settings import StorageSettings
from reichatd.store.backends import backend_for
backend_for(StorageSettings(backend={backend!r}), pathlib.Path("x")).description
print([name for name in ("trio", "pymongo") if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_the_sqlite_store_needs_no_pymongo(tmp_path: Path) -> None:
    program = f"""
import sys, pathlib, trio
from reichatd.settings import StorageSettings
from reichatd.store.backends import backend_for

async def main():
    store = await backend_for(StorageSettings(), pathlib.Path({str(tmp_path / "x")!r})).open()
    await store.aclose()

trio.run(main)
print("pymongo" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
