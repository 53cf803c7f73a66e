"""Who is typing, and who has a room open: what is decided, and when it is sent."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from reichatd.chat.connection import Connection
from reichatd.chat.room import LiveRoom
from reichatd.settings import LimitSettings, LiveSettings, Settings
from tests.chat.doubles import FakeMessages, FakeSocket, connect, room_of

SETTINGS = LiveSettings(Settings(limits=LimitSettings(typing_listeners=4, typing_names=2)))


@pytest.fixture
async def room(autojump_clock: MockClock, nursery: trio.Nursery) -> AsyncIterator[LiveRoom]:
    room = room_of(FakeMessages(last_id=1), SETTINGS)
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
