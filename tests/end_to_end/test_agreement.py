"""Old and new clients write into one room and change it, while their connections drop: in the end all agree with the store."""

import os
import random
from pathlib import Path

import trio

from tests.client import Person, open_room, registered_users
from tests.end_to_end.conftest import FREE, TINY
from tests.end_to_end.device import Device, agreement_at_rest
from tests.process import running

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


def seeds(count: int) -> list[int]:
    """New ones in each run; in CI always the same, as with Hypothesis."""
    dice = random.Random(1 if "CI" in os.environ else None)
    return [dice.randrange(1_000_000) for _ in range(count)]


async def test_all_agree_with_the_store_at_rest(tmp_path: Path, storage: dict[str, str]) -> None:
    settings = storage | FREE | TINY | OFTEN_TOGETHER
    async with running(tmp_path, **settings) as daemon, registered_users(daemon, 3) as people:
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
