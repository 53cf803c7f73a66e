"""Changes in the store that the hub was not notified of."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from reichatd.accounts import SessionCache
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.hub import Hub
from reichatd.chat.reconciliation import Reconciliation
from reichatd.settings import LiveSettings, Settings
from reichatd.store import RoomSummary, Store, StoreUnavailable
from reichatd.store.sqlite import open_store
from tests.chat.doubles import FakeSocket, connect
from tests.store.samples import add_user, room, session

SECONDS = 0.02


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "reichatd.sqlite3")
    for name in ("ann", "bob", "eve"):
        await add_user(store, name)
        await store.sessions.create(session(f"of {name}", name, expires_at=1e12))
    await store.rooms.create(room(users=("ann", "bob", "eve")))
    yield store
    await store.aclose()


def reconciliation(hub: Hub, store: Store) -> Reconciliation:
    return Reconciliation(store, hub, hub, SessionCache(0), LiveSettings(Settings()))


async def test_sockets_without_session_or_membership_are_closed(
    store: Store, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reichatd.chat.reconciliation._BATCH", 2)
    hub = Hub(store.messages, LiveSettings(Settings()), CommitStatus())
    await nursery.start(hub.run)
    ann, bob, eve = (connect(FakeSocket(), name, f"of {name}") for name in ("ann", "bob", "eve"))
    for connection in (ann, bob, eve):
        await hub.enter("lobby", connection)
    nursery.start_soon(reconciliation(hub, store).run, SECONDS)
    await trio.sleep(5 * SECONDS)
    assert ann.closing is bob.closing is eve.closing is None
    await store.users.disable("bob")
    await store.rooms.leave("lobby", "eve")
    with trio.fail_after(10):
        while bob.closing is None or eve.closing is None:  # noqa: ASYNC110 - seen from outside only
            await trio.sleep(SECONDS)
    assert (ann.closing, bob.closing, eve.closing) == (None, (4001, "Session ended"), (1008, "Forbidden"))
    nursery.cancel_scope.cancel()


async def test_a_failing_store_closes_no_socket(
    store: Store, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = trio.Event()

    async def fail(_: object) -> set[str]:
        asked.set()
        raise StoreUnavailable("down")

    hub = Hub(store.messages, LiveSettings(Settings()), CommitStatus())
    await nursery.start(hub.run)
    ann = connect(FakeSocket(), "ann", "of ann")
    await hub.enter("lobby", ann)
    monkeypatch.setattr(store.sessions, "living", fail)
    with capture_logs() as logs:
        nursery.start_soon(reconciliation(hub, store).run, SECONDS)
        with trio.fail_after(10):
            await asked.wait()
            while not logs:  # noqa: ASYNC110 - seen from outside only
                await trio.sleep(SECONDS)
    assert ann.closing is None
    nursery.cancel_scope.cancel()


async def test_the_rooms_of_a_user_are_read_once_for_all_sockets(
    store: Store, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    summaries = store.rooms.joined_summaries

    async def joined_summaries(user_id: str) -> list[RoomSummary]:
        read.append(user_id)
        return await summaries(user_id)

    monkeypatch.setattr(store.rooms, "joined_summaries", joined_summaries)
    hub = Hub(store.messages, LiveSettings(Settings()), CommitStatus())
    await nursery.start(hub.run)
    news = [hub.follow(connect(FakeSocket(), name, f"of {name}")) for name in ("ann", "bob", "ann", "bob", "ann")]
    for follower in news:
        follower.is_open = True
    monkeypatch.setattr(hub.news._views, "want", lambda *_, **__: None)
    nursery.start_soon(reconciliation(hub, store).run, SECONDS)
    with trio.fail_after(10):
        while not all(follower.rooms for follower in news):  # noqa: ASYNC110 - seen from outside only
            await trio.sleep(SECONDS / 4)
    nursery.cancel_scope.cancel()
    assert read[:2] == ["ann", "bob"]
    assert [follower.rooms for follower in news] == [["lobby"]] * 5
