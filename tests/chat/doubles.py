"""Test doubles: a socket whose free space the test sets, and a message store in memory."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from reichatd.accounts import Identity
from reichatd.chat import CommitStatus, frames
from reichatd.chat.broadcast_counters import BroadcastCounters
from reichatd.chat.connection import Connection
from reichatd.chat.room import LiveRoom
from reichatd.chat.scribe import Scribe
from reichatd.chat.socket import PeerGone, PeerStalled
from reichatd.chat.socket_reply import Replies, SocketReply
from reichatd.chat.stalled import StalledSends
from reichatd.chat.tails import Tails
from reichatd.settings import LiveSettings
from reichatd.store import (
    Appended,
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Committed,
    Cutoff,
    Edit,
    Extras,
    LogHead,
    LogRange,
    Message,
    Outcome,
    Post,
    Reaction,
    Reactor,
    Session,
    StoreUnavailable,
    User,
    cut,
)


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
        self.change_id = 0  # the last one
        self.reads: list[tuple[int, int]] = []
        self.change_reads: list[tuple[int, int, int]] = []  # after_change, first_id, last_id
        self.commits: list[int] = []  # posts and changes in each commit
        self.failures = 0  # how many of the next calls fail
        self.exists = True
        self.key = ""  # in a store with a feed, that of the log
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

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        """Each change is an edit, without effect on the text, of one of the messages."""
        await self._answer()
        self.commits.append(len(posts) + len(changes))
        first = len(self.log) + 1
        self._store(len(posts))
        changed = [self.change(change.message_id) for change in changes if isinstance(change, Edit)]
        return Committed(
            [Appended(Outcome.STORED, first + number) for number in range(len(posts))],
            [Changed(ChangeOutcome.CHANGED, each.message.change_id) for each in changed],
            changed,
        )

    def change(self, message_id: int, *, only_reactions: bool = False) -> ChangedMessage:
        """Gives a message the next change id. Returns what the scribe would pass on."""
        self.change_id += 1
        reactions = (Reaction("👍", self.change_id, ("u1",)),) if only_reactions else ()
        changed = msgspec.structs.replace(
            self.log[message_id - 1], change_id=self.change_id, extras=Extras(reactions=reactions)
        )
        self.log[message_id - 1] = changed
        return ChangedMessage("room", changed, only_reactions)

    async def head(self, room_id: str) -> LogHead | None:
        await self._answer()
        return LogHead(self.first_id, len(self.log), self.change_id, "token", self.key) if self.exists else None

    async def log_keys(self, room_ids: Sequence[str]) -> dict[str, str]:
        await self._answer()
        return dict.fromkeys(room_ids, self.key) if self.exists and self.key else {}

    async def changed(
        self,
        room_id: str,
        after_change: int,
        first_id: int,
        last_id: int,
        at_most: int,
        max_chars: int | None = None,
        log_key: str = "",
    ) -> list[Message]:
        self.change_reads.append((after_change, first_id, last_id))
        await self._answer()
        found = [each for each in self.log[max(0, first_id - 1) : last_id] if each.change_id > after_change]
        return cut(sorted(found, key=lambda each: each.change_id)[:at_most], max_chars)

    async def by_ids(self, room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
        await self._answer()
        return [each for each in self.log if each.message_id in message_ids]

    async def pinned(self, room_id: str) -> list[Message]:
        raise NotImplementedError

    async def own_reactions(
        self, user_id: str, room_id: str, message_ids: Sequence[int], log_key: str = ""
    ) -> dict[int, list[str]]:
        raise NotImplementedError

    async def reactors(self, room_id: str, message_id: int, emoji: str, after: str, at_most: int) -> list[Reactor]:
        raise NotImplementedError

    async def probe(self) -> None:
        await self._answer()

    async def last_id(self, room_id: str, log_key: str = "") -> int | None:
        await self._answer()
        return len(self.log) if self.exists else None

    async def range(
        self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
    ) -> list[Message]:
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


class FakeMembers:
    """Few members. It implements `reichatd.chat.activity_rounds.Members`."""

    def __init__(self) -> None:
        self.muted: set[str] = set()
        self.asked: list[set[str]] = []
        self.answers = trio.Event()
        self.answers.set()
        self.failures = 0

    async def is_small(self, room_id: str) -> bool:
        return True

    async def silenced(self, room_id: str, user_ids: Sequence[str]) -> set[str]:
        self.asked.append(set(user_ids))
        silenced = self.muted & set(user_ids)
        await self.answers.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")
        return silenced


def room_of(
    messages: FakeMessages,
    settings: LiveSettings,
    commits: CommitStatus | None = None,
    members: FakeMembers | None = None,
) -> LiveRoom:
    """A live room that does not run yet."""
    return LiveRoom(
        "room",
        messages,
        settings,
        BroadcastCounters(),
        commits or CommitStatus(),
        StalledSends(settings),
        Tails(settings),
        members or FakeMembers(),
        lambda room: None,
    )


def connect(socket: FakeSocket, user_id: str = "u1", session_id: str = "s1", expires_at: float = 1e12) -> Connection:
    """A connection that no task serves."""
    user = User(user_id, f"{user_id}@example.org", user_id, "", 0.0)
    session = Session(session_id, user_id, "", 0.0, expires_at)
    return Connection(socket, Identity(user, session), trio.CancelScope())


async def post(
    scribe: Scribe, rooms: Replies, author: Connection, content: str, nonce: str | None = None, room_id: str = "room"
) -> None:
    """Posts as the conversation of a connection does."""
    made = Post(room_id, author.user.user_id, content, 1_700_000_000.0, nonce)
    await scribe.post(made, SocketReply(rooms, author, room_id, nonce))
