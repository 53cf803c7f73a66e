"""kill -9 in the middle of a storm: what anybody was told is true afterwards."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.client import Person, crowd, open_room
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.end_to_end.history import History
from tests.mail.server import until
from tests.mongod import Mongod
from tests.process import DaemonProcess, running

ROUNDS = 3
ACKS = 200
"""Acknowledged messages, of both rooms together, before the blow."""


def acknowledged(histories: list[History]) -> int:
    return sum(len(history.acknowledged) for history in histories)


def more_acknowledged(histories: list[History], than: int) -> bool:
    return acknowledged(histories) > than


async def test_the_daemon_is_killed(tmp_path: Path, storage: dict[str, str]) -> None:
    daemon = DaemonProcess(tmp_path, storage | FREE)
    try:
        await daemon.start()
        async with crowd(daemon, 6) as (ada, bob, *others):
            everybody = [ada, bob, *others]
            histories = [
                History(await open_room(ada, bob, *others)),
                History(await open_room(bob, ada, *others)),
            ]
            for number in range(ROUNDS):
                enough = partial(more_acknowledged, histories, ACKS + acknowledged(histories))
                async with trio.open_nursery() as nursery:
                    for history in histories:
                        for listener in (ada, bob):
                            await nursery.start(history.listen, listener)
                        for writer, person in enumerate(everybody):
                            nursery.start_soon(history.write, person, f"round {number} writer {writer}:")
                    await until(enough)
                    daemon.kill()
                await daemon.start()
                for history in histories:
                    log = await history.check(bob)
                    await history.post_all_again(log)
                    assert len(await history.check(ada)) == len(history.posted)
            assert await daemon.stop() == 0, daemon.output
    finally:
        daemon.kill()


@pytest.fixture(params=[False, True], ids=["standalone", "replica set"])
def mongod(request: pytest.FixtureRequest) -> Iterator[Mongod]:
    """One that the test may kill."""
    with Mongod(replica_set=request.param) as mongod:
        yield mongod


async def test_mongod_is_killed(tmp_path: Path, mongod: Mongod) -> None:
    """The daemon stays up and says so; with mongod back, the same sockets go on, and no log has a gap."""
    with stored_in_mongodb(mongod.uri) as settings:
        settings |= QUICK | FREE | {"REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "1"}
        async with running(tmp_path, **settings) as daemon, crowd(daemon, 3) as (ada, bob, eve):
            history = History(await open_room(ada, bob, eve))
            async with trio.open_nursery() as nursery:
                await nursery.start(history.listen, ada)
                for writer, person in enumerate((bob, eve)):
                    nursery.start_soon(history.write, person, f"writer {writer}:")
                await until(lambda: len(history.acknowledged) >= 200)
                mongod.kill()
                await until(lambda: history.refused)
                await check_outage(daemon, ada, history.room_id)
                known = len(history.acknowledged)
                await trio.to_thread.run_sync(mongod.restart)
                await until(lambda: len(history.acknowledged) >= known + 200)
                await until(lambda: len(history.seen) >= len(history.acknowledged))
                nursery.cancel_scope.cancel()
            assert set(history.refused.values()) == {"unavailable"}
            log = await history.check(ada)
            await history.post_all_again(log)
            assert len(await history.check(ada)) == len(history.posted)
            assert "writer 0:" not in daemon.output  # MongoDB's errors like to quote


async def check_outage(daemon: DaemonProcess, person: Person, room_id: str) -> None:
    """With no store to ask, requests and new sockets are told to come again."""

    async def ask() -> None:
        headers = {"Authorization": f"Bearer {person.access_token}"}
        response = await person.http.get("/user", headers=headers)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response.headers["retry-after"]) > 0

    async with trio.open_nursery() as nursery:  # each waits for the store as long as it may
        nursery.start_soon(ask)
        async with person.talk(room_id) as talk:
            assert await talk.closed() == (1011, "Internal error")
    assert (await person.http.get("/")).json() == {"message": "ok"}
    assert daemon.poll() is None
