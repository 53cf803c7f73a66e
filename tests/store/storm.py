"""A process that appends to an SQLite store until it is killed, and prints each acknowledged message.

Arguments: the file, and optionally the number of messages to keep in each room.
"""

import itertools
import os
import sys
from pathlib import Path

import trio

from reichatd.store import Cutoff, Outcome, Post, Room, Store
from reichatd.store.sqlite import open_store

ROOMS = ("lobby", "den", "attic")


async def main(path: Path, keep: int | None) -> None:
    store = await open_store(path)
    for room_id in ROOMS:
        await store.rooms.create(Room(room_id, "", "", "ann", None, 1.0, ("ann",)))
    for number in itertools.count():
        posts = [Post(ROOMS[n % 3], "ann", f"{os.getpid()} {number} {n}", 1.0, f"{number} {n}") for n in range(20)]
        for post, answer in zip(posts, (await store.messages.commit(posts, {})).posts, strict=True):
            if answer.outcome is Outcome.STORED:
                print(post.room_id, answer.message_id, post.content)
        sys.stdout.flush()
        await cut(store, Cutoff(keep=keep))


async def cut(store: Store, cutoff: Cutoff) -> None:
    for room_id in ROOMS:
        if (await store.messages.expire(room_id, cutoff, 10)).messages:
            await store.reclaim()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else None)
