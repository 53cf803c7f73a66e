"""The protocol of changes: old and new clients in one room, in random runs. At rest, all that a client holds is as in the store.

The rooms, the broadcaster, the conversations and the scribe are the real ones. The store is in memory, and takes its time: a read
shows the store as it was at some moment before the read returns. The sockets take as little as the run wants.
"""

import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from reichatd.accounts import Identity
from reichatd.chat import CommitStatus, ConversationHandler, Hub, MarkReader, PostLimits, Scribe, Writer, frames
from reichatd.chat.socket import PeerGone
from reichatd.disk_space import DiskSpace
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import (
    Appended,
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Committed,
    Edit,
    Extras,
    LogHead,
    Message,
    Outcome,
    Post,
    React,
    Reaction,
    Session,
    User,
    cut,
)
from tests.chat.doubles import FakeMessages, FakeSocket, split
from tests.held_room import HeldRoom

RUNS = 150
STEPS = 60
PAUSES = [0.0, 0.0, 0.01, 0.05, 0.3, 1.5]


class SlowStore(FakeMessages):
    """A store that answers after a random time, with what it had at a random moment of that time."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(last_id=30)
        self.dice = dice

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[None]:
        await trio.sleep(self.dice.choice(PAUSES[:4]))
        yield
        await trio.sleep(self.dice.choice(PAUSES[:4]))

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        async with self.moment():
            first = len(self.log) + 1
            for post, made in zip(posts, self._store(len(posts)), strict=True):
                self.log[made.message_id - 1] = msgspec.structs.replace(
                    made, content=post.content, timestamp=post.timestamp
                )
            changed: dict[int, ChangedMessage] = {}
            for change in changes:
                assert isinstance(change, Edit | React)
                if change.message_id <= len(self.log):
                    changed[change.message_id] = self._apply(change, changed.pop(change.message_id, None))
        numbers = {each.message.message_id: each.message.change_id for each in changed.values()}
        return Committed(
            [Appended(Outcome.STORED, first + number) for number in range(len(posts))],
            [
                Changed(ChangeOutcome.CHANGED, numbers.get(change.message_id, 0))
                for change in changes
                if isinstance(change, Edit | React)
            ],
            sorted(changed.values(), key=lambda each: each.message.change_id),
        )

    def _apply(self, change: Edit | React, earlier: ChangedMessage | None) -> ChangedMessage:
        """One new number for each message in a commit."""
        old = self.log[change.message_id - 1]
        if earlier is None:
            self.change_id += 1
        content, extras = old.content, old.extras
        if isinstance(change, Edit):
            content = change.content
        else:
            count = 1 + sum(reaction.count for reaction in extras.reactions)
            extras = Extras(reactions=(Reaction(change.emoji, count, ("u1",)),))
        number = self.change_id if earlier is None else earlier.message.change_id
        new = msgspec.structs.replace(old, content=content, extras=extras, change_id=number)
        self.log[change.message_id - 1] = new
        only = isinstance(change, React) and (earlier is None or earlier.only_reactions)
        return ChangedMessage("room", new, only)

    async def head(self, room_id: str) -> LogHead | None:
        async with self.moment():
            return LogHead(1, len(self.log), self.change_id, "token")

    async def last_id(self, room_id: str, log_key: str = "") -> int | None:
        async with self.moment():
            return len(self.log)

    async def range(
        self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
    ) -> list[Message]:
        async with self.moment():
            found = cut(self.log[max(0, first_id - 1) : max(0, last_id)], max_chars)
        return found

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
        async with self.moment():
            found = [each for each in self.log[max(0, first_id - 1) : last_id] if each.change_id > after_change]
        return cut(sorted(found, key=lambda each: each.change_id)[: min(at_most, 64)], max_chars)

    async def by_ids(self, room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
        async with self.moment():
            found = [each for each in self.log if each.message_id in message_ids]
        return found

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        async with self.moment():
            found: list[int | None] = [len(self.log) for _ in members]
        return found


class ClientSocket(FakeSocket):
    """The client sends by `send_frame`, and takes what has come by `frames_taken`."""

    def __init__(self) -> None:
        super().__init__()
        self.to_server, self._from_client = trio.open_memory_channel[str](1000)
        self._read = 0

    def send_frame(self, type: str, **fields: object) -> None:
        self.to_server.send_nowait(json.dumps({"type": type, **fields}))

    async def receive(self) -> str | bytes:
        try:
            return await self._from_client.receive()
        except trio.EndOfChannel:
            raise PeerGone from None

    def frames_taken(self) -> list[dict[str, Any]]:
        new, self._read = self.taken[self._read :], len(self.taken)
        return [msgspec.json.decode(frame[2 if frame[1] < 126 else 4 :]) for frame in split(new) if frame[0] == 0x81]


class Client:
    """A client whose connections come and go."""

    def __init__(self, *, knows_changes: bool, dice: random.Random) -> None:
        self.room = HeldRoom(knows_changes=knows_changes, dice=dice)
        self.socket: ClientSocket | None = None

    def take_all(self) -> None:
        for frame in self.socket.frames_taken() if self.socket else ():
            assert self.socket is not None
            assert frame["type"] != "error", frame
            if (answer := self.room.take(frame)) is not None:
                self.socket.send_frame(**answer)


class World:
    """One run."""

    def __init__(self, seed: int, nursery: trio.Nursery) -> None:
        self.dice = dice = random.Random(seed)
        self.nursery = nursery
        limits = LimitSettings(
            tail_messages=dice.choice([4, 12, 100]),
            initial_before=dice.choice([3, 10]),
            initial_after=5,
            reactions_live_listeners=dice.choice([0, 1, 100]),
            messages_per_second=0,
            changes_per_minute=0,
            commit_interval_seconds=0.0,
            sockets_per_user=0,
            slow_reader_seconds=3600,
            ping_seconds=3600,  # the sockets do not answer
        )
        self.settings = LiveSettings(Settings(limits=limits))
        self.store = SlowStore(dice)
        commits = CommitStatus()
        self.hub = Hub(self.store, self.settings, commits)
        self.scribe = Scribe(self.store, self.hub, self.settings, commits)
        self.marks = MarkReader(self.store)
        self.chat = ConversationHandler(
            accounts=OneAccount(),  # type: ignore[arg-type] # has what a conversation needs
            hub=self.hub,
            marks=self.marks,
            scribe=self.scribe,
            settings=self.settings,
            writer=Writer(self.scribe, self.settings, PostLimits(self.settings), DiskSpace(self.settings, None)),
        )
        self.clients = [Client(knows_changes=number < 4, dice=dice) for number in range(6)]

    async def run(self) -> None:
        for part in (self.hub, self.scribe, self.marks):
            await self.nursery.start(part.run)
        await self.play()

    async def play(self) -> None:
        for _ in range(STEPS):
            self.step()
            await trio.sleep(self.dice.choice(PAUSES))
            for client in self.clients:
                client.take_all()
        await self.rest()
        self.check()

    def step(self) -> None:
        client = self.dice.choice(self.clients)
        socket = client.socket
        if socket is None:
            self.connect(client)
        elif (chance := self.dice.random()) < 0.45:
            self.write(socket)
        elif chance < 0.55:
            self.drop(client)
        elif chance < 0.75 and client.room.listens:
            self.fetch(client, socket)
        elif chance < 0.85:
            socket.space = 0 if socket.space > 100 else self.dice.choice([1, 2, 5])
        elif chance < 0.97:
            socket.make_space()
        else:
            self.rename()

    def rename(self) -> None:
        self.hub.user_renamed("u1", "Ada")

    def connect(self, client: Client) -> None:
        client.socket = ClientSocket()
        client.room.connected()
        self.nursery.start_soon(self.handler().converse, client.socket, "room", "token")

    def handler(self) -> ConversationHandler:
        return self.chat

    def drop(self, client: Client) -> None:
        assert client.socket is not None
        client.socket.make_space()
        client.socket.to_server.close()
        client.socket = None

    def write(self, socket: ClientSocket) -> None:
        for _ in range(self.dice.randrange(4)):
            number = self.dice.randrange(max(1, len(self.store.log) - 45), len(self.store.log) + 1)
            match self.dice.randrange(3):
                case 0:
                    socket.send_frame("message", content="new")
                case 1:
                    socket.send_frame("edit", message_id=number, content=f"edited {self.dice.random()}")
                case _:
                    socket.send_frame("react", message_id=number, emoji="👍")

    def fetch(self, client: Client, socket: ClientSocket) -> None:
        held = client.room.messages
        first = min(held, default=1)
        if self.dice.random() < 0.5:
            socket.send_frame("fetch", from_id=max(1, first - 5), to_id=first - 1 + self.dice.choice([0, 4]))
        else:
            socket.send_frame("fetch", ids=self.dice.sample(sorted(held), min(3, len(held))))

    async def rest(self) -> None:
        """Lets all clients get everything."""
        for client in self.clients:
            if client.socket is None:
                self.connect(client)
        for _ in range(20):
            for client in self.clients:
                assert client.socket is not None
                client.socket.make_space()
            await trio.sleep(2)
            for client in self.clients:
                client.take_all()

    def check(self) -> None:
        stored = {each.message_id: msgspec.json.decode(frames.as_json(each, "everyone")) for each in self.store.log}
        for client in self.clients:
            assert client.room.differences(stored, self.store.change_id) == []


class OneAccount:
    """Everyone is this user."""

    def __init__(self) -> None:
        self.sessions = self

    async def authenticate(self, token: str) -> Identity:
        await trio.lowlevel.checkpoint()
        return Identity(User("u1", "ada@example.org", "Ada", "", 0.0), Session("s1", "u1", "", 0.0, 1e12))


@pytest.mark.parametrize("seed", range(0, RUNS, 10))
async def test_all_agree_with_the_store_at_rest(seed: int, autojump_clock: MockClock) -> None:
    for one in range(seed, seed + 10):
        async with trio.open_nursery() as nursery:
            await World(one, nursery).run()
            nursery.cancel_scope.cancel()
