"""Erasures in steps, on a real store file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from reichatd import erasures
from reichatd.erasures import Erasures
from reichatd.store import ERASED, Erasure, ErasureStep, Store, StoreError
from reichatd.store.sqlite import open_store
from tests.recording import RecordingLive
from tests.store.samples import add_user, contents, post, room

SECRET = "The treasure is under the old oak " * 40


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "data")
    for name in ("ann", "bob"):
        await add_user(opened, name)
    await opened.rooms.create(room("lobby", ["bob", "ann"]))
    for start in range(0, 300, 100):
        await opened.messages.commit([post(f"{SECRET} {start + n}", "ann") for n in range(100)], {})
        await opened.messages.commit([post("hello", "bob")], {})
    yield opened
    await opened.aclose()


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "_AT_ONCE", 50)


async def test_nothing_is_left_in_the_files(store: Store, tmp_path: Path) -> None:
    assert files_with(b"treasure", tmp_path)
    await store.users.delete_and_erase("ann")
    live = RecordingLive()
    await Erasures(store, live).apply()
    assert await contents(store) == ([ERASED] * 100 + ["hello"]) * 3
    *changes, renamed = live.calls
    assert renamed == ("user_renamed", "ann", "")
    assert {name for name, *_ in changes} == {"messages_changed"}
    assert sum(len(rooms) for _, *rooms in changes) == 300
    assert not files_with(b"treasure", tmp_path)


def files_with(text: bytes, directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir() if text in file.read_bytes()]


async def test_an_interrupted_erasure_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.users.delete_and_erase("ann")
    real, steps = store.erasures.step, []
    with trio.CancelScope() as scope:

        async def stop_after_two(user_id: str, at_most: int, now: float) -> ErasureStep:
            steps.append(user_id)
            if len(steps) == 2:
                scope.cancel()
            return await real(user_id, at_most, now)

        monkeypatch.setattr(store.erasures, "step", stop_after_two)
        await Erasures(store, RecordingLive()).apply()
    assert 50 <= (await contents(store)).count(ERASED) <= 100
    monkeypatch.undo()
    monkeypatch.setattr(erasures, "_AT_ONCE", 50)
    await Erasures(store, RecordingLive()).apply()
    assert (await contents(store)).count(ERASED) == 300


async def test_a_deletion_that_was_interrupted_is_completed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On MongoDB the erasure is noted before the user is removed."""

    async def noted() -> list[Erasure]:
        return [Erasure("ann")]

    monkeypatch.setattr(store.erasures, "all", noted)
    await Erasures(store, RecordingLive()).apply()
    assert await store.users.by_id("ann") is None


async def test_every_daemon_drops_its_memory_once(store: Store) -> None:
    await store.users.delete_and_erase("ann")
    now = 1000.0
    lives = [RecordingLive(), RecordingLive()]
    one, other = (Erasures(store, live, lambda: now) for live in lives)
    for _ in range(2):
        await one.apply()
        await other.apply()
    renamed = [[call for call in live.calls if call[0] == "user_renamed"] for live in lives]
    assert renamed == [[("user_renamed", "ann", "")]] * 2
    now += 3601
    await one.apply()
    assert await store.erasures.all() == []


async def test_it_runs_until_it_is_cancelled_and_survives_failures(
    store: Store, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    monkeypatch.setattr(erasures, "_LOOK_SECONDS", 0.01)
    real, failed = store.erasures.all, trio.Event()

    async def failing() -> list[Erasure]:
        monkeypatch.setattr(store.erasures, "all", real)
        failed.set()
        raise StoreError("the disk is full")

    monkeypatch.setattr(store.erasures, "all", failing)
    nursery.start_soon(Erasures(store, RecordingLive()).run)
    await failed.wait()
    await store.users.delete_and_erase("ann")
    with trio.fail_after(20):
        while (await contents(store)).count(ERASED) < 300:  # noqa: ASYNC110 - the service has no event for it
            await trio.sleep(0.01)
