"""Three daemons on a replica set of three nodes, one of which fails while clients post, edit and listen at all of them.

Each time nothing that was acknowledged is lost, ids have no gap, all listeners agree with the store, the sockets of daemons that
live stay open, and afterwards every daemon's posts reach the listeners of all.
"""

import json
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from tests import rerouted
from tests.client import Person, open_room, registered_users
from tests.end_to_end.acknowledged_changes import Promises
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.end_to_end.device import agreement, stored_messages
from tests.end_to_end.lasting_device import LastingDevice
from tests.end_to_end.test_many_daemons import listening
from tests.gate import Gate
from tests.mongod import Mongod
from tests.process import DaemonProcess, running
from tests.replica_set import ReplicaSet
from tests.several_daemons import SECRET, through

BUSY_SECONDS = 400.0
"""How long a wait may take beside other tests; alone each takes some seconds."""
ACKS = 8
"""Posts that are acknowledged to each device, before and after a fault."""
SETTINGS = (
    QUICK
    | FREE
    | SECRET
    | {"REICHATD_LIMITS_REACTIONS_SHOWN_USERS": "100", "REICHATD_LIMITS_COMMIT_RETRY_SECONDS": "3"}
)


@pytest.fixture(scope="module")
def settings(replica_set: ReplicaSet) -> Iterator[dict[str, str]]:
    with stored_in_mongodb(replica_set.uri) as storage:
        yield SETTINGS | storage


@pytest.fixture(scope="module")
def daemons(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DaemonProcess]]:
    """Three that run, which all tests of this module share."""
    daemons = [DaemonProcess(tmp_path_factory.mktemp(f"daemon{number}"), settings) for number in range(3)]
    try:
        for each in daemons:
            trio.run(each.start)
        yield daemons
        for each in daemons:
            assert trio.run(each.stop) == 0, each.output
    finally:
        for each in daemons:
            each.kill()
            assert "Traceback" not in each.output


class Work:
    """What goes on at the daemons: at each of them one device that posts and changes, and an old one that posts.

    Arguments:
        devices: those of the first daemon first.
    """

    def __init__(self, devices: Sequence[LastingDevice]) -> None:
        self.devices = devices

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(BUSY_SECONDS):
            while not condition():  # noqa: ASYNC110 - it depends on other processes
                await trio.sleep(0.01)

    async def go_on(self, devices: Sequence[LastingDevice] = ()) -> None:
        """Waits until each of these devices, or of all, has had a few more acks and messages."""
        counts = [(each, len(each.ack_times), len(each.held.heard)) for each in devices or self.devices]
        await self.until(
            lambda: all(
                len(each.ack_times) >= acks + ACKS and len(each.held.heard) >= heard + 2 * ACKS
                for each, acks, heard in counts
            )
        )

    async def until_refused(self, devices: Sequence[LastingDevice]) -> None:
        """Waits until all of these devices were told that the store is away. Changes are refused at once, posts after a while."""
        counts = [(each, each.refused) for each in devices]
        await self.until(lambda: all(each.refused > count for each, count in counts))

    def show(self, fault: str, began: float) -> None:
        """Prints how soon after the end of a fault (Trio's time) posts were acknowledged and delivered, at the slowest daemon."""
        acks, heard = [], []
        for number in range(0, len(self.devices), 2):
            here = self.devices[number : number + 2]
            own = {each.person.user_id for each in here}
            acks.append(min(time - began for each in here for time in each.ack_times if time >= began))
            heard.append(
                min(
                    time - began
                    for each in here
                    for time, user_id in each.held.heard
                    if time >= began and user_id not in own
                )
            )
        print(
            f"{fault}: first ack {min(acks):.2f} s, at every daemon {max(acks):.2f} s; "
            f"first delivery from another daemon {min(heard):.2f} s, at every daemon {max(heard):.2f} s"
        )


@asynccontextmanager
async def at_work(daemons: Sequence[DaemonProcess], *, lost: int = 0) -> AsyncIterator[Work]:
    """Devices work at the daemons during the block, and are checked after it. All daemons run then.

    Arguments:
        lost: how many daemons, the last ones, the block kills: their devices have to go on elsewhere.
    """
    urls = [each.url for each in daemons]
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        people = await stack.enter_async_context(registered_users(daemons[0], 6))
        room_id, promises = await open_room(*people), Promises()
        await people[0].call("PUT", f"/room/{room_id}", name="Room", description="", members_pin=True)
        devices = []
        for number, person in enumerate(people):
            at = number // 2
            here = await stack.enter_async_context(through(daemons[at], person))
            device = LastingDevice(
                here,
                room_id,
                urls=urls[at:] + urls[:at],
                knows_changes=number % 2 == 0,
                promises=promises,
            )
            devices.append(device)
            nursery.start_soon(device.run)
        work = Work(devices)
        await work.go_on()
        yield work
        await work.go_on()
        await check(devices, people[0], room_id, promises)
        stay = len(devices) - 2 * lost
        assert [each.connections for each in devices[:stay]] == [1] * stay
        assert [each.poll() for each in daemons] == [None] * len(daemons)
        await delivered_by_all(daemons, people[0], room_id)
        nursery.cancel_scope.cancel()


async def check(devices: Sequence[LastingDevice], reader: Person, room_id: str, promises: Promises) -> None:
    """Asserts that everything promised is stored, once, and that all devices agree with it, in the connections they have."""
    with trio.fail_after(BUSY_SECONDS):
        async with trio.open_nursery() as nursery:
            for each in devices:
                nursery.start_soon(each.stop)
    promises.check(await agreement(devices, reader, room_id))


async def delivered_by_all(daemons: Sequence[DaemonProcess], person: Person, room_id: str) -> None:
    """Asserts that a post at each daemon reaches new listeners at all of them."""
    async with AsyncExitStack() as stack:
        talks = []
        for each in daemons:
            here = await stack.enter_async_context(through(each, person))
            talks.append(await stack.enter_async_context(here.talk(room_id)))
        for talk in talks:
            await listening(talk)
        for number, talk in enumerate(talks):
            await talk.send("message", content=f"at daemon {number}", nonce=secrets.token_hex(8))
            contents = [(await each.receive("latest_message"))["message"]["content"] for each in talks]
            assert contents == [f"at daemon {number}"] * len(talks)


async def new_primary(replica_set: ReplicaSet, before: Mongod) -> float:
    """Waits for it; returns when it was there, in Trio's time."""
    await trio.to_thread.run_sync(replica_set.next_primary, before)
    return trio.current_time()


async def test_the_primary_is_killed(replica_set: ReplicaSet, daemons: list[DaemonProcess]) -> None:
    async with at_work(daemons) as work:
        primary = await trio.to_thread.run_sync(lambda: replica_set.primary)
        primary.kill()
        began = await new_primary(replica_set, primary)
        await work.go_on()
        work.show("killed primary", began)
        await trio.to_thread.run_sync(replica_set.heal)


async def test_the_primary_steps_down(replica_set: ReplicaSet, daemons: list[DaemonProcess]) -> None:
    async with at_work(daemons) as work:
        primary = await trio.to_thread.run_sync(replica_set.step_down)
        began = await new_primary(replica_set, primary)
        await work.go_on()
        work.show("step down", began)


async def test_the_primary_stands_still(replica_set: ReplicaSet, daemons: list[DaemonProcess]) -> None:
    """It learns only when it goes on that there is another one."""
    async with at_work(daemons) as work:
        primary = await trio.to_thread.run_sync(lambda: replica_set.primary)
        primary.signal(signal.SIGSTOP)
        began = await new_primary(replica_set, primary)
        await work.go_on()
        work.show("stopped primary", began)
        await trio.to_thread.run_sync(replica_set.heal)


async def test_both_secondaries_are_away(replica_set: ReplicaSet, daemons: list[DaemonProcess]) -> None:
    """Without a majority nothing is acknowledged: changes are refused, and posts wait, or are refused in the end."""
    async with at_work(daemons) as work:
        for each in await trio.to_thread.run_sync(lambda: replica_set.secondaries):
            each.kill()
        await work.until_refused(work.devices[::2])
        await trio.to_thread.run_sync(replica_set.heal)
        began = trio.current_time()
        await work.go_on()
        work.show("secondaries away", began)


async def test_a_daemon_is_cut_off_from_the_set(
    tmp_path: Path, replica_set: ReplicaSet, daemons: list[DaemonProcess], settings: dict[str, str]
) -> None:
    """Nothing comes through, and no connection breaks."""
    gates = [Gate(node.port) for node in replica_set.nodes]
    async with trio.open_nursery() as nursery:
        for gate in gates:
            await nursery.start(gate.run)
        ports = {node.port: gate.port for node, gate in zip(replica_set.nodes, gates, strict=True)}
        prefix = [sys.executable, "-P", str(Path(rerouted.__file__)), json.dumps(ports)]
        async with running(tmp_path, prefix, **settings) as daemon, at_work([*daemons[:2], daemon]) as work:
            for gate in gates:
                gate.hold()
            await work.until_refused(work.devices[4:5])
            await work.go_on(work.devices[:4])
            for gate in gates:
                gate.open()
            began = trio.current_time()
            await work.go_on()
            work.show("cut off daemon", began)
        nursery.cancel_scope.cancel()


async def test_a_daemon_is_killed(daemons: list[DaemonProcess]) -> None:
    """Its clients go on at another one."""
    async with at_work(daemons, lost=1) as work:
        daemons[2].kill()
        await work.until(lambda: all(each.connections == 2 for each in work.devices[4:]))
        await work.go_on()
        await daemons[2].start()


async def test_history_is_lost_while_a_daemon_stands_still(
    replica_set: ReplicaSet, daemons: list[DaemonProcess]
) -> None:
    """It cannot hear what it has missed, and reads it from the store."""
    async with at_work(daemons) as work:
        here, elsewhere = work.devices[4:], work.devices[:4]
        daemons[2].signal(signal.SIGSTOP)
        await work.go_on(elsewhere)
        await trio.to_thread.run_sync(replica_set.forget_history)
        stored, _ = await stored_messages(elsewhere[0].person, elsewhere[0].room_id)
        for device in here:
            device.dawdles = False
        daemons[2].signal(signal.SIGCONT)
        began = trio.current_time()
        await work.until(partial(all_hold, here, max(stored)))
        print(
            f"lost history: {max(stored)} messages, whole {trio.current_time() - began:.2f} s after the daemon went on"
        )
        assert "changes by others missed, read from the store" in daemons[2].output


def all_hold(devices: Sequence[LastingDevice], last_id: int) -> bool:
    return all(each.held.last_id >= last_id for each in devices)
