"""A process that appends to the SQLite store in the file it is given until it is killed, and prints what it was told is stored."""

import itertools
import os
import sys
from pathlib import Path

import trio

from reichatd.store import Outcome, Post, Room
from reichatd.store.sqlite import open_store

ROOMS = ("lobby", "den", "attic")


async def main(path: Path) -> None:
    store = await open_store(path)
    for room_id in ROOMS:
        await store.rooms.create(Room(room_id, "", "", "ann", None, 1.0, ("ann",)))
    for number in itertools.count():
        posts = [Post(ROOMS[n % 3], "ann", f"{os.getpid()} {number} {n}", 1.0, f"{number} {n}") for n in range(20)]
        for post, answer in zip(posts, await store.messages.append(posts, {}), strict=True):
            if answer.outcome is Outcome.STORED:
                print(post.room_id, answer.message_id, post.content)
        sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
