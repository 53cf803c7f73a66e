"""Long polls and event streams, as the room's listeners: what they answer when time, the store or the session ends."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.accounts import Identity
from reichatd.chat import CommitStatus
from reichatd.chat.followers import Followers
from reichatd.chat.hub import Hub
from reichatd.chat.pages import Pages
from reichatd.chat.read_marks import MarkReader
from reichatd.errors import RateLimited, ReichatError, Unavailable
from reichatd.messaging import After, Caller, PageQuery
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import LogHead, Session, StoreError, User
from tests.chat.doubles import FakeMessages, FakeSocket, connect

SETTINGS = LiveSettings(Settings(limits=LimitSettings(sockets_per_user=5)))
HEAD = LogHead(1, 10, 0, "token")
WAIT = 20.0


class Messages(FakeMessages):
    """Everyone is a member."""

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        await self._answer()
        return [0 for _ in members]


class FakeBody:
    """Keeps what is sent. Its client stays."""

    client, is_chunked, has_pending = "192.0.2.1", False, False

    def __init__(self) -> None:
        self.sent = b""

    def try_send(self, data: bytes, ends: Sequence[int], /) -> int:
        self.sent += data
        return len(ends)

    async def send(self, data: bytes) -> None:
        self.sent += data
        await trio.lowlevel.checkpoint()

    async def refuse(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        raise NotImplementedError

    def set_buffer(self, size: int) -> None: ...

    async def departed(self) -> None:
        await trio.sleep_forever()


class Chat:
    """A live room of ten messages, and users who follow it."""

    def __init__(self, messages: Messages, hub: Hub, followers: Followers) -> None:
        self.messages = messages
        self.hub = hub
        self.followers = followers

    def caller(self, user_id: str) -> Caller:
        identity = Identity(User(user_id, "", user_id, "", 0.0), Session(f"of {user_id}", user_id, "", 0.0, 1e12))
        return Caller(identity, identity.actor, self.hub.endings)

    async def poll(self, answers: list[Any], user_id: str = "u2", after_id: int = 10, after_change: int = 0) -> None:
        """Adds the page, or the error, to `answers`."""
        query, body = PageQuery(After(after_id, after_change, 100)), FakeBody()
        try:
            await self.followers.poll(self.caller(user_id), "room", query, WAIT, HEAD)(body)
        except (ReichatError, StoreError) as error:
            answers.append(error)
        else:
            answers.append(msgspec.json.decode(body.sent))


@pytest.fixture
async def chat(autojump_clock: MockClock, nursery: trio.Nursery) -> AsyncIterator[Chat]:
    messages = Messages(last_id=10)
    hub, marks = Hub(messages, SETTINGS, CommitStatus(), clock=lambda: 0.0), MarkReader(messages)
    await nursery.start(hub.run)
    await nursery.start(marks.run)
    await hub.enter("room", connect(FakeSocket(), "u9", "of u9"))
    yield Chat(messages, hub, Followers(hub=hub, marks=marks, pages=Pages(messages, SETTINGS), settings=SETTINGS))
    nursery.cancel_scope.cancel()


def where(page: dict[str, Any]) -> tuple[int, int, str, list[Any]]:
    return page["last_id"], page["change_id"], page["log"], page["messages"]


async def test_an_empty_page_says_what_was_proved(autojump_clock: MockClock, chat: Chat) -> None:
    answers: list[Any] = []
    async with trio.open_nursery() as nursery:
        chat.messages.hangs = True  # no one learns whether it is a member
        nursery.start_soon(chat.poll, answers)
        await wait_all_tasks_blocked()
        chat.hub.publish("room", chat.messages.add(1))
        chat.hub.change("room", [chat.messages.change(2)])
    chat.messages.hangs = False
    assert [where(page) for page in answers] == [(10, 0, "token", [])]


async def test_nothing_is_old_and_all_fields_are_there(autojump_clock: MockClock, chat: Chat) -> None:
    answers: list[Any] = []
    await chat.poll(answers, after_id=10, after_change=5)  # the log has no change
    assert answers == [{"message": "ok", "last_id": 10, "change_id": 0, "log": "token", "changed": [], "messages": []}]


async def test_a_failing_store_has_failed_for_all_who_wait(autojump_clock: MockClock, chat: Chat) -> None:
    answers: list[Any] = []
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(chat.poll, answers, f"user{number}")
        await trio.sleep(1)
        reads, began = len(chat.messages.reads), trio.current_time()
        chat.messages.failures = 1
        chat.hub.publish("room", chat.messages.add(1))
    assert trio.current_time() - began < 1
    assert len(answers) == 50
    assert all(isinstance(each, StoreError) for each in answers)
    assert len(chat.messages.reads) == reads
    answers.clear()
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(partial(chat.poll, answers, f"user{number}", after_id=11))
        await trio.sleep(1)
        chat.hub.publish("room", chat.messages.add(1))
    assert {where(page)[0] for page in answers} == {12}
    assert len(chat.messages.reads) == reads + 1
    assert not chat.followers._shared._reads, "no contents stay in memory"


async def test_a_kick_counts_while_the_page_is_read(autojump_clock: MockClock, chat: Chat) -> None:
    answers: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.poll, answers, "ann")
        nursery.start_soon(chat.poll, answers, "bob")
        await trio.sleep(1)
        chat.messages.hangs = True
        chat.hub.publish("room", chat.messages.add(1))
        await trio.sleep(1)
        assert not answers
        chat.hub.member_removed("room", "ann")
        await wait_all_tasks_blocked()
        assert [where(page) for page in answers] == [(10, 0, "token", [])]
        began = trio.current_time()
    assert trio.current_time() - began <= 2 * SETTINGS.limits.request_seconds
    assert isinstance(answers[1], Unavailable)


async def test_renames_disturb_no_one_and_logouts_those_who_were_not_yet_known(
    autojump_clock: MockClock, chat: Chat
) -> None:
    happenings = [(partial(chat.hub.user_renamed, "u7", "new"), False), (partial(chat.hub.sessions_ended, ["x"]), True)]
    for happens, is_answered in happenings:
        body = FakeBody()
        poll = chat.followers.poll(chat.caller("u2"), "room", PageQuery(After(10, 0, 9)), WAIT, HEAD)
        happens()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poll, body)
            await trio.sleep(1)
            assert bool(body.sent) == is_answered
            nursery.cancel_scope.cancel()


async def test_there_is_always_an_answer(autojump_clock: MockClock, chat: Chat) -> None:
    answers: list[Any] = []
    chat.messages.failures = 1
    await chat.poll(answers)
    assert isinstance(answers.pop(), StoreError)
    late = chat.followers.poll(chat.caller("u2"), "room", PageQuery(After(10, 0, 9)), WAIT, HEAD)
    for number in range(5):
        await chat.hub.enter("room", connect(FakeSocket(), "u2", f"s{number}"))
    with pytest.raises(RateLimited):
        await late(FakeBody())


async def test_events_are_kept_for_one_round_only(autojump_clock: MockClock, chat: Chat, nursery: trio.Nursery) -> None:
    bodies = [FakeBody(), FakeBody()]
    for body in bodies:
        nursery.start_soon(chat.followers.follow(chat.caller("u2"), "room", 10, 0), body)
    await trio.sleep(1)
    chat.hub.publish("room", chat.messages.add(1))
    await trio.sleep(1)
    assert [body.sent.count(b"id: 11.0") for body in bodies] == [1, 1]
    assert chat.followers._encoder._last is None
