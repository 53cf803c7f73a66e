"""Invitations, in every store."""

from functools import partial

import msgspec
import trio

from reichatd.store import Confirmation, Invite, InviteOutcome, JoinOutcome, Registration, Store
from tests.store.samples import add_user, at_once, register, registration, room, user

NOW, LATER = 50.0, 90.0


def invite(invite_id: str = "i", room_id: str = "lobby", uses_left: int | None = None) -> Invite:
    return Invite(invite_id, f"hash of {invite_id}", room_id, "ann", 1.5, expires_at=LATER, uses_left=uses_left)


def invited(invite_id: str = "i", code_hash: str = "code", email: str = "eve@example.org") -> Registration:
    return msgspec.structs.replace(registration(email, code_hash), invite_id=invite_id)


async def add_invite(store: Store, invite_id: str = "i", room_id: str = "lobby", uses_left: int | None = None) -> None:
    assert await store.invites.create(invite(invite_id, room_id, uses_left), 0) is InviteOutcome.CREATED


async def uses_left(store: Store) -> int | None:
    found = await store.invites.by_id("i")
    assert found is not None
    return found.uses_left


async def test_invites_are_found_and_listed_oldest_first(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    await store.rooms.create(room("den"))
    several = [
        invite("z"),
        invite("b", "", 3),
        invite("c", "den"),
        msgspec.structs.replace(invite("a"), created_at=2.5),
    ]
    for one in several:
        assert await store.invites.create(one, 0) is InviteOutcome.CREATED
        assert await store.invites.by_hash(one.token_hash) == await store.invites.by_id(one.invite_id) == one
    assert await store.invites.of_room("lobby") == [several[0], several[3]]
    assert await store.invites.of_room("") == [several[1]]
    assert await store.invites.of_room("nowhere") == []
    assert await store.invites.by_hash("another") is None
    assert await store.invites.by_id("another") is None


async def test_a_room_has_a_limited_number_of_valid_invites(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    for one in (
        invite("used up", uses_left=0),
        msgspec.structs.replace(invite("old"), expires_at=1.0),
        invite("1", ""),
    ):
        assert await store.invites.create(one, 2) is InviteOutcome.CREATED
    for number, outcome in enumerate([InviteOutcome.CREATED, InviteOutcome.CREATED, InviteOutcome.TOO_MANY]):
        assert await store.invites.create(invite(f"new {number}"), 2) is outcome
    assert await store.invites.create(invite("x", "nowhere"), 2) is InviteOutcome.NO_ROOM


async def test_only_the_own_room_deletes_an_invite(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    await store.rooms.create(room("den"))
    await add_invite(store, "i", "den")
    await add_invite(store, "server", "")
    for room_id in ("lobby", "nowhere", ""):
        assert not await store.invites.delete(room_id, "i")
    assert await store.invites.delete("den", "i")
    assert not await store.invites.delete("den", "i")
    assert await store.invites.by_id("i") is None
    assert await store.invites.delete("", "server")


async def test_an_invite_goes_with_its_room(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    await add_invite(store)
    await store.rooms.delete("lobby")
    await store.rooms.create(room("lobby"))
    assert await store.invites.by_id("i") is None
    assert await store.invites.by_hash("hash of i") is None
    assert await store.invites.of_room("lobby") == []
    assert await store.invites.join("i", "eve", NOW) is JoinOutcome.NO_ROOM


async def test_joining_uses_an_invite_up(store: Store) -> None:
    await store.rooms.create(room("lobby", ["ann"], password_hash="secret"))
    await store.rooms.ban("lobby", "dan")
    await add_invite(store, uses_left=2)
    assert await store.invites.join("i", "bob", NOW) is JoinOutcome.JOINED
    assert await store.invites.join("i", "bob", NOW) is JoinOutcome.ALREADY_JOINED
    assert await store.invites.join("i", "dan", NOW) is JoinOutcome.BANNED
    assert await uses_left(store) == 1
    assert await store.invites.join("i", "eve", LATER) is JoinOutcome.NO_ROOM, "expired"
    assert await store.invites.join("i", "eve", NOW) is JoinOutcome.JOINED
    assert await store.invites.join("i", "fay", NOW) is JoinOutcome.NO_ROOM, "used up"
    assert await store.invites.join("none", "fay", NOW) is JoinOutcome.NO_ROOM
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.users == ("ann", "bob", "eve")


async def test_an_invite_to_the_server_joins_no_room(store: Store) -> None:
    await add_invite(store, room_id="", uses_left=2)
    assert await store.invites.join("i", "bob", NOW) is JoinOutcome.NO_ROOM
    assert await uses_left(store) == 2


async def test_the_last_use_goes_to_one_of_many(store: Store) -> None:
    await store.rooms.create(room("lobby", ["ann"]))
    await add_invite(store, uses_left=3)
    outcomes = await at_once([partial(store.invites.join, "i", f"user {n}", NOW) for n in range(12)])
    found = await store.rooms.get("lobby")
    assert found is not None
    assert len(found.users) == 1 + outcomes.count(JoinOutcome.JOINED) == 4
    assert await uses_left(store) == 0


async def test_a_ban_during_a_join_by_invite_leaves_no_banned_member(store: Store) -> None:
    await store.rooms.create(room("lobby", ["ann"]))
    await add_invite(store)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(store.invites.join, "i", f"user {number}", NOW)
            nursery.start_soon(store.rooms.ban, "lobby", f"user {number}")
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.users == ("ann",)


async def test_a_confirmation_uses_the_invite_up_and_joins_its_room(store: Store) -> None:
    await store.rooms.create(room("lobby", ["ann"], password_hash="secret"))
    await add_invite(store, uses_left=1)
    await register(store, invited())
    eve = user("eve")
    assert await store.invites.confirm(invited(), eve, NOW, needed=True) == Confirmation(eve, invite(uses_left=1))
    # Repeated, because its answer was lost: by then another id was chosen.
    assert await store.invites.confirm(invited(), user("eva"), NOW, needed=True) == Confirmation(eve)
    assert await uses_left(store) == 0
    assert [one.room_id for one in await store.rooms.joined_summaries("eve")] == ["lobby"]
    await register(store, invited(email="fay@example.org"))
    fay = user("fay")
    assert await store.invites.confirm(invited(email="fay@example.org"), fay, NOW, needed=True) == Confirmation(
        is_invite_gone=True
    )
    assert await store.users.by_id("fay") is None
    assert await store.invites.confirm(invited(email="fay@example.org"), fay, NOW, needed=False) == Confirmation(fay)
    assert await store.rooms.joined("fay") == []


async def test_a_confirmation_that_fails_uses_nothing_up(store: Store) -> None:
    await add_invite(store, room_id="", uses_left=1)
    await add_user(store, "eve")
    assert await store.invites.confirm(invited(code_hash="y"), user("eva"), NOW, needed=True) == Confirmation()
    assert await store.invites.confirm(invited(code_hash="x"), user("eva"), NOW, needed=True) == Confirmation()
    assert await uses_left(store) == 1


async def test_two_registrations_with_the_last_use_make_one_user(store: Store) -> None:
    await add_invite(store, room_id="", uses_left=1)
    several = [invited(email=f"user{n}@example.org") for n in range(6)]
    for one in several:
        await register(store, one)
    found = await at_once(
        [
            partial(store.invites.confirm, one, user(f"user{n}", one.email), NOW, needed=True)
            for n, one in enumerate(several)
        ]
    )
    assert sorted(one.is_invite_gone for one in found) == [False, True, True, True, True, True]
    assert len(await store.users.page("", 10)) == 1


async def test_one_code_used_many_times_at_once_uses_up_one_use(store: Store) -> None:
    await store.rooms.create(room("lobby", ["ann"]))
    await add_invite(store, uses_left=3)
    await register(store, invited())
    found = await at_once(
        [
            partial(store.invites.confirm, invited(), user(f"eve{n}", "eve@example.org"), NOW, needed=True)
            for n in range(8)
        ]
    )
    (made,) = await store.users.page("", 10)
    assert {one.user for one in found if not one.is_invite_gone} == {made}
    assert len([one for one in found if one.invite]) == 1
    assert await uses_left(store) == 2
    lobby = await store.rooms.get("lobby")
    assert lobby is not None
    assert lobby.users == ("ann", made.user_id)


async def test_expired_invites_are_removed(store: Store) -> None:
    await add_invite(store, room_id="")
    assert await store.invites.delete_expired(NOW) == 0
    assert await store.invites.delete_expired(LATER) == 1
    assert await store.invites.by_id("i") is None
