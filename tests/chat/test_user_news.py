"""Users' sockets: what they are told of their rooms, and when. Over a store that only has views of rooms."""

from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
import trio
from trio.testing import MockClock

from reichatd.chat.connection import Connection
from reichatd.chat.stalled import StalledSends
from reichatd.chat.user_news import UserNews
from reichatd.chat.user_states import Follower
from reichatd.rights import UserActor
from reichatd.rooms.joined import JoinedRoom
from reichatd.settings import LiveSettings, Settings
from reichatd.store import Membership, StoreUnavailable
from tests.chat.doubles import FakeSocket, connect

SETTINGS = LiveSettings(Settings())


def view(room_id: str, **fields: object) -> JoinedRoom:
    plain = JoinedRoom(
        room_id=room_id,
        name=room_id,
        description="",
        owner="ann",
        private=False,
        created_at="",
        unread=0,
        mentions=0,
        kind="room",
        role="member",
        muted=False,
    )
    return msgspec.structs.replace(plain, **fields)


class Views:
    """The rooms of every user, as the store has them. A read takes a tenth of a second."""

    def __init__(self) -> None:
        self.rooms = {room_id: view(room_id) for room_id in ("hall", "den")}
        self.reads: list[list[str]] = []
        self.failures = 0

    async def some(self, by: UserActor, room_ids: Sequence[str]) -> list[JoinedRoom]:
        self.reads.append(list(room_ids))
        found = [self.rooms[room_id] for room_id in room_ids if room_id in self.rooms]
        await trio.sleep(0.1)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")
        return found

    async def memberships(self, user_id: str) -> list[Membership]:
        return [Membership(room_id, 0.0, 0) for room_id in self.rooms]


@pytest.fixture
def views() -> Views:
    return Views()


@pytest.fixture
async def news(autojump_clock: MockClock, nursery: trio.Nursery, views: Views) -> AsyncIterator[UserNews]:
    news = UserNews(SETTINGS, StalledSends(SETTINGS))
    await nursery.start(news.run, views, views)
    yield news
    nursery.cancel_scope.cancel()


def follow(news: UserNews, user_id: str, *room_ids: str) -> tuple[Follower, FakeSocket]:
    socket = FakeSocket()
    follower = news.enter(connect(socket, user_id))
    news.follow(follower, room_ids)
    news.learn(follower, [view(room_id) for room_id in room_ids])
    news.open(follower)
    return follower, socket


def types(socket: FakeSocket) -> list[str]:
    return [frame["type"] for frame in socket.frames]


async def test_the_news_of_a_room_come_at_once_and_then_once_a_second(
    autojump_clock: MockClock, news: UserNews
) -> None:
    _, socket = follow(news, "ann", "hall")
    _, of_bob = follow(news, "bob", "den")
    await trio.sleep(5)
    for message_id in range(1, 8):
        news.moved("hall", last_id=message_id)
        await trio.sleep(0.3)
    assert [frame["last_id"] for frame in socket.frames] == [1, 4, 7]
    news.moved("hall", change_id=3)
    news.moved("hall", last_id=7)
    await trio.sleep(2)
    assert socket.frames[3:] == [{"type": "room_news", "room_id": "hall", "last_id": 7, "change_id": 3}]
    assert of_bob.frames == []


async def test_all_rooms_of_a_person_come_in_one_send(autojump_clock: MockClock, news: UserNews) -> None:
    room_ids = [f"room{number}" for number in range(20)]
    _, socket = follow(news, "ann", *room_ids)
    await trio.sleep(5)
    news.moved(room_ids[0], last_id=1)
    await trio.sleep(0.1)
    for room_id in room_ids:
        news.moved(room_id, last_id=2)
    await trio.sleep(5)
    assert len(socket.try_sends) == 3, "the first room, all others, and the first room a second later"
    assert sorted(frame["room_id"] for frame in socket.frames[1:]) == sorted(room_ids)


async def test_a_socket_that_stalls_gets_the_states_of_now(autojump_clock: MockClock, news: UserNews) -> None:
    follower, socket = follow(news, "ann", "hall", "den")
    socket.space = 0
    for number in range(1, 50):
        news.moved("hall", last_id=number)
        news.marks_moved({("den", "ann"): number})
        await trio.sleep(1)
    assert len(follower.states) == 2
    socket.make_space()
    await trio.sleep(5)
    # The first two were on their way when the socket was full.
    assert [(frame["type"], frame.get("last_id") or frame.get("last_read_id")) for frame in socket.frames] == [
        ("read", 1),
        ("room_news", 1),
        ("read", 49),
        ("room_news", 49),
    ]


async def test_mentions_reach_those_who_are_meant(autojump_clock: MockClock, news: UserNews) -> None:
    _, of_ann = follow(news, "ann", "hall")
    _, of_bob = follow(news, "bob", "hall", "den")
    news.mentioned("hall", 7, "ann", ["bob", "eve"], everyone=False)
    news.mentioned("den", 8, "eve", ["ann"], everyone=False)  # ann is not in it
    await trio.sleep(1)
    assert of_bob.frames == [{"type": "mention", "room_id": "hall", "message_id": 7, "user_id": "ann"}]
    news.mentioned("hall", 8, "ann", [], everyone=True)
    await trio.sleep(1)
    assert [frame["message_id"] for frame in of_bob.frames] == [7, 8]
    assert of_ann.frames == []


async def test_of_several_mentions_the_last_one_comes_and_then_their_number(
    autojump_clock: MockClock, news: UserNews, views: Views
) -> None:
    _, socket = follow(news, "ann", "hall")
    views.rooms["hall"] = view("hall", mentions=2)
    for message_id in (4, 5):
        news.mentioned("hall", message_id, "bob", ["ann"], everyone=False)
    await trio.sleep(1)
    assert [frame["message_id"] for frame in socket.frames if frame["type"] == "mention"] == [5]
    assert [frame["room"]["mentions"] for frame in socket.frames if frame["type"] == "room_changed"] == [2]


async def test_joining_and_leaving(autojump_clock: MockClock, news: UserNews, views: Views) -> None:
    _, socket = follow(news, "ann", "hall")
    news.member_joined("den", "ann")
    news.member_joined("hall", "ann")
    await trio.sleep(1)
    assert [(frame["type"], frame["room"]["room_id"]) for frame in socket.frames] == [("joined", "den")]
    news.moved("den", last_id=1)
    await trio.sleep(1)
    news.member_removed("den", "ann", "kicked")
    news.room_deleted("hall")
    news.moved("den", last_id=2)
    await trio.sleep(1)
    assert socket.frames[2:] == [
        {"type": "left", "room_id": "den", "reason": "kicked"},
        {"type": "left", "room_id": "hall", "reason": "deleted"},
    ]
    news.member_joined("den", "ann")
    news.member_removed("den", "ann", "left")
    await trio.sleep(1)
    assert types(socket)[4:] == ["left"]
    news.member_removed("den", "ann", "left")
    news.member_joined("den", "ann")
    await trio.sleep(1)
    assert types(socket)[5:] == ["joined"]


async def test_a_view_is_never_older_than_what_was_told(
    autojump_clock: MockClock, news: UserNews, views: Views
) -> None:
    _, socket = follow(news, "ann", "hall")
    news.room_changed("hall")
    await trio.sleep(0.05)  # the view is being read
    news.moved("hall", last_id=9)
    await trio.sleep(2)
    assert [frame.get("last_id", frame["type"]) for frame in socket.frames][-2:] in (
        [9, "room_changed"],
        ["room_changed", 9],
    )
    assert socket.frames[-1]["type"] == "room_news", "after a view without the message"
    views.reads.clear()
    news.room_changed("hall")
    await trio.sleep(0.05)
    views.rooms["hall"] = view("hall", last_read_id=9, last_id=9)
    news.marks_moved({("hall", "ann"): 9})
    await trio.sleep(2)
    assert views.reads == [["hall"], ["hall"]]
    assert [frame["room"].get("last_read_id") for frame in socket.frames if frame["type"] == "room_changed"][1:] == [9]


async def test_views_are_read_again_after_a_failure(autojump_clock: MockClock, news: UserNews, views: Views) -> None:
    _, socket = follow(news, "ann", "hall")
    views.failures = 2
    news.room_changed("hall", "ann")
    news.room_changed("hall", "bob")
    await trio.sleep(5)
    assert types(socket) == ["room_changed"]


async def test_new_names_are_told_to_those_who_share_a_room(
    autojump_clock: MockClock, news: UserNews, views: Views
) -> None:
    _, of_ann = follow(news, "ann", "hall", "den")
    _, of_eve = follow(news, "eve", "attic")
    _, of_bob = follow(news, "bob", "attic")
    news.user_renamed("bob", "Robert")
    await trio.sleep(1)
    told = [{"type": "user_changed", "user_id": "bob", "username": "Robert"}]
    assert (of_ann.frames, of_bob.frames, of_eve.frames) == (told, told, [])


async def test_what_other_daemons_change_is_found(autojump_clock: MockClock, news: UserNews, views: Views) -> None:
    follower, socket = follow(news, "ann", "hall")
    news.reconcile(follower, ["den"], follower.moves)
    await trio.sleep(1)
    assert sorted(types(socket)) == ["joined", "left"]
    moves = follower.moves
    news.member_removed("den", "ann", "banned")
    news.reconcile(follower, ["den"], moves)  # read before the ban
    await trio.sleep(1)
    assert [frame["reason"] for frame in socket.frames[2:]] == ["banned"]


async def test_a_socket_is_told_nothing_before_hello_and_nothing_after_it_left(
    autojump_clock: MockClock, news: UserNews, views: Views
) -> None:
    socket = FakeSocket()
    follower = news.enter(connect(socket, "ann"))
    news.follow(follower, ["hall", "den"])
    views.rooms["hall"] = view("hall", last_id=5, mentions=1)
    news.moved("hall", last_id=5)  # before the rooms are read
    news.learn(follower, [view("hall", last_id=5), view("den", last_id=1)])
    news.moved("den", last_id=2)  # after it
    news.mentioned("hall", 5, "bob", ["ann"], everyone=False)
    await trio.sleep(3)
    assert socket.frames == []
    news.open(follower)
    await trio.sleep(1)
    assert sorted(types(socket)) == ["mention", "room_changed", "room_news"]
    assert follower.connection.closing is None
    news.moved("hall", last_id=6)
    news.leave(follower)
    news.leave(follower)
    await trio.sleep(3)
    assert len(socket.frames) == 3
    assert not news._rooms._rooms
    assert not news._users


async def test_a_newcomer_is_told_nothing_of_the_room_that_had_the_id(
    autojump_clock: MockClock, news: UserNews, views: Views
) -> None:
    """Another daemon has deleted it, and made another one; this one has not heard of it yet."""
    (ann, bob), (of_ann, of_bob) = zip(*(enter(news, name) for name in ("ann", "bob")), strict=True)
    for each in (ann, bob):
        news.learn(each, [view("hall", created_at="2026-01-01", last_id=50)])
        news.open(each)
    news.identify("hall", "k1")
    news.moved("hall", last_id=51)
    newcomer, socket = enter(news, "eve")
    news.moved("hall", last_id=52)
    await trio.sleep(5)
    news.mentioned("hall", 52, "bob", [], everyone=True)
    views.rooms["hall"] = view("hall", created_at="2026-01-02", last_id=1)
    news.learn(newcomer, [views.rooms["hall"]])
    news.open(newcomer)
    news.moved("hall", last_id=2)
    await trio.sleep(5)
    for each in (of_ann, of_bob):
        assert each.frames[-1] == {"type": "left", "room_id": "hall", "reason": "deleted"}
    assert news.unidentified() == ["hall"]
    assert news.room_id("k1") is None
    assert set(types(socket)) == {"room_changed", "room_news"}
    assert {(frame.get("room") or frame)["last_id"] for frame in socket.frames} == {1, 2}


def enter(news: UserNews, user_id: str) -> tuple[Follower, FakeSocket]:
    """A socket that follows the hall, before hello."""
    socket = FakeSocket()
    follower = news.enter(connect(socket, user_id))
    news.follow(follower, ["hall"])
    return follower, socket


async def test_many_sockets_come_and_go(autojump_clock: MockClock, news: UserNews) -> None:
    def connection(number: int) -> Connection:
        return connect(FakeSocket(), f"u{number % 7}")

    followers = [news.enter(connection(number)) for number in range(100)]
    for follower in followers:
        news.follow(follower, ["hall", "den"])
    for follower in followers[::2]:
        news.leave(follower)
    assert set(news._rooms.followers("hall")) == set(followers[1::2])
    for follower in followers[1::2]:
        news.follow(follower, ["den"])
    assert not list(news._rooms.followers("hall"))
    for follower in followers[1::2]:
        news.leave(follower)
    assert not news._rooms._rooms
