"""What another daemon changes in the store: it reaches the sockets here by the feed, or by comparing. Over a store in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.accounts import Identity, SessionCache
from reichatd.chat import CommitStatus, Hub, Reconciliation, StoreEvents
from reichatd.chat.connection import Connection
from reichatd.chat.user_states import Follower
from reichatd.rights import UserActor
from reichatd.rooms.joined import JoinedRoom
from reichatd.settings import LiveSettings, Settings
from reichatd.store import Extras, LogHead, Membership, RoomSummary, User
from reichatd.store.feed import (
    FeedEvent,
    FeedOpened,
    LogCut,
    MemberChanged,
    MentionsAdded,
    MessagesChanged,
    MessagesPosted,
    RoomChanged,
    RoomDeleted,
    SessionEnded,
    Tell,
    UserChanged,
    Wants,
)
from tests.chat.doubles import FakeMessages, FakeSocket, connect, message
from tests.chat.test_user_news import types, view

SETTINGS = LiveSettings(Settings())


class FakeStore(FakeMessages):
    """One room with members; every part of a store that is asked about it. `failures` counts for each."""

    shared = True

    def __init__(self) -> None:
        super().__init__(last_id=10)
        self.messages = self.sessions = self.rooms = self
        self.users = FakeUsers(self)
        self.key = "k1"
        self.marks = {"ann": 5, "bob": 5}
        self.banned: set[str] = set()
        self.ended: set[str] = set()
        self.views = 0
        self.wants: Wants
        self.tell: Tell

    async def follow(self, wants: Wants, tell: Tell, *, task_status: trio.TaskStatus[None]) -> None:
        self.wants, self.tell = wants, tell
        self.tell([FeedOpened(False)])
        task_status.started()
        await trio.sleep_forever()

    async def heads(self, log_keys: Sequence[str]) -> dict[str, LogHead]:
        head = await self.head("room")
        return {self.key: head} if head is not None and self.key in log_keys else {}

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        await self._answer()
        return [self.marks.get(user_id) for _, user_id in members]

    async def living(self, session_ids: Sequence[str]) -> set[str]:
        await self._answer()
        return set(session_ids) - self.ended

    async def is_banned(self, room_id: str, user_id: str) -> bool:
        await self._answer()
        return user_id in self.banned

    async def joined_summaries(self, user_id: str) -> list[RoomSummary]:
        await self._answer()
        return [RoomSummary("room", "", "")] if self.exists and user_id in self.marks else []

    async def memberships(self, user_id: str) -> list[Membership]:
        return [Membership("room", 0.0, 0)]

    async def some(self, by: UserActor, room_ids: Sequence[str]) -> list[JoinedRoom]:
        await self._answer()
        self.views += 1
        return [view("room", last_id=len(self.log))]


class FakeUsers:
    """Everyone is there, and has their id as their name, but for those in `names`."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.names: dict[str, str] = {}

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        await self.store._answer()
        return [User(each, "", self.names.get(each, each), "", 0.0) for each in user_ids]


class Daemon:
    """The parts that follow the store."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.hub = Hub(self.store, SETTINGS, CommitStatus())
        self.cache = SessionCache(300)
        parts = (self.store, self.hub, self.hub, self.cache, SETTINGS)
        self.reconciliation = Reconciliation(*parts)  # type: ignore[arg-type] # has what they ask for
        self.events = StoreEvents(*parts, self.reconciliation)  # type: ignore[arg-type]

    async def enter(self, user_id: str) -> tuple[FakeSocket, Connection]:
        """A socket that listens to the room."""
        socket = FakeSocket()
        connection = connect(socket, user_id, f"of {user_id}")
        room = await self.hub.enter("room", connection)
        room.listen(connection, room.last_id + 1, room.change_id)
        return socket, connection

    async def follow(self, user_id: str) -> tuple[FakeSocket, Follower]:
        """A user's socket, after hello."""
        socket = FakeSocket()
        follower = self.hub.follow(connect(socket, user_id, f"of {user_id}"))
        self.hub.news.follow(follower, ["room"])
        self.hub.news.learn(follower, [view("room", last_id=len(self.store.log))])
        self.hub.news.open(follower)
        await trio.sleep(0.1)  # until the key of the room is known
        return socket, follower

    async def tell(self, *events: FeedEvent) -> None:
        """Tells, and leaves the time in which it has to be seen."""
        self.store.tell(events)
        await trio.sleep(0.5)


@pytest.fixture
async def daemon(autojump_clock: MockClock, nursery: trio.Nursery) -> AsyncIterator[Daemon]:
    daemon = Daemon()
    await nursery.start(daemon.hub.run)
    await nursery.start(daemon.hub.news.run, daemon.store, daemon.store)
    await nursery.start(daemon.reconciliation.run, 1000.0)
    await nursery.start(daemon.events.run)
    yield daemon
    nursery.cancel_scope.cancel()


def told(socket: FakeSocket, type: str) -> list[dict[str, Any]]:
    return [frame for frame in socket.frames if frame["type"] == type]


async def test_messages_and_their_changes(autojump_clock: MockClock, daemon: Daemon) -> None:
    (socket, _), (device, _) = await daemon.enter("ann"), await daemon.follow("bob")
    assert daemon.store.wants("k1")
    assert not daemon.store.wants("k2")
    daemon.store.add(2)
    mentioning = msgspec.structs.replace(daemon.store.log[11], extras=Extras(mentions=("bob",)))
    await daemon.tell(MessagesPosted("k1", [daemon.store.log[10], mentioning]))
    assert socket.ids == [11, 12]
    assert types(device) == ["mention", "room_news"]
    await daemon.tell(MentionsAdded("k1", 11, "ann", ("bob",)), MentionsAdded("k2", 1, "ann", ("bob",)))
    assert [frame["message_id"] for frame in told(device, "mention")] == [12, 11]
    daemon.store.change(11)
    daemon.store.change(3)
    await daemon.tell(MessagesChanged("k1", 2), MessagesPosted("other", [message(13)]), MessagesChanged("k1", 1))
    assert [frame["message"]["message_id"] for frame in told(socket, "message_changed")] == [11, 3]
    assert len(daemon.store.change_reads) == 1
    daemon.store.first_id = 4
    await daemon.tell(LogCut("k1", 4))
    room = daemon.hub.with_key("k1")
    assert room is not None
    assert room.first_id == 4


async def test_sessions(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, ann), (_, bob), (_, eve) = [await daemon.enter(name) for name in ("ann", "bob", "eve")]
    for each in (ann, bob, eve):
        daemon.cache.keep(Identity(each.user, each.session), 0.0, daemon.cache.changes)
    daemon.store.ended |= {"of ann"}
    endings = daemon.hub.endings
    daemon.store.tell([SessionEnded("of ann"), SessionEnded("of eve")])
    assert [daemon.cache.get(f"of {name}", 1.0) is None for name in ("ann", "bob", "eve")] == [True, False, True]
    await trio.sleep(0.5)
    assert (ann.closing, eve.closing) == ((4001, "Session ended"), None)
    assert daemon.hub.endings > endings, "what is being authenticated now is read again"
    daemon.store.ended |= {"of bob"}  # the password was changed, or the user disabled
    await daemon.tell(UserChanged("bob"))
    assert bob.closing == (4001, "Session ended")
    assert daemon.cache.get("of bob", 1.0) is None
    assert eve.closing is None


@pytest.mark.parametrize(
    ("banned", "kicked", "reason"), [(False, False, "left"), (False, True, "kicked"), (True, False, "banned")]
)
async def test_members_leave(
    autojump_clock: MockClock, daemon: Daemon, banned: bool, kicked: bool, reason: str
) -> None:
    (_, ann), (_, bob), (device, follower) = (
        await daemon.enter("ann"),
        await daemon.enter("bob"),
        await daemon.follow("bob"),
    )
    del daemon.store.marks["bob"]
    if banned:
        daemon.store.banned |= {"bob"}
    await daemon.tell(
        MemberChanged("k1", "bob", kicked=kicked), *(MemberChanged("k1", name) for name in ("bob", "ann"))
    )
    assert (bob.closing, ann.closing) == ((1008, "Forbidden"), None)
    assert told(device, "left") == [{"type": "left", "room_id": "room", "reason": reason}]
    assert follower.rooms == []


async def test_a_member_leaves_while_others_come_and_go(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, ann), (_, bob) = await daemon.enter("ann"), await daemon.enter("bob")
    read_marks, reads = daemon.store.read_marks, 0

    async def join_meanwhile(members: Sequence[tuple[str, str]]) -> list[int | None]:
        nonlocal reads
        reads += 1
        marks = await read_marks(members)
        daemon.hub.member_joined("other", f"user {reads}")
        if reads == 1:
            daemon.hub.member_joined("room", "ann")  # the mark that was read is from before
            daemon.store.marks["ann"] = 5
        return marks

    daemon.store.read_marks = join_meanwhile  # type: ignore[method-assign]
    daemon.store.marks = {}
    await daemon.tell(MemberChanged("k1", "bob"), MemberChanged("k1", "ann"))
    assert (bob.closing, ann.closing) == ((1008, "Forbidden"), None)
    assert reads == 2


async def test_members_join_and_change(autojump_clock: MockClock, daemon: Daemon) -> None:
    device, _ = await daemon.follow("ann")
    other, follower = await daemon.follow("eve")
    daemon.hub.news.member_removed("room", "eve", "left")
    daemon.store.marks["eve"] = 0
    await daemon.tell(MemberChanged("k1", "eve"))
    assert (types(other), follower.rooms) == (["left", "joined"], ["room"])
    assert types(device) == []
    await daemon.tell(MemberChanged("k1", "ann"))  # a role, or a mute
    assert types(device) == ["room_changed"]
    views = daemon.store.views
    await daemon.tell(MemberChanged("k1", "ann", 9), MemberChanged("k1", "nobody", 9))
    assert told(device, "read") == [{"type": "read", "room_id": "room", "last_read_id": 9}]
    await daemon.tell(RoomChanged("k1"), RoomChanged("k1"), RoomChanged("k2"))
    assert len(told(device, "room_changed")) == 2
    assert daemon.store.views - views == 2, "one for each of the two devices"


async def test_a_room_that_no_one_here_follows_is_joined(autojump_clock: MockClock, daemon: Daemon) -> None:
    device, follower = await daemon.follow("ann")
    daemon.hub.news.member_removed("room", "ann", "left")
    assert not daemon.store.wants("k1")
    await daemon.tell(MemberChanged("k1", "ann"))
    assert types(device) == ["left", "joined"]
    assert daemon.store.wants("k1")
    daemon.store.add(1)
    await daemon.tell(MessagesPosted("k1", [daemon.store.log[10]]))
    assert told(device, "room_news")[-1]["last_id"] == 11
    assert follower.rooms == ["room"]


async def test_names(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, ann), (device, _) = await daemon.enter("ann"), await daemon.follow("bob")
    room = daemon.hub.with_key("k1")
    assert room is not None
    await daemon.tell(UserChanged("bob"))
    assert room.recent(10, 10), "no message in the tail is bob's"
    daemon.store.users.names["u1"] = daemon.store.users.names["ann"] = "Augusta"
    await daemon.tell(UserChanged("ann"), UserChanged("u1"))
    assert ann.user.username == "Augusta"
    assert room.recent(10, 10) is None
    assert ["u1", "Augusta"] in [[frame["user_id"], frame["username"]] for frame in told(device, "user_changed")]


async def test_what_is_written_to_another_log_is_not_passed_on(autojump_clock: MockClock, daemon: Daemon) -> None:
    socket, _ = await daemon.enter("ann")
    (entry,) = daemon.store.add(1)
    changed = daemon.store.change(3)
    daemon.hub.publish("room", [entry], "k2")
    daemon.hub.change("room", [changed], "k2")
    daemon.hub.reaches("room", 11, "k2")
    await trio.sleep(5)
    assert types(socket) == ["caught_up"]
    daemon.hub.publish("room", [entry], "k1")
    daemon.hub.change("room", [changed], "k1")
    await wait_all_tasks_blocked()
    assert types(socket) == ["caught_up", "latest_message", "message_changed"]


async def test_a_room_made_anew_is_another_room(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, old), (device, _) = await daemon.enter("ann"), await daemon.follow("ann")
    former = daemon.hub.with_key("k1")
    daemon.store.log, daemon.store.key = [], "k2"
    # A newcomer may come before the event: it sees nothing of the old room, whose sockets end.
    socket, new = await daemon.enter("bob")
    room = daemon.hub.with_key("k2")
    assert room is not None
    assert (room.last_id, room is former, new.closing) == (0, False, None)
    assert old.closing == (1008, "Room not found")
    await daemon.tell(RoomDeleted("k1"))
    assert new.closing is None
    assert types(device) == ["left", "joined"], "the user is a member of the new one"
    await daemon.tell(MessagesPosted("k1", [message(11)]))
    daemon.store.add(1)
    await daemon.tell(MessagesPosted("k2", [daemon.store.log[0]]))
    assert socket.ids == [1]


async def test_a_deleted_room(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, connection), (device, _) = await daemon.enter("ann"), await daemon.follow("bob")
    await daemon.tell(RoomDeleted("k1"))
    assert connection.closing is None, "the deletion was begun, and not finished"
    daemon.store.exists = False
    await daemon.tell(RoomDeleted("k1"))
    assert connection.closing == (1008, "Room not found")
    assert told(device, "left") == [{"type": "left", "room_id": "room", "reason": "deleted"}]
    assert daemon.hub.live_rooms == 0


async def test_what_cannot_be_read_is_read_later(autojump_clock: MockClock, daemon: Daemon) -> None:
    _, bob = await daemon.enter("bob")
    del daemon.store.marks["bob"]
    daemon.store.failures = 3
    with capture_logs() as logs:
        daemon.store.tell([MemberChanged("k1", "bob")])
        await trio.sleep(5)
    assert bob.closing == (1008, "Forbidden")
    assert {entry["event"] for entry in logs} >= {"changes of other daemons not read, retried"}


@pytest.mark.parametrize("opened", [True, False])
async def test_what_the_feed_has_not_told_is_found(autojump_clock: MockClock, daemon: Daemon, opened: bool) -> None:
    (socket, _), (device, _) = await daemon.enter("ann"), await daemon.follow("bob")
    daemon.store.add(3)
    daemon.store.change(2)
    if opened:
        await daemon.tell(FeedOpened(True))
    else:
        await trio.sleep(SETTINGS.limits.reconcile_seconds + 0.5)
    assert socket.ids == [11, 12, 13]
    assert [frame["message"]["message_id"] for frame in told(socket, "message_changed")] == [2]
    await trio.sleep(1000)
    assert told(device, "room_news")[-1]["last_id"] == 13


async def test_after_lost_history_everything_is_compared(autojump_clock: MockClock, daemon: Daemon) -> None:
    (_, ann), (socket, bob), (device, _) = (
        await daemon.enter("ann"),
        await daemon.enter("bob"),
        await daemon.follow("bob"),
    )
    _, gone = await daemon.enter("eve")
    daemon.store.add(1)
    daemon.store.users.names["bob"] = "Robert"
    daemon.store.ended |= {"of ann"}
    await daemon.tell(FeedOpened(False))
    await trio.sleep(1)
    assert (ann.closing, gone.closing) == ((4001, "Session ended"), (1008, "Forbidden"))
    assert (bob.closing, bob.user.username, socket.ids) == (None, "Robert", [11])
    assert {"room_changed", "room_news", "user_changed"} <= set(types(device))


async def test_live_rooms_learn_where_their_logs_begin(autojump_clock: MockClock, daemon: Daemon) -> None:
    daemon.store.key = ""  # a store without a feed
    room = await daemon.hub.enter("room", connect(FakeSocket()))
    assert room.first_id == 1
    daemon.store.first_id = 5  # by another process
    await trio.sleep(11)
    assert room.first_id == 5
    daemon.store.failures = 1
    daemon.store.first_id = 7
    await trio.sleep(13)
    assert room.first_id == 7


async def test_a_repeated_post_is_published_where_it_was_not(autojump_clock: MockClock, daemon: Daemon) -> None:
    socket, _ = await daemon.enter("ann")
    daemon.store.add(2)
    daemon.hub.reaches("room", 12)
    await trio.sleep(0.5)
    assert socket.ids == [11, 12]
