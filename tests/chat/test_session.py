"""Conversations, where the moment matters; what they say is tested end to end."""

from collections.abc import Mapping, Sequence

import trio
from trio.testing import MockClock

from reichatd.accounts import Identity
from reichatd.chat import Chat, Hub, MarkReader, Scribe
from reichatd.config import Limits
from reichatd.store import Appended, Post, Session, User
from tests.chat.doubles import FakeMessages, FakeSocket

IDENTITY = Identity(User("u1", "ada@example.org", "ada", "", 0.0), Session("s1", "u1", "", 0.0, 1e12))


class OneAccount:
    """Knows one user, by any token."""

    async def authenticate(self, token: str) -> Identity:
        await trio.lowlevel.checkpoint()
        return IDENTITY


class SlowMarks(FakeMessages):
    """A read of marks that ends after the commit that was under way when it began, and sees nothing of it."""

    def __init__(self) -> None:
        super().__init__(last_id=100)
        self.committed = trio.Event()

    async def append(self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int]) -> list[Appended]:
        await trio.sleep(1)
        self.committed.set()
        return []

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        await self.committed.wait()
        await trio.sleep(1)
        return [10 for _ in members]


class OldMark(FakeMessages):
    """Everybody has read ten messages."""

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        return [10 for _ in members]


async def opened(messages: FakeMessages, nursery: trio.Nursery) -> Chat:
    """A chat, with all that it needs."""
    limits = Limits()
    hub = Hub(messages, limits)
    scribe, marks = Scribe(messages, hub, limits), MarkReader(messages)
    for part in (hub, scribe, marks):
        await nursery.start(part.run)
    return Chat(
        accounts=OneAccount(),  # type: ignore[arg-type] # as much of it as a conversation needs
        messages=messages,
        hub=hub,
        marks=marks,
        scribe=scribe,
        limits=limits,
    )


async def test_a_mark_before_what_was_just_removed(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    messages = OldMark(last_id=100)
    chat = await opened(messages, nursery)
    before, after = FakeSocket(), FakeSocket()
    nursery.start_soon(chat.converse, before, "room", "token")
    await trio.sleep(1)
    assert [frame["last_read_id"] for frame in before.frames] == [10]
    messages.first_id = 90
    chat.hub.user_renamed("u1", "ada")  # has the tail forgotten
    nursery.start_soon(chat.converse, after, "room", "token")
    await trio.sleep(1)
    (state,) = after.frames
    assert (state["last_read_id"], state["first_id"]) == (89, 90)
    assert [message["message_id"] for message in state["messages"]] == list(range(90, 101))
    nursery.cancel_scope.cancel()


async def test_a_mark_that_is_written_while_the_store_is_asked_is_seen(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    messages = SlowMarks()
    chat = await opened(messages, nursery)
    chat.scribe.mark_read("room", "u1", 90)
    socket = FakeSocket()
    nursery.start_soon(chat.converse, socket, "room", "token")
    await trio.sleep(10)
    (initial_state,) = socket.frames
    assert initial_state["last_read_id"] == 90
    nursery.cancel_scope.cancel()
