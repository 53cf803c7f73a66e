"""A file that is removed or replaced while the store has it open: no write to the lost file is acknowledged."""

# ruff: noqa: ASYNC240 - a test has its event loop for itself

import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, closing
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from reichatd.store import Store, StoreReplaced
from reichatd.store.sqlite import file_identity, open_store, opening
from reichatd.store.sqlite.inspection import processes_with_removed, totals
from tests.store.samples import contents, post, room, session, stored

MANUAL = Path(__file__).parents[2] / "etc" / "man" / "reichatd.8.md"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "reichatd.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """A store with a room and a message."""
    store = await open_store(path)
    await store.rooms.create(room())
    await store.messages.commit([post("kept")], {})
    yield store
    await store.aclose()


def wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def replace(path: Path) -> None:
    """Replaces the file as rsync and editors do."""
    other = path.with_name("other")
    shutil.copy(path, other)
    other.replace(path)


def move_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


LOSSES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "moved": lambda path: path.rename(path.with_name("moved")),
    "replaced": replace,
    "directory moved": move_directory,
    "log removed": lambda path: wal(path).unlink(),
    "log replaced": lambda path: replace(wal(path)),
    "index removed": lambda path: path.with_name(f"{path.name}-shm").unlink(),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_file(store: Store, path: Path, loss: str) -> None:
    await store.ping()
    LOSSES[loss](path)
    with capture_logs() as logs:
        with pytest.raises(StoreReplaced, match=str(path)):
            await store.messages.commit([post("lost")], {})
        with pytest.raises(StoreReplaced):
            await store.sessions.create(session())
        with pytest.raises(StoreReplaced):
            await store.messages.probe()
        with pytest.raises(StoreReplaced):
            await store.reclaim()
        with pytest.raises(StoreReplaced):
            await store.ping()
    assert [(line["event"], line["log_level"]) for line in logs] == [("store file removed or replaced", "error")]
    assert (await contents(store))[:1] == ["kept"], "what there is can be read"


@pytest.mark.parametrize("loss", ["link", "target", "log"])
async def test_a_file_behind_a_link(tmp_path: Path, loss: str) -> None:
    target, link = tmp_path / "disk" / "chat.sqlite3", tmp_path / "chat.sqlite3"
    target.parent.mkdir()
    target.touch(0o600)
    link.symlink_to(target)
    async with aclosing(await open_store(link)) as store:
        await store.rooms.create(room())
        assert (await store.messages.commit([post("kept")], {})).posts == stored(1)
        held = totals(link)
        assert held is not None
        assert held.messages == 1
        {"link": link, "target": target, "log": wal(target)}[loss].unlink()
        with pytest.raises(StoreReplaced):
            await store.messages.commit([post("lost")], {})


async def test_other_changes_in_the_directory_do_not_matter(store: Store, path: Path) -> None:
    for number in range(20):
        path.with_name(f"other {number}").touch()
        assert (await store.messages.commit([post("more")], {})).posts == stored(number + 2)


@pytest.mark.parametrize("long_ago", [0, 3600])
async def test_a_loss_is_noticed_whenever_the_directory_was_last_changed(
    store: Store, path: Path, long_ago: float
) -> None:
    os.utime(path.parent, (time.time() - long_ago,) * 2)
    await store.ping()
    await store.ping()
    path.unlink()
    with pytest.raises(StoreReplaced):
        await store.ping()


async def test_a_loss_is_noticed_without_writes(store: Store, path: Path) -> None:
    path.unlink()
    with pytest.raises(StoreReplaced, match="removed"):
        await store.ping()
    assert processes_with_removed(path) == [os.getpid()]
    assert processes_with_removed(path.with_name("another")) == []


@pytest.mark.parametrize("removed", [("",), ("-wal",), ("", "-wal", "-shm")])
async def test_the_manuals_rescue_saves_the_data(
    store: Store, path: Path, tmp_path: Path, removed: tuple[str, ...]
) -> None:
    for suffix in removed:
        path.with_name(f"{path.name}{suffix}").unlink()
    section = MANUAL.read_text(encoding="utf-8").partition("\n### A store that was removed\n")[2]
    found = re.search(r"```sh\npid=[^\n]*\n(.*?)```", section, re.DOTALL)
    assert found
    script = f"set -e\npid={os.getpid()}\n{found[1]}".replace("/root/saved-", f"{tmp_path}/")
    await trio.to_thread.run_sync(lambda: subprocess.run(["sh", "-c", script], check=True))
    async with aclosing(await open_store(tmp_path / path.name)) as saved:
        assert await contents(saved) == ["kept"]


async def test_a_file_that_comes_back_is_not_trusted(store: Store, path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    with pytest.raises(StoreReplaced):
        await store.ping()
    moved.rename(path)
    with pytest.raises(StoreReplaced):
        await store.messages.commit([post("lost")], {})
    await store.aclose()
    again = await open_store(path)
    assert await contents(again) == ["kept"]
    await again.ping()
    await again.aclose()


async def test_a_move_there_and_back_before_any_check_does_no_harm(store: Store, path: Path) -> None:
    path.rename(path.with_name("moved")).rename(path)
    await store.ping()
    assert (await store.messages.commit([post("more")], {})).posts == stored(2)


async def test_a_moved_file_is_complete_after_closing(store: Store, path: Path) -> None:
    """Although its write-ahead log was not moved."""
    moved = path.rename(path.parent.with_name("moved"))
    with pytest.raises(StoreReplaced):
        await store.ping()
    await store.aclose()
    assert wal(path).stat().st_size == 0, "nothing that a new file of this name would be given"
    again = await open_store(moved)
    assert await contents(again) == ["kept"]
    await again.aclose()


async def test_closing_does_not_remove_the_log_of_another_file(store: Store, path: Path) -> None:
    """SQLite would remove it by name, and with it data that is not in the other file yet."""
    for file in path.parent.iterdir():
        file.rename(path.parent.with_name(file.name))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE songs (title)")
        before = wal(path).read_bytes()
        with pytest.raises(StoreReplaced):
            await store.ping()
        await store.aclose()
        assert wal(path).read_bytes() == before != b""
    moved = await open_store(path.parent.with_name(path.name))
    assert await contents(moved) == ["kept"]
    await moved.aclose()


async def test_a_file_that_is_replaced_while_it_is_opened(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store uses the file that is there in the end."""
    await store.aclose()
    seen = 0

    def identity(which: Path) -> tuple[int, int]:
        nonlocal seen
        seen += 1
        if seen == 2:  # after the first opening
            replace(which)
        return file_identity.identity(which)

    monkeypatch.setattr(opening, "identity", identity)
    again = await open_store(path)
    assert seen == 4
    assert (await again.messages.commit([post("more")], {})).posts == stored(2)
    await again.aclose()
