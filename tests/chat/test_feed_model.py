"""Two daemons on one store, in random runs: at rest, all that their clients hold is as in the store.

The runs are those of `test_changes_model`. Each daemon has the feed of the other one's commits, which comes late, in any order and
in part twice; what is lost of it is found by comparing with the store.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from reichatd.accounts import SessionCache
from reichatd.chat import (
    CommitStatus,
    ConversationHandler,
    Hub,
    MarkReader,
    PostLimits,
    Reconciliation,
    Scribe,
    StoreEvents,
    Writer,
)
from reichatd.disk_space import DiskSpace
from reichatd.store import (
    Appended,
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Committed,
    Edit,
    LogHead,
    Message,
    Outcome,
    Post,
    React,
)
from reichatd.store.feed import FeedEvent, MessagesChanged, MessagesPosted
from tests.chat.test_changes_model import ClientSocket, OneAccount, SlowStore, World

RUNS = 100
KEY = "key"
DELAYS = [0.0, 0.0, 0.005, 0.02, 0.1, 0.4]


class SharedLog:
    """What all daemons have in common."""

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.change_id = 0


class SharedStore(SlowStore):
    """The store as one daemon has it.

    Arguments:
        tell: is given the events of each commit, and this store.
    """

    shared = True

    def __init__(self, dice: random.Random, common: SharedLog, tell: Any) -> None:  # noqa: ANN401
        self.common = common
        super().__init__(dice)
        self.tell = tell

    @property
    def log(self) -> list[Message]:
        return self.common.log

    @log.setter
    def log(self, log: list[Message]) -> None:
        self.common.log = self.common.log or log

    @property
    def change_id(self) -> int:
        return self.common.change_id

    @change_id.setter
    def change_id(self, change_id: int) -> None:
        self.common.change_id = max(self.common.change_id, change_id)

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        async with self.moment():
            first = len(self.log) + 1
            for post, made in zip(posts, self._store(len(posts)), strict=True):
                self.log[made.message_id - 1] = msgspec.structs.replace(
                    made, content=post.content, timestamp=post.timestamp
                )
            if posts:
                self.tell(self, MessagesPosted(KEY, self.log[first - 1 :]))
        # As in MongoDB, the changes are another transaction.
        async with self.moment():
            changed: dict[int, ChangedMessage] = {}
            for change in changes:
                assert isinstance(change, Edit | React)
                if change.message_id <= len(self.log):
                    changed[change.message_id] = self._apply(change, changed.pop(change.message_id, None))
            if changed:
                self.tell(self, MessagesChanged(KEY, self.change_id))
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

    async def head(self, room_id: str) -> LogHead | None:
        # The number of changes is read before the end.
        async with self.moment():
            change_id = self.change_id
        async with self.moment():
            return LogHead(1, len(self.log), change_id, "token", KEY)

    async def log_keys(self, room_ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(room_ids, KEY)


class Daemon:
    """A store, as its reconciliation sees it, and what runs on it."""

    def __init__(self, world: World, messages: SharedStore) -> None:
        self.messages, self.settings = messages, world.settings
        commits = CommitStatus()
        self.hub = Hub(messages, self.settings, commits)
        self.scribe = Scribe(messages, self.hub, self.settings, commits)
        self.marks = MarkReader(messages)
        cache = SessionCache(0)
        self.reconciliation = Reconciliation(self, self.hub, self.hub, cache, self.settings)  # type: ignore[arg-type]
        self.events = StoreEvents(self, self.hub, self.hub, cache, self.settings, self.reconciliation)  # type: ignore[arg-type]
        self.chat = ConversationHandler(
            accounts=OneAccount(),  # type: ignore[arg-type] # has what a conversation needs
            hub=self.hub,
            marks=self.marks,
            scribe=self.scribe,
            settings=self.settings,
            writer=Writer(self.scribe, self.settings, PostLimits(self.settings), DiskSpace(self.settings, None)),
        )

    async def heads(self, log_keys: Sequence[str]) -> dict[str, LogHead]:
        head = await self.messages.head("room")
        assert head is not None
        return dict.fromkeys(log_keys, head)

    async def compare(self) -> None:
        while True:
            await trio.sleep(3)
            await self.reconciliation.logs(self.hub.keys())


class TwoDaemons(World):
    def __init__(self, seed: int, nursery: trio.Nursery) -> None:
        super().__init__(seed, nursery)
        common = SharedLog()
        self.daemons = [Daemon(self, SharedStore(self.dice, common, self.tell)) for _ in range(2)]
        self.store = self.daemons[0].messages
        self.losses = self.dice.choice([0.0, 0.0, 0.1, 1.0])

    def tell(self, store: SharedStore, event: FeedEvent) -> None:
        """The feed leaves out what a daemon posts itself."""
        for daemon in self.daemons:
            if daemon.messages is store and isinstance(event, MessagesPosted):
                continue
            while self.dice.random() >= self.losses:
                self.nursery.start_soon(self.bring, daemon, event)
                if self.dice.random() < 0.8:
                    break

    async def bring(self, daemon: Daemon, event: FeedEvent) -> None:
        await trio.sleep(self.dice.choice(DELAYS))
        daemon.events.tell([event])

    async def run(self) -> None:
        for daemon in self.daemons:
            for part in (daemon.hub, daemon.scribe, daemon.marks):
                await self.nursery.start(part.run)
            self.nursery.start_soon(daemon.compare)
        await self.play()

    def handler(self) -> ConversationHandler:
        return self.dice.choice(self.daemons).chat

    def write(self, socket: ClientSocket) -> None:
        if self.dice.random() < 0.5:
            super().write(socket)
        else:  # the other daemon may have just stored it
            socket.send_frame(
                "edit", message_id=len(self.store.log) - self.dice.randrange(2), content=f"edited {self.dice.random()}"
            )

    def rename(self) -> None:
        for daemon in self.daemons:
            daemon.hub.user_renamed("u1", "Ada")


@pytest.mark.parametrize("seed", range(0, RUNS, 10))
async def test_all_agree_with_the_store_at_rest(seed: int, autojump_clock: MockClock) -> None:
    for one in range(seed, seed + 10):
        async with trio.open_nursery() as nursery:
            await TwoDaemons(one, nursery).run()
            nursery.cancel_scope.cancel()
