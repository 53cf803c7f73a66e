"""Administrators' requests about rooms."""

import pytest
import trio

from reichatd.administration import Record, requests
from reichatd.administration.records import Done, PersonRecord, Progress, RoomChanged, RoomDetails, RoomRecord
from reichatd.store import direct_pair
from tests.administration.conftest import Admin
from tests.store.samples import direct, post


async def test_create_show_and_list(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    request = requests.CreateRoom("ann@example.org", "Lounge", "Sit down", "a password", "lounge")
    assert await admin.do(request, RoomChanged) == [RoomChanged("created", "lounge", ann)]
    assert await admin.refusal(request) == "room_exists"
    assert await admin.refusal(requests.CreateRoom(ann, "")) == "invalid_fields"
    assert await admin.refusal(requests.CreateRoom("nobody", "Den")) == "user_not_found"
    await admin.store.rooms.ban("lounge", bob)
    await admin.store.rooms.update("lounge", "Lounge", "Sit down", slow_seconds=30)
    await admin.store.members.set_moderator("lounge", ann, True)
    await admin.store.members.mute("lounge", ann, 1.0)
    await admin.store.rooms.ban("lounge", "ghost")
    await admin.store.messages.commit([post(user_id=ann, room_id="lounge")], {})
    assert await admin.conclude(requests.ShowRoom("lounge")) == Done()
    details, *people = admin.records
    assert isinstance(details, RoomDetails)
    assert (details.name, details.description, details.owner, details.private) == ("Lounge", "Sit down", ann, True)
    assert (details.last_id, details.slow_seconds, details.members_pin) == (1, 30, False)
    muted_until = "1970-01-01T00:00:01.000000+00:00"
    assert people == [
        PersonRecord(ann, "ann", "ann@example.org", banned=False, moderator=True, muted_until=muted_until),
        *sorted(
            [PersonRecord(bob, "bob", "bob@example.org", banned=True), PersonRecord("ghost", "", "", banned=True)],
            key=lambda person: person.user_id,
        ),
    ]
    (room,) = await admin.do(requests.ListRooms(), RoomRecord)
    assert (room.room_id, room.owner, room.private, room.members, room.last_id) == ("lounge", ann, True, 1, 1)
    assert await admin.refusal(requests.ShowRoom("attic")) == "room_not_found"


async def test_a_list_has_every_room_of_many(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.rooms._PAGE", 2)
    ann = await admin.add("ann")
    for number in range(5):
        await admin.open(f"room{number}", ann)
    assert len(await admin.do(requests.ListRooms(), RoomRecord)) == 5


async def test_kick_ban_and_unban(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("lobby", ann, bob)
    assert await admin.do(requests.KickMember("lobby", "bob@example.org"), RoomChanged) == [
        RoomChanged("kicked", "lobby", bob)
    ]
    assert admin.live.calls == [("member_removed", "lobby", bob)]
    assert await admin.refusal(requests.KickMember("lobby", bob)) == "not_a_member"
    await admin.do(requests.BanUser("lobby", bob), RoomChanged)
    assert admin.live.calls == [("member_removed", "lobby", bob)]
    assert await admin.store.rooms.is_banned("lobby", bob)
    assert await admin.refusal(requests.BanUser("lobby", bob)) == "already_banned"
    await admin.do(requests.UnbanUser("lobby", bob), RoomChanged)
    assert await admin.refusal(requests.UnbanUser("lobby", bob)) == "not_banned"
    for request in (requests.KickMember, requests.BanUser, requests.UnbanUser):
        assert await admin.refusal(request("lobby", ann)) == "yourself"
        assert await admin.refusal(request("attic", bob)) == "room_not_found"
    assert await admin.refusal(requests.BanUser("lobby", "nobody")) == "user_not_found"


async def test_a_membership_without_a_user_can_be_removed(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann, "ghost")
    await admin.do(requests.KickMember("lobby", "ghost"), RoomChanged)
    room = await admin.store.rooms.get("lobby")
    assert room is not None
    assert room.users == (ann,)


async def test_a_room_is_transferred_to_a_member(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("lobby", ann)
    assert await admin.refusal(requests.TransferRoom("lobby", bob)) == "not_a_member"
    assert await admin.refusal(requests.TransferRoom("attic", bob)) == "room_not_found"
    await admin.store.rooms.join("lobby", bob, 1.0)
    await admin.do(requests.TransferRoom("lobby", "bob@example.org"), RoomChanged)
    assert await admin.store.rooms.owned(bob) == ["lobby"]


async def test_a_room_is_deleted_with_its_messages(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    await admin.store.messages.commit([post(user_id=ann) for _ in range(2500)], {})
    await admin.do(requests.DeleteRoom("lobby"), RoomChanged)
    assert admin.live.calls == [("room_deleted", "lobby")]
    assert [(one.done, one.total) for one in admin.records if isinstance(one, Progress)] == [
        (1000, 2500),
        (2000, 2500),
        (2500, 2500),
    ]
    assert await admin.refusal(requests.DeleteRoom("lobby")) == "room_not_found"


async def test_an_interrupted_deletion_is_finished_by_the_next(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    await admin.store.messages.commit([post(user_id=ann) for _ in range(2500)], {})
    with trio.CancelScope() as scope:

        async def interrupt(_: Record) -> None:
            scope.cancel()
            await trio.lowlevel.checkpoint()

        await admin.administration.perform(requests.DeleteRoom("lobby"), interrupt)
    assert scope.cancelled_caught
    assert await admin.store.rooms.get("lobby") is None
    assert await admin.do(requests.DeleteRoom("lobby"), RoomChanged) == [RoomChanged("deleted", "lobby")]
    assert await admin.store.messages.sweep(9) == 0


async def test_a_direct_conversation_can_be_shown_and_deleted_only(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.store.directs.open(direct("whisper", ann, bob), 1.0)
    for request in (
        requests.TransferRoom("whisper", ann),
        requests.KickMember("whisper", ann),
        requests.BanUser("whisper", ann),
    ):
        assert await admin.refusal(request) == "direct_room"
    (room,) = await admin.do(requests.ListRooms(), RoomRecord)
    assert (room.room_id, room.owner, room.owner_name, room.private, room.members) == ("whisper", "", "", True, 2)
    assert await admin.conclude(requests.ShowRoom("whisper")) == Done()
    assert await admin.conclude(requests.DeleteRoom("whisper")) == Done()
    assert await admin.store.directs.find(direct_pair(ann, bob)) is None
