"""Creates full stores, directly through the store: by way of a daemon it would take minutes."""

import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from reichatd.accounts.keys import Keys
from reichatd.accounts.tokens import AccessTokens
from reichatd.store import Edit, Post, Registration, Room, Session, Store, User
from reichatd.store.sqlite import open_store

_BATCH = 20_000
_TEXT = "x" * 60
_HOURS = 3600.0


def create_with_logs(path: Path, sizes: Mapping[str, int]) -> None:
    """Creates an SQLite store whose public rooms have logs of these sizes.

    Arguments:
        path: the file, which must not exist.
        sizes: number of messages by room id.
    """
    trio.run(_fill_logs, path, sizes)


def create_with_changes(path: Path, room_id: str, size: int) -> None:
    """Creates an SQLite store with a public room whose messages have all been edited once, in no order."""
    trio.run(_fill_changed, path, room_id, size)


def create_once(path: Path, create: Callable[[Path], None]) -> None:
    """Creates a store that takes long to create. One of an earlier run is kept, and its schema upgraded before the measurement."""
    if path.exists():
        trio.run(_open_and_close, path)
    else:
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        create(unfinished)
        unfinished.rename(path)


def create_with_members(path: Path, secret: str, count: int, room_id: str) -> list[str]:
    """Creates an SQLite store with a room of 80 messages and `count` members, each logged in and with a read mark at 30.

    Arguments:
        secret: the daemon's auth.secret_key.

    Returns:
        an access token for each member.
    """
    return trio.run(_fill_crowd, path, secret, count, room_id)


async def _open_and_close(path: Path) -> None:
    async with _store(path):
        pass


async def _fill_logs(path: Path, sizes: Mapping[str, int]) -> None:
    async with _store(path) as store:
        author = await _add_user(store, 0)
        for room_id, size in sizes.items():
            await _add_room(store, room_id, [author])
            await _add_messages(store, room_id, author, size)


async def _fill_changed(path: Path, room_id: str, size: int) -> None:
    message_ids = list(range(1, size + 1))
    random.Random(size).shuffle(message_ids)
    async with _store(path) as store:
        author = await _add_user(store, 0)
        await _add_room(store, room_id, [author])
        await _add_messages(store, room_id, author, size)
        for first in range(0, size, _BATCH):
            some = message_ids[first : first + _BATCH]
            await store.messages.commit(
                [], {}, [Edit(room_id, author, each, _TEXT.upper(), time.time()) for each in some]
            )


async def _fill_crowd(path: Path, secret: str, count: int, room_id: str) -> list[str]:
    now, tokens = time.time(), AccessTokens(Keys(secret.encode()).access_tokens, _HOURS)
    access_tokens = []
    async with _store(path) as store:
        members = [await _add_user(store, number) for number in range(count)]
        for member in members:
            session = Session(f"session-{member}", member, f"refresh-{member}", now, now + _HOURS)
            await store.sessions.create(session)
            access_tokens.append(tokens.make(session, now))
        author = await _add_user(store, count)
        await _add_room(store, room_id, [author, *members])
        await _add_messages(store, room_id, author, 80)
        await store.messages.commit([], {(room_id, member): 30 for member in members})
    return access_tokens


@asynccontextmanager
async def _store(path: Path) -> AsyncIterator[Store]:
    store = await open_store(path)
    try:
        yield store
    finally:
        await store.aclose()


async def _add_user(store: Store, number: int) -> str:
    user = User(f"user{number}", f"user{number}@example.org", f"user{number}", "", 0.0)
    registration = Registration(user.email, user.username, "", "", 1, time.time() + _HOURS)
    await store.users.register(registration, 5)
    await store.users.confirm(registration, user)
    return user.user_id


async def _add_room(store: Store, room_id: str, members: list[str]) -> None:
    await store.rooms.create(Room(room_id, "Bench", "", members[0], None, 0.0, tuple(members)))


async def _add_messages(store: Store, room_id: str, author: str, count: int) -> None:
    post = Post(room_id, author, _TEXT, time.time())
    for first in range(0, count, _BATCH):
        await store.messages.commit([post] * min(_BATCH, count - first), {})
