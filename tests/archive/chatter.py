"""Sample data like that of a store after years. `python -m tests.archive.chatter FILE MESSAGES` puts it into an SQLite file."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import trio

from reichatd.store import User, sqlite
from reichatd.store.bulk import LogEntry, Member, Stored, StoredRoom, paged

WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "until",
    "nobody",
    "knows",
    "why",
    "🎈",
    "früher",
)
START = 1_700_000_000.0
ROOMS, USERS = 100, 1000


def records(messages: int) -> Iterator[Stored]:
    """Every room has ten members; half of the messages have a nonce. The result is the same each time."""
    dice = random.Random(messages)
    users = [f"{dice.getrandbits(96):024x}" for _ in range(USERS)]
    members = {f"room{n}": dice.sample(users, 10) for n in range(ROOMS)}
    for room_id, (owner, *_) in members.items():
        yield StoredRoom(room_id, room_id.title(), "", owner, None, START)
    for room_id, some in members.items():
        yield from (Member(room_id, user_id, START, 0) for user_id in some)
    for number in range(messages):
        room, message_id = divmod(number, messages // ROOMS)
        content = " ".join(dice.choices(WORDS, k=dice.randint(1, 30)))
        nonce = f"{dice.getrandbits(128):032x}" if number % 2 else None
        room_id = f"room{min(room, ROOMS - 1)}"
        if room >= ROOMS:
            message_id += messages // ROOMS
        author = dice.choice(members[room_id])
        yield LogEntry(room_id, message_id + 1, author, content, START + number + dice.random(), nonce)
    for number, user_id in enumerate(sorted(users)):
        yield User(user_id, f"user{number}@example.org", f"user{number}", "hash", START)


async def fill(path: Path, messages: int) -> None:
    async with sqlite.restoring(path, replace=False) as loader:
        for page in paged(records(messages)):
            await loader.load(page)


if __name__ == "__main__":
    trio.run(fill, Path(sys.argv[1]), int(sys.argv[2]))
