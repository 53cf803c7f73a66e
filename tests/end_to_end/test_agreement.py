"""Old and new clients write into one room and change it, while their connections drop: in the end all agree with the store."""

import os
import random
from pathlib import Path

import trio

from tests.client import Person, open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK, TINY, stored_in_mongodb
from tests.end_to_end.device import Device, agreement_at_rest
from tests.process import running
from tests.several_daemons import balanced

RUNS = 3
VISITS = 4
STEPS = 20
"""Frames that a device sends in one connection, at most."""

OFTEN_TOGETHER = {
    "REICHATD_LIMITS_INITIAL_BEFORE": "8",
    "REICHATD_LIMITS_INITIAL_AFTER": "5",
    "REICHATD_LIMITS_REACTIONS_LIVE_LISTENERS": "2",
    "REICHATD_LIMITS_REACTIONS_SECONDS": "0.2",
}
"""Short initial states; and reactions that are told at once or together, as more or fewer listen."""

SETTINGS = FREE | TINY | OFTEN_TOGETHER


def seeds(count: int) -> list[int]:
    """New ones in each run; in CI always the same, as with Hypothesis."""
    dice = random.Random(1 if "CI" in os.environ else None)
    return [dice.randrange(1_000_000) for _ in range(count)]


async def test_all_agree_with_the_store_at_rest(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **SETTINGS) as daemon, registered_users(daemon, 3) as people:
        await all_runs(people)


async def test_all_agree_at_three_daemons(tmp_path: Path, mongod_set: str) -> None:
    """Each connection goes to the next daemon, so a device goes on at another one than before."""
    with stored_in_mongodb(mongod_set) as storage:
        settings = QUICK | storage | SETTINGS
        async with balanced(tmp_path, **settings) as daemons, registered_users(daemons, 3) as people:
            await all_runs(people)


async def all_runs(people: list[Person]) -> None:
    for seed in seeds(RUNS):
        try:
            await one_run(people, seed)
        except BaseException as error:
            error.add_note(f"The seed is {seed}; what the clients do depends on it, not how fast they are.")
            raise


async def one_run(people: list[Person], seed: int) -> None:
    room_id = await open_room(*people)
    await people[0].call("PUT", f"/room/{room_id}", name="Room", description="", members_pin=True)
    devices = [
        Device(
            f"device {number}",
            people[number % len(people)],
            room_id,
            random.Random(seed + number),
            knows_changes=number < 4,
        )
        for number in range(6)
    ]
    async with trio.open_nursery() as nursery:
        for number, device in enumerate(devices):
            nursery.start_soon(come_and_go, device, random.Random(-seed - number))
    await agreement_at_rest(devices, people[0], room_id, STEPS)


async def come_and_go(device: Device, dice: random.Random) -> None:
    for _ in range(VISITS):
        await device.visit(dice.randrange(STEPS), drops=0.7)
        if dice.random() < 0.2:  # the daemon forgets its newest messages
            await device.person.call("PUT", "/user/username", username=f"user{dice.randrange(1_000_000)}")
