"""Live rooms: start and end, and the events that reach their connections."""

import re
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat import CommitStatus, ShutdownPlan, frames
from reichatd.chat.broadcaster import Broadcaster
from reichatd.chat.hub import Hub
from reichatd.closing import Close
from reichatd.errors import RateLimited, RoomNotFound
from reichatd.settings import EmailVisibility, LimitSettings, LiveSettings, PrivacySettings, ServerSettings, Settings
from tests.chat.doubles import FakeMessages, FakeSocket, connect

SETTINGS = LiveSettings(Settings(limits=LimitSettings(ping_seconds=20, pong_seconds=20)))
EXPIRES = 2_000_000_000.0


@pytest.fixture
async def messages() -> FakeMessages:
    return FakeMessages(last_id=10)


@pytest.fixture
async def hub(messages: FakeMessages, nursery: trio.Nursery) -> AsyncIterator[Hub]:
    start = trio.current_time()
    hub = Hub(
        messages,
        SETTINGS,
        CommitStatus(),
        clock=lambda: EXPIRES - 1000 + trio.current_time() - start,
    )
    await nursery.start(hub.run)
    yield hub
    nursery.cancel_scope.cancel()


async def test_a_room_lives_while_it_has_connections(autojump_clock: MockClock, hub: Hub) -> None:
    first, second = connect(FakeSocket()), connect(FakeSocket())
    room = await hub.enter("room", first)
    assert await hub.enter("room", second) is room
    assert hub.connections == 2
    hub.leave("room", first)
    hub.leave("room", first)
    assert not room.scope.cancel_called
    hub.leave("room", second)
    assert room.scope.cancel_called
    assert await hub.enter("room", first) is not room


async def test_a_room_that_does_not_exist_leaves_nothing(
    autojump_clock: MockClock, hub: Hub, messages: FakeMessages
) -> None:
    messages.exists = False
    connection = connect(FakeSocket())
    with pytest.raises(RoomNotFound):
        await hub.enter("room", connection)
    hub.leave("room", connection)
    messages.exists = True
    await hub.enter("room", connection)


async def test_a_user_has_so_many_sockets(autojump_clock: MockClock, hub: Hub, messages: FakeMessages) -> None:
    hub.sockets._settings = LiveSettings(Settings(limits=LimitSettings(sockets_per_user=2)))
    one, two, three, other = (connect(FakeSocket(), user) for user in ("u1", "u1", "u1", "u2"))
    await hub.enter("room", one)
    messages.exists = False
    with pytest.raises(RoomNotFound):
        await hub.enter("gone", two)
    hub.leave("gone", two)
    messages.exists = True
    await hub.enter("room2", two)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await hub.enter("room", three)
        hub.leave("room", three)
    await hub.enter("room", other)
    hub.leave("room", one)
    hub.leave("room", one)
    await hub.enter("room", three)
    for connection, room in ((two, "room2"), (three, "room"), (other, "room")):
        hub.leave(room, connection)
    assert not hub.sockets._users


async def test_a_kick_reaches_the_member_in_that_room_only(autojump_clock: MockClock, hub: Hub) -> None:
    kicked, elsewhere, other = connect(FakeSocket()), connect(FakeSocket()), connect(FakeSocket(), "u2")
    await hub.enter("room", kicked)
    await hub.enter("room2", elsewhere)
    room = await hub.enter("room", other)
    hub.member_removed("room", "u1")
    assert kicked.closing == (1008, "Forbidden")
    assert kicked not in room.connections
    assert elsewhere.closing is other.closing is None


async def test_the_last_member_kicked_ends_the_room(autojump_clock: MockClock, hub: Hub) -> None:
    connection = connect(FakeSocket())
    room = await hub.enter("room", connection)
    hub.member_removed("room", "u1")
    hub.leave("room", connection)
    assert room.scope.cancel_called


async def test_the_end_of_a_login_session_reaches_all_its_sockets(autojump_clock: MockClock, hub: Hub) -> None:
    here, there, other = connect(FakeSocket()), connect(FakeSocket()), connect(FakeSocket(), session_id="s2")
    await hub.enter("room", here)
    await hub.enter("room2", there)
    await hub.enter("room", other)
    changes = hub.changes
    hub.sessions_ended(["s1", "s0"])
    assert here.closing == there.closing == (4001, "Session ended")
    assert other.closing is None
    assert hub.changes > changes


async def test_deleting_a_room_closes_its_connections(autojump_clock: MockClock, hub: Hub) -> None:
    one, other = connect(FakeSocket()), connect(FakeSocket(), "u2")
    await hub.enter("room", one)
    await hub.enter("room", other)
    hub.room_deleted("room")
    assert one.closing == other.closing == (1008, "Room not found")


async def test_a_room_created_again_is_another_room(
    autojump_clock: MockClock, hub: Hub, messages: FakeMessages
) -> None:
    socket = FakeSocket()
    old = await hub.enter("room", connect(FakeSocket()))
    hub.room_deleted("room")
    messages.log.clear()
    connection = connect(socket)
    new = await hub.enter("room", connection)
    assert new is not old
    assert new.last_id == 0
    assert old.scope.cancel_called
    new.listen(connection, 1)
    hub.publish("room", messages.add(1))
    await wait_all_tasks_blocked()
    assert socket.ids == [1]


async def test_a_closing_connection_is_not_pinged(autojump_clock: MockClock, hub: Hub) -> None:
    socket = FakeSocket()
    connection = connect(socket)
    await hub.enter("room", connection)
    connection.close_soon(Close(1001))
    await trio.sleep(100)
    assert socket.taken == b""


async def test_a_new_name_is_on_connections_and_on_old_messages(
    autojump_clock: MockClock, hub: Hub, messages: FakeMessages
) -> None:
    socket = FakeSocket()
    connection = connect(socket)
    room = await hub.enter("room", connection)
    messages.reads.clear()
    hub.publish("room", messages.add(2))
    await wait_all_tasks_blocked()
    changes = hub.changes
    hub.user_renamed("u1", "Countess")
    assert connection.user.username == "Countess"
    assert hub.changes > changes
    room.listen(connection, 11)
    await trio.sleep(1)
    assert messages.reads == [(11, 12)], "not from the tail, whose frames have the old name"


async def test_a_tail_does_not_show_addresses_that_are_hidden_now(
    autojump_clock: MockClock, messages: FakeMessages, nursery: trio.Nursery
) -> None:
    settings = LiveSettings(Settings())
    hub = Hub(messages, settings, CommitStatus())
    await nursery.start(hub.run)
    room = await hub.enter("room", connect(FakeSocket(), "u2", "s2"))

    def hides_after(change: Callable[[], None]) -> bool:
        hub.publish("room", messages.add(1))
        assert room.log.size > 0
        change()
        return room.log.size == 0

    def show_to(emails: EmailVisibility) -> None:
        settings.replace(Settings(privacy=PrivacySettings(emails=emails)))

    assert hides_after(lambda: hub.member_removed("room", "u1")), "the author of all messages"
    assert not hides_after(lambda: hub.member_removed("room", "somebody else"))
    assert hides_after(lambda: show_to("nobody"))
    assert hides_after(lambda: show_to("everyone"))
    assert not hides_after(lambda: show_to("everyone"))
    assert not hides_after(lambda: hub.member_removed("room", "u1"))
    nursery.cancel_scope.cancel()


async def test_logging_a_user_out_closes_all_sockets(autojump_clock: MockClock, hub: Hub) -> None:
    here, there, other = (
        connect(FakeSocket()),
        connect(FakeSocket(), session_id="s2"),
        connect(FakeSocket(), "u2", "s3"),
    )
    for connection in (here, there, other):
        await hub.enter("room", connection)
    changes = hub.changes
    hub.user_logged_out("u1")
    assert here.closing == there.closing == (4001, "Session ended")
    assert other.closing is None
    assert hub.changes > changes


async def test_connections_and_rooms_are_counted(autojump_clock: MockClock, hub: Hub, messages: FakeMessages) -> None:
    full = FakeSocket(space=0)
    slow, quick = connect(full), connect(FakeSocket(), "u2", "s2")
    room = await hub.enter("room", slow)
    await hub.enter("den", quick)
    assert (hub.connections, hub.live_rooms, hub.lagging) == (2, 2, 0)
    room.listen(slow, 11)
    hub.publish("room", messages.add(1))
    await wait_all_tasks_blocked()
    assert hub.lagging == 1
    full.make_space()
    await wait_all_tasks_blocked()
    assert hub.lagging == 0


async def test_close_all_closes_open_and_later_connections(autojump_clock: MockClock, hub: Hub) -> None:
    inside, late = connect(FakeSocket()), connect(FakeSocket())
    await hub.enter("room", inside)
    await hub.close_all(ShutdownPlan(1, ServerSettings()))
    await hub.enter("room", late)
    for connection in (inside, late):
        assert connection.closing is not None
        code, reason = connection.closing
        assert code == 1001
        assert re.fullmatch(r"The server is going down; retry-after-ms=\d{1,4}", reason)


async def test_sockets_are_closed_in_batches_and_the_others_work_on(
    autojump_clock: MockClock, hub: Hub, messages: FakeMessages
) -> None:
    connections = [connect(FakeSocket()) for _ in range(10)]
    for connection in connections:
        room = await hub.enter("room", connection)
        room.listen(connection, 11)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.close_all, ShutdownPlan(10, ServerSettings(goodbyes_per_second=80)))
        await wait_all_tasks_blocked()
        first_batch = [connection for connection in connections if connection.closing]
        assert len(first_batch) == 4
        hub.publish("room", messages.add(1))
        await wait_all_tasks_blocked()
        for connection in connections:
            assert isinstance(connection.socket, FakeSocket)
            assert connection.socket.ids == ([] if connection in first_batch else [11])
    assert all(connection.closing for connection in connections)
    assert trio.current_time() - began == pytest.approx(0.1, abs=0.01)


async def test_the_counts_follow_changes(autojump_clock: MockClock, hub: Hub, messages: FakeMessages) -> None:
    quick, slow = connect(FakeSocket()), connect(FakeSocket())
    room = await hub.enter("room", quick)
    await hub.enter("room", slow)
    await hub.enter("room2", connect(FakeSocket()))
    assert (hub.connections, hub.live_rooms, hub.lagging) == (3, 2, 0)
    assert isinstance(slow.socket, FakeSocket)
    slow.socket.space = 0
    for connection in (quick, slow):
        room.listen(connection, 11)
    hub.publish("room", messages.add(1))
    await wait_all_tasks_blocked()
    assert (hub.connections, hub.live_rooms, hub.lagging) == (3, 2, 1)
    hub.leave("room", slow)
    assert (hub.connections, hub.live_rooms, hub.lagging) == (2, 2, 0)


async def test_check_alive_checks_all_connections(autojump_clock: MockClock, hub: Hub) -> None:
    connection = connect(FakeSocket(), expires_at=EXPIRES)
    await hub.enter("room", connection)
    began = trio.current_time()
    for _ in range(3):
        await hub.check_alive()
    assert trio.current_time() == began
    assert connection.closing is None
    connection.session = msgspec.structs.replace(connection.session, expires_at=0.0)
    await hub.check_alive()
    assert connection.closing == (4001, "Session ended")


async def test_quiet_connections_are_pinged_and_dead_ones_dropped(autojump_clock: MockClock, hub: Hub) -> None:
    quiet, dead, lively = (FakeSocket() for _ in range(3))
    connections = [connect(socket) for socket in (quiet, dead, lively)]
    for connection in connections:
        await hub.enter("room", connection)
    for _ in range(100):
        await trio.sleep(1)
        lively.heard_at = trio.current_time()
        if quiet.taken:  # it answers each ping
            quiet.taken = b""
            quiet.heard_at = trio.current_time()
    assert dead.taken == frames.PING
    assert lively.taken == b""
    assert [connection.closing for connection in connections] == [None, (1006, ""), None]


async def test_a_socket_ends_with_its_login_session(autojump_clock: MockClock, hub: Hub) -> None:
    connection = connect(FakeSocket(), expires_at=EXPIRES)
    await hub.enter("room", connection)
    connection.socket.heard_at = 1e9  # type: ignore[misc]
    await trio.sleep(990)
    assert connection.closing is None
    await trio.sleep(20)
    assert connection.closing == (4001, "Session ended")


async def test_a_room_that_crashes_closes_only_its_own_connections(
    autojump_clock: MockClock, hub: Hub, messages: FakeMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_: Broadcaster) -> None:
        raise RuntimeError("crash")

    victim, other = connect(FakeSocket()), connect(FakeSocket(), "u2")
    other_room = await hub.enter("room2", other)
    monkeypatch.setattr(Broadcaster, "_wait_for_commit", crash)
    await hub.enter("room", victim)
    hub.publish("room", messages.add(1))
    await wait_all_tasks_blocked()
    assert victim.closing == (1011, "Internal error")
    assert other.closing is None
    monkeypatch.undo()
    other_room.listen(other, 12)
    hub.publish("room2", messages.add(1))
    await trio.sleep(1)
    assert isinstance(other.socket, FakeSocket)
    assert other.socket.ids == [12]
