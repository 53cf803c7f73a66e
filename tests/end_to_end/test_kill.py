"""The daemon or mongod is killed (SIGKILL) under load: everything that was acknowledged to a client stays true."""

import math
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.client import Person, bearer, open_room, registered_users
from tests.end_to_end.acknowledged_changes import Promises, RecordedDevice
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.end_to_end.device import agreement_at_rest
from tests.end_to_end.recorded_history import RecordedHistory
from tests.mail.server import until
from tests.mongod import Mongod
from tests.process import DaemonProcess, running
from tests.several_daemons import three_running, through

ROUNDS = 3
ACKS = 200
"""Acknowledged messages, of all rooms together, before a kill."""
ALL_REACTORS = {"REICHATD_LIMITS_REACTIONS_SHOWN_USERS": "100"}
BUSY_SECONDS = 60.0
"""How long a few hundred acks may take beside other tests; alone they take one second."""


def acknowledged(histories: list[RecordedHistory]) -> int:
    return sum(len(history.acknowledged) for history in histories)


def more_acknowledged(histories: list[RecordedHistory], than: int) -> bool:
    return acknowledged(histories) > than


async def test_killed_daemon(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **FREE) as daemon, registered_users(daemon, 6) as people:
        ada, bob, *others = people
        histories = [
            RecordedHistory(await open_room(ada, bob, *others)),
            RecordedHistory(await open_room(bob, ada, *others)),
        ]
        for number in range(ROUNDS):
            enough = partial(more_acknowledged, histories, ACKS + acknowledged(histories))
            async with trio.open_nursery() as nursery:
                for history in histories:
                    for listener in (ada, bob):
                        await nursery.start(history.listen, listener)
                    for writer, person in enumerate(people):
                        nursery.start_soon(history.write, person, f"round {number} writer {writer}:")
                await until(enough, seconds=BUSY_SECONDS)
                daemon.kill()
            await daemon.start()
            for history in histories:
                await history.check_and_post_again(bob, ada)


async def test_killed_daemon_during_changes(tmp_path: Path, storage: dict[str, str]) -> None:
    """No acknowledged change is lost, nothing deleted comes back, and clients that resume agree with the store."""
    settings = storage | FREE | ALL_REACTORS
    async with running(tmp_path, **settings) as daemon, registered_users(daemon, 8) as people:
        room_id, promises = await open_room(*people), Promises()
        await people[0].call("PUT", f"/room/{room_id}", name="Room", description="", members_pin=True)
        devices = [
            RecordedDevice(
                f"device {number}",
                person,
                room_id,
                random.Random(number),
                knows_changes=number < 6,
                promises=promises,
            )
            for number, person in enumerate(people)
        ]
        for _ in range(2):
            enough = partial(all_reached, devices, [device.acks + ACKS // len(devices) for device in devices])
            async with trio.open_nursery() as nursery:
                for device in devices:
                    nursery.start_soon(write_until_killed, device)
                await until(enough, seconds=BUSY_SECONDS)
                daemon.kill()
            await daemon.start()
            promises.check(await agreement_at_rest(devices, people[0], room_id, steps=0))


async def test_one_killed_daemon_of_three(tmp_path: Path, mongod_set: str) -> None:
    """The clients of the others go on, and all agree: with what the killed one has acknowledged, too."""
    with stored_in_mongodb(mongod_set) as storage:
        settings = QUICK | storage | FREE | ALL_REACTORS
        async with three_running(tmp_path, **settings) as daemons, registered_users(daemons[0], 6) as registered:
            people = [through(daemons[number % 3], person) for number, person in enumerate(registered)]
            async with AsyncExitStack() as stack:
                for person in people:
                    await stack.enter_async_context(person)
                await kill_the_first(daemons, people)


async def kill_the_first(daemons: list[DaemonProcess], people: list[Person]) -> None:
    """Messages are posted in one room, and changed in another; two clients are at each daemon."""
    history = RecordedHistory(await open_room(*people))
    room_id, promises = await open_room(*people), Promises()
    await people[0].call("PUT", f"/room/{room_id}", name="Room", description="", members_pin=True)
    devices = [
        RecordedDevice(
            f"device {number}", person, room_id, random.Random(number), knows_changes=True, promises=promises
        )
        for number, person in enumerate(people)
    ]
    others = devices[1:3] + devices[4:]

    async def more() -> None:
        """Waits until the clients of the other daemons have got more acks."""
        enough = partial(all_reached, others, [device.acks + ACKS // len(devices) for device in others])
        posts = partial(more_acknowledged, [history], ACKS + len(history.acknowledged))
        await until(lambda: enough() and posts(), seconds=BUSY_SECONDS)

    async with trio.open_nursery() as nursery:
        for number, (device, person) in enumerate(zip(devices, people, strict=True)):
            nursery.start_soon(write_until_killed, device)
            await nursery.start(history.listen, person)
            nursery.start_soon(history.write, person, f"writer {number}:")
        await more()
        daemons[0].kill()
        await more()
        await until(lambda: len(history.seen) >= len(history.acknowledged), seconds=BUSY_SECONDS)
        nursery.cancel_scope.cancel()
    await daemons[0].start()
    await history.check_and_post_again(people[0], people[1])
    promises.check(await agreement_at_rest(devices, people[1], room_id, steps=0))


def all_reached(devices: list[RecordedDevice], acks: list[int]) -> bool:
    return all(device.acks >= count for device, count in zip(devices, acks, strict=True))


async def write_until_killed(device: RecordedDevice) -> None:
    try:
        await device.visit(math.inf)
    except* ConnectionClosed:
        pass


@pytest.fixture(params=[False, True], ids=["standalone", "replica set"])
def mongod(request: pytest.FixtureRequest) -> Iterator[Mongod]:
    """A mongod of this test only, which it may kill."""
    with Mongod(replica_set=request.param) as mongod:
        yield mongod


async def test_killed_mongod(tmp_path: Path, mongod: Mongod) -> None:
    """The daemon keeps running and answers "unavailable". When mongod is back, the same sockets go on, and no log has a gap."""
    with stored_in_mongodb(mongod.uri) as settings:
        settings |= (
            QUICK
            | FREE
            | {"REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "1", "REICHATD_LIMITS_COMMIT_RETRY_SECONDS": "0"}
        )
        async with running(tmp_path, **settings) as daemon, registered_users(daemon, 3) as (ada, bob, eve):
            history = RecordedHistory(await open_room(ada, bob, eve))
            async with trio.open_nursery() as nursery:
                await nursery.start(history.listen, ada)
                for writer, person in enumerate((bob, eve)):
                    nursery.start_soon(history.write, person, f"writer {writer}:")
                await until(lambda: len(history.acknowledged) >= ACKS, seconds=BUSY_SECONDS)
                mongod.kill()
                await until(lambda: history.refused)
                await check_outage(daemon, ada, history.room_id)
                known = len(history.acknowledged)
                await trio.to_thread.run_sync(mongod.restart)
                await until(lambda: len(history.acknowledged) >= known + ACKS, seconds=BUSY_SECONDS)
                await until(lambda: len(history.seen) >= len(history.acknowledged), seconds=BUSY_SECONDS)
                nursery.cancel_scope.cancel()
            assert set(history.refused.values()) == {"unavailable"}
            await history.check_and_post_again(ada, ada)
            assert "writer 0:" not in daemon.output  # MongoDB's errors often quote the document


async def check_outage(daemon: DaemonProcess, person: Person, room_id: str) -> None:
    """Without a store, requests and new sockets are refused, with the advice to try again."""

    async def ask() -> None:
        response = await person.http.get("/user", headers=bearer(person.access_token))
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response.headers["retry-after"]) > 0

    async with trio.open_nursery() as nursery:  # both wait for the store as long as the settings allow
        nursery.start_soon(ask)
        async with person.talk(room_id) as talk:
            assert await talk.closed() == (1011, "Internal error")
    assert (await person.http.get("/")).json() == {"message": "ok"}
    assert daemon.poll() is None
