"""What messages said before they were changed is in no file any more."""

# ruff: noqa: ASYNC221, ASYNC240 - a test has its event loop for itself

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from reichatd.store import Delete, Edit, Outcome, React, Store
from reichatd.store.sqlite import open_store
from tests.store.samples import change, post, room

SECRET = "The treasure is under the old oak"
NOW = 1_700_000_000.5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reichatd.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await open_store(path)
    await store.rooms.create(room())
    # Long ones have pages of their own.
    await store.messages.commit([post(f"{SECRET} {n} {'x' * (n % 5) * 1500}", nonce=f"{n}") for n in range(50)], {})
    yield store
    await store.aclose()


def files_with(text: str, path: Path) -> list[str]:
    return [file.name for file in path.parent.iterdir() if text.encode() in file.read_bytes()]


async def test_after_a_deletion_and_an_edit(store: Store, path: Path) -> None:
    assert files_with(SECRET, path)
    await change(store, Delete("lobby", "ann", tuple(range(1, 50)), NOW), Edit("lobby", "ann", 50, "nothing", NOW))
    await store.erasures.purge()
    assert files_with(SECRET, path) == []
    (again,) = (await store.messages.commit([post(SECRET, nonce="7")], {})).posts
    assert (again.outcome, again.message_id) == (Outcome.REPEATED, 8)
    assert files_with(SECRET, path) == []


async def test_a_long_read_delays_it_and_stops_no_post(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        await change(store, Delete("lobby", "ann", tuple(range(1, 51)), NOW))
        await store.erasures.purge()
        assert files_with(SECRET, path)
        assert (await store.messages.commit([post("on")], {})).posts[0].message_id == 51
        reader.execute("COMMIT")
        await store.erasures.purge()
        assert files_with(SECRET, path) == []


async def test_it_costs_nothing_where_nothing_was_changed(store: Store, path: Path) -> None:
    log = Path(f"{path}-wal")
    await store.erasures.purge()
    await store.messages.commit([post("on")], {}, [React("lobby", "ann", 1, "👍", True, NOW)])
    size = log.stat().st_size
    await store.erasures.purge()
    assert log.stat().st_size == size > 0
    await change(store, Edit("lobby", "ann", 1, "new", NOW))
    await store.erasures.purge()
    assert log.stat().st_size == 0


async def test_after_a_process_that_was_killed(path: Path) -> None:
    script = f"""
import os, trio
from pathlib import Path
from reichatd.store.sqlite import open_store
from tests.store.samples import change, post, room
from reichatd.store import Delete

async def main():
    store = await open_store(Path({str(path)!r}))
    await store.rooms.create(room())
    await store.messages.commit([post({SECRET!r})], {{}})
    await change(store, Delete("lobby", "ann", (1,), 2.0))
    os._exit(9)

trio.run(main)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert files_with(SECRET, path)
    store = await open_store(path)
    await store.erasures.purge()
    assert files_with(SECRET, path) == []
    await store.aclose()


async def test_copies_that_growing_rooms_leave_are_gone_after_the_file_was_rewritten(path: Path) -> None:
    """SQLite moves rows from page to page while several rooms grow, and clears only what is deleted."""
    store = await open_store(path)
    names = [f"room{number}" for number in range(20)]
    for name in names:
        await store.rooms.create(room(name))
    for number in range(1, 61):
        texts = [post(f"{name} {number} {SECRET} {'x' * (number * 7 % 180)}", room_id=name) for name in names]
        await store.messages.commit(texts, {})
    for name in names:
        await change(store, Delete(name, "ann", tuple(range(1, 61)), NOW))
    await store.erasures.purge()
    assert files_with(SECRET, path), "this test needs a file with copies"
    size = path.stat().st_size
    assert not await store.erasures.rewrite(size // 2), "the file is too large"
    assert await store.erasures.rewrite(2 * size)
    assert files_with(SECRET, path) == []
    assert not await store.erasures.rewrite(2 * size), "nothing was changed since"
    messages = await store.messages.range("room7", 1, 60)
    assert [message.message_id for message in messages] == list(range(1, 61))
    await store.aclose()
