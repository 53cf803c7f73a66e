"""Several daemons on one replica set, with a user and rooms that are stored before they start."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import trio

from reichatd.accounts.keys import Keys
from reichatd.accounts.tokens import AccessTokens
from reichatd.bench.specs import Outcome
from reichatd.bench.target import PrivateTarget, started
from reichatd.settings import MongoDBSettings
from reichatd.store import Session
from reichatd.store.bulk import Member, StoredRoom
from reichatd.store.mongodb import open_store, restoring
from tests.replica_set import ReplicaSet
from tests.store.samples import user

_DATABASE = "bench"
_ELECTION_SECONDS = 10.0
"""The default of MongoDB: no election because the machine is busy."""

_SECONDS = 36_000.0
"""How long the login session lives."""


class Daemons(NamedTuple):
    """Daemons on one store.

    Arguments:
        targets: the daemons, logged in as one user.
        requests: request targets that open a WebSocket in each of the rooms, at any of the daemons.
        environ: settings of each daemon, with which commands reach it.
    """

    targets: list[PrivateTarget]
    requests: list[str]
    environ: list[dict[str, str]]


@contextmanager
def daemons(count: int, rooms: int) -> Iterator[Daemons]:
    """Runs daemons on a new replica set of three nodes.

    Arguments:
        rooms: how many there are, all of the one user.
    """
    secret = secrets.token_hex(32)
    with (
        ReplicaSet(election_seconds=_ELECTION_SECONDS) as nodes,
        TemporaryDirectory(prefix="reichatd-bench-") as directory,
        ExitStack() as stack,
    ):
        token = trio.run(_fill, MongoDBSettings(uri=nodes.uri, database=_DATABASE, timeout_seconds=60.0), secret, rooms)
        environ = [
            on_mongodb(nodes.uri, _DATABASE)
            | {
                "REICHATD_AUTH_SECRET_KEY": secret,
                "REICHATD_SERVER_CONTROL_SOCKET": str(Path(directory, f"{number}.sock")),
            }
            for number in range(count)
        ]
        with ThreadPoolExecutor() as starting:
            targets = list(starting.map(lambda each: stack.enter_context(started(each)), environ))
        for target in targets:
            target.token = token
        yield Daemons(targets, [targets[0].socket_request(_room_id(number)) for number in range(rooms)], environ)


def on_mongodb(uri: str, database: str) -> dict[str, str]:
    """Settings of a daemon with this store."""
    return {
        "REICHATD_STORAGE_BACKEND": "mongodb",
        "REICHATD_STORAGE_MONGODB_URI": uri,
        "REICHATD_STORAGE_MONGODB_DATABASE": database,
    }


def in_turn(contestants: Sequence[Callable[[], Outcome]], rounds: int) -> list[Outcome]:
    """Runs contestants forth and back, and returns the fastest run of each: what else the machine does can only slow one down."""
    outcomes: list[list[Outcome]] = [[] for _ in contestants]
    places = list(range(len(contestants)))
    for number in range(rounds):
        for place in places if number % 2 == 0 else reversed(places):
            outcomes[place].append(contestants[place]())
    return [max(some, key=lambda each: each.per_second) for some in outcomes]


async def _fill(settings: MongoDBSettings, secret: str, rooms: int) -> str:
    """Returns an access token of the user."""
    owner = user("bench")
    async with restoring(settings, replace=True) as loader:
        for number in range(rooms):
            room_id = _room_id(number)
            await loader.load([StoredRoom(room_id, "Bench", "", owner.user_id, None, 0.0)])
            await loader.load([Member(room_id, owner.user_id, 0.0, 0)])
        await loader.load([owner])
    now = time.time()
    session = Session("session", owner.user_id, "refresh", now, now + _SECONDS)
    store = await open_store(settings)
    await store.sessions.create(session)
    await store.aclose()
    return AccessTokens(Keys(secret.encode()).access_tokens, _SECONDS).make(session, now)


def _room_id(number: int) -> str:
    return f"room{number}"
