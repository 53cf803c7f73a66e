"""Roles, mutes and slow mode, in every store."""

from functools import partial

import msgspec
import pytest

from reichatd.store import Appended, BanOutcome, Block, KickOutcome, Outcome, Post, RoomMember, Store, TransferOutcome
from tests.store.conftest import Opener
from tests.store.samples import add_user, at_once, contents, direct, post, read_mark, room, stored

NOW = 1_700_000_000.0


def at(seconds: float, user_id: str = "bob", nonce: str | None = None) -> Post:
    """A post this long after NOW."""
    return Post("lobby", user_id, f"{user_id} {seconds}", NOW + seconds, nonce)


def muted(seconds: float) -> Appended:
    return Appended(Outcome.MUTED, until=NOW + seconds)


def slow(seconds: float) -> Appended:
    return Appended(Outcome.SLOW, until=NOW + seconds)


async def members(store: Store, room_id: str = "lobby") -> list[RoomMember]:
    return await store.members.page(room_id, "", 100)


# ----------------------------------------------------------------------------------------------------------- roles, pages


async def test_pages_of_members(store: Store) -> None:
    names = [f"user{number:02}" for number in range(25)]
    await store.rooms.create(room(users=names[::-1]))
    await store.rooms.create(room("den", users=["ann", "user03"]))
    seen: list[RoomMember] = []
    while page := await store.members.page("lobby", seen[-1].user_id if seen else "", 10):
        seen += page
    assert [member.user_id for member in seen] == names
    assert seen[0] == RoomMember("user00", 1.5)
    assert seen[-1] == RoomMember("user24", 1.5, is_owner=True)
    assert await store.members.page("lobby", "user21~", 2) == seen[22:24]
    assert await members(store, "nowhere") == []


async def test_a_moderator(store: Store) -> None:
    await store.rooms.create(room())
    assert not await store.members.set_moderator("lobby", "eve", True)
    assert not await store.members.set_moderator("nowhere", "bob", True)
    for _ in range(2):
        assert await store.members.set_moderator("lobby", "bob", True)
    assert [member.is_moderator for member in await members(store)] == [False, True]
    head = await store.rooms.head("lobby", "bob")
    assert head is not None
    assert (head.is_member, head.is_moderator) == (True, True)
    assert await store.members.set_moderator("lobby", "bob", False)
    assert not (await store.members.of_user("bob"))["lobby"].is_moderator


@pytest.mark.parametrize("out", ["leave", "ban"])
async def test_a_role_ends_with_the_membership_and_a_mute_does_not(store: Store, out: str) -> None:
    await store.rooms.create(room())
    await store.members.set_moderator("lobby", "bob", True)
    await store.members.mute("lobby", "bob", NOW + 60)
    if out == "leave":
        await store.rooms.leave("lobby", "bob")
    else:
        await store.rooms.ban("lobby", "bob")
        await store.rooms.unban("lobby", "bob")
    await store.rooms.join("lobby", "bob", 2.0)
    assert await store.members.of_user("bob") == {"lobby": RoomMember("bob", 2.0, muted_until=NOW + 60)}
    assert (await store.messages.commit([at(59)], {})).posts == [muted(60)]


async def test_what_a_user_is_in_each_room(store: Store) -> None:
    for room_id, users in {"lobby": ["ann", "bob"], "den": ["bob"], "hall": ["ann"]}.items():
        await store.rooms.create(room(room_id, users=users))
    await store.members.mute("lobby", "bob", NOW)
    await store.members.mute("hall", "bob", NOW)  # no member of it
    assert await store.members.of_user("bob") == {
        "lobby": RoomMember("bob", 1.5, muted_until=NOW),
        "den": RoomMember("bob", 1.5, is_owner=True),
    }


async def test_pages_of_bans(store: Store) -> None:
    await store.rooms.create(room())
    for user_id in ("eve", "cleo", "dan"):
        await store.rooms.ban("lobby", user_id)
    assert await store.rooms.bans("lobby", "", 2) == ["cleo", "dan"]
    assert await store.rooms.bans("lobby", "dan", 2) == ["eve"]
    assert await store.rooms.bans("lobby", "cleo") == ["dan", "eve"]
    assert await store.rooms.bans("lobby", "", 0) == []


async def test_room_settings(store: Store) -> None:
    await store.rooms.create(room())
    await store.rooms.update("lobby", "Lobby", "", slow_seconds=30, members_pin=True)
    await store.rooms.update_with_password("lobby", "Lobby", "", "hash")
    changed = await store.rooms.get("lobby")
    assert changed is not None
    assert (changed.slow_seconds, changed.members_pin, changed.password_hash) == (30, True, "hash")
    await store.rooms.update_with_password("lobby", "Lobby", "", None, slow_seconds=0, members_pin=False)
    assert await store.rooms.get("lobby") == msgspec.structs.replace(room(), name="Lobby", description="")


# --------------------------------------------------------------------------------------------------------------- transfer


async def test_only_the_owner_of_now_gives_a_room_away(store: Store) -> None:
    await store.rooms.create(room())
    assert await store.rooms.transfer("lobby", "bob", "bob") is TransferOutcome.NOT_OWNER
    assert await store.rooms.transfer("lobby", "eve", "ann") is TransferOutcome.NO_MEMBER
    assert await store.rooms.transfer("nowhere", "bob", "ann") is TransferOutcome.NO_ROOM
    assert await store.rooms.transfer("lobby", "bob", "ann") is TransferOutcome.TRANSFERRED
    assert await store.rooms.transfer("lobby", "ann", "ann") is TransferOutcome.NOT_OWNER


async def test_of_two_transfers_at_once_one_counts(store: Store, opener: Opener) -> None:
    other = await opener()
    for number in range(10):
        room_id = f"room{number}"
        await store.rooms.create(room(room_id, users=["ann", "bob", "eve"]))
        gifts = [partial(one.rooms.transfer, room_id, to, "ann") for one, to in ((store, "bob"), (other, "eve"))]
        outcomes = await at_once(gifts)
        assert sorted(outcome.name for outcome in outcomes) == ["NOT_OWNER", "TRANSFERRED"]
        head = await store.rooms.head(room_id)
        assert head is not None
        assert head.owner == ("bob" if outcomes[0] is TransferOutcome.TRANSFERRED else "eve")
    await other.aclose()


async def test_an_owner_is_neither_kicked_nor_banned(store: Store) -> None:
    await store.rooms.create(room())
    assert await store.rooms.kick("lobby", "ann") is KickOutcome.OWNER
    assert await store.rooms.ban("lobby", "ann") is BanOutcome.OWNER
    assert not await store.rooms.is_banned("lobby", "ann")
    assert [await store.rooms.kick("lobby", "bob") for _ in range(2)] == [KickOutcome.KICKED, KickOutcome.NO_MEMBER]
    assert await store.rooms.kick("nowhere", "bob") is KickOutcome.NO_MEMBER
    assert await store.rooms.get("lobby") == room(users=["ann"])


async def test_of_a_ban_and_a_transfer_at_once_no_owner_is_banned(store: Store, opener: Opener) -> None:
    other = await opener()

    async def give(room_id: str) -> object:
        return await store.rooms.transfer(room_id, "bob", "ann")

    async def ban(room_id: str) -> object:
        return await other.rooms.ban(room_id, "bob")

    for number in range(20):
        room_id = f"room{number}"
        await store.rooms.create(room(room_id))
        await at_once([partial(give, room_id), partial(ban, room_id)])
        head = await store.rooms.head(room_id)
        assert head is not None
        assert await store.rooms.is_banned(room_id, "bob") == (head.owner == "ann")
    await other.aclose()


async def test_a_transfer_while_the_heir_leaves(store: Store) -> None:
    async def give(room_id: str) -> object:
        return await store.rooms.transfer(room_id, "bob", "ann")

    async def leave(room_id: str) -> object:
        return await store.rooms.leave(room_id, "bob")

    for number in range(10):
        room_id = f"room{number}"
        await store.rooms.create(room(room_id))
        outcome, left = await at_once([partial(give, room_id), partial(leave, room_id)])
        assert left is True
        head = await store.rooms.head(room_id)
        assert head is not None
        assert head.owner == ("bob" if outcome is TransferOutcome.TRANSFERRED else "ann")


# ------------------------------------------------------------------------------------------------------------------ posts


async def test_a_mute(store: Store, opener: Opener) -> None:
    other = await opener()
    await store.rooms.create(room())
    assert not await store.members.mute("nowhere", "bob", NOW)
    assert (await store.messages.commit([at(-1, nonce="n")], {})).posts == stored(1)
    assert await store.members.mute("lobby", "bob", NOW + 60)
    batch = [at(0), at(0, "ann"), at(59, nonce="new"), at(60)]
    assert (await other.messages.commit(batch, {})).posts == [muted(60), *stored(2), muted(60), *stored(3)]
    assert (await store.messages.commit([at(1, nonce="n")], {})).posts == [Appended(Outcome.REPEATED, 1)], (
        "stored before"
    )
    assert await store.members.mute("lobby", "bob", 0)
    assert (await other.messages.commit([at(2, nonce="new")], {})).posts == stored(4)
    await other.aclose()


async def test_who_may_post_nothing(store: Store) -> None:
    await store.rooms.create(room(users=["ann", "bob", "eve"]))
    await store.directs.open(direct(), 1.5)
    for name in ("ann", "bob"):
        await store.members.mute("lobby", name, NOW + 60)
    await store.blocks.add(Block("ann", "bob"), 0)
    users = ["ann", "bob", "eve", "zoe"]
    assert await store.members.silenced("lobby", users, NOW + 59) == {"bob", "zoe"}, "an owner is never muted"
    assert await store.members.silenced("lobby", users, NOW + 60) == {"zoe"}, "no member"
    assert await store.members.silenced("whisper", users[:2], NOW) == {"bob"}, "blocked, but not in other rooms"
    assert await store.members.silenced("nowhere", users, NOW) == set(users)
    await store.blocks.remove("ann", "bob")
    assert await store.members.silenced("whisper", ["bob"], NOW) == set()


async def test_a_refused_post_moves_no_mark_and_takes_no_number(store: Store) -> None:
    await store.rooms.create(room())
    await store.members.mute("lobby", "bob", NOW + 60)
    batch = [at(0, "ann"), at(1, nonce="n"), at(2, nonce="n"), at(3, "ann")]
    assert (await store.messages.commit(batch, {})).posts == [*stored(1), muted(60), muted(60), *stored(2)]
    assert await read_mark(store, "bob") == 0
    assert (await store.messages.commit([], {("lobby", "bob"): 2})).posts == []
    assert await read_mark(store, "bob") == 2


async def test_slow_mode(store: Store) -> None:
    await store.rooms.create(room(users=["ann", "bob", "eve", "cleo"]))
    await store.members.set_moderator("lobby", "cleo", True)
    await store.rooms.update("lobby", "Lobby", "", slow_seconds=30)
    batch = [at(0, nonce="n"), at(1), at(1, "eve"), at(2, nonce="n")]
    assert (await store.messages.commit(batch, {})).posts == [
        *stored(1),
        slow(30),
        *stored(2),
        Appended(Outcome.REPEATED, 1),
    ]
    for user_id in ("ann", "cleo"):  # owner and moderator
        answers = (await store.messages.commit([at(3, user_id), at(4, user_id)], {})).posts
        assert [answer.outcome for answer in answers] == [Outcome.STORED] * 2
    again = [at(29.5), at(29.6, nonce="n"), at(30)]
    assert (await store.messages.commit(again, {})).posts == [slow(30), Appended(Outcome.REPEATED, 1), *stored(7)]
    assert (await store.messages.commit([at(31, "eve"), at(59)], {})).posts == [*stored(8), slow(60)]
    await store.rooms.update("lobby", "Lobby", "", slow_seconds=0)
    assert (await store.messages.commit([at(59), at(59)], {})).posts == stored(9, 10)


async def test_leaving_does_not_end_the_wait_of_slow_mode(store: Store) -> None:
    await store.rooms.create(room())
    await store.rooms.update("lobby", "Lobby", "", slow_seconds=30)
    await store.messages.commit([at(0)], {})
    await store.rooms.leave("lobby", "bob")
    await store.rooms.join("lobby", "bob", 2.0)
    assert (await store.messages.commit([at(1)], {})).posts == [slow(30)]


async def test_slow_mode_holds_for_two_daemons_at_once(store: Store, opener: Opener) -> None:
    other = await opener()
    await store.rooms.create(room())
    await store.rooms.update("lobby", "Lobby", "", slow_seconds=30)
    for number in range(20):
        batches = [[at(100 * number + n)] for n in range(2)]
        writers = [partial(one.messages.commit, each, {}) for one, each in zip((store, other), batches, strict=True)]
        outcomes = [answer.outcome for each in await at_once(writers) for answer in each.posts]
        assert sorted(outcome.name for outcome in outcomes) == ["SLOW", "STORED"]
    assert len(await contents(store)) == 20
    await other.aclose()


async def test_mutes_go_with_the_user_and_the_room(store: Store) -> None:
    await store.rooms.create(room())
    await add_user(store, "bob")
    for user_id in ("ann", "bob"):
        await store.members.mute("lobby", user_id, NOW + 60)
    await store.users.delete("bob")
    await store.rooms.join("lobby", "bob", 2.0)
    assert (await store.members.of_user("bob"))["lobby"].muted_until == 0
    await store.rooms.delete("lobby")
    await store.messages.sweep(100)
    await store.rooms.create(room())
    assert [member.muted_until for member in await members(store)] == [0, 0]
    assert (await store.messages.commit([post(user_id="ann")], {})).posts == stored(1)
