"""Figures of the feed: what it costs a daemon on MongoDB to hear what others store.

Run as a program, it is the process that is measured: python -m tests.bench.feed URI DATABASE ROOMS, where ROOMS are those that it
serves. It says when it follows, reads how many messages there are for it, hears them all, and says how many seconds of CPU it used.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

import trio
from msgspec.structs import replace

from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import MongoDBSettings
from reichatd.store import Post
from reichatd.store.bulk import Member, Stored, StoredRoom
from reichatd.store.feed import FeedEvent, MessagesPosted
from reichatd.store.mongodb import drop_temporary_database, open_store, restoring, temporary_database
from tests.bench.targets import Figure, Run, at_most, unbounded
from tests.mongod import Mongod
from tests.store.samples import user

_COMMIT_SECONDS = 0.01
_AUTHORS = 100
_MEMBERS = 5
"""Of each room; they post by turns."""
_FOLLOWS = "follows"


def _feed(run: Run) -> Sequence[float]:
    seconds = 20 * run.scale
    with Mongod(replica_set=True) as mongod:
        few = _measure(mongod.uri, 50, 50, 1000, seconds)
        fast = _measure(mongod.uri, 50, 50, 5000, seconds)
        unserved = _measure(mongod.uri, run.scaled(10_000, 10), 10, 1000, seconds)
    return [value for pair in (few, fast, unserved) for value in pair]


def _measure(uri: str, rooms: int, served: int, rate: float, seconds: float) -> tuple[float, float]:
    """Returns the cores that the follower needs at the rate, and the messages a second that were posted.

    Arguments:
        served: how many of the rooms it serves.
        rate: the messages a second to post.
    """
    settings = replace(temporary_database(uri), timeout_seconds=60.0)
    try:
        trio.run(_fill, settings, rooms)
        command = [sys.executable, "-m", "tests.bench.feed", settings.uri, settings.database, str(served)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdin is not None
            assert follower.stdout is not None
            assert follower.stdout.readline().strip() == _FOLLOWS
            posted, took = trio.run(_post, settings, rooms, rate, seconds)
            follower.stdin.write(f"{sum(number % rooms < served for number in range(posted))}\n")
            follower.stdin.flush()
            used = float(follower.stdout.readline())
    finally:
        drop_temporary_database(settings)
    return used / posted * rate, posted / took


async def _fill(settings: MongoDBSettings, rooms: int) -> None:
    records: list[Stored] = []
    for room in range(rooms):
        records.append(StoredRoom(f"room{room}", "Bench", "", _author(room, 0), None, 0.0))
        records += [Member(f"room{room}", _author(room, member), 0.0, 0) for member in range(_MEMBERS)]
    async with restoring(settings, replace=True) as loader:
        await loader.load(records)
        await loader.load([user(f"user{number}") for number in range(_AUTHORS)])


def _author(room: int, member: int) -> str:
    return f"user{(room + member) % _AUTHORS}"


async def _post(settings: MongoDBSettings, rooms: int, rate: float, seconds: float) -> tuple[int, float]:
    """Posts as the scribe of a daemon does. Returns how many messages, and the seconds it took."""
    store = await open_store(settings)
    began, posted = trio.current_time(), 0
    while (now := trio.current_time()) < began + seconds:
        due = int((now - began) * rate)
        posts = [
            Post(f"room{number % rooms}", _author(number % rooms, number % _MEMBERS), "x" * 60, 0.0)
            for number in range(posted, due)
        ]
        await store.messages.commit(posts, {})
        posted = due
        await trio.sleep_until(now + _COMMIT_SECONDS)
    await store.aclose()
    return posted, trio.current_time() - began


async def _follow(uri: str, database: str, rooms: int) -> None:
    store = await open_store(MongoDBSettings(uri=uri, database=database))
    heads = [await store.messages.head(f"room{number}") for number in range(rooms)]
    served = {head.key for head in heads if head is not None}
    heard, news = 0, RepeatedEvent()

    def tell(events: Sequence[FeedEvent]) -> None:
        nonlocal heard
        heard += sum(len(event.messages) for event in events if isinstance(event, MessagesPosted))
        news.notify_all()

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(store.follow, served.__contains__, tell))
        began = time.process_time()
        print(_FOLLOWS, flush=True)
        posted = int(await trio.to_thread.run_sync(sys.stdin.readline))
        while heard < posted:
            await news.wait()
        print(time.process_time() - began, flush=True)
        nursery.cancel_scope.cancel()
    await store.aclose()


FIGURES = [
    Figure(
        "feed",
        "a daemon on MongoDB that hears what others post, without its sockets",
        [
            at_most(0.15, "50 rooms, 1,000 messages a second", "cores"),
            unbounded("posted", "/s"),
            at_most(0.25, "50 rooms, 5,000 messages a second", "cores"),
            unbounded("posted", "/s"),
            at_most(0.08, "10,000 rooms, of which it serves 10, 1,000 messages a second", "cores"),
            unbounded("posted", "/s"),
        ],
        _feed,
    ),
]


if __name__ == "__main__":
    trio.run(_follow, sys.argv[1], sys.argv[2], int(sys.argv[3]))
