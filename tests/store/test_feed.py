"""What a store tells of the changes of others (`Store.follow`), and where logs begin and end (`Store.heads`)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import trio

from reichatd.settings import MongoDBSettings
from reichatd.store import Cutoff, Delete, Edit, Extras, LogHead, Post, React, Store
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
    UserChanged,
)
from reichatd.store.mongodb import drop_temporary_database, open_store, temporary_database
from tests.process import run_command
from tests.store.conftest import Opener
from tests.store.listening import following
from tests.store.samples import add_user, change, direct, post, room, session

NOW = 1_700_000_000.0


def _member(user_id: str, last_read_id: int = 0) -> Callable[[str], FeedEvent]:
    return lambda log_key: MemberChanged(log_key, user_id, last_read_id)


def _kicked(user_id: str) -> Callable[[str], FeedEvent]:
    return lambda log_key: MemberChanged(log_key, user_id, kicked=True)


@pytest.fixture
def settings(mongod_replica: str) -> MongoDBSettings:
    return msgspec.structs.replace(temporary_database(mongod_replica), timeout_seconds=30.0)


@pytest.fixture
async def stores(settings: MongoDBSettings) -> AsyncIterator[tuple[Store, Store]]:
    """Those of two daemons, with the users ann and bob, and the room lobby."""
    one, other = await open_store(settings), await open_store(settings)
    for user_id in ("ann", "bob"):
        await add_user(one, user_id)
    await one.rooms.create(room(users=MEMBERS))
    yield one, other
    await one.aclose()
    await other.aclose()
    await trio.to_thread.run_sync(drop_temporary_database, settings)


async def key_of(store: Store, room_id: str = "lobby") -> str:
    head = await store.messages.head(room_id)
    assert head is not None
    return head.key


async def test_others_messages_come_in_order_with_names_and_extras(stores: tuple[Store, Store]) -> None:
    one, other = stores
    async with following(other) as heard:
        assert heard.events == [FeedOpened(whole=False)]
        await one.messages.commit([post("one"), post("two", "bob")], {})
        await other.messages.commit([post("three", "leading")], {("lobby", "muted"): 1})
        reply = Post("lobby", "bob", "four", NOW, reply_to=1, mentions=("ann",))
        await one.messages.commit([reply], {})
        ann, bob = ("ann", "Ann", "ann@example.org"), ("bob", "Bob", "bob@example.org")
        told = await heard.messages_up_to(4)
        await heard.event(MemberChanged(await key_of(one), "bob", 4))
    its_own = {
        event for event in heard.events if isinstance(event, MemberChanged) and event.user_id not in ("ann", "bob")
    }
    assert not its_own
    assert [(message.message_id, message.content) for message in told] == [(1, "one"), (2, "two"), (4, "four")]
    assert [(message.user_id, message.username, message.email) for message in told] == [ann, bob, bob]
    assert all(message.shares_room for message in told)
    assert told[2].extras == Extras(reply_to=1, mentions=("ann",))
    stored = await other.messages.range("lobby", 1, 4)
    assert told == [message for message in stored if message.message_id != 3]


async def test_names_are_those_at_the_time(stores: tuple[Store, Store]) -> None:
    one, other = stores
    async with following(other) as heard:
        await one.messages.commit([post()], {})
        assert [message.username for message in await heard.messages_up_to(1)] == ["Ann"]
        await one.users.rename("ann", "Anna")
        await heard.event(UserChanged("ann"))
        await one.messages.commit([post()], {})
        assert [message.username for message in await heard.messages_up_to(2)] == ["Ann", "Anna"]


async def test_only_wanted_logs_are_read(stores: tuple[Store, Store]) -> None:
    one, other = stores
    await one.rooms.create(direct())
    keys = {room_id: await key_of(one, room_id) for room_id in ("lobby", "whisper")}
    async with following(other, lambda log_key: log_key == keys["whisper"]) as heard:
        await one.messages.commit([post("not this"), post("this", room_id="whisper")], {})
        await change(one, *(Edit(room_id, "ann", 1, "edited", NOW) for room_id in keys))
        await heard.until(lambda heard: MessagesChanged(keys["whisper"], 1) in heard.events)
        await one.messages.commit([post("and this", room_id="whisper")], {})
        told = await heard.messages_up_to(2)
        await one.messages.commit([], {("lobby", "leading"): 1})
        await one.messages.commit([], {("whisper", "bob"): 2})
        await heard.event(MemberChanged(keys["whisper"], "bob", 2))
    marks = [event.last_read_id for event in heard.events if isinstance(event, MemberChanged)]
    assert marks == [1, 2, 2], "of whisper only: ann's with her posts, and bob's"
    assert [(message.content, message.shares_room) for message in told] == [("this", False), ("and this", False)]
    assert {event.log_key for event in heard.events if isinstance(event, MessagesPosted | MessagesChanged)} == {
        keys["whisper"]
    }


MEMBERS = ("ann", "bob", "muted", "leading", "helping", "kicked", "leaving", "banned")

STEPS: dict[str, tuple[Callable[[Store], Awaitable[object]], Callable[[str], FeedEvent]]] = {
    "an edit": (
        lambda store: change(store, Edit("lobby", "ann", 1, "edited", NOW)),
        lambda key: MessagesChanged(key, 1),
    ),
    "a reaction and a deletion in one commit": (
        lambda store: change(store, React("lobby", "bob", 2, "👍", True, NOW), Delete("lobby", "ann", (3,), NOW)),
        lambda key: MessagesChanged(key, 3),
    ),
    "retention": (lambda store: store.messages.expire("lobby", Cutoff(keep=1), 2), lambda key: LogCut(key, 3)),
    "a name": (lambda store: store.rooms.update("lobby", "Hall", ""), RoomChanged),
    "slow mode": (lambda store: store.rooms.update("lobby", "Hall", "", 30), RoomChanged),
    "a new owner": (lambda store: store.rooms.transfer("lobby", "bob"), RoomChanged),
    "a read mark": (lambda store: store.messages.commit([], {("lobby", "leading"): 2}), _member("leading", 2)),
    "the read mark of a post": (lambda store: store.messages.commit([post("x", "bob")], {}), _member("bob", 4)),
    "a mute": (lambda store: store.members.mute("lobby", "muted", NOW), _member("muted")),
    "a moderator": (lambda store: store.members.set_moderator("lobby", "helping", True), _member("helping")),
    "a kick": (lambda store: store.rooms.kick("lobby", "kicked"), _kicked("kicked")),
    "a departure": (lambda store: store.rooms.leave("lobby", "leaving"), _member("leaving")),
    "a join": (lambda store: store.rooms.join("lobby", "joining", NOW), _member("joining")),
    "a ban": (lambda store: store.rooms.ban("lobby", "banned"), _member("banned")),
    "the end of a ban": (lambda store: store.rooms.unban("lobby", "pardoned"), _member("pardoned")),
    "a logout": (lambda store: store.sessions.end("laptop"), lambda _: SessionEnded("laptop")),
    "a password": (lambda store: store.users.set_password("ann", "new"), lambda _: UserChanged("ann")),
    "a lock": (lambda store: store.users.disable("ann"), lambda _: UserChanged("ann")),
    "an address": (lambda store: _change_email(store), lambda _: UserChanged("bob")),
    "a deleted user": (lambda store: store.users.delete("ann"), lambda _: UserChanged("ann")),
    "a deleted room": (lambda store: store.rooms.delete("lobby"), RoomDeleted),
}
"""What one daemon does, and what another one is told. No step before gives the same event twice."""


async def _change_email(store: Store) -> None:
    (bob,) = await store.users.by_ids(["bob"])
    assert bob is not None
    await store.users.change_email(bob, "bob@example.com")


async def test_all_else_comes_as_hints(stores: tuple[Store, Store]) -> None:
    one, other = stores
    await one.sessions.create(session())
    await one.rooms.ban("lobby", "pardoned")
    await one.messages.commit([post(f"{number}") for number in range(3)], {})
    key = await key_of(one)
    async with following(other) as heard:
        for name, (step, as_event) in STEPS.items():
            heard.events.clear()
            await step(one)
            await heard.event(as_event(key))
            assert as_event is RoomChanged or RoomChanged(key) not in heard.events, name


async def test_mentions_that_edits_add(stores: tuple[Store, Store]) -> None:
    """Only those of others: a daemon has told its own. An edit that adds none, or a reaction, tells none again."""
    one, other = stores
    await one.messages.commit([post("by ann"), post("by ann")], {})
    async with following(other) as heard, following(one) as own:
        for store, number, mentions in (
            (one, 1, ("bob",)),
            (one, 1, ("bob", "helping")),
            (one, 1, ("helping",)),
            (other, 2, ("bob",)),
            (one, 1, ("helping", "bob")),
        ):
            await change(store, Edit("lobby", "ann", number, f"for {mentions}", NOW, mentions=mentions))
            await change(store, React("lobby", "bob", number, "👍", len(mentions) == 1, NOW))
        key = await key_of(one)
        added = [MentionsAdded(key, 1, "ann", (user_id,)) for user_id in ("bob", "helping", "bob")]
        for each, last in ((heard, added[-1]), (own, MentionsAdded(key, 2, "ann", ("bob",)))):
            await each.until(
                lambda each: MessagesChanged(key, 8) in each.events or MessagesChanged(key, 9) in each.events
            )
            assert [event for event in each.events if isinstance(event, MentionsAdded)][-1] == last
    assert [event for event in heard.events if isinstance(event, MentionsAdded)] == added
    assert [event for event in own.events if isinstance(event, MentionsAdded)] == [last]


async def test_a_room_made_again_is_another_log(stores: tuple[Store, Store]) -> None:
    one, other = stores
    former = await key_of(one)
    async with following(other) as heard:
        await one.rooms.delete("lobby")
        await one.rooms.create(room(users=("bob",)))
        now = await key_of(one)
        await heard.event(RoomDeleted(former))
        before = len(heard.events)
        await one.messages.sweep(100)  # which removes the former members
        await heard.event(MemberChanged(now, "bob"))
        await one.messages.commit([post("hello", "bob")], {})
        await heard.messages_up_to(1)
    (posted,) = [event for event in heard.events if isinstance(event, MessagesPosted)]
    assert posted.log_key == now != former
    assert RoomDeleted(now) not in heard.events
    assert not [each for each in heard.events[before:] if isinstance(each, MemberChanged) and each.log_key == former]


async def test_reads_by_key_are_of_no_other_log(stores: tuple[Store, Store]) -> None:
    one, other = stores

    async def read(log_key: str) -> list[object]:
        messages = other.messages
        return [
            await messages.last_id("lobby", log_key),
            [each.message_id for each in await messages.range("lobby", 1, 10, log_key=log_key)],
            [each.message_id for each in await messages.by_ids("lobby", [1, 2], log_key)],
            [each.message_id for each in await messages.changed("lobby", 0, 1, 10, 10, log_key=log_key)],
            await messages.own_reactions("bob", "lobby", [1, 2], log_key),
        ]

    former = await key_of(one)
    await one.rooms.delete("lobby")
    await one.rooms.create(room(users=("bob",)))
    now = await key_of(one)
    posts, react = [post("hello", "bob"), post("again", "bob")], React("lobby", "bob", 1, "👍", True, NOW)
    assert (await one.messages.commit(posts, {})).log_keys == {"lobby": now}
    assert (await one.messages.commit([], {}, [react])).changed_keys == {"lobby": now}
    assert await read(now) == await read("") == [2, [1, 2], [1, 2], [1], {1: ["👍"]}]
    assert await read(former) == [None, [], [], [], {}]


async def test_commands_on_the_store_are_heard(
    stores: tuple[Store, Store], settings: MongoDBSettings, tmp_path: Path
) -> None:
    _, other = stores
    names = {"BACKEND": "mongodb", "MONGODB_URI": settings.uri, "MONGODB_DATABASE": settings.database}
    environ = {f"REICHATD_STORAGE_{name}": value for name, value in names.items()}
    async with following(other) as heard:
        done = await trio.to_thread.run_sync(
            run_command, tmp_path, environ, "user", "disable", "ann@example.org", "--yes"
        )
        assert done.returncode == 0, done.stderr
        await heard.event(UserChanged("ann"))


async def test_ends_of_logs(opener: Opener) -> None:
    store, other = await opener(), await opener()
    for user_id in ("ann", "bob"):
        await add_user(store, user_id)
    for room_id in ("lobby", "attic"):
        await store.rooms.create(room(room_id))
    await store.messages.commit([post(), post()], {})
    await other.messages.commit([post()], {})
    await change(other, Edit("lobby", "ann", 2, "edited", NOW))
    heads = {room_id: await store.messages.head(room_id) for room_id in ("lobby", "attic")}
    by_key = {head.key: head for head in heads.values() if head is not None}
    if "" in by_key:  # a store that only one daemon may use
        assert await store.heads([""]) == {}
    else:
        assert await store.heads([*by_key, "no key"]) == by_key
        await store.rooms.delete("attic")
        assert [head.last_id for head in (await store.heads(list(by_key))).values()] == [3]
    await store.aclose()
    await other.aclose()


async def test_a_store_without_others_has_no_feed(opener: Opener) -> None:
    store = await opener()
    head_key = (await _create_lobby(store)).key
    async with following(store) as heard:
        assert heard.events == ([FeedOpened(whole=False)] if head_key else [])
    await store.aclose()


async def _create_lobby(store: Store) -> LogHead:
    await add_user(store)
    await store.rooms.create(room(users=("ann",)))
    head = await store.messages.head("lobby")
    assert head is not None
    return head
