"""Conversations in which timing matters; the rest is tested end to end."""

from collections.abc import Mapping, Sequence

import trio
from trio.testing import MockClock

from reichatd.accounts import Identity
from reichatd.chat import CommitStatus, ConversationHandler, Hub, MarkReader, PostLimits, Scribe, Writer
from reichatd.disk_space import DiskSpace
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import Change, Committed, Post, Session, User
from tests.chat.doubles import FakeMessages, FakeSocket, split

CONTINUATION, TEXT = 0, 1
"""The first bytes of each frame of a reply in pieces, except the last."""
IDENTITY = Identity(User("u1", "ada@example.org", "ada", "", 0.0), Session("s1", "u1", "", 0.0, 1e12))


class OneAccount:
    """Accepts any token, for one user."""

    @property
    def sessions(self) -> "OneAccount":
        return self

    async def authenticate(self, token: str) -> Identity:
        await trio.lowlevel.checkpoint()
        return IDENTITY


class SlowMarks(FakeMessages):
    """A store whose read of marks ends after the commit in progress, and does not see it."""

    def __init__(self) -> None:
        super().__init__(last_id=100)
        self.committed = trio.Event()

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        await trio.sleep(1)
        self.committed.set()
        return Committed([])

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        await self.committed.wait()
        await trio.sleep(1)
        return [10 for _ in members]


class Asking(FakeSocket):
    """Fetches all messages after the initial state.

    Arguments:
        failing: a store whose next answer is none.
    """

    def __init__(self, failing: FakeMessages | None = None) -> None:
        super().__init__()
        self.failing = failing
        self.texts = ['{"type":"listen_latest"}', '{"type":"fetch","from_id":1,"to_id":1000,"request":"r"}']

    async def receive(self) -> str | bytes:
        if not self.texts:
            await trio.sleep_forever()
        text = self.texts.pop(0)
        if not self.texts:
            self.taken, self.space = b"", 2  # two more frames fit
            if self.failing is not None:
                self.failing.failures = 1
        return text


class OldMark(FakeMessages):
    """Every member has read ten messages."""

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        return [10 for _ in members]


async def opened(
    messages: FakeMessages, nursery: trio.Nursery, limits: LimitSettings | None = None
) -> ConversationHandler:
    """A ConversationHandler with its parts."""
    settings = LiveSettings(Settings(limits=limits or LimitSettings()))
    commits = CommitStatus()
    hub = Hub(messages, settings, commits)
    scribe, marks = Scribe(messages, hub, settings, commits), MarkReader(messages)
    for part in (hub, scribe, marks):
        await nursery.start(part.run)
    return ConversationHandler(
        accounts=OneAccount(),  # type: ignore[arg-type] # has what a conversation needs
        hub=hub,
        marks=marks,
        scribe=scribe,
        settings=settings,
        writer=Writer(scribe, settings, PostLimits(settings), DiskSpace(settings, None)),
    )


async def test_a_mark_before_messages_just_removed(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    messages = OldMark(last_id=100)
    chat = await opened(messages, nursery)
    before, after = FakeSocket(), FakeSocket()
    nursery.start_soon(chat.converse, before, "room", "token")
    await trio.sleep(1)
    assert [frame["last_read_id"] for frame in before.frames] == [10]
    messages.first_id = 90
    chat.hub.user_renamed("u1", "ada")  # drops the tail
    nursery.start_soon(chat.converse, after, "room", "token")
    await trio.sleep(1)
    (state,) = after.frames
    assert (state["last_read_id"], state["first_id"]) == (89, 90)
    assert [message["message_id"] for message in state["messages"]] == list(range(90, 101))
    nursery.cancel_scope.cancel()


async def test_a_mark_that_is_stored_during_the_read_is_seen(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    messages = SlowMarks()
    chat = await opened(messages, nursery)
    chat.scribe.mark_read("room", "u1", 90)
    socket = FakeSocket()
    nursery.start_soon(chat.converse, socket, "room", "token")
    await trio.sleep(10)
    (initial_state,) = socket.frames
    assert initial_state["last_read_id"] == 90
    nursery.cancel_scope.cancel()


async def stuck_in_an_answer(
    nursery: trio.Nursery, *, stalls: bool = False
) -> tuple[ConversationHandler, OldMark, Asking]:
    """A conversation that has sent two pieces of a reply; a message and an ack wait."""
    messages = OldMark(last_id=400)
    chat = await opened(messages, nursery, LimitSettings(catch_up_bytes=1024, initial_after=0))
    socket = Asking()
    socket.stalls = stalls
    nursery.start_soon(chat.converse, socket, "room", "token")
    await trio.sleep(1)
    if not stalls:
        chat.hub.publish("room", messages.add(1))
        await trio.sleep(1)
        assert chat.hub.lagging == 1
        assert socket.closed is None
    assert [frame[0] for frame in split(socket.taken)] == [TEXT, CONTINUATION]
    return chat, messages, socket


def nothing_followed(socket: Asking) -> bool:
    """Nothing but the close may follow an unfinished message (RFC 6455, 5.4)."""
    return {frame[0] for frame in split(socket.taken)} == {TEXT, CONTINUATION}


async def test_a_store_that_fails_in_the_middle_of_a_reply_ends_the_conversation(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    _, messages, socket = await stuck_in_an_answer(nursery)
    messages.failures = 1
    socket.make_space()
    await trio.sleep(1)
    assert socket.closed == (1011, "Internal error")
    assert nothing_followed(socket)
    nursery.cancel_scope.cancel()


async def test_a_reader_that_takes_nothing_of_a_reply_is_closed(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    _, _, socket = await stuck_in_an_answer(nursery, stalls=True)
    assert socket.closed == (1013, "Reader too slow for too long")
    assert nothing_followed(socket)
    nursery.cancel_scope.cancel()


async def test_a_conversation_that_ends_in_the_middle_of_a_reply(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    chat, _, socket = await stuck_in_an_answer(nursery)
    chat.hub.sessions_ended(["s1"])
    socket.make_space(1)  # would show a send that waited
    await trio.sleep(1)
    assert socket.closed == (4001, "Session ended")
    assert nothing_followed(socket)
    nursery.cancel_scope.cancel()


async def test_a_fetch_that_the_store_cannot_answer_is_refused(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    messages = OldMark(last_id=400)
    chat = await opened(messages, nursery)
    socket = Asking(failing=messages)
    nursery.start_soon(chat.converse, socket, "room", "token")
    await trio.sleep(1)
    (refusal,) = socket.frames
    assert (refusal["code"], refusal["request"]) == ("unavailable", "r")
    assert socket.closed is None
    nursery.cancel_scope.cancel()
