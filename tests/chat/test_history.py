"""Long history replies: how they are read and sent, and what is sent in between."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat import frames
from reichatd.chat.history import HistoryReply
from reichatd.chat.room import LiveRoom
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import Message, StoreError
from tests.chat.doubles import FakeMessages, FakeSocket, connect, long_message, room_of, split

LIMITS = LimitSettings(tail_messages=8, initial_before=0, initial_after=0)
SETTINGS = LiveSettings(Settings(limits=LIMITS))
PIECE_BYTES = 1024
LAST_ID = 400
FINAL, CONTINUATION, TEXT = 0x80, 0, 1


class Retained(FakeMessages):
    """A log whose messages before `cut` are removed after `reads` reads."""

    def __init__(self, reads: int, cut: int) -> None:
        super().__init__(last_id=LAST_ID)
        self.countdown = reads
        self.cut = cut

    async def range(
        self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
    ) -> list[Message]:
        messages = await super().range(room_id, first_id, last_id, max_chars)
        self.countdown -= 1
        if self.countdown == 0:
            self.first_id = self.cut
        return messages


@pytest.fixture
async def messages() -> FakeMessages:
    return FakeMessages(last_id=LAST_ID)


@pytest.fixture
async def room(messages: FakeMessages, nursery: trio.Nursery) -> AsyncIterator[LiveRoom]:
    room = await opened(messages, nursery)
    yield room
    room.scope.cancel()


async def opened(messages: FakeMessages, nursery: trio.Nursery) -> LiveRoom:
    room = room_of(messages, SETTINGS)
    nursery.start_soon(room.run)
    await room.opened()
    messages.reads.clear()
    return room


def asked(room: LiveRoom, first_id: int, last_id: int, piece_bytes: int = PIECE_BYTES) -> HistoryReply:
    return HistoryReply(room, first_id, last_id, partial(frames.FetchResponse, []), piece_bytes)


async def sent(answer: HistoryReply, socket: FakeSocket | None = None) -> bytes:
    """What the socket has taken when the reply is sent."""
    socket = socket or FakeSocket()
    await answer.begin()
    assert socket.taken == b""
    await answer.send(socket, ignored)
    return socket.taken


def ignored(size: int) -> None:
    """What a reply holds."""


def whole(messages: FakeMessages, first_id: int, last_id: int, begin: int = 1) -> bytes:
    """The text of a reply with these ids, in one piece."""
    shown = [msgspec.Raw(frames.as_json(each, "everyone")) for each in messages.log[first_id - 1 : last_id]]
    return payload(frames.encode(frames.FetchResponse(shown, begin, LAST_ID)))


def payload(frame: bytes) -> bytes:
    return frame[2 if frame[1] < 126 else 4 if frame[1] == 126 else 10 :]


def ids(text: bytes) -> list[int]:
    return [message["message_id"] for message in msgspec.json.decode(text)["messages"]]


async def test_pieces_make_the_same_text(autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages) -> None:
    for first_id, last_id in ((1, LAST_ID), (-7, 1000), (2, 399), (390, 1000), (100, 228), (256, 256)):
        pieces = list(split(await sent(asked(room, first_id, last_id))))
        assert b"".join(map(payload, pieces)) == whole(messages, max(1, first_id), last_id)
        firsts = [piece[0] for piece in pieces]
        if len(pieces) == 1:
            assert firsts == [TEXT | FINAL]
        else:
            assert firsts == [TEXT, *[CONTINUATION] * (len(pieces) - 2), CONTINUATION | FINAL]
        assert max(map(len, pieces)) < PIECE_BYTES + 300, "a piece, and the rest of one message"


async def test_most_replies_take_one_read_and_one_frame(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    data = await sent(asked(room, 101, 200, piece_bytes=65_536))
    assert data[0] == TEXT | FINAL
    assert ids(payload(data)) == list(range(101, 201))
    assert messages.reads == [(101, 200)]


async def test_pages_are_read_as_the_socket_takes_pieces(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    socket = FakeSocket(space=1)
    answer = asked(room, 1, 1000)
    await answer.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer.send, socket, ignored)
        await trio.sleep(10)
        assert messages.reads == [(1, 128)]
        assert len(socket.waiting) < PIECE_BYTES + 300
        socket.make_space()
    assert messages.reads == [(1, 128), (129, 256), (257, 384), (385, 512)]


@pytest.mark.parametrize("pieces", [PIECE_BYTES, 1_000_000])
async def test_a_store_that_fails_before_anything_is_sent(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, pieces: int
) -> None:
    messages.failures = 1
    with pytest.raises(StoreError):
        await asked(room, 1, 1000, pieces).begin()


async def test_listening_continues_after_the_reply(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    for last_id, resume_at in ((LAST_ID - 1, None), (LAST_ID, LAST_ID + 1), (1000, LAST_ID + 1), (0, None)):
        answer = asked(room, 1, last_id)
        text = b"".join(map(payload, split(await sent(answer))))
        assert answer.resume_at == resume_at
        assert msgspec.json.decode(text)["last_id"] == LAST_ID


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("new", [50, 200])
async def test_messages_posted_meanwhile_are_in_the_reply_or_after_it(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, new: int, published: bool
) -> None:
    """With and without messages in the store that the room does not know yet."""
    socket = FakeSocket(space=1)
    answer = asked(room, 1, 1000)
    await answer.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer.send, socket, ignored)
        await trio.sleep(1)
        entries = messages.add(new)
        if published:
            room.publish(entries)
        socket.make_space()
    text = b"".join(map(payload, split(socket.taken)))
    shown = ids(text)
    assert shown == list(range(1, len(shown) + 1))
    assert len(shown) >= LAST_ID
    assert answer.resume_at == len(shown) + 1
    assert msgspec.json.decode(text)["last_id"] == len(shown)


async def test_messages_of_another_daemon_are_in_the_reply(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    messages.shared = True
    messages.add(512 - LAST_ID + 88)  # unknown to the room
    answer = asked(room, 1, 1000)
    pieces = split(await sent(answer))
    assert ids(b"".join(map(payload, pieces))) == list(range(1, 601))
    assert answer.resume_at == 601


@pytest.mark.parametrize("first_id", [LAST_ID + 101, LAST_ID + 5000])
async def test_nothing_after_messages_of_another_daemon_is_repeated(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages, first_id: int
) -> None:
    """For a page after messages that only the store knows, the log's end is the store's."""
    messages.shared = True
    messages.add(100)  # unknown to the room
    answer = asked(room, first_id, first_id + 99)
    text = payload(await sent(answer))
    assert (ids(text), answer.resume_at) == ([], LAST_ID + 101)
    assert msgspec.json.decode(text)["last_id"] == LAST_ID + 100


async def test_messages_removed_meanwhile_are_missing_and_first_id_is_new(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    messages = Retained(reads=2, cut=300)  # the room reads once itself
    room = await opened(messages, nursery)
    text = b"".join(map(payload, split(await sent(asked(room, 1, 1000)))))
    assert ids(text) == [*range(1, 129), *range(300, LAST_ID + 1)]
    assert msgspec.json.decode(text)["first_id"] == 300
    messages.reads.clear()
    text = b"".join(map(payload, split(await sent(asked(room, 1, 1000)))))
    assert text == whole(messages, 300, LAST_ID, 300)
    assert messages.reads == [(300, 427)], "none for what is gone"
    room.scope.cancel()


async def test_live_messages_and_acks_come_after_the_reply(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    socket = FakeSocket(space=3)
    connection = connect(socket)
    room.enter(connection)
    room.listen(connection, LAST_ID + 1)
    answer = asked(room, 1, LAST_ID)
    await answer.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer.send, socket, ignored)
        for _ in range(20):  # more than the tail keeps
            await trio.sleep(0.1)
            room.publish(messages.add(1))
            room.reply(connection, frames.error("bad_frame", "no"))
        socket.make_space()
    await trio.sleep(1)
    taken = list(split(socket.taken))
    last = [piece[0] for piece in taken].index(CONTINUATION | FINAL)
    assert ids(b"".join(map(payload, taken[: last + 1]))) == list(range(1, LAST_ID + 1))
    behind = [msgspec.json.decode(payload(frame)) for frame in taken[last + 1 :]]
    assert [each["type"] for each in behind].count("error") == 20
    news = [each["message"]["message_id"] for each in behind if each["type"] == "latest_message"]
    assert news == list(range(LAST_ID + 1, LAST_ID + 21))


async def test_a_reply_waits_for_a_send_in_progress(
    autojump_clock: MockClock, room: LiveRoom, messages: FakeMessages
) -> None:
    socket = FakeSocket(space=0)
    connection = connect(socket)
    room.enter(connection)
    room.listen(connection, LAST_ID - 2)
    await wait_all_tasks_blocked()
    answer = asked(room, 1, 200)
    await answer.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer.send, socket, ignored)
        await wait_all_tasks_blocked()
        socket.make_space()
    before = [frame[0] for frame in split(socket.taken)]
    assert before[:4] == [TEXT | FINAL] * 3 + [TEXT]


async def test_long_messages_are_read_a_few_at_a_time(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    messages = FakeMessages()
    messages.log = [long_message(number) for number in range(1, 101)]
    room = await opened(messages, nursery)
    socket, held = FakeSocket(), [0]
    answer = asked(room, 1, 1000)
    await answer.begin()
    await answer.send(socket, held.append)
    assert ids(b"".join(map(payload, split(socket.taken)))) == list(range(1, 101))
    assert max(held) < 6 * PIECE_BYTES
    assert messages.reads[:3] == [(1, 128), (5, 12), (9, 16)]
    room.scope.cancel()
