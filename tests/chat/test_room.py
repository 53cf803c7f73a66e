"""A live room and its broadcaster: who is sent what, when, and in how many calls."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat import CommitStatus, frames
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import State
from reichatd.chat.room import LiveRoom
from reichatd.errors import RoomNotFound
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import StoreError
from reichatd.store.bounds import LAST_ID
from tests.chat.doubles import FakeMessages, FakeSocket, connect, long_message, room_of

LIMITS = LimitSettings(tail_messages=8, catch_up_bytes=1024)
SETTINGS = LiveSettings(Settings(limits=LIMITS))


@pytest.fixture
async def messages() -> FakeMessages:
    return FakeMessages(last_id=100)


@pytest.fixture
async def room(messages: FakeMessages, nursery: trio.Nursery) -> AsyncIterator[LiveRoom]:
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await room.opened()
    messages.reads.clear()
    yield room
    room.scope.cancel()


@pytest.fixture
def join(room: LiveRoom) -> Callable[..., tuple[FakeSocket, Connection]]:
    def join(space: int = 1_000_000, *, listen_from: int | None = 101) -> tuple[FakeSocket, Connection]:
        socket = FakeSocket(space)
        connection = connect(socket)
        room.enter(connection)
        if listen_from is not None:
            room.listen(connection, listen_from)
        return socket, connection

    return join


Join = Callable[..., tuple[FakeSocket, Connection]]


def ids(page: list[bytes]) -> list[int]:
    return [msgspec.json.decode(frames.message_in(frame))["message_id"] for frame in page]


async def test_a_room_that_does_not_exist(
    autojump_clock: MockClock, nursery: trio.Nursery, messages: FakeMessages
) -> None:
    messages.exists = False
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    with pytest.raises(RoomNotFound):
        await room.opened()


async def test_a_room_whose_store_is_down(
    autojump_clock: MockClock, nursery: trio.Nursery, messages: FakeMessages
) -> None:
    messages.failures = 1
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    with pytest.raises(StoreError, match="down"):
        await room.opened()


async def test_what_is_published_while_the_room_opens_is_sent_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    messages = FakeMessages(last_id=100)
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    room.publish(messages.add(1))
    await room.opened()
    assert room.last_id == 101
    socket = FakeSocket()
    connection = connect(socket)
    room.enter(connection)
    room.listen(connection, 101)
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert socket.ids == [101, 102]
    room.scope.cancel()


async def test_many_messages_are_one_send(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    sockets = [join()[0] for _ in range(500)]
    room.publish(messages.add(3))
    room.publish(messages.add(2))
    await wait_all_tasks_blocked()
    for socket in sockets:
        assert socket.ids == [101, 102, 103, 104, 105]
        assert socket.try_sends == [5]
    assert messages.reads == []


async def test_a_connection_that_does_not_listen_is_sent_nothing(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, _ = join(listen_from=None)
    room.publish(messages.add(3))
    await wait_all_tasks_blocked()
    assert socket.taken == b""


@pytest.mark.parametrize("cursor", [1, 50, 95, 100])
async def test_listening_from_an_old_id_begins_with_old_messages(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join, cursor: int
) -> None:
    room.publish(messages.add(3))
    socket, _ = join(listen_from=cursor)
    await trio.sleep(1)
    room.publish(messages.add(2))
    await trio.sleep(1)
    assert socket.ids == list(range(cursor, 106))


async def test_a_cursor_ahead_of_the_broadcast_gets_nothing_twice(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    # A fetch reads durable messages a moment before the scribe publishes them.
    news = messages.add(3)
    socket, _ = join(listen_from=103)
    await wait_all_tasks_blocked()
    room.publish(news[:1])
    await wait_all_tasks_blocked()
    room.publish(news[1:])
    await wait_all_tasks_blocked()
    assert socket.ids == [103]


async def test_a_lagging_reader_loses_nothing_and_delays_no_other(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    slow, _ = join(space=2)
    quick, _ = join()
    for _ in range(30):
        room.publish(messages.add(1))
        await trio.sleep(0.1)
    assert slow.ids == [101, 102]
    assert quick.ids == list(range(101, 131))
    assert messages.reads == []
    slow.make_space()
    await trio.sleep(1)
    assert slow.ids == quick.ids
    assert messages.reads, "the tail holds 8 messages: the others are the store's"
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert slow.ids == quick.ids == list(range(101, 132))


async def test_a_reader_that_is_always_a_little_slow_gets_everything_in_order(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    slow, _ = join(space=0)
    for _ in range(50):
        room.publish(messages.add(2))
        await trio.sleep(0.01)
        slow.make_space(1)
    slow.make_space()
    await trio.sleep(1)
    assert slow.ids == list(range(101, 201))


async def test_a_lagging_reader_takes_no_more_memory_than_one_send(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, _ = join(space=0, listen_from=1)
    await trio.sleep(1)
    assert len(socket.waiting) <= LIMITS.catch_up_bytes
    socket.make_space()
    await trio.sleep(10)
    assert socket.ids == list(range(1, 101))


async def test_pending_bytes_are_flushed_without_a_new_message(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, connection = join()
    socket.has_pending = True
    room.publish(messages.add(1))
    connection.delivery.in_flight = 1
    room.reply(connection, frames.error("unavailable", "b"))
    await wait_all_tasks_blocked()
    assert connection.delivery.catch_up is not None, "its catch-up task waits for the socket"
    socket.make_space()
    await trio.sleep(1)
    assert connection.delivery.state is State.IN_STEP
    assert connection.delivery.in_flight == 0
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert socket.ids == [101, 102]


async def test_a_gap_in_what_is_published_is_read_once(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    (socket, _), (other, _) = join(), join()
    messages.add(5)  # for example by another daemon
    room.publish(messages.add(1))
    await trio.sleep(1)
    assert socket.ids == other.ids == list(range(101, 107))
    assert messages.reads == [(101, 105)]


async def test_the_last_messages_are_known_without_a_read(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    room.publish(messages.add(1))
    page = room.recent(96, 150)
    assert page is not None
    assert ids(page) == [96, 97, 98, 99, 100, 101]
    assert room.recent(92, 150) is None, "the tail has 8 messages"
    assert room.recent(120, 150) == []
    messages.shared = True
    assert room.recent(96, 102) is None, "another daemon may have appended"
    assert room.recent(101, 101) == page[-1:]


async def test_a_rename_while_the_room_loads_is_not_undone(
    autojump_clock: MockClock, messages: FakeMessages, nursery: trio.Nursery
) -> None:
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await trio.sleep(0.015)  # the end is known, the read of the last messages is in progress
    room.forget_tail()
    await room.opened()
    assert room.last_id == 100
    assert room.recent(100, 100) is None
    room.scope.cancel()


async def test_a_change_while_the_room_loads_is_not_undone(
    autojump_clock: MockClock, messages: FakeMessages, nursery: trio.Nursery
) -> None:
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await trio.sleep(0.015)
    room.change([messages.change(100)])
    await room.opened()
    assert room.change_id == 1
    assert [msgspec.json.decode(frames.message_in(frame))["change_id"] for frame in room.recent(100, 100) or ()] == [1]
    room.scope.cancel()


async def test_a_gap_in_the_numbers_of_changes_is_read_once(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    (socket, connection), (_, other) = join(space=1000), join()
    for each in (connection, other):
        room.listen(each, 101, 0)
    await trio.sleep(1)
    messages.change(7)  # by another daemon
    room.change([messages.change(9)])
    await trio.sleep(1)
    changed = [frame["message"]["message_id"] for frame in socket.frames if frame["type"] == "message_changed"]
    assert changed == [7, 9]
    assert messages.change_reads == [(0, 0, LAST_ID)]


async def test_after_forget_tail_all_is_read_from_the_store(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, _ = join()
    room.publish(messages.add(3))
    room.forget_tail()
    await trio.sleep(1)
    assert socket.ids == [101, 102, 103]
    assert messages.reads == [(101, 103)]


async def test_catching_up_waits_for_the_store(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    messages.failures = 3
    socket, connection = join(listen_from=1)
    await trio.sleep(10)
    assert socket.ids == list(range(1, 101))
    assert connection.closing is None


async def test_a_reader_that_takes_nothing_for_too_long_is_closed(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, connection = join(space=1)
    socket.stalls = True
    room.publish(messages.add(2))
    await wait_all_tasks_blocked()
    assert connection.closing == (1013, "Reader too slow for too long")


async def test_a_reader_that_is_gone_is_closed(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, connection = join()
    socket.gone = True
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert connection.closing == (1006, "")


async def test_nothing_is_sent_after_leaving(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    in_step, first = join()
    lagging, second = join(space=0)
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    room.leave(first)
    room.leave(second)
    lagging.make_space()
    room.publish(messages.add(1))
    room.reply(first, frames.error("unavailable", "b"))
    room.listen(first, 101)
    await trio.sleep(1)
    assert in_step.ids == [101]
    assert lagging.taken == b""
    assert room.connections == set()


async def test_a_reply_goes_out_at_once_and_is_settled(autojump_clock: MockClock, room: LiveRoom, join: Join) -> None:
    socket, connection = join(listen_from=None)
    connection.delivery.in_flight = 1
    room.reply(connection, frames.encode(frames.Ack("n", 7)))
    assert socket.frames == [{"type": "ack", "nonce": "n", "message_id": 7}]
    assert connection.delivery.in_flight == 0


async def test_replies_that_have_to_wait_go_out_in_order_and_the_log_with_them(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, connection = join(space=0)
    connection.delivery.in_flight = 3
    for number in range(3):
        room.reply(connection, frames.error("unavailable", str(number)))
    room.publish(messages.add(2))
    await trio.sleep(1)
    assert connection.delivery.in_flight == 3
    socket.make_space()
    await trio.sleep(1)
    assert [frame["message"] for frame in socket.frames if frame["type"] == "error"] == ["0", "1", "2"]
    assert socket.ids == [101, 102]
    assert connection.delivery.in_flight == 0
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert socket.ids == [101, 102, 103]


async def test_a_reply_reaches_a_reader_ahead_of_the_broadcast(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    # Another daemon's message: read from the store, and not published here before the next post here.
    socket, connection = join(listen_from=102)
    await wait_all_tasks_blocked()
    connection.delivery.in_flight = 1
    room.reply(connection, frames.error("rate_limited", "text"))
    await wait_all_tasks_blocked()
    assert [frame["code"] for frame in socket.frames] == ["rate_limited"]
    room.listen(connection, 100)
    await wait_all_tasks_blocked()
    assert socket.ids == [100]


async def test_a_reply_in_the_middle_of_a_round_costs_no_message(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    # A round yields every 200 sends; a full socket in the second half gets its reply in the first pause.
    members = [join() for _ in range(450)]
    room.publish(messages.add(2))
    for socket, connection in members:
        socket.space = 0
        connection.delivery.in_flight = 1
    reply = frames.error("unavailable", "b")

    async def interrupt() -> None:
        for _, connection in members:
            room.reply(connection, reply)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interrupt)
    for socket, _ in members:
        socket.make_space()
    await trio.sleep(1)
    for socket, _ in members:
        assert socket.ids == [101, 102]
        assert len(socket.frames) == 3


async def test_removed_messages_are_skipped_in_order(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    messages.first_id = 70
    socket, _ = join(listen_from=5)
    await trio.sleep(1)
    assert socket.ids == list(range(70, 101))
    assert room.first_id == 70
    assert [first for first, _ in messages.reads[:2]] == [5, 70], "what is gone is not looked for page by page"
    room.publish(messages.add(1))
    await wait_all_tasks_blocked()
    assert socket.ids[-1] == 101


async def test_messages_removed_while_a_reader_lags(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    slow, connection = join(space=3, listen_from=1)
    await trio.sleep(1)
    messages.first_id = 90
    slow.make_space()
    await trio.sleep(1)
    # What it was already handed goes out, then each remaining message once.
    assert slow.ids == sorted(set(slow.ids))
    assert slow.ids[-11:] == list(range(90, 101))
    assert connection.delivery.state is State.IN_STEP


@pytest.mark.parametrize("is_known", [True, False], ids=["the room knows", "the room finds out"])
async def test_an_emptied_log_leaves_a_reader_in_step(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join, is_known: bool
) -> None:
    messages.first_id = 101
    room.forget_tail()
    if is_known:
        room.begins_at(101)
    socket, connection = join(listen_from=5)
    await trio.sleep(1)
    assert socket.ids == []
    assert connection.delivery.state is State.IN_STEP
    room.publish(messages.add(2))
    await wait_all_tasks_blocked()
    assert socket.ids == [101, 102]


async def test_messages_removed_before_their_broadcast_block_no_reader(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    socket, _ = join()
    room.publish(messages.add(5))
    messages.first_id = 104
    room.begins_at(104)
    await trio.sleep(1)
    room.publish(messages.add(1))
    await trio.sleep(1)
    assert socket.ids == [104, 105, 106]


async def test_a_first_id_beyond_the_published_messages_is_waited_for(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, join: Join
) -> None:
    news = messages.add(5)
    messages.first_id = 104
    room.begins_at(104)
    socket, _ = join(listen_from=50)
    await trio.sleep(1)
    assert socket.ids == []
    room.publish(news)
    await trio.sleep(1)
    room.publish(messages.add(1))
    await trio.sleep(1)
    assert socket.ids[-3:] == [104, 105, 106]
    assert socket.ids == sorted(set(socket.ids))


async def test_the_tail_has_no_removed_messages(autojump_clock: MockClock, room: LiveRoom) -> None:
    room.begins_at(98)
    page = room.recent(1, 150)
    assert page is not None
    assert ids(page) == [98, 99, 100]
    room.begins_at(50)
    assert room.first_id == 98
    room.begins_at(101)
    assert room.recent(1, 150) == []


async def test_a_room_opens_on_an_emptied_log(
    autojump_clock: MockClock, messages: FakeMessages, nursery: trio.Nursery
) -> None:
    messages.first_id = 101
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await room.opened()
    assert (room.first_id, room.last_id) == (101, 100)
    assert room.recent(1, 150) == []
    room.scope.cancel()


class SlowSocket(FakeSocket):
    """Advances the clock with each send."""

    def __init__(self, clock: MockClock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        self._clock.jump(self._seconds)
        return super().try_send(data, ends)


async def settled() -> None:
    """Lets all tasks run until they wait."""
    for _ in range(20):
        await trio.lowlevel.checkpoint()


class Crowd:
    """A room whose rounds take a given time, and commits that the test ends."""

    def __init__(self, clock: MockClock, nursery: trio.Nursery, messages: FakeMessages) -> None:
        self.commits = CommitStatus()
        self.room = room_of(messages, SETTINGS, self.commits)
        nursery.start_soon(self.room.run)
        self._clock = clock

    async def open(self, *, round_seconds: float) -> FakeSocket:
        await self.room.opened()
        socket = SlowSocket(self._clock, round_seconds)
        connection = connect(socket)
        self.room.enter(connection)
        self.room.listen(connection, 101)
        self.publish(101)
        await settled()
        assert socket.try_sends == [1]
        return socket

    def publish(self, message_id: int) -> None:
        self.room.publish([(message_id, frames.latest_message(b"{}"))])


@pytest.fixture
def crowd(autojump_clock: MockClock, nursery: trio.Nursery, messages: FakeMessages) -> Iterator[Crowd]:
    crowd = Crowd(autojump_clock, nursery, messages)
    yield crowd
    crowd.room.scope.cancel()


async def test_a_long_round_also_carries_the_posts_being_stored(autojump_clock: MockClock, crowd: Crowd) -> None:
    socket = await crowd.open(round_seconds=0.1)
    with crowd.commits.in_progress():
        crowd.publish(102)
        await settled()
        assert socket.try_sends == [1]
        crowd.publish(103)
    with crowd.commits.in_progress():  # of the posts during the commit before
        await settled()
        assert socket.try_sends == [1]
        crowd.publish(104)
    await settled()
    assert socket.try_sends == [1, 3]


async def test_a_long_round_waits_no_longer_than_a_round_takes(autojump_clock: MockClock, crowd: Crowd) -> None:
    socket = await crowd.open(round_seconds=0.1)
    with crowd.commits.in_progress():
        crowd.publish(102)
        await settled()
        assert socket.try_sends == [1]
        autojump_clock.jump(0.1)
        await settled()
        assert socket.try_sends == [1, 1]


async def test_a_short_round_waits_for_no_commit(autojump_clock: MockClock, crowd: Crowd) -> None:
    with crowd.commits.in_progress():
        autojump_clock.jump(0.01)
        crowd.commits.stored()
    socket = await crowd.open(round_seconds=0.005)
    with crowd.commits.in_progress():
        crowd.publish(102)
        await settled()
        assert socket.try_sends == [1, 1]


async def test_catching_up_with_long_messages_misses_none(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    messages = FakeMessages()
    messages.log = [long_message(number) for number in range(1, 31)]
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await room.opened()
    socket = FakeSocket()
    room.enter(connection := connect(socket))
    room.listen(connection, 1)
    await trio.sleep(10)
    assert socket.ids == list(range(1, 31))
    room.scope.cancel()
