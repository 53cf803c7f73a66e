"""Who is typing, and who has a room open: what is decided, and when it is sent."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from reichatd.chat.connection import Connection
from reichatd.chat.room import LiveRoom
from reichatd.settings import LimitSettings, LiveSettings, Settings
from tests.chat.doubles import FakeMembers, FakeMessages, FakeSocket, connect, room_of

SETTINGS = LiveSettings(Settings(limits=LimitSettings(typing_listeners=4, typing_names=2)))


@pytest.fixture
def members() -> FakeMembers:
    return FakeMembers()


@pytest.fixture
async def room(autojump_clock: MockClock, nursery: trio.Nursery, members: FakeMembers) -> AsyncIterator[LiveRoom]:
    room = room_of(FakeMessages(last_id=1), SETTINGS, members=members)
    nursery.start_soon(room.run)
    await room.opened()
    yield room
    nursery.cancel_scope.cancel()


def enter(room: LiveRoom, user_id: str, *wanted: str) -> tuple[Connection, FakeSocket]:
    socket = FakeSocket()
    connection = connect(socket, user_id)
    room.enter(connection)
    room.want(connection, list(wanted))  # type: ignore[arg-type]
    return connection, socket


def typing(socket: FakeSocket) -> list[list[str]]:
    """The users of each typing frame."""
    return [frame["user_ids"] for frame in socket.frames if frame["type"] == "typing"]


async def test_typing_is_a_state_that_comes_once_a_second(autojump_clock: MockClock, room: LiveRoom) -> None:
    (ann, of_ann), (_, of_bob), (_, of_eve) = (
        enter(room, "ann", "typing"),
        enter(room, "bob", "typing"),
        enter(room, "eve"),
    )
    await trio.sleep(2)
    for _ in range(4):
        room.types(ann, typing=True)
        await trio.sleep(0.25)
    await trio.sleep(2)
    assert typing(of_bob) == [["ann"], ["ann"]]
    assert of_ann.frames == [], "no one is told their own name"
    assert of_eve.frames == [], "no one is told who did not ask"
    room.types(ann, typing=False)
    await trio.sleep(1)
    assert typing(of_bob)[2:] == [[]], "the message is sent"


async def test_the_latest_names_count_and_expire(autojump_clock: MockClock, room: LiveRoom) -> None:
    connections = [enter(room, name)[0] for name in ("ann", "bob", "eve")]
    _, of_zoe = enter(room, "zoe", "typing")
    await trio.sleep(2)
    for connection in connections:
        room.types(connection, typing=True)
    await trio.sleep(5.5)
    assert typing(of_zoe) == [["eve", "bob"]]
    room.types(connections[0], typing=True)
    await trio.sleep(1)
    assert typing(of_zoe)[1:] == [["ann", "eve"]]
    await trio.sleep(5)
    room.types(connections[1], typing=True)
    await trio.sleep(1)
    assert typing(of_zoe)[2:] == [["bob"]]


async def test_where_many_listen_no_one_is_told_who_types(autojump_clock: MockClock, room: LiveRoom) -> None:
    ann, _ = enter(room, "ann")
    sockets = [enter(room, f"u{number}", "typing")[1] for number in range(4)]
    room.types(ann, typing=True)
    await trio.sleep(5)
    assert not any(socket.frames for socket in sockets)


async def test_no_one_is_told_that_the_muted_type(
    autojump_clock: MockClock, room: LiveRoom, members: FakeMembers
) -> None:
    (ann, _), (_, of_bob), (eve, _) = enter(room, "ann"), enter(room, "bob", "typing"), enter(room, "eve")
    members.muted.add("eve")
    for connection in (ann, eve):
        room.types(connection, typing=True)
    await trio.sleep(1.5)
    assert typing(of_bob) == [["ann"]]
    members.muted = {"ann"}
    room.standing_changed("ann")
    await trio.sleep(1.5)
    assert typing(of_bob)[1:] == [[]], "at once"
    room.types(ann, typing=True)
    await trio.sleep(3.5)
    room.types(eve, typing=True)
    await trio.sleep(1)
    assert typing(of_bob)[2:] == [["eve"]], "who is muted no longer"


async def test_who_may_post_is_read_only_where_it_is_shown_and_not_with_each_frame(
    autojump_clock: MockClock, room: LiveRoom, members: FakeMembers
) -> None:
    (ann, _), (bob, _) = enter(room, "ann"), enter(room, "bob", "presence")
    await type_often(room, ann)
    enter(room, "ann", "typing")
    await type_often(room, ann)
    assert members.asked == [], "no one else wants to know"
    await trio.sleep(5)
    _, of_eve = enter(room, "eve", "typing")
    await type_often(room, ann, bob)
    assert members.asked == [{"ann", "bob"}]
    assert typing(of_eve)
    await trio.sleep(6)
    await type_often(room, ann)
    assert members.asked[1:] == [{"ann"}]


async def type_often(room: LiveRoom, *connections: Connection) -> None:
    """For less than 2 seconds."""
    for _ in range(15):
        for connection in connections:
            room.types(connection, typing=True)
        await trio.sleep(0.1)


async def test_a_user_is_not_shown_before_the_store_has_answered(
    autojump_clock: MockClock, room: LiveRoom, members: FakeMembers
) -> None:
    (ann, _), (bob, _), (_, of_eve) = enter(room, "ann"), enter(room, "bob"), enter(room, "eve", "typing")
    members.answers = trio.Event()
    for connection in (ann, bob):
        room.types(connection, typing=True)
    await trio.sleep(2)
    assert typing(of_eve) == []
    room.standing_changed("ann")  # the answer that comes may be older
    room.types(ann, typing=True)
    members.answers.set()
    await trio.sleep(0.5)
    assert typing(of_eve) == [["bob"]]
    await trio.sleep(1)
    assert typing(of_eve)[1:] == [["ann", "bob"]]
    assert members.asked == [{"ann", "bob"}, {"ann"}]


async def test_no_one_is_shown_while_the_store_fails(
    autojump_clock: MockClock, room: LiveRoom, members: FakeMembers
) -> None:
    (ann, _), (_, of_bob) = enter(room, "ann"), enter(room, "bob", "typing")
    members.failures = 1
    await type_often(room, ann)
    assert (typing(of_bob), len(members.asked)) == ([], 1)
    await trio.sleep(5)
    await type_often(room, ann)
    assert typing(of_bob)[:1] == [["ann"]]


async def test_presence_counts_each_user_once(autojump_clock: MockClock, room: LiveRoom) -> None:
    _, socket = enter(room, "ann", "presence")
    twice, _ = enter(room, "ann")
    bob, _ = enter(room, "bob")
    await trio.sleep(1)
    assert socket.frames == [{"type": "presence", "online": 2, "users": ["ann", "bob"]}]
    room.leave(twice)
    room.leave(bob)
    await trio.sleep(3.5)
    assert len(socket.frames) == 1, "five seconds apart"
    await trio.sleep(1)
    assert socket.frames[1:] == [{"type": "presence", "online": 1, "users": ["ann"]}]
    again, _ = enter(room, "eve")
    room.leave(again)
    await trio.sleep(10)
    assert len(socket.frames) == 2, "nothing has changed"


async def test_a_connection_that_does_not_take_a_state_gets_the_next_one(
    autojump_clock: MockClock, room: LiveRoom
) -> None:
    _, socket = enter(room, "ann", "presence")
    socket.space = 0
    await trio.sleep(6)
    enter(room, "bob")
    await trio.sleep(6)
    assert socket.frames == []
    socket.make_space()
    await trio.sleep(6)
    assert [frame["online"] for frame in socket.frames] == [2]


async def test_a_client_may_ask_for_something_else(autojump_clock: MockClock, room: LiveRoom) -> None:
    connection, socket = enter(room, "ann", "presence")
    await trio.sleep(1)
    room.want(connection, [])
    enter(room, "bob")
    await trio.sleep(10)
    assert len(socket.frames) == 1
