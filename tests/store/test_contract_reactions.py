"""Reactions, in every store."""

from collections.abc import Sequence
from functools import partial

import pytest

from reichatd.store import (
    PLAIN,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Cutoff,
    Edit,
    Extras,
    Message,
    React,
    Reaction,
    Reactor,
    Store,
)
from tests.store.samples import add_user, at_once, change, post, room

NOW = 1_700_000_000.5
CROWD = tuple(f"user{number:02}" for number in range(12))


@pytest.fixture
async def lobby(store: Store) -> Store:
    """The store with a room of ann, bob and a crowd; ann has posted three messages."""
    for user_id in ("ann", "bob"):
        await add_user(store, user_id)
    await store.rooms.create(room(users=("ann", "bob", *CROWD)))
    await store.messages.commit([post(f"text {n}") for n in range(3)], {})
    return store


def react(emoji: str, user_id: str = "bob", message_id: int = 1, at: float = 0.0, **more: int) -> React:
    return React("lobby", user_id, message_id, emoji, True, NOW + at, **more)


def take_back(emoji: str, user_id: str = "bob", message_id: int = 1) -> React:
    return React("lobby", user_id, message_id, emoji, False, NOW)


def changed(change_id: int) -> Changed:
    return Changed(ChangeOutcome.CHANGED, change_id)


def unchanged(change_id: int) -> Changed:
    return Changed(ChangeOutcome.UNCHANGED, change_id)


async def message(store: Store, message_id: int = 1) -> Message:
    (found,) = await store.messages.by_ids("lobby", [message_id])
    return found


async def reactions(store: Store, message_id: int = 1) -> list[Reaction]:
    return list((await message(store, message_id)).extras.reactions)


async def test_reacting_and_taking_back(lobby: Store) -> None:
    committed = await lobby.messages.commit([], {}, [react("👍"), react("🎈", "ann", at=1), react("👍", "ann", at=2)])
    assert committed.changes == [changed(1)] * 3
    now = await message(lobby)
    assert now.extras == Extras(reactions=(Reaction("👍", 2, ("bob", "ann")), Reaction("🎈", 1, ("ann",))))
    assert committed.changed == [ChangedMessage("lobby", now, only_reactions=True)]
    assert await change(lobby, react("👍", at=9)) == [unchanged(1)]
    assert await reactions(lobby) == list(now.extras.reactions)
    assert await change(lobby, take_back("👍"), take_back("👍"), take_back("?", "ann")) == [
        changed(2),
        *[unchanged(2)] * 2,
    ]
    assert await reactions(lobby) == [Reaction("👍", 1, ("ann",)), Reaction("🎈", 1, ("ann",))]
    assert await change(lobby, take_back("👍", "ann"), react("👍", at=3)) == [changed(3)] * 2
    assert await reactions(lobby) == [Reaction("👍", 1, ("bob",)), Reaction("🎈", 1, ("ann",))]
    await change(lobby, take_back("👍"))
    await change(lobby, react("👍", at=4))
    assert [each.emoji for each in await reactions(lobby)] == ["🎈", "👍"]
    assert await change(lobby, take_back("🎈", "ann"), take_back("👍")) == [changed(6)] * 2
    assert (await message(lobby)).extras is PLAIN
    both = await lobby.messages.commit([], {}, [react("👍"), Edit("lobby", "ann", 1, "new", NOW)])
    assert [(each.only_reactions, each.message.content) for each in both.changed] == [(False, "new")]
    assert await reactions(lobby) == [Reaction("👍", 1, ("bob",))]


async def test_who_may_react(lobby: Store) -> None:
    await lobby.members.mute("lobby", "bob", NOW + 60)
    outcomes = await change(
        lobby, react("👍"), react("👍", "eve"), react("👍", message_id=9), React("nowhere", "ann", 1, "👍", True, NOW)
    )
    assert outcomes == [
        Changed(ChangeOutcome.MUTED, until=NOW + 60),
        Changed(ChangeOutcome.NO_MEMBER),
        Changed(ChangeOutcome.NO_MESSAGE),
        Changed(ChangeOutcome.NO_ROOM),
    ]
    assert await change(lobby, take_back("👍")) == [unchanged(0)]


async def test_limits_of_reactions(lobby: Store) -> None:
    too_many = Changed(ChangeOutcome.TOO_MANY_REACTIONS)
    some = [react(emoji, most_own=2) for emoji in "abca"]
    assert await change(lobby, *some) == [changed(1), changed(1), too_many, unchanged(1)]
    others = [react(emoji, "ann", most_kinds=2) for emoji in "cab"]
    assert await change(lobby, *others) == [too_many, changed(2), changed(2)]
    swap = [take_back("a", "ann"), take_back("a"), react("c", "ann", most_kinds=2), react("a", most_kinds=2)]
    assert await change(lobby, *swap) == [*[changed(3)] * 3, too_many]
    assert [(each.emoji, each.count) for each in await reactions(lobby)] == [("b", 2), ("c", 1)]


async def test_the_first_users_are_named_and_all_are_counted(lobby: Store) -> None:
    for number, user_id in enumerate(CROWD):
        await change(lobby, react("👍", user_id, at=-number, shown_users=3))
    assert await reactions(lobby) == [Reaction("👍", 12, ("user11", "user10", "user09"))]
    await change(lobby, React("lobby", "user10", 1, "👍", False, NOW, shown_users=5))
    assert await reactions(lobby) == [Reaction("👍", 11, ("user11", "user09", "user08", "user07", "user06"))]


async def test_pages_of_users_who_reacted(lobby: Store) -> None:
    await change(lobby, *(react("👍", user_id) for user_id in (*CROWD, "bob")), react("🎈", "ann"))
    page = partial(lobby.messages.reactors, "lobby", 1, "👍")
    assert await page("", 2) == [Reactor("bob", "Bob"), Reactor("user00", "")]
    assert [each.user_id for each in await page("user03", 5)] == list(CROWD[4:9])
    assert await page("user11", 5) == []
    assert await lobby.messages.reactors("lobby", 2, "👍", "", 5) == []
    assert await lobby.messages.reactors("lobby", 2**70, "👍", "", 5) == []
    assert await lobby.messages.reactors("nowhere", 1, "👍", "", 5) == []


async def test_own_reactions(lobby: Store) -> None:
    await change(lobby, react("b"), react("a"), react("c", message_id=3), react("a", "ann", 2))
    own = partial(lobby.messages.own_reactions, "bob", "lobby")
    assert await own([1, 2, 3]) == {1: ["a", "b"], 3: ["c"]}
    assert await own([3, 3, 99, -1, 2**70]) == {3: ["c"]}
    assert await own([]) == await lobby.messages.own_reactions("bob", "nowhere", [1]) == {}


async def test_reactions_at_once(lobby: Store) -> None:
    """As of two daemons, each with half of the users."""

    async def some(user_ids: Sequence[str]) -> None:
        for user_id in user_ids:
            await change(lobby, react("👍", user_id))
            await change(lobby, react("🎈", user_id), take_back("👍", user_id))

    await at_once([partial(some, CROWD[:6]), partial(some, CROWD[6:])])
    assert [(each.emoji, each.count) for each in await reactions(lobby)] == [("🎈", 12)]
    assert len(await lobby.messages.reactors("lobby", 1, "🎈", "", 100)) == 12


async def test_what_becomes_of_reactions(lobby: Store) -> None:
    await change(lobby, *(react("👍", user_id, n) for user_id in ("bob", "ann") for n in (1, 2, 3)))
    await lobby.rooms.leave("lobby", "bob")
    await lobby.users.delete("bob")
    assert await reactions(lobby, 2) == [Reaction("👍", 2, ("ann", "bob"))]
    assert await lobby.messages.reactors("lobby", 2, "👍", "", 9) == [Reactor("ann", "Ann"), Reactor("bob", "")]
    assert await lobby.messages.own_reactions("ann", "lobby", [1, 2, 3]) == {n: ["👍"] for n in (1, 2, 3)}
    await lobby.messages.expire("lobby", Cutoff(keep=2), 10)
    assert await lobby.messages.reactors("lobby", 1, "👍", "", 9) == []
    assert await lobby.messages.own_reactions("ann", "lobby", [1, 2, 3]) == {n: ["👍"] for n in (2, 3)}
    await lobby.rooms.delete("lobby")
    while await lobby.messages.sweep(100):
        pass
    await lobby.rooms.create(room(users=["ann"]))
    await lobby.messages.commit([post(f"{n}") for n in range(3)], {})
    assert await lobby.messages.own_reactions("ann", "lobby", [1, 2, 3]) == {}
    assert await change(lobby, react("👍", "ann", 2)) == [changed(1)]
    assert await reactions(lobby, 2) == [Reaction("👍", 1, ("ann",))]
