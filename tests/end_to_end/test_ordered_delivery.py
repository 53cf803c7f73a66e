"""Every listener receives messages in order, without a gap or a repeat, however it starts and while others post at full speed."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.client import SECONDS, Person, Talk, id_range, message_ids, open_room, registered_users
from tests.end_to_end.conftest import FREE, TINY
from tests.process import DaemonProcess, running

WRITERS = 10
WINDOW = 10
"""Unacknowledged posts of one writer. More would only measure how fast the test itself reads."""
LIVE = 30
"""Messages that each listener receives live before the writers may stop."""
END = "the end"
"""The content of the last message."""


class Writers:
    """Writers that post until `end` is called.

    Arguments:
        talks: their sockets; the first one posts the last message.
    """

    def __init__(self, talks: list[Talk]) -> None:
        self._talks = talks
        self._over = False
        self.posted = 0

    def end(self) -> None:
        self._over = True

    async def run(self) -> None:
        """Returns when everything is posted and acknowledged, the last message too."""
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


Received = list[dict[str, Any]]
Strategy = Callable[[Talk, Received], Awaitable[None]]
"""How a listener starts to listen. The messages that it reads before that go to the list."""


async def from_the_beginning(talk: Talk, received: Received) -> None:
    await talk.send("listen_latest", after_id=0)


async def behind_the_initial_state(talk: Talk, received: Received) -> None:
    received += (await talk.receive("initial_state"))["messages"]
    await talk.send("listen_latest", after_id=received[-1]["message_id"])


async def behind_the_end(talk: Talk, received: Received) -> None:
    await talk.send("listen_latest", after_id=2**62)


async def from_now_on(talk: Talk, received: Received) -> None:
    await talk.fetch(1, 1)  # short of the end
    await talk.send("listen_latest")


async def after_a_fetch_to_the_end(talk: Talk, received: Received) -> None:
    # A page that is not full has reached the end, as clients know.
    while page := await talk.fetch(len(received) + 1, len(received) + 100):
        received += page
        if len(page) < 100:
            break
    await talk.send("listen_latest")


async def again_and_again(talk: Talk, received: Received) -> None:
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


async def listen(reader: Person, room_id: str, strategy: Strategy, live: Callable[[], None]) -> Received:
    """Returns all messages that one listener receives, to the last. Calls `live` when it has received LIVE messages live."""
    async with reader.talk(room_id) as talk:
        received: Received = []
        await strategy(talk, received)
        count = 0
        while not (received and received[-1]["content"] == END):
            received += await talk.latest(1)
            count += 1
            if count == LIVE:
                live()
        await talk.send("fetch", from_id=1, to_id=0)
        assert len(await talk.receive_to("fetch_response")) == 1  # nothing follows the last message
        return received


def check(received: Received, posted: int) -> None:
    """Asserts that one listener's messages have no gap and no repeat, reach the end, and keep each writer's order."""
    ids = message_ids(received)
    assert ids == id_range(ids[0], posted)
    last: dict[str, int] = {}
    for message in received[:-1]:
        writer, number = message["content"].split()
        assert int(number) == last.get(writer, int(number) - 1) + 1
        last[writer] = int(number)


@asynccontextmanager
async def writing_in(room_id: str, writers: list[Person]) -> AsyncIterator[Writers]:
    async with AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(writer.talk(room_id)) for writer in writers]
        yield Writers(talks)


async def listen_to_writers(daemon: DaemonProcess, seed: int) -> None:
    """Tries each strategy twice. `seed` decides in which order, and at which message each listener starts."""
    dice = random.Random(seed)
    async with registered_users(daemon, WRITERS + 1) as (reader, *writing):
        room_id = await open_room(writing[0], reader, *writing[1:])
        strategies = list(STRATEGIES) * 2
        dice.shuffle(strategies)
        begins = sorted((dice.randrange(1, 400), strategy) for strategy in range(len(strategies)))
        waiting = len(strategies)
        all_received: dict[str, Received] = {}

        def live() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                writers.end()

        async def join(number: int) -> None:
            strategy = strategies[number]
            all_received[f"{strategy.__name__} {number}"] = await listen(reader, room_id, strategy, live)

        with trio.fail_after(6 * SECONDS):
            async with writing_in(room_id, writing) as writers, trio.open_nursery() as nursery:
                nursery.start_soon(writers.run)
                async with reader.talk(room_id) as clock:
                    await clock.send("listen_latest", after_id=0)
                    for message_id, number in begins:
                        while (await clock.latest(1))[0]["message_id"] < message_id:
                            pass
                        nursery.start_soon(join, number)
        assert len(all_received) == len(strategies)
        for name, received in all_received.items():
            check(received, writers.posted)
            if name.startswith(("from_the_beginning", "after_a_fetch")):
                assert len(received) == writers.posted


async def test_listeners_with_every_strategy(daemon: DaemonProcess) -> None:
    await listen_to_writers(daemon, seed=1)


async def test_listeners_that_catch_up_from_the_store(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **FREE, **TINY) as daemon:
        await listen_to_writers(daemon, seed=2)


async def test_many_short_visits(daemon: DaemonProcess) -> None:
    """No message is lost between an answer that reaches the end of the log and the first live message."""
    async with registered_users(daemon, WRITERS + 1) as (reader, *writing):
        room_id = await open_room(writing[0], reader, *writing[1:])
        with trio.fail_after(6 * SECONDS):
            async with writing_in(room_id, writing) as writers, trio.open_nursery() as nursery:
                nursery.start_soon(writers.run)
                for visit in range(1, 21):
                    async with reader.talk(room_id) as talk:
                        state = await talk.receive("initial_state")
                        received: Received = state["messages"]
                        # A full initial state may end before the end of the log.
                        if visit % 2 or received[-1]["message_id"] == state["last_read_id"] + 50:
                            received = await talk.fetch(max(1, writers.posted - 500), writers.posted + 499)
                        await talk.send("listen_latest")
                        received += await talk.latest(3)
                        ids = message_ids(received)
                        assert ids == id_range(ids[0], ids[0] + len(ids) - 1)
                        await talk.send("set_last_read", message_id=ids[-1])
                writers.end()
