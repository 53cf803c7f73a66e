"""No gap, no repeat, in order: whoever listens, however he begins, while others post as fast as they can."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.client import SECONDS, Person, Talk, crowd, open_room
from tests.end_to_end.conftest import FREE, NARROW
from tests.process import DaemonProcess, running

WRITERS = 10
WINDOW = 10
"""Posts of one writer on their way: more would only show how fast the test itself reads."""
LIVE = 30
"""Messages that a listener must have heard live before the storm may end."""
END = "the end"

TINY = NARROW | {
    "REICHATD_LIMITS_TAIL_MESSAGES": "5",
    "REICHATD_LIMITS_TAIL_BYTES": "1024",
    "REICHATD_LIMITS_CATCH_UP_BYTES": "4096",
}
"""Nearly everybody has to catch up, nearly always from the store."""


class Storm:
    """Writers who post until it is told to end.

    Arguments:
        talks: their sockets; the first one says the last word.
    """

    def __init__(self, talks: list[Talk]) -> None:
        self._talks = talks
        self._over = False
        self.posted = 0

    def end(self) -> None:
        self._over = True

    async def run(self) -> None:
        """Returns when all is posted and acknowledged, the last word too."""
        async with trio.open_nursery() as nursery:
            for number, talk in enumerate(self._talks):
                nursery.start_soon(self._write, number, talk)
        self.posted += 1
        assert await self._talks[0].post(END, END) == self.posted

    async def _write(self, writer: int, talk: Talk) -> None:
        await talk.receive("initial_state")
        sent = acknowledged = 0
        while not self._over or acknowledged < sent:
            while sent < acknowledged + WINDOW and not self._over:
                sent += 1
                self.posted += 1
                await talk.send("message", content=f"{writer} {sent}", nonce=str(sent))
            acknowledged += 1
            assert (await talk.receive("ack"))["nonce"] == str(acknowledged)


Heard = list[dict[str, Any]]
Strategy = Callable[[Talk, Heard], Awaitable[None]]
"""What a listener does until messages come by themselves; what it has read by then goes to the list."""


async def from_the_beginning(talk: Talk, heard: Heard) -> None:
    await talk.send("listen_latest", after_id=0)


async def behind_the_initial_state(talk: Talk, heard: Heard) -> None:
    heard += (await talk.receive("initial_state"))["messages"]
    await talk.send("listen_latest", after_id=heard[-1]["message_id"])


async def behind_the_end(talk: Talk, heard: Heard) -> None:
    await talk.send("listen_latest", after_id=2**62)


async def from_now_on(talk: Talk, heard: Heard) -> None:
    await talk.fetch(1, 1)  # short of the end
    await talk.send("listen_latest")


async def after_a_fetch_to_the_end(talk: Talk, heard: Heard) -> None:
    # A page that is not full has reached the end, as clients know.
    while page := await talk.fetch(len(heard) + 1, len(heard) + 100):
        heard += page
        if len(page) < 100:
            break
    await talk.send("listen_latest")


async def again_and_again(talk: Talk, heard: Heard) -> None:
    await talk.fetch(1, 1)
    for _ in range(5):
        await talk.send("listen_latest")


STRATEGIES = (
    from_the_beginning,
    behind_the_initial_state,
    behind_the_end,
    from_now_on,
    after_a_fetch_to_the_end,
    again_and_again,
)


async def listen(reader: Person, room_id: str, strategy: Strategy, live: Callable[[], None]) -> Heard:
    """All that one listener hears, up to the last word; `live` is called once he has heard enough."""
    async with reader.talk(room_id) as talk:
        heard: Heard = []
        await strategy(talk, heard)
        count = 0
        while not (heard and heard[-1]["content"] == END):
            heard += await talk.latest(1)
            count += 1
            if count == LIVE:
                live()
        await talk.send("fetch", from_id=1, to_id=0)
        assert len(await talk.receive_to("fetch_response")) == 1  # nothing behind the last word
        return heard


def check(heard: Heard, posted: int) -> None:
    """One listener's messages have no gap and no repeat, reach the end, and keep each writer's order."""
    ids = [message["message_id"] for message in heard]
    assert ids == list(range(ids[0], posted + 1))
    last: dict[str, int] = {}
    for message in heard[:-1]:
        writer, number = message["content"].split()
        assert int(number) == last.get(writer, int(number) - 1) + 1
        last[writer] = int(number)


@asynccontextmanager
async def storm_in(room_id: str, writers: list[Person]) -> AsyncIterator[Storm]:
    async with AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(writer.talk(room_id)) for writer in writers]
        yield Storm(talks)


async def listen_to_a_storm(daemon: DaemonProcess, seed: int) -> None:
    """Each strategy twice, from moments of the storm on that `seed` decides."""
    dice = random.Random(seed)
    async with crowd(daemon, WRITERS + 1) as (reader, *writers):
        room_id = await open_room(writers[0], reader, *writers[1:])
        strategies = list(STRATEGIES) * 2
        dice.shuffle(strategies)
        begins = sorted((dice.randrange(1, 400), strategy) for strategy in range(len(strategies)))
        waiting = len(strategies)
        all_heard: dict[str, Heard] = {}

        def live() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                storm.end()

        async def join(number: int) -> None:
            strategy = strategies[number]
            all_heard[f"{strategy.__name__} {number}"] = await listen(reader, room_id, strategy, live)

        with trio.fail_after(6 * SECONDS):
            async with storm_in(room_id, writers) as storm, trio.open_nursery() as nursery:
                nursery.start_soon(storm.run)
                async with reader.talk(room_id) as clock:
                    await clock.send("listen_latest", after_id=0)
                    for message_id, number in begins:
                        while (await clock.latest(1))[0]["message_id"] < message_id:
                            pass
                        nursery.start_soon(join, number)
        assert len(all_heard) == len(strategies)
        for name, heard in all_heard.items():
            check(heard, storm.posted)
            if name.startswith(("from_the_beginning", "after_a_fetch")):
                assert len(heard) == storm.posted


async def test_listeners_of_every_kind(daemon: DaemonProcess) -> None:
    await listen_to_a_storm(daemon, seed=1)


async def test_listeners_who_catch_up_from_the_store(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **FREE, **TINY) as daemon:
        await listen_to_a_storm(daemon, seed=2)


async def test_many_short_visits(daemon: DaemonProcess) -> None:
    """Between an answer that reached the end and the first message that comes by itself nothing is lost, however often."""
    async with crowd(daemon, WRITERS + 1) as (reader, *writers):
        room_id = await open_room(writers[0], reader, *writers[1:])
        with trio.fail_after(2 * SECONDS):
            async with storm_in(room_id, writers) as storm, trio.open_nursery() as nursery:
                nursery.start_soon(storm.run)
                for visit in range(1, 21):
                    async with reader.talk(room_id) as talk:
                        state = await talk.receive("initial_state")
                        heard: Heard = state["messages"]
                        if visit % 2 or heard[-1]["message_id"] == state["last_read_id"] + 50:  # perhaps not the end
                            heard = await talk.fetch(max(1, storm.posted - 500), storm.posted + 499)
                        await talk.send("listen_latest")
                        heard += await talk.latest(3)
                        ids = [message["message_id"] for message in heard]
                        assert ids == list(range(ids[0], ids[0] + len(ids)))
                        await talk.send("set_last_read", message_id=ids[-1])
                storm.end()
