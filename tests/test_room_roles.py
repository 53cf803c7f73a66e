"""Roles, mutes and lists of members: the use cases, on a real SQLite file. What posts depend on is tested with the stores."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec import UNSET

from reichatd.audit import Event
from reichatd.errors import (
    Forbidden,
    InvalidFields,
    NotAMember,
    RoomNotFound,
    TooManyRooms,
    UserNotFound,
    Yourself,
)
from reichatd.rights import ADMINISTRATOR, Actor, Role, UserActor
from reichatd.rooms import Rooms
from reichatd.settings import LimitSettings
from reichatd.store import AuditFilter, Outcome, Post, Store
from reichatd.timestamps import isoformat
from tests.recording import RecordingLive
from tests.test_rooms import ANN, BOB, NOW, add_user, live, make_rooms, rooms, store
from tests.unlimited import UNLIMITED

__all__ = ["live", "rooms", "store"]  # fixtures

CLEO = UserActor("cleo", "session of cleo")


@pytest.fixture
async def hall(rooms: Rooms, store: Store) -> str:
    """ann's room, with the moderator bob and the member cleo."""
    await add_user(store, "cleo")
    for someone in (BOB, CLEO):
        await rooms.members.join(someone, "hall")
    await rooms.roles.appoint(ANN, "hall", "bob")
    return "hall"


async def events(store: Store) -> list[tuple[str, str, str]]:
    return [(entry.event, entry.actor, entry.user_id) for entry in await store.audit.page(AuditFilter(), 100)]


async def roles(rooms: Rooms, room_id: str = "hall") -> dict[str, Role]:
    return {user.user_id: member.role for user, member in await rooms.members.page(ANN, room_id, "", 100)}


async def test_moderators_do_what_the_owner_does_to_members(rooms: Rooms, hall: str) -> None:
    await rooms.mutes.mute(BOB, hall, "cleo", 60)
    await rooms.mutes.unmute(BOB, hall, "cleo")
    await rooms.members.kick(BOB, hall, "cleo")
    await rooms.members.ban(BOB, hall, "cleo")
    assert [user.user_id for user in await rooms.members.bans(BOB, hall)] == ["cleo"]
    await rooms.members.unban(BOB, hall, "cleo")


ON_A_TARGET: dict[str, Callable[[Rooms, UserActor, str], Awaitable[None]]] = {
    "kick": lambda rooms, by, user_id: rooms.members.kick(by, "hall", user_id),
    "ban": lambda rooms, by, user_id: rooms.members.ban(by, "hall", user_id),
    "mute": lambda rooms, by, user_id: rooms.mutes.mute(by, "hall", user_id, 60),
    "unmute": lambda rooms, by, user_id: rooms.mutes.unmute(by, "hall", user_id),
}


@pytest.mark.parametrize("action", ON_A_TARGET.values(), ids=ON_A_TARGET)
async def test_moderators_do_nothing_to_the_owner_and_each_other(
    rooms: Rooms, hall: str, action: Callable[[Rooms, UserActor, str], Awaitable[None]]
) -> None:
    await rooms.roles.appoint(ANN, hall, "cleo")
    for user_id in ("ann", "cleo"):
        with pytest.raises(Forbidden):
            await action(rooms, BOB, user_id)
    with pytest.raises(Yourself):
        await action(rooms, BOB, "bob")
    with pytest.raises(Yourself):
        await action(rooms, ANN, "ann")
    await action(rooms, ANN, "cleo")
    await rooms.roles.dismiss(ANN, hall, "bob")
    with pytest.raises(Forbidden):
        await action(rooms, BOB, "cleo")


@pytest.mark.parametrize("verb", ["kick", "ban"])
@pytest.mark.parametrize(("by", "error"), [(ANN, Forbidden), (BOB, Forbidden), (ADMINISTRATOR, Yourself)])
async def test_a_new_owner_is_neither_kicked_nor_banned(
    rooms: Rooms, store: Store, live: RecordingLive, hall: str, verb: str, by: Actor, error: type[Exception]
) -> None:
    async def transferred(*_: str) -> Any:  # noqa: ANN401
        await store.rooms.transfer(hall, "cleo")
        return await step(hall, "cleo")

    step = getattr(store.rooms, verb)
    setattr(store.rooms, verb, transferred)
    with pytest.raises(error):
        await getattr(rooms.members, verb)(by, hall, "cleo")
    assert live.calls == []
    assert not await store.rooms.is_banned(hall, "cleo")
    assert (await roles(rooms))["cleo"] is Role.OWNER


@pytest.mark.parametrize("by", [ANN, BOB, ADMINISTRATOR])
async def test_a_banned_owner_can_be_unbanned(rooms: Rooms, store: Store, tmp_path: Path, hall: str, by: Actor) -> None:
    with closing(sqlite3.connect(tmp_path / "test.sqlite3")) as db, db:
        db.execute("INSERT INTO bans (room, user_id) SELECT pk, owner FROM rooms WHERE room_id = ?", (hall,))
    assert await store.rooms.is_banned(hall, "ann")
    await rooms.members.unban(by, hall, "ann")
    assert not await store.rooms.is_banned(hall, "ann")


async def test_only_the_owner_appoints(rooms: Rooms, store: Store, hall: str) -> None:
    assert await roles(rooms) == {"ann": Role.OWNER, "bob": Role.MODERATOR, "cleo": Role.MEMBER}
    for change in (rooms.roles.appoint, rooms.roles.dismiss):
        with pytest.raises(Forbidden):
            await change(BOB, hall, "cleo")
        with pytest.raises(Yourself):
            await change(ANN, hall, "ann")
        with pytest.raises(NotAMember):
            await change(ANN, hall, "nobody")
        with pytest.raises(RoomNotFound):
            await change(ANN, "nowhere", "bob")
        for _ in range(2):
            await change(ADMINISTRATOR, hall, "bob")
    assert (await roles(rooms))["bob"] is Role.MEMBER
    assert (Event.MODERATOR_REMOVED, "administrator", "bob") in await events(store)


async def test_a_mute(rooms: Rooms, store: Store, hall: str) -> None:
    await rooms.mutes.mute(BOB, hall, "cleo", 60)
    _, _, (_, cleo) = await rooms.members.page(CLEO, hall, "", 3)
    assert cleo.muted_until == NOW + 60
    (own,) = await rooms.own.some(CLEO, [hall])
    assert (own.role, own.muted, own.muted_until) == ("member", True, isoformat(NOW + 60))
    (answer,) = (await store.messages.commit([Post(hall, "cleo", "x", NOW + 59)], {})).posts
    assert answer.outcome is Outcome.MUTED
    await rooms.mutes.unmute(BOB, hall, "cleo")
    (own,) = await rooms.own.some(CLEO, [hall])
    assert (own.muted, own.muted_until) == (False, UNSET)
    assert (await events(store))[-2:] == [(Event.MUTED, "bob", "cleo"), (Event.UNMUTED, "bob", "cleo")]


async def test_an_invalid_mute(rooms: Rooms, hall: str) -> None:
    for seconds in (0, -1, 315_360_001):
        with pytest.raises(InvalidFields):
            await rooms.mutes.mute(ANN, hall, "cleo", seconds)
    with pytest.raises(UserNotFound):
        await rooms.mutes.mute(ANN, hall, "nobody", 60)
    with pytest.raises(RoomNotFound):
        await rooms.mutes.mute(ANN, "nowhere", "cleo", 60)
    with pytest.raises(Forbidden):
        await rooms.mutes.mute(CLEO, hall, "bob", 60)


async def test_slow_mode_is_the_owners(rooms: Rooms, hall: str) -> None:
    await rooms.update(ANN, hall, "Hall", "", slow_seconds=21_600, members_pin=True)
    await rooms.update(ANN, hall, "Hall", "")
    room = await rooms.get(CLEO, hall)
    assert (room.slow_seconds, room.members_pin) == (21_600, True)
    with pytest.raises(Forbidden):
        await rooms.update(BOB, hall, "Hall", "", slow_seconds=0)
    for seconds in (-1, 21_601):
        with pytest.raises(InvalidFields) as caught:
            await rooms.update(ANN, hall, "Hall", "", slow_seconds=seconds)
        assert [problem.field for problem in caught.value.problems] == ["slow_seconds"]


# ------------------------------------------------------------------------------------------------------------------ lists


async def test_members_of_a_private_room_are_for_members(rooms: Rooms) -> None:
    assert [user.user_id for user, _ in await rooms.members.page(ANN, "den", "", 10)] == ["ann"]
    with pytest.raises(Forbidden):
        await rooms.members.page(BOB, "den", "", 10)
    assert [user.user_id for user, _ in await rooms.members.page(BOB, "hall", "", 10)] == ["ann"]


async def test_a_page_is_full_although_users_were_deleted(
    rooms: Rooms, store: Store, hall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client takes a short page for the last one."""
    monkeypatch.setattr("reichatd.rooms.membership.USERS_AT_ONCE", 1)
    for user_id in ("aaa", "bbb"):  # left behind by deleted users
        await store.rooms.join(hall, user_id, NOW)
        await store.rooms.ban("den", user_id)
    await store.rooms.ban("den", "cleo")
    assert [user.user_id for user, _ in await rooms.members.page(ANN, hall, "", 2)] == ["ann", "bob"]
    assert [user.user_id for user, _ in await rooms.members.page(ANN, hall, "bob", 2)] == ["cleo"]
    assert [user.user_id for user in await rooms.members.bans(ANN, "den", "", 1)] == ["cleo"]


# --------------------------------------------------------------------------------------------------------------- transfer


async def test_an_owner_gives_a_room_away(rooms: Rooms, store: Store, hall: str) -> None:
    for by, user_id, error in ((BOB, "bob", Forbidden), (ANN, "nobody", NotAMember), (ANN, "ann", Yourself)):
        with pytest.raises(error):
            await rooms.roles.transfer(by, hall, user_id)
    await rooms.roles.transfer(ANN, hall, "cleo")
    assert await roles(rooms) == {"ann": Role.MEMBER, "bob": Role.MODERATOR, "cleo": Role.OWNER}
    with pytest.raises(Forbidden):
        await rooms.roles.transfer(ANN, hall, "bob")
    assert (await events(store))[-1] == (Event.ROOM_TRANSFERRED, "ann", "cleo")


async def test_an_owner_who_has_left_gives_a_room_away(rooms: Rooms, hall: str) -> None:
    await rooms.members.leave(ANN, hall)
    await rooms.roles.transfer(ANN, hall, "bob")
    assert (await rooms.get(ANN, hall)).owner == "bob"


async def test_no_one_gets_more_rooms_than_one_may_own(
    store: Store, rooms: Rooms, hall: str, live: RecordingLive
) -> None:
    few = make_rooms(store, live, LimitSettings(**UNLIMITED | {"rooms_owned": 1}))
    await few.create(CLEO, "cleo", "Mine", "")
    with pytest.raises(TooManyRooms):
        await few.roles.transfer(ANN, hall, "cleo")
    await few.roles.transfer(ADMINISTRATOR, hall, "cleo")


class Held:
    """A part of a store whose method `transfer` waits until it is let go."""

    def __init__(self, part: object) -> None:
        self._part = part
        self.reached = trio.Event()
        self.go = trio.Event()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a method of the part
        return getattr(self._part, name)

    async def transfer(self, *args: str | None) -> object:
        self.reached.set()
        await self.go.wait()
        return await self._part.transfer(*args)  # type: ignore[attr-defined]


async def test_a_transfer_that_comes_second(rooms: Rooms, store: Store, hall: str) -> None:
    """ann was the owner when it began, and is no longer when it is written."""
    refused: list[Forbidden] = []
    part, store.rooms = store.rooms, Held(store.rooms)  # type: ignore[assignment] # all that is needed
    held: Any = store.rooms

    async def give_to_bob() -> None:
        try:
            await rooms.roles.transfer(ANN, hall, "bob")
        except Forbidden as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_to_bob)
        await held.reached.wait()
        store.rooms = part
        await rooms.roles.transfer(ANN, hall, "cleo")
        held.go.set()
    assert len(refused) == 1
    assert (await rooms.get(ANN, hall)).owner == "cleo"


async def test_the_heir_leaves_during_a_transfer(rooms: Rooms, store: Store, hall: str) -> None:
    part, store.rooms = store.rooms, Held(store.rooms)  # type: ignore[assignment] # all that is needed
    held: Any = store.rooms
    async with trio.open_nursery() as nursery:

        async def give_to_bob() -> None:
            with pytest.raises(NotAMember):
                await rooms.roles.transfer(ANN, hall, "bob")

        nursery.start_soon(give_to_bob)
        await held.reached.wait()
        store.rooms = part
        await rooms.members.leave(BOB, hall)
        held.go.set()
    assert (await rooms.get(ANN, hall)).owner == "ann"
