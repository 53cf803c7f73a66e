"""The methods that only administration uses, in every store."""

import msgspec

from reichatd.store import JoinOutcome, Membership, RoomOverview, Store, TransferOutcome
from tests.store.samples import add_user, contents, post, registration, room, session, user


async def test_users_come_in_pages_by_address(store: Store) -> None:
    for name in ("Cleo", "ann", "Bob", "dora"):
        await add_user(store, name)
    names, after = [], ""
    while page := await store.users.page(after, 3):
        assert len(page) <= 3
        names += [one.user_id for one in page]
        after = page[-1].email
    assert names == ["ann", "Bob", "Cleo", "dora"]
    assert [one.user_id for one in await store.users.page("BOB@example.org", 9)] == ["Cleo", "dora"]


async def test_registrations_come_in_pages_by_address(store: Store) -> None:
    several = [registration(f"{name}@example.org") for name in ("Bob", "ann", "cleo")]
    for one in several:
        await store.users.register(one, 5)
    assert await store.users.registrations("", 2) == [several[1], several[0]]
    assert await store.users.registrations("Bob@example.org", 2) == [several[2]]


async def test_a_page_has_all_registrations_of_its_addresses(store: Store) -> None:
    several = [registration(email, code_hash=f"{number}") for email in ("a@b.org", "c@b.org") for number in range(4)]
    for one in several:
        await store.users.register(one, 5)
    await store.users.take_try("a@b.org", 1.0, 2.0)
    page = await store.users.registrations("", 1)
    assert page == [one.after(1) for one in several[:4]]
    assert await store.users.registrations(page[-1].email, 1) == several[4:]


async def test_users_by_their_ids(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    assert await store.users.by_ids(["bob", "nobody", "ann", "bob"]) == [bob, None, ann, bob]
    assert await store.users.by_ids([]) == []


async def test_a_disabled_user_has_no_session(store: Store) -> None:
    ann = await add_user(store)
    await add_user(store, "bob")
    for one in (session("laptop"), session("phone"), session("desk", "bob")):
        await store.sessions.create(one)
    assert sorted(await store.users.disable("ann") or ()) == ["laptop", "phone"]
    assert await store.sessions.get("laptop") is None
    assert await store.sessions.get("desk") is not None
    assert await store.users.by_id("ann") == msgspec.structs.replace(ann, disabled=True)
    assert await store.users.disable("ann") == []
    assert await store.users.disable("nobody") is None


async def test_a_session_created_while_disabled_is_not_valid(store: Store) -> None:
    ann = await add_user(store)
    await store.users.disable("ann")
    await store.sessions.create(session())
    assert await store.sessions.get("laptop") is None
    assert await store.sessions.by_refresh_hash("refresh of laptop") is None
    assert await store.sessions.of_user("ann") == []
    assert await store.users.enable("ann")
    assert await store.users.by_id("ann") == ann
    assert not await store.users.enable("nobody")


async def test_a_password_set_ends_every_session(store: Store) -> None:
    await add_user(store)
    await store.sessions.create(session("laptop"))
    await store.users.change_password("ann", "password", "newer", "laptop")
    await store.sessions.create(session("phone"))
    assert sorted(await store.users.set_password("ann", "newest") or ()) == ["laptop", "phone"]
    assert await store.sessions.of_user("ann") == []
    changed = await store.users.by_id("ann")
    assert changed is not None
    assert changed.password_hash == "newest"
    assert await store.users.set_password("nobody", "new") is None
    await store.sessions.create(session("tablet"))
    assert await store.sessions.get("tablet") is not None


async def test_all_sessions_end(store: Store) -> None:
    ann = await add_user(store)
    for one in (session("phone"), session("laptop")):
        await store.sessions.create(one)
    assert await store.sessions.of_user("ann") == [session("laptop"), session("phone")]
    assert sorted(await store.sessions.end_all("ann") or ()) == ["laptop", "phone"]
    assert await store.sessions.get("phone") is None
    assert await store.sessions.end_all("ann") == []
    assert await store.sessions.end_all("nobody") is None
    assert await store.users.by_id("ann") == ann


async def test_the_messages_of_a_deleted_user_stay(store: Store) -> None:
    await add_user(store)
    await add_user(store, "bob")
    await store.sessions.create(session())
    await store.rooms.create(room(users=["bob", "ann"]))
    await store.rooms.create(room("den", users=["bob"]))
    await store.rooms.ban("den", "ann")
    await store.messages.commit([post("hello"), post("hi", "bob")], {})
    assert await store.users.delete("ann")
    assert not await store.users.delete("ann")
    assert await store.users.by_id("ann") is await store.users.by_email("ann@example.org") is None
    assert await store.sessions.get("laptop") is None
    assert await store.sessions.by_refresh_hash("refresh of laptop") is None
    assert await store.rooms.get("lobby") == room(users=["bob"])
    assert await store.rooms.bans("den") == []
    first, second = await store.messages.range("lobby", 1, 9)
    assert (first.user_id, first.username, first.email, first.content) == ("ann", "", "", "hello")
    assert (second.user_id, second.username) == ("bob", "Bob")


async def test_the_address_of_a_deleted_user_is_free_again(store: Store) -> None:
    await add_user(store)
    await store.users.delete("ann")
    assert await add_user(store, "another", "ann@example.org") == await store.users.by_email("ANN@example.org")


async def test_rooms_come_in_pages_by_id(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    await store.rooms.create(room("den", users=["ann"], password_hash="hash"))
    await store.rooms.create(room("attic", users=["cleo", "ann", "bob"]))
    await store.messages.commit([post(), post()], {})
    assert await store.rooms.page("", 2) == [
        RoomOverview("attic", "The attic", "cleo", False, 1.5, members=3, last_id=0),
        RoomOverview("den", "The den", "ann", True, 1.5, members=1, last_id=0),
    ]
    assert await store.rooms.page("den", 2) == [
        RoomOverview("lobby", "The lobby", "ann", False, 1.5, members=2, last_id=2)
    ]
    assert await store.rooms.page("lobby", 2) == []


async def test_what_a_user_owns_and_has_joined(store: Store) -> None:
    for room_id, users in (("den", ["ann", "bob"]), ("attic", ["ann"]), ("lobby", ["bob"])):
        await store.rooms.create(room(room_id, users=users))
    await store.rooms.join("lobby", "ann", 7.5)
    await store.messages.commit([post(room_id="lobby")], {})
    await store.rooms.leave("attic", "ann")
    assert await store.rooms.owned("ann") == ["attic", "den"]
    assert await store.rooms.owned("nobody") == []
    assert await store.rooms.memberships("ann") == [Membership("den", 1.5, 0), Membership("lobby", 7.5, 1)]
    assert await store.rooms.memberships("nobody") == []


async def test_a_room_is_transferred_to_a_member(store: Store) -> None:
    await store.rooms.create(room())
    assert await store.rooms.transfer("lobby", "cleo") is TransferOutcome.NO_MEMBER
    assert await store.rooms.transfer("den", "bob") is TransferOutcome.NO_ROOM
    assert await store.rooms.get("lobby") == room()
    assert await store.rooms.transfer("lobby", "bob") is TransferOutcome.TRANSFERRED
    assert await store.rooms.get("lobby") == msgspec.structs.replace(room(), owner="bob")
    assert await store.rooms.owned("ann") == []


async def test_bans_of_a_room_and_of_a_user(store: Store) -> None:
    for room_id in ("lobby", "den"):
        await store.rooms.create(room(room_id))
        for user_id in ("zoe", "eve"):
            await store.rooms.ban(room_id, user_id)
    await store.rooms.unban("den", "zoe")
    assert await store.rooms.bans("lobby") == ["eve", "zoe"]
    assert await store.rooms.bans("attic") == []
    assert await store.rooms.banned_from("eve") == ["den", "lobby"]
    assert await store.rooms.banned_from("zoe") == ["lobby"]
    await store.rooms.delete("lobby")
    assert await store.rooms.banned_from("zoe") == []


async def test_messages_of_one_author(store: Store) -> None:
    await add_user(store)
    await store.rooms.create(room())
    await store.messages.commit([post(f"{name} {n}", name) for n in range(5) for name in ("ann", "bob")], {})
    found = await store.messages.written_by("ann", "lobby", 2, 7)
    assert [(one.message_id, one.content, one.username) for one in found] == [
        (3, "ann 1", "Ann"),
        (5, "ann 2", "Ann"),
        (7, "ann 3", "Ann"),
    ]
    assert await store.messages.written_by("ann", "den", 1, 9) == []
    assert await store.messages.written_by("nobody", "lobby", -(2**70), 2**70) == []


async def test_totals(store: Store) -> None:
    empty = await store.totals()
    assert (empty.users, empty.registrations, empty.sessions, empty.rooms, empty.messages) == (0, 0, 0, 0, 0)
    await add_user(store)
    await store.users.register(registration("bob@example.org"), 5)
    await store.sessions.create(session())
    for room_id in ("lobby", "den", "attic"):
        await store.rooms.create(room(room_id))
    await store.messages.commit([post(), post(), post(room_id="den")], {})
    totals = await store.totals()
    assert (totals.users, totals.registrations, totals.sessions, totals.rooms, totals.messages) == (1, 1, 1, 3, 3)
    assert totals.bytes > 0


async def test_a_deleted_user_is_no_longer_a_member(store: Store) -> None:
    await add_user(store)
    await store.rooms.create(room(users=["bob", "ann"]))
    await store.users.delete("ann")
    await store.messages.commit([post("too late")], {})
    assert await contents(store) == []
    assert await store.rooms.join("lobby", "cleo", 2.0) is JoinOutcome.JOINED
    assert await store.users.by_id("ann") is None
    assert await add_user(store) == user()


async def test_which_sessions_are_valid(store: Store) -> None:
    for name in ("ann", "bob", "cleo"):
        await add_user(store, name)
        await store.sessions.create(session(f"of {name}", name))
    await store.users.disable("bob")
    await store.sessions.end("of cleo")
    assert await store.sessions.living(["of ann", "of bob", "of cleo", "of nobody", "of ann"]) == {"of ann"}
    assert await store.sessions.living([]) == set()
