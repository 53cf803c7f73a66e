"""Test doubles: a socket whose free space the test sets, and a message store in memory."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from reichatd.accounts import Identity
from reichatd.chat import CommitStatus, frames
from reichatd.chat.broadcaster import BroadcastCounters
from reichatd.chat.connection import Connection
from reichatd.chat.room import LiveRoom
from reichatd.chat.socket import PeerGone, PeerStalled
from reichatd.chat.stalled import StalledSends
from reichatd.chat.tails import Tails
from reichatd.settings import LiveSettings
from reichatd.store import Appended, Cutoff, LogRange, Message, Outcome, Post, Session, StoreUnavailable, User, cut


class FakeSocket:
    """Takes as many frames as it has space for; `make_space` gives it more."""

    def __init__(self, space: int = 1_000_000) -> None:
        self.client = "192.0.2.1"
        self.is_authenticated = False
        self.space = space
        self.taken = b""
        self.try_sends: list[int] = []  # frames in each call
        self.waiting = b""  # the data of the last `send`
        self.stalls = False  # whether a full socket raises PeerStalled
        self.gone = False
        self.has_pending = False  # whether bytes of the last frame are unsent; `send` flushes them
        self.closed: tuple[int, str] | None = None
        self.heard_at = 0.0
        self._more = trio.Event()
        self._turn = trio.Lock()

    def authenticated(self) -> None:
        self.is_authenticated = True

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        self.try_sends.append(len(ends))
        count = 0 if self.gone or self._turn.locked() else min(self.space, len(ends))
        self.space -= count
        self.taken += data[: ends[count - 1]] if count else b""
        return count

    async def send(self, data: bytes) -> None:
        async with self.unbroken() as send:
            await send(data)

    @asynccontextmanager
    async def unbroken(self) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        async with self._turn:
            yield self._send_in_turn

    async def _send_in_turn(self, data: bytes) -> None:
        self.waiting = data
        await trio.lowlevel.checkpoint()
        while self.has_pending:
            await self._more.wait()
        for frame in split(data):
            while not self.space:
                if self.stalls:
                    raise PeerStalled
                await self._more.wait()
            if self.gone:
                raise PeerGone
            self.space -= 1
            self.taken += frame

    def make_space(self, count: int = 1_000_000) -> None:
        self.space += count
        self.has_pending = False
        self._more.set()
        self._more = trio.Event()

    async def receive(self) -> str | bytes:
        await trio.sleep_forever()
        raise AssertionError

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The frames that were sent, except pings."""
        return [
            msgspec.json.decode(frame[2 if frame[1] < 126 else 4 :])
            for frame in split(self.taken)
            if frame != frames.PING
        ]

    @property
    def ids(self) -> list[int]:
        """The ids of the messages sent as latest_message."""
        return [frame["message"]["message_id"] for frame in self.frames if frame["type"] == "latest_message"]


def split(data: bytes) -> Iterator[bytes]:
    """The frames in `data`; none is longer than 65,535 bytes."""
    while data:
        size = 2 + data[1] if data[1] < 126 else 4 + int.from_bytes(data[2:4], "big")
        yield data[:size]
        data = data[size:]


class FakeMessages:
    """A store in memory with one room, `room`."""

    shared = False

    def __init__(self, last_id: int = 0) -> None:
        self.log = [message(number) for number in range(1, last_id + 1)]
        self.first_id = 1  # older messages are removed
        self.reads: list[tuple[int, int]] = []
        self.commits: list[int] = []  # posts in each commit
        self.failures = 0  # how many of the next calls fail
        self.exists = True
        self.hangs = False  # whether calls never return

    def add(self, count: int) -> list[tuple[int, bytes]]:
        """Stores `count` messages. Returns what the scribe would publish."""
        return [
            (each.message_id, frames.latest_message(frames.as_json(each, "everyone"))) for each in self._store(count)
        ]

    def _store(self, count: int) -> list[Message]:
        new = [message(number) for number in range(len(self.log) + 1, len(self.log) + count + 1)]
        self.log += new
        return new

    async def append(self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int]) -> list[Appended]:
        await self._answer()
        self.commits.append(len(posts))
        first = len(self.log) + 1
        self._store(len(posts))
        return [Appended(Outcome.STORED, first + number) for number in range(len(posts))]

    async def probe(self) -> None:
        await self._answer()

    async def last_id(self, room_id: str) -> int | None:
        await self._answer()
        return len(self.log) if self.exists else None

    async def range(self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None) -> list[Message]:
        self.reads.append((first_id, last_id))
        await self._answer()
        return cut((each for each in self.log if max(first_id, self.first_id) <= each.message_id <= last_id), max_chars)

    async def first_ids(self, room_ids: Sequence[str]) -> list[int | None]:
        await self._answer()
        return [self.first_id for _ in room_ids]

    async def written_by(self, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
        raise NotImplementedError

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        raise NotImplementedError

    async def sweep(self, at_most: int) -> int:
        raise NotImplementedError

    async def expired(self, room_id: str, cutoff: Cutoff, first_id: int, at_most: int) -> LogRange:
        raise NotImplementedError

    async def expire(self, room_id: str, cutoff: Cutoff, at_most: int) -> LogRange:
        raise NotImplementedError

    async def _answer(self) -> None:
        await trio.sleep(math.inf if self.hangs else 0.01)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")


def message(message_id: int) -> Message:
    return Message(message_id, "u1", "Ada", "ada@example.org", f"text {message_id}", 1_700_000_000.0 + message_id)


def long_message(message_id: int) -> Message:
    """A message with 600 characters, in 1200 bytes."""
    return Message(message_id, "u1", "Ada", "ada@example.org", "é" * 600, 1_700_000_000.0 + message_id)


def room_of(messages: FakeMessages, settings: LiveSettings, commits: CommitStatus | None = None) -> LiveRoom:
    """A live room that does not run yet."""
    return LiveRoom(
        "room",
        messages,
        settings,
        BroadcastCounters(),
        commits or CommitStatus(),
        StalledSends(settings),
        Tails(settings),
    )


def connect(socket: FakeSocket, user_id: str = "u1", session_id: str = "s1", expires_at: float = 1e12) -> Connection:
    """A connection that no task serves."""
    user = User(user_id, f"{user_id}@example.org", user_id, "", 0.0)
    session = Session(session_id, user_id, "", 0.0, expires_at)
    return Connection(socket, Identity(user, session), trio.CancelScope())
