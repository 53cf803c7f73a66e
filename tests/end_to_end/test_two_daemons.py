"""Two daemons on one MongoDB write one log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.client import SECONDS, Person, Talk, id_range, open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.end_to_end.recorded_history import Seen, whole_log
from tests.process import running
from tests.several_daemons import SECRET, through

COUNT = 150
"""Messages of each writer."""


@pytest.fixture
def shared(mongod_replica: str) -> Iterator[dict[str, str]]:
    """The settings of both daemons."""
    with stored_in_mongodb(mongod_replica) as settings:
        yield QUICK | FREE | SECRET | settings


async def write(talk: Talk, name: str) -> dict[str, int]:
    """Posts as fast as the socket takes it; returns each content with its id."""
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            for number in range(COUNT):
                await talk.send("message", content=f"{name} {number}", nonce=f"{name} {number}")

        nursery.start_soon(send)
        acks = [await talk.receive("ack") for _ in range(COUNT)]
    return {ack["nonce"]: ack["message_id"] for ack in acks}


async def test_two_daemons_write_one_log(tmp_path: Path, shared: dict[str, str]) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        running(tmp_path / "one", **shared) as one,
        running(tmp_path / "two", **shared) as two,
        registered_users(one, 4) as (ada, bob, eve_here, zoe_here),
        through(two, eve_here) as eve,
        through(two, zoe_here) as zoe,
    ):
        room_id = await open_room(ada, bob, eve_here, zoe_here)
        assert (await eve.call("GET", f"/room/{room_id}"))["room"]["owner"] == ada.user_id
        with trio.fail_after(3 * SECONDS):
            await post_through_both(room_id, (ada, bob, eve, zoe))
            await post_the_same_through_both(await open_room(ada, eve_here), eve_here, eve)


async def post_through_both(room_id: str, people: tuple[Person, ...]) -> None:
    """Ids have no gap and no repeat. Each daemon's listeners receive its own messages, and all before them."""
    posted: dict[str, int] = {}

    async def take_part(person: Person) -> None:
        async with person.talk(room_id) as talk, person.talk(room_id) as listener:
            await listener.send("listen_latest", after_id=0)
            own = await write(talk, person.name)
            assert list(own.values()) == sorted(own.values())
            posted.update(own)
            last_id = max(own.values())
            assert await listener.latest_ids(last_id) == id_range(1, last_id)

    async with trio.open_nursery() as nursery:
        for person in people:
            nursery.start_soon(take_part, person)
    assert sorted(posted.values()) == id_range(1, len(people) * COUNT)
    authors = {f"{person.name} {number}": person.user_id for person in people for number in range(COUNT)}
    for person in people:
        async with person.talk(room_id) as talk:
            log = await whole_log(talk)
        assert log == [Seen(authors[text], text) for text in sorted(posted, key=posted.__getitem__)]


async def post_the_same_through_both(room_id: str, here: Person, there: Person) -> None:
    """A nonce that was posted through one daemon is known to the other."""
    async with here.talk(room_id) as one, there.talk(room_id) as two:
        for talk in (one, two):
            await talk.receive("initial_state")
        for number in range(1, 21):
            for talk in (one, two):
                await talk.send("message", content="x", nonce=str(number))
        ids = [[(await talk.receive("ack"))["message_id"] for _ in range(20)] for talk in (one, two)]
        assert ids[0] == ids[1]
        assert sorted(ids[0]) == id_range(1, 20)
        assert len(await whole_log(one)) == 20
