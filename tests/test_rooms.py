"""The use cases of rooms, on a real SQLite file. The rules alone are tested in test_rights.py."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from msgspec import UNSET

from reichatd.accounts import Passwords
from reichatd.administration import Administration, Record, requests
from reichatd.administration.records import Done
from reichatd.chat import delete_in_store
from reichatd.errors import (
    AlreadyBanned,
    AlreadyJoined,
    Banned,
    Forbidden,
    InvalidFields,
    InvalidPassword,
    NotAMember,
    NotBanned,
    PasswordRequired,
    RoomExists,
    RoomNotFound,
    Unavailable,
    UserNotFound,
    Yourself,
)
from reichatd.rights import UserActor
from reichatd.rooms import Rooms
from reichatd.settings import AuthSettings, LimitSettings, LiveSettings, Settings
from reichatd.store import Registration, Store, User
from reichatd.store.sqlite import open_store
from tests.recording import RecordingLive
from tests.unlimited import UNLIMITED, invites_of, limiter_of

CHEAP_HASHES = AuthSettings(argon2_time_cost=1, argon2_memory_kib=8, argon2_parallelism=1)
LIMITS = LimitSettings(**UNLIMITED)
NOW = 1_700_000_000.5
ANN, BOB = UserActor("ann", "session of ann"), UserActor("bob", "session of bob")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "test.sqlite3")
    yield opened
    await opened.aclose()


@pytest.fixture
def live() -> RecordingLive:
    return RecordingLive()


@pytest.fixture
async def rooms(store: Store, live: RecordingLive) -> Rooms:
    """With the users ann (who owns "den", private, and "hall", public) and bob."""
    for name in ("ann", "bob"):
        await add_user(store, name)
    rooms = make_rooms(store, live)
    await rooms.create(ANN, "ann", "Den", "quiet", "sesame", "den")
    await rooms.create(ANN, "ann", "Hall", "loud", None, "hall")
    return rooms


def make_rooms(store: Store, live: RecordingLive, limits: LimitSettings = LIMITS) -> Rooms:
    settings = LiveSettings(Settings(limits=limits))
    return Rooms(
        settings=settings,
        store=store,
        passwords=Passwords(CHEAP_HASHES),
        limiter=limiter_of(settings),
        live=live,
        clock=lambda: NOW,
    )


async def add_user(store: Store, name: str) -> None:
    registration = Registration(f"{name}@example.org", name, "hash", "code", tries_left=5, expires_at=NOW)
    await store.users.register(registration, 5)
    assert await store.users.confirm(registration, User(name, registration.email, name, "hash", NOW))


async def test_owner_is_the_first_member(rooms: Rooms) -> None:
    room = await rooms.get(ANN, "den")
    assert (room.name, room.description, room.owner, room.users) == ("Den", "quiet", "ann", ("ann",))
    assert room.private
    assert room.created_at == NOW
    assert not (await rooms.get(ANN, "hall")).private


async def test_random_room_id(rooms: Rooms) -> None:
    first, second = [await rooms.create(ANN, "ann", "Den", "") for _ in range(2)]
    assert first != second
    assert len(first) == 12
    assert first.isascii()
    assert first.isalnum()
    assert first == first.lower()


@pytest.mark.parametrize(("shortest", "longest", "length"), [(3, 8, 8), (20, 32, 20)])
async def test_random_room_id_keeps_the_limits(store: Store, shortest: int, longest: int, length: int) -> None:
    rooms = make_rooms(store, RecordingLive(), LimitSettings(room_id_min=shortest, room_id_max=longest))
    assert len(await rooms.create(ANN, "ann", "Den", "")) == length


async def test_room_id_taken(rooms: Rooms) -> None:
    with pytest.raises(RoomExists):
        await rooms.create(BOB, "bob", "Mine", "", None, "den")
    assert (await rooms.get(ANN, "den")).owner == "ann"


@pytest.mark.parametrize("room_id", ["abc", "ABC9", "x" * 32])
async def test_good_room_ids(rooms: Rooms, room_id: str) -> None:
    assert await rooms.create(ANN, "ann", "Den", "", None, room_id) == room_id


@pytest.mark.parametrize("room_id", ["", "ab", "x" * 33, "a b", "a-b", "äöü", "\u0661\u0662\u0663", "abc\n", "a/b"])
async def test_bad_room_ids(rooms: Rooms, room_id: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        await rooms.create(ANN, "ann", "Den", "", None, room_id)
    assert [problem.field for problem in caught.value.problems] == ["room_id"]


@pytest.mark.parametrize("name", ["x", "x" * 100, "  " + "x" * 100 + "\n", "Größe 👩‍👩‍👧"])
async def test_good_names_are_stripped(rooms: Rooms, name: str) -> None:
    room_id = await rooms.create(ANN, "ann", name, "")
    assert (await rooms.get(ANN, room_id)).name == name.strip()


@pytest.mark.parametrize(
    "name",
    [
        *("", " \t", "x" * 101, "a\nb", "a\0b", "a\x1b[1mb", "a\u2028b"),
        *("\u3164", "\u200b\u200d", "\u2800", "\u00ad", "a\u202eb", "\u2066a\u2069", "a\u200f"),
    ],
)
async def test_bad_names(rooms: Rooms, name: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        await rooms.create(ANN, "ann", name, "")
    assert [problem.field for problem in caught.value.problems] == ["name"]
    with pytest.raises(InvalidFields):
        await rooms.update(ANN, "den", name, "")


async def test_a_name_is_stored_in_one_unicode_form(rooms: Rooms) -> None:
    room_id = await rooms.create(ANN, "ann", "Gro\u0308\u00dfe", "")
    assert (await rooms.get(ANN, room_id)).name == "Größe"
    await rooms.update(ANN, room_id, "a\u0308" * 100, "")
    assert (await rooms.get(ANN, room_id)).name == "ä" * 100


@pytest.mark.parametrize(("chosen", "typed"), [("säsame", "sa\u0308same"), ("sa\u0308same", "säsame")])
async def test_a_password_matches_in_any_unicode_form(rooms: Rooms, chosen: str, typed: str) -> None:
    await rooms.update(ANN, "den", "Den", "", chosen)
    with pytest.raises(InvalidPassword):
        await rooms.members.join(BOB, "den", "sasame")
    await rooms.members.join(BOB, "den", typed)


async def test_a_password_is_measured_in_one_unicode_form(rooms: Rooms) -> None:
    await rooms.update(ANN, "den", "Den", "", "a\u0308" * 128)
    await rooms.members.join(BOB, "den", "ä" * 128)


async def test_room_ids_differ_in_more_than_case(rooms: Rooms) -> None:
    with pytest.raises(RoomExists):
        await rooms.create(BOB, "bob", "Mine", "", None, "DEN")
    with pytest.raises(RoomNotFound):
        await rooms.get(ANN, "DEN")


async def test_members_are_read_only_to_list_them(
    rooms: Rooms, store: Store, live: RecordingLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room may have 20,000 members: all other calls cost as little as in a small room."""

    async def refuse(*_: object) -> Any:  # noqa: ANN401
        raise AssertionError("the members were read")

    administration = Administration(
        store=store,
        passwords=Passwords(CHEAP_HASHES),
        rooms=rooms,
        invites=invites_of(store, LiveSettings(Settings())),
        settings=LiveSettings(Settings()),
        live=live,
        delete_messages=partial(delete_in_store, store, LiveSettings(Settings())),
    )
    for method in ("get", "joined"):
        monkeypatch.setattr(store.rooms, method, refuse)
    assert (await rooms.get(BOB, "den")).users == ()
    await rooms.members.join(BOB, "den", "sesame")
    with pytest.raises(AlreadyJoined):
        await rooms.members.join(BOB, "den", "sesame")
    await rooms.members.kick(ANN, "den", "bob")
    await rooms.members.ban(ANN, "den", "bob")
    with pytest.raises(Banned):
        await rooms.members.join(BOB, "den", "sesame")
    await rooms.members.unban(ANN, "den", "bob")
    await rooms.members.join(BOB, "den", "sesame")
    await rooms.members.leave(BOB, "den")
    await rooms.update(ANN, "den", "Den", "", None)
    await rooms.public(None, 100)
    await rooms.joined_summaries(ANN)
    for request in (requests.BanUser("den", "bob"), requests.UnbanUser("den", "bob"), requests.DeleteRoom("hall")):
        assert await administration.perform(request, _ignore) == Done()
    await rooms.delete(ANN, "den")


async def _ignore(_: Record) -> None:
    pass


async def test_all_problems_are_reported_together(rooms: Rooms) -> None:
    with pytest.raises(InvalidFields) as caught:
        await rooms.create(ANN, "ann", "", "x" * 1001, "x" * 129, "-")
    assert [problem.field for problem in caught.value.problems] == ["name", "description", "password", "room_id"]


async def test_empty_password_is_none(rooms: Rooms) -> None:
    room_id = await rooms.create(ANN, "ann", "Den", "", "")
    assert not (await rooms.get(ANN, room_id)).private


async def test_only_members_see_the_members_of_a_private_room(rooms: Rooms) -> None:
    assert (await rooms.get(BOB, "den")).users == ()
    assert (await rooms.get(BOB, "hall")).users == ("ann",)
    await rooms.members.join(BOB, "den", "sesame")
    assert (await rooms.get(BOB, "den")).users == ("ann", "bob")


async def test_a_member_who_is_removed_meanwhile_does_not_see_the_members_of_a_private_room(
    rooms: Rooms, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rooms.members.join(BOB, "den", "sesame")
    head = store.rooms.head

    async def head_before_the_kick(room_id: str, user_id: str = "") -> Any:  # noqa: ANN401
        found = await head(room_id, user_id)
        await store.rooms.leave("den", "bob")
        return found

    monkeypatch.setattr(store.rooms, "head", head_before_the_kick)
    assert (await rooms.get(BOB, "den")).users == ()


async def test_lists(rooms: Rooms) -> None:
    await rooms.members.join(BOB, "hall")
    await rooms.members.join(BOB, "den", "sesame")
    assert [room.room_id for room in await rooms.public(None, 100)] == ["hall"]
    assert [room.room_id for room in await rooms.own.all(BOB, users=True)] == ["hall", "den"]
    assert [room.room_id for room in await rooms.joined_summaries(BOB)] == ["hall", "den"]


async def test_update_keeps_the_password(rooms: Rooms) -> None:
    await rooms.update(ANN, "den", " Cave ", "dark")
    room = await rooms.get(ANN, "den")
    assert (room.name, room.description) == ("Cave", "dark")
    await rooms.members.join(BOB, "den", "sesame")


@pytest.mark.parametrize("password", [None, ""])
async def test_update_makes_public(rooms: Rooms, password: str | None) -> None:
    await rooms.update(ANN, "den", "Den", "", password)
    await rooms.members.join(BOB, "den")


async def test_update_changes_the_password(rooms: Rooms) -> None:
    await rooms.update(ANN, "den", "Den", "", "x")
    with pytest.raises(InvalidPassword):
        await rooms.members.join(BOB, "den", "sesame")
    await rooms.members.join(BOB, "den", "x")


@pytest.mark.parametrize("password", [UNSET, None, "new"])
async def test_update_of_a_room_deleted_meanwhile(rooms: Rooms, store: Store, password: Any) -> None:  # noqa: ANN401
    after(store.rooms, "head", lambda: store.rooms.delete("den"))
    with pytest.raises(RoomNotFound):
        await rooms.update(ANN, "den", "Den", "", password)


async def test_delete(rooms: Rooms, live: RecordingLive) -> None:
    await rooms.delete(ANN, "den")
    with pytest.raises(RoomNotFound):
        await rooms.get(ANN, "den")
    with pytest.raises(RoomNotFound):
        await rooms.delete(ANN, "den")
    assert live.calls == [("room_deleted", "den")]


async def test_delete_of_a_room_deleted_meanwhile(rooms: Rooms, store: Store) -> None:
    after(store.rooms, "head", lambda: store.rooms.delete("den"))
    with pytest.raises(RoomNotFound):
        await rooms.delete(ANN, "den")


async def test_join_and_leave(rooms: Rooms, live: RecordingLive) -> None:
    await rooms.members.join(BOB, "hall", "ignored")
    with pytest.raises(AlreadyJoined):
        await rooms.members.join(BOB, "hall")
    assert live.calls == []
    await rooms.members.leave(BOB, "hall")
    assert live.calls == [("member_removed", "hall", "bob")]
    with pytest.raises(NotAMember):
        await rooms.members.leave(BOB, "hall")
    with pytest.raises(RoomNotFound):
        await rooms.members.leave(BOB, "nowhere")


async def test_join_of_a_private_room(rooms: Rooms) -> None:
    for password in (None, ""):
        with pytest.raises(PasswordRequired):
            await rooms.members.join(BOB, "den", password)
    for password in ("Sesame", "sesame ", "x" * 1000):
        with pytest.raises(InvalidPassword):
            await rooms.members.join(BOB, "den", password)
    await rooms.members.join(BOB, "den", "sesame")
    with pytest.raises(AlreadyJoined):
        await rooms.members.join(BOB, "den", "wrong")


async def test_join_of_a_room_that_changes_meanwhile(rooms: Rooms, store: Store) -> None:
    after(store.rooms, "head", lambda: store.rooms.join("den", "bob", NOW))
    with pytest.raises(AlreadyJoined):
        await rooms.members.join(BOB, "den", "sesame")
    after(store.rooms, "head", lambda: store.rooms.delete("hall"))
    with pytest.raises(RoomNotFound):
        await rooms.members.join(BOB, "hall")


async def test_owner_who_left_is_still_the_owner(rooms: Rooms) -> None:
    await rooms.members.leave(ANN, "den")
    assert (await rooms.get(ANN, "den")).users == ()
    await rooms.update(ANN, "den", "Den", "", None)
    await rooms.members.join(ANN, "den")


async def test_kick(rooms: Rooms, live: RecordingLive) -> None:
    await rooms.members.join(BOB, "hall")
    await rooms.members.kick(ANN, "hall", "bob")
    assert live.calls == [("member_removed", "hall", "bob")]
    for nobody in ("bob", "nobody"):
        with pytest.raises(NotAMember):
            await rooms.members.kick(ANN, "hall", nobody)
    await rooms.members.join(BOB, "hall")


async def test_ban_of_a_member(rooms: Rooms, live: RecordingLive) -> None:
    await rooms.members.join(BOB, "hall")
    await rooms.members.ban(ANN, "hall", "bob")
    assert live.calls == [("member_removed", "hall", "bob")]
    assert (await rooms.get(ANN, "hall")).users == ("ann",)
    with pytest.raises(Banned):
        await rooms.members.join(BOB, "hall")
    with pytest.raises(AlreadyBanned):
        await rooms.members.ban(ANN, "hall", "bob")
    await rooms.members.unban(ANN, "hall", "bob")
    with pytest.raises(NotBanned):
        await rooms.members.unban(ANN, "hall", "bob")
    await rooms.members.join(BOB, "hall")


@pytest.mark.parametrize("password", [None, "wrong", "sesame"])
async def test_a_banned_user_cannot_try_passwords(rooms: Rooms, password: str | None) -> None:
    await rooms.members.ban(ANN, "den", "bob")
    with pytest.raises(Banned):
        await rooms.members.join(BOB, "den", password)


async def test_ban_of_an_unknown_user(rooms: Rooms) -> None:
    with pytest.raises(UserNotFound):
        await rooms.members.ban(ANN, "hall", "nobody")
    with pytest.raises(NotBanned):
        await rooms.members.unban(ANN, "hall", "nobody")


async def test_ban_in_a_room_deleted_meanwhile(rooms: Rooms, store: Store) -> None:
    after(store.users, "by_id", lambda: store.rooms.delete("hall"))
    with pytest.raises(RoomNotFound):
        await rooms.members.ban(ANN, "hall", "bob")


OWNERS_CALLS: dict[str, Callable[[Rooms, UserActor, str], Awaitable[object]]] = {
    "update": lambda rooms, by, room_id: rooms.update(by, room_id, "", ""),
    "delete": lambda rooms, by, room_id: rooms.delete(by, room_id),
    "bans": lambda rooms, by, room_id: rooms.members.bans(by, room_id),
    "kick": lambda rooms, by, room_id: rooms.members.kick(by, room_id, by.user_id),
    "ban": lambda rooms, by, room_id: rooms.members.ban(by, room_id, by.user_id),
    "unban": lambda rooms, by, room_id: rooms.members.unban(by, room_id, by.user_id),
}


@pytest.mark.parametrize("call", OWNERS_CALLS.values(), ids=OWNERS_CALLS.keys())
async def test_only_the_owner(
    rooms: Rooms, live: RecordingLive, call: Callable[[Rooms, UserActor, str], Awaitable[object]]
) -> None:
    """The room is checked first, then the owner, then the request."""
    await rooms.members.join(BOB, "hall")
    with pytest.raises(RoomNotFound):
        await call(rooms, BOB, "nowhere")
    with pytest.raises(Forbidden):
        await call(rooms, BOB, "hall")
    assert live.calls == []


@pytest.mark.parametrize("name", ["kick", "ban", "unban"])
async def test_not_on_oneself(rooms: Rooms, live: RecordingLive, name: str) -> None:
    with pytest.raises(Yourself):
        await OWNERS_CALLS[name](rooms, ANN, "hall")
    assert live.calls == []


MEMBERSHIP_CALLS: dict[str, Callable[[Rooms], Awaitable[None]]] = {
    "leave": lambda rooms: rooms.members.leave(BOB, "hall"),
    "kick": lambda rooms: rooms.members.kick(ANN, "hall", "bob"),
    "ban": lambda rooms: rooms.members.ban(ANN, "hall", "bob"),
    "delete": lambda rooms: rooms.delete(ANN, "hall"),
}


@pytest.mark.parametrize(("name", "call"), MEMBERSHIP_CALLS.items(), ids=MEMBERSHIP_CALLS.keys())
async def test_a_cancelled_call_still_notifies_live_connections(
    rooms: Rooms, store: Store, live: RecordingLive, name: str, call: Callable[[Rooms], Awaitable[None]]
) -> None:
    """The call is cancelled after the write, before the store returns: a store may have a checkpoint there."""
    await rooms.members.join(BOB, "hall")
    with trio.CancelScope() as client:

        async def gone() -> None:
            client.cancel()
            await trio.lowlevel.checkpoint()

        after(store.rooms, name, gone)
        await call(rooms)
        await trio.lowlevel.checkpoint()
    assert client.cancelled_caught
    assert live.calls == [("room_deleted", "hall") if name == "delete" else ("member_removed", "hall", "bob")]


async def test_a_repeated_call_notifies_live_connections_again(rooms: Rooms, live: RecordingLive) -> None:
    """An earlier call may have failed after its write, before the notification."""
    with pytest.raises(NotAMember):
        await rooms.members.kick(ANN, "hall", "bob")
    with pytest.raises(NotAMember):
        await rooms.members.leave(BOB, "hall")
    await rooms.members.ban(ANN, "hall", "bob")
    with pytest.raises(AlreadyBanned):
        await rooms.members.ban(ANN, "hall", "bob")
    assert live.calls == [("member_removed", "hall", "bob")] * 4


async def test_a_store_that_hangs(rooms: Rooms, store: Store, autojump_clock: trio.testing.MockClock) -> None:
    before(store.rooms, "leave", trio.sleep_forever)
    with pytest.raises(Unavailable):
        await rooms.members.leave(ANN, "hall")


def after(part: Any, method: str, then: Callable[[], Awaitable[object]]) -> None:  # noqa: ANN401 - any part of a store
    """Runs `then` once, right after the real method of this part of a store."""
    real = getattr(part, method)

    async def both(*args: Any) -> Any:  # noqa: ANN401
        result = await real(*args)
        setattr(part, method, real)
        await then()
        return result

    setattr(part, method, both)


def before(part: Any, method: str, first: Callable[[], Awaitable[object]]) -> None:  # noqa: ANN401 - any part of a store
    """Runs `first` each time before the real method of this part of a store."""
    real = getattr(part, method)

    async def both(*args: Any) -> Any:  # noqa: ANN401
        await first()
        return await real(*args)

    setattr(part, method, both)
