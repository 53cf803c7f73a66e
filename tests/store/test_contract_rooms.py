"""Rooms, members and bans, in every store."""

from functools import partial

import msgspec
import pytest
import trio

from reichatd.store import BanOutcome, JoinOutcome, Keep, RoomHead, RoomSummary, Store
from reichatd.store.mongodb import progress
from reichatd.store.sqlite import joined
from tests.store.samples import at_once, post, room


async def test_a_room_comes_back_as_it_was(store: Store) -> None:
    private = room("den", users=["bob", "ann", "cleo"], password_hash="hash")
    assert await store.rooms.create(room())
    assert await store.rooms.create(private)
    assert await store.rooms.get("lobby") == room()
    assert await store.rooms.get("den") == private


async def test_a_room_that_does_not_exist(store: Store) -> None:
    assert await store.rooms.get("lobby") is None
    assert not await store.rooms.update("lobby", "name", "description")
    assert not await store.rooms.update_with_password("lobby", "name", "description", None)
    assert not await store.rooms.delete("lobby")
    assert await store.rooms.join("lobby", "ann", 1.0) is JoinOutcome.NO_ROOM
    assert not await store.rooms.leave("lobby", "ann")
    assert await store.rooms.ban("lobby", "ann") is BanOutcome.NO_ROOM
    assert not await store.rooms.is_banned("lobby", "ann")
    assert not await store.rooms.unban("lobby", "ann")
    assert await store.rooms.public(None, 100) == []
    assert await store.rooms.joined("ann") == []


async def test_an_id_is_used_once(store: Store) -> None:
    several = [room("lobby", users=[f"owner{n}"]) for n in range(20)]
    created = await at_once([partial(store.rooms.create, one) for one in several])
    assert created.count(True) == 1
    winner = several[created.index(True)]
    assert await store.rooms.get("lobby") == winner
    joined = [await store.rooms.joined(one.owner) for one in several]
    assert [rooms for rooms in joined if rooms] == [[winner]]


async def test_room_ids_differ_in_more_than_case(store: Store) -> None:
    assert await store.rooms.is_free("Lobby")
    assert await store.rooms.create(room("Lobby"))
    for room_id in ("lobby", "Lobby", "LOBBY"):
        assert not await store.rooms.is_free(room_id)
        assert not await store.rooms.create(room(room_id))
    assert await store.rooms.get("lobby") is None, "a room is found by its very id"
    for room_id in ("lobb", "lobbya", "Lobby0"):
        assert await store.rooms.create(room(room_id))
    await store.rooms.delete("Lobby")
    assert await store.rooms.create(room("lobby"))


async def test_an_id_is_used_once_regardless_of_case(store: Store) -> None:
    ids = ["lounge", "Lounge", "LOUNGE", "lOUNGE", "loungE"] * 4
    created = await at_once([partial(store.rooms.create, room(room_id)) for room_id in ids])
    assert created.count(True) == 1
    assert await store.rooms.get(ids[created.index(True)]) is not None


async def test_the_head_of_a_room_is_everything_but_its_members(store: Store) -> None:
    for one in (room(users=["bob", "ann"]), room("den", users=["bob"], password_hash="hash")):
        await store.rooms.create(one)
    await store.rooms.keep("den", Keep(30, 5))
    lobby = RoomHead("lobby", "The lobby", "Come in", "bob", None, 1.5, 1, None, is_member=True)
    assert await store.rooms.head("lobby", "ann") == lobby
    assert await store.rooms.head("lobby", "eve") == msgspec.structs.replace(lobby, is_member=False)
    assert await store.rooms.head("den") == RoomHead(
        "den", "The den", "Come in", "bob", "hash", 1.5, 1, Keep(30, 5), is_member=False
    )
    assert await store.rooms.head("attic", "ann") is None


async def test_public_rooms_oldest_first(store: Store) -> None:
    for room_id, age, password_hash in (("new", 1, None), ("secret", 2, "hash"), ("old", 3, None), ("mid", 2, None)):
        await store.rooms.create(
            msgspec.structs.replace(room(room_id, password_hash=password_hash), created_at=10.0 - age)
        )
    assert await store.rooms.public(None, 100) == [
        RoomSummary(room_id, f"The {room_id}", "Come in") for room_id in ("old", "mid", "new")
    ]


async def test_public_rooms_in_pages(store: Store) -> None:
    ids = [f"room{number}" for number in range(10)]
    for number, room_id in enumerate(ids):  # several of the same time
        await store.rooms.create(msgspec.structs.replace(room(room_id), created_at=float(number // 4)))
    await store.rooms.create(msgspec.structs.replace(room("den", password_hash="hash"), created_at=1.0))
    found: list[str] = []
    while page := await store.rooms.public(found[-1] if found else None, 3):
        found += [one.room_id for one in page]
    assert found == ids
    assert [one.room_id for one in await store.rooms.public("den", 5) or ()] == ids[8:], (
        "a private room has a place too"
    )
    assert await store.rooms.public("nothing", 5) is None


async def test_owned_rooms_are_counted_up_to_a_number(store: Store) -> None:
    for number in range(4):
        await store.rooms.create(room(f"room{number}", users=["bob"]))
    assert [await store.rooms.count_owned("bob", at_most) for at_most in (2, 4, 9)] == [2, 4, 4]
    assert await store.rooms.count_owned("eve", 9) == 0


async def test_members_are_in_the_order_they_joined(store: Store) -> None:
    await store.rooms.create(room(users=["zoe", "ann"]))
    # The same time, and a clock that goes back.
    for user_id, now in (("mia", 5.0), ("bob", 5.0), ("eve", 4.0)):
        assert await store.rooms.join("lobby", user_id, now) is JoinOutcome.JOINED
    assert await store.rooms.leave("lobby", "ann")
    assert await store.rooms.join("lobby", "ann", 3.0) is JoinOutcome.JOINED
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.users == ("zoe", "mia", "bob", "eve", "ann")


async def test_what_a_user_is_in_the_joined_rooms(store: Store) -> None:
    await store.rooms.create(room(users=["ann", "bob", "eve"], password_hash="hash"))
    await store.rooms.create(room("den", users=["bob"]))
    await store.rooms.join("den", "ann", 5.0)
    await store.members.set_moderator("den", "ann", True)
    await store.members.mute("den", "ann", 9.0)
    await store.rooms.leave("den", "bob")
    await store.messages.commit([post(room_id="den"), post(room_id="den")], {("den", "ann"): 1})
    lobby, den = await store.rooms.joined_heads("ann")
    assert lobby.room == await store.rooms.head("lobby", "ann")
    assert den.room == await store.rooms.head("den", "ann")
    assert {"lobby": lobby.member, "den": den.member} == await store.members.of_user("ann")
    assert [lobby.progress, den.progress] == await store.rooms.progress("ann")
    assert [(each.members, each.owner_is_member) for each in (lobby, den)] == [(3, True), (1, False)]
    assert await store.rooms.joined_heads("ann", ["den", "elsewhere"]) == [den]
    assert await store.rooms.joined_heads("ann", []) == await store.rooms.joined_heads("nobody") == []


async def test_members_of_joined_rooms_are_counted_up_to_a_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then what the count costs does not grow with the rooms."""
    for module in (joined, progress):
        monkeypatch.setattr(module, "MOST_MEMBERS", 2)
    await store.rooms.create(room("small", users=["ann", "bob"]))
    await store.rooms.create(room("large", users=["ann", "bob", "cleo"]))
    assert [each.members for each in await store.rooms.joined_heads("ann")] == [2, 2]


async def test_joined_rooms_are_in_the_order_they_were_joined(store: Store) -> None:
    for room_id in ("a", "b", "c", "d"):
        await store.rooms.create(
            room(room_id, users=["owner", "bob"], password_hash="hash" if room_id == "a" else None)
        )
    for room_id in ("c", "a", "d"):
        await store.rooms.join(room_id, "ann", 5.0)
    joined = await store.rooms.joined("ann")
    assert joined == [await store.rooms.get(room_id) for room_id in ("c", "a", "d")]
    assert [one.users for one in joined] == [("owner", "bob", "ann")] * 3
    assert await store.rooms.joined_summaries("ann") == [
        RoomSummary(one.room_id, one.name, one.description) for one in joined
    ]
    assert await store.rooms.joined("nobody") == []
    assert await store.rooms.joined_summaries("nobody") == []


async def test_one_user_joins_once_however_often_at_once(store: Store) -> None:
    await store.rooms.create(room())
    outcomes = await at_once([partial(store.rooms.join, "lobby", "cleo", 2.0)] * 20)
    assert outcomes.count(JoinOutcome.JOINED) == 1
    assert outcomes.count(JoinOutcome.ALREADY_JOINED) == 19
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.users == ("ann", "bob", "cleo")


async def test_many_users_join_at_once(store: Store) -> None:
    await store.rooms.create(room())
    newcomers = [f"user{number}" for number in range(20)]
    outcomes = await at_once([partial(store.rooms.join, "lobby", user_id, 2.0) for user_id in newcomers])
    assert set(outcomes) == {JoinOutcome.JOINED}
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.users[:2] == ("ann", "bob")
    assert sorted(found.users[2:]) == sorted(newcomers)


async def test_leaving(store: Store) -> None:
    await store.rooms.create(room())
    assert (await at_once([partial(store.rooms.leave, "lobby", "bob")] * 5)).count(True) == 1
    assert await store.rooms.joined("bob") == []
    assert await store.rooms.get("lobby") == room(users=["ann"])


@pytest.mark.parametrize("password_hash", [None, "hash"])
async def test_update_leaves_the_password(store: Store, password_hash: str | None) -> None:
    await store.rooms.create(room(password_hash=password_hash))
    assert await store.rooms.update("lobby", "Salon", "")
    assert await store.rooms.get("lobby") == msgspec.structs.replace(
        room(password_hash=password_hash), name="Salon", description=""
    )
    assert await store.rooms.update("lobby", "Salon", ""), "there is such a room, though nothing changes"


@pytest.mark.parametrize(("before", "after"), [(None, "hash"), ("hash", "other"), ("hash", None)])
async def test_update_with_password(store: Store, before: str | None, after: str | None) -> None:
    await store.rooms.create(room(password_hash=before))
    assert await store.rooms.update_with_password("lobby", "Salon 🛋", "sit\0down", after)
    changed = await store.rooms.get("lobby")
    assert changed is not None
    assert (changed.name, changed.description, changed.password_hash) == ("Salon 🛋", "sit\0down", after)
    assert len(await store.rooms.public(None, 100) or ()) == (after is None)


async def test_a_ban_ends_the_membership_and_prevents_a_new_one(store: Store) -> None:
    await store.rooms.create(room())
    assert not await store.rooms.is_banned("lobby", "bob")
    assert await store.rooms.ban("lobby", "bob") is BanOutcome.BANNED
    assert await store.rooms.is_banned("lobby", "bob")
    assert await store.rooms.get("lobby") == room(users=["ann"])
    assert await store.rooms.joined("bob") == []
    assert await store.rooms.join("lobby", "bob", 2.0) is JoinOutcome.BANNED
    assert await store.rooms.ban("lobby", "bob") is BanOutcome.ALREADY_BANNED
    assert await store.rooms.unban("lobby", "bob")
    assert not await store.rooms.unban("lobby", "bob")
    assert await store.rooms.join("lobby", "bob", 2.0) is JoinOutcome.JOINED


async def test_a_nonmember_can_be_banned_from_one_room(store: Store) -> None:
    for room_id in ("lobby", "den"):
        await store.rooms.create(room(room_id))
    assert await store.rooms.ban("lobby", "eve") is BanOutcome.BANNED
    assert await store.rooms.join("lobby", "eve", 2.0) is JoinOutcome.BANNED
    assert not await store.rooms.is_banned("den", "eve")
    assert await store.rooms.join("den", "eve", 2.0) is JoinOutcome.JOINED


async def test_join_and_ban_at_once_leave_no_banned_member(store: Store) -> None:
    await store.rooms.create(room(users=["ann"]))
    for number in range(20):
        user_id = f"user{number}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.rooms.join, "lobby", user_id, 2.0)
            nursery.start_soon(store.rooms.ban, "lobby", user_id)
    assert await store.rooms.get("lobby") == room(users=["ann"])


async def test_a_deleted_room_does_not_exist(store: Store) -> None:
    await store.rooms.create(room())
    await store.rooms.ban("lobby", "eve")
    assert (await at_once([partial(store.rooms.delete, "lobby")] * 5)).count(True) == 1
    assert await store.rooms.get("lobby") is None
    assert await store.rooms.public(None, 100) == []
    assert await store.rooms.joined("ann") == []
    assert await store.rooms.joined_summaries("ann") == []
    assert not await store.rooms.is_banned("lobby", "eve")


async def test_a_room_created_again_has_no_old_members_or_bans(store: Store) -> None:
    await store.rooms.create(room())
    await store.rooms.ban("lobby", "eve")
    await store.rooms.delete("lobby")
    assert await store.rooms.create(room(users=["cleo"]))
    assert await store.rooms.get("lobby") == room(users=["cleo"])
    assert await store.rooms.joined("ann") == []
    assert await store.rooms.join("lobby", "eve", 2.0) is JoinOutcome.JOINED
