"""The group commit."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat import CommitStatus, frames
from reichatd.chat.connection import Connection
from reichatd.chat.scribe import Scribe
from reichatd.chat.socket_reply import SocketReply
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import (
    Appended,
    Change,
    ChangedMessage,
    Committed,
    Edit,
    Extras,
    Message,
    Outcome,
    Post,
    StoreUnavailable,
)
from tests.chat.doubles import FakeMessages, FakeSocket, connect, message, post


class FakeRooms:
    """Records the calls of the scribe."""

    def __init__(self) -> None:
        self.published: list[tuple[str, list[int]]] = []
        self.reached: list[int] = []
        self.changed: list[tuple[str, list[int]]] = []
        self.mentions: list[tuple[int, list[str]]] = []
        self.marks: list[dict[tuple[str, str], int]] = []
        self.replies: list[bytes] = []

    def publish(self, room_id: str, entries: list[tuple[int, bytes]], log_key: str = "") -> None:
        self.published.append((room_id, [message_id for message_id, _ in entries]))

    def reaches(self, room_id: str, last_id: int, log_key: str = "") -> None:
        self.reached.append(last_id)

    def change(self, room_id: str, changed: Sequence[ChangedMessage], log_key: str = "") -> None:
        self.changed.append((room_id, [each.message.message_id for each in changed]))

    def mentioned(self, room_id: str, message_id: int, by: str, user_ids: Iterable[str], *, everyone: bool) -> None:
        self.mentions.append((message_id, list(user_ids)))

    def marks_moved(self, read_marks: Mapping[tuple[str, str], int]) -> None:
        self.marks.append(dict(read_marks))

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        self.replies.append(frame)
        connection.delivery.settle(1)


class Desk:
    """A scribe with its surroundings."""

    def __init__(self, nursery: trio.Nursery, *, interval: float = 0.004, **limits: int) -> None:
        self.messages = FakeMessages()
        self.rooms = FakeRooms()
        self.commits = CommitStatus()
        self.scribe = Scribe(
            self.messages,
            self.rooms,
            LiveSettings(Settings(limits=LimitSettings(commit_interval_seconds=interval, **limits))),
            self.commits,
            clock=lambda: 1_700_000_000.0,
        )
        self.author = connect(FakeSocket())
        nursery.start_soon(self.scribe.run)

    async def post(self, content: str = "text", nonce: str | None = None) -> None:
        await post(self.scribe, self.rooms, self.author, content, nonce)


async def test_posts_during_a_commit_are_the_next_commit(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery)
    await desk.post()
    await wait_all_tasks_blocked()  # the first commit is in progress
    for _ in range(50):
        await desk.post()
    await desk.scribe.drained()
    assert desk.messages.commits == [1, 50]
    assert desk.rooms.published == [("room", [1]), ("room", list(range(2, 52)))]
    assert desk.author.delivery.in_flight == 0


async def test_a_failed_store_is_probed_until_a_write_succeeds(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    desk = Desk(nursery)
    await desk.scribe.probe()
    desk.messages.failures = 2
    await desk.post()
    await desk.scribe.drained()
    with pytest.raises(StoreUnavailable):
        await desk.scribe.probe()
    await desk.scribe.probe()
    desk.messages.failures = 1
    await desk.scribe.probe()
    assert desk.messages.failures == 1, "it asks no more"


async def test_a_stored_message_shows_that_the_store_works(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery)
    desk.messages.failures = 1
    for _ in range(2):
        await desk.post()
        await desk.scribe.drained()
    desk.messages.failures = 1
    await desk.scribe.probe()


async def test_a_commit_is_bounded_and_posts_wait_for_space(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery, commit_posts=10)
    with trio.move_on_after(0.005) as before_the_first_commit:
        for _ in range(100):
            await desk.post()
    assert before_the_first_commit.cancelled_caught
    assert desk.author.delivery.in_flight == 50, "10 in a commit, 40 in the queue"
    await desk.scribe.drained()
    assert desk.messages.commits == [10] * 5


async def test_scattered_posts_share_commits_at_intervals(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery, interval=0.1)
    began = trio.current_time()
    for _ in range(100):
        await desk.post()
        await trio.sleep(0.007)  # while a commit takes 0.01
    await desk.scribe.drained()
    assert sum(desk.messages.commits) == 100
    assert len(desk.messages.commits) <= 9, "70 if each had begun when the one before had ended"
    assert trio.current_time() - began < 0.7 + 0.1 + 0.02


async def test_a_single_user_who_waits_for_each_message_is_not_delayed(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    desk = Desk(nursery, interval=1)
    began = trio.current_time()
    for _ in range(10):
        await desk.post()
        await desk.scribe.drained()
    assert trio.current_time() - began == pytest.approx(10 * 0.01)


async def test_a_full_commit_does_not_wait_for_the_interval(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery, commit_posts=10, interval=1)
    began = trio.current_time()
    for _ in range(25):
        await desk.post()
    await desk.scribe.drained()
    assert desk.messages.commits == [10, 10, 5]
    assert trio.current_time() - began == pytest.approx(1.02), "for the last one only, which had room for more"


async def test_only_a_nonce_is_acknowledged(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery)
    await desk.post(nonce="n")
    await desk.post()
    await desk.scribe.drained()
    assert desk.rooms.replies == [frames.encode(frames.Ack("n", 1))]


async def test_nothing_is_published_before_it_is_durable(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery)
    desk.messages.failures = 1
    await desk.post(nonce="n")
    await desk.scribe.drained()
    assert desk.rooms.published == []
    assert len(desk.rooms.replies) == 1
    assert b'"unavailable"' in desk.rooms.replies[0]
    assert b'"nonce":"n"' in desk.rooms.replies[0]
    await desk.post()
    await desk.scribe.drained()
    assert desk.rooms.published == [("room", [1])]


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (Appended(Outcome.REPEATED, 7), frames.encode(frames.Ack("n", 7))),
        (Appended(Outcome.NO_MEMBER), frames.error("forbidden", "Forbidden", nonce="n")),
        (Appended(Outcome.NO_ROOM), frames.error("room_not_found", "Room not found", nonce="n")),
    ],
)
async def test_a_post_that_is_not_stored_is_answered_and_not_published(
    autojump_clock: MockClock, nursery: trio.Nursery, answer: Appended, reply: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(nursery)

    async def commit(*_: object) -> Committed:
        await trio.lowlevel.checkpoint()
        return Committed([answer])

    monkeypatch.setattr(desk.messages, "commit", commit)
    await desk.post(nonce="n")
    await desk.scribe.drained()
    assert desk.rooms.published == []
    assert desk.rooms.replies == [reply]


@pytest.mark.parametrize("nonce", [None, "n"])
async def test_posts_are_tried_again_while_a_shared_store_is_away(
    autojump_clock: MockClock, nursery: trio.Nursery, nonce: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(nursery)
    desk.messages.shared = True
    stored: dict[str, int] = {}
    tries = []

    async def commit(posts: Sequence[Post], read_marks: object, changes: Sequence[Change]) -> Committed:
        await trio.sleep(1)
        tries.append((len(posts), len(changes)))
        nonces = [each.nonce or "" for each in posts]
        assert all(nonces)
        outcomes = [Outcome.REPEATED if each in stored else Outcome.STORED for each in nonces]
        for each in nonces:
            stored.setdefault(each, len(stored) + 1)
        if len(tries) <= 3:
            raise StoreUnavailable("no primary")  # it has stored the posts
        return Committed([Appended(outcome, stored[each]) for outcome, each in zip(outcomes, nonces, strict=True)])

    async def by_ids(room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
        return [msgspec.structs.replace(message(each), extras=Extras(mentions=("u2",))) for each in message_ids]

    monkeypatch.setattr(desk.messages, "commit", commit)
    monkeypatch.setattr(desk.messages, "by_ids", by_ids)
    mentioning = Post("room", desk.author.user.user_id, "@Bob", 0.0, nonce, names=("Bob",))
    await desk.scribe.post(mentioning, SocketReply(desk.rooms, desk.author, "room", nonce))
    reply = SocketReply(desk.rooms, desk.author, "room", "e")
    await desk.scribe.change(Edit("room", "u1", 1, "text", 0.0), reply)
    with capture_logs():
        await desk.scribe.drained()
    assert tries == [(1, 1), (1, 0), (1, 0), (1, 0)]
    assert (list(stored.values()), desk.rooms.reached, desk.rooms.mentions) == ([1], [1], [(1, ["u2"])])
    assert b'"unavailable"' in desk.rooms.replies[0]
    assert desk.rooms.replies[1:] == ([frames.encode(frames.Ack("n", 1))] if nonce else [])
    desk.scribe.stop_retrying()
    tries.clear()
    with capture_logs():
        await desk.post(nonce="m")
        await desk.scribe.drained()
    assert tries == [(1, 0)]


async def test_read_marks_go_with_the_next_commit_and_are_known_until_then(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(nursery)
    written: list[dict[tuple[str, str], int]] = []

    async def commit(posts: object, read_marks: dict[tuple[str, str], int], changes: object) -> Committed:
        await trio.sleep(1)
        written.append(read_marks)
        return Committed([])

    monkeypatch.setattr(desk.messages, "commit", commit)
    desk.scribe.mark_read("room", "u1", 5)
    desk.scribe.mark_read("room", "u1", 3)
    await wait_all_tasks_blocked()
    desk.scribe.mark_read("room", "u1", 4)
    assert desk.scribe.read_mark("room", "u1") == 5
    await desk.scribe.drained()
    assert desk.scribe.read_mark("room", "u1") == 0
    assert written == [{("room", "u1"): 5}, {("room", "u1"): 4}]


async def test_check_alive_needs_no_post(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery)
    began = trio.current_time()
    for _ in range(3):
        await desk.scribe.check_alive()
    await desk.scribe.drained()
    assert trio.current_time() == began
    assert desk.messages.commits == []


async def test_a_scribe_that_waits_for_the_store_is_alive(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """With the check before the commit that hangs, and during it."""
    desk = Desk(nursery)
    desk.messages.hangs = True
    assert desk.commits.seconds == 0
    await desk.post()
    await desk.scribe.check_alive()
    await trio.sleep(3600)
    with trio.fail_after(1):
        await desk.scribe.check_alive()
    assert desk.commits.seconds == pytest.approx(3600, abs=1)


async def test_a_scribe_that_waits_for_the_interval_is_alive(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery, interval=1)
    await desk.post()
    await wait_all_tasks_blocked()
    await desk.post()
    await trio.sleep(0.1)  # the first is stored, the second waits for the interval
    assert desk.messages.commits == [1]
    assert desk.commits.idle
    desk.messages.hangs = True
    with trio.fail_after(2):
        await desk.scribe.check_alive()
    assert not desk.commits.idle


async def test_a_scribe_that_hangs_is_not_alive(autojump_clock: MockClock) -> None:
    scribe = Scribe(FakeMessages(), FakeRooms(), LiveSettings(Settings()), CommitStatus())
    with trio.move_on_after(3600) as hour:
        await scribe.check_alive()
    assert hour.cancelled_caught
