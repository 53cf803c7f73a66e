"""What an administrator can do with rooms."""

import pytest
import trio

from reichatd.administration import Record, requests
from reichatd.administration.records import Done, PersonRecord, Progress, RoomChanged, RoomDetails, RoomRecord
from tests.administration.conftest import Counter
from tests.store.samples import post


async def test_create_show_and_list(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    request = requests.CreateRoom("ann@example.org", "Lounge", "Sit down", "a password", "lounge")
    assert await counter.do(request, RoomChanged) == [RoomChanged("created", "lounge", ann)]
    assert await counter.refusal(request) == "room_exists"
    assert await counter.refusal(requests.CreateRoom(ann, "")) == "invalid_fields"
    assert await counter.refusal(requests.CreateRoom("nobody", "Den")) == "user_not_found"
    await counter.store.rooms.ban("lounge", bob)
    await counter.store.rooms.ban("lounge", "ghost")
    await counter.store.messages.append([post(user_id=ann, room_id="lounge")], {})
    assert await counter.conclude(requests.ShowRoom("lounge")) == Done()
    details, *people = counter.records
    assert isinstance(details, RoomDetails)
    assert (details.name, details.description, details.owner, details.private) == ("Lounge", "Sit down", ann, True)
    assert details.last_id == 1
    assert people == [
        PersonRecord(ann, "ann", "ann@example.org", banned=False),
        *sorted(
            [PersonRecord(bob, "bob", "bob@example.org", banned=True), PersonRecord("ghost", "", "", banned=True)],
            key=lambda person: person.user_id,
        ),
    ]
    (room,) = await counter.do(requests.ListRooms(), RoomRecord)
    assert (room.room_id, room.owner, room.private, room.members, room.last_id) == ("lounge", ann, True, 1, 1)
    assert await counter.refusal(requests.ShowRoom("attic")) == "room_not_found"


async def test_a_list_has_every_room_of_many(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.rooms._PAGE", 2)
    ann = await counter.add("ann")
    for number in range(5):
        await counter.open(f"room{number}", ann)
    assert len(await counter.do(requests.ListRooms(), RoomRecord)) == 5


async def test_kick_ban_and_unban(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    await counter.open("lobby", ann, bob)
    assert await counter.do(requests.KickMember("lobby", "bob@example.org"), RoomChanged) == [
        RoomChanged("kicked", "lobby", bob)
    ]
    assert counter.live.told == [("member_removed", "lobby", bob)]
    assert await counter.refusal(requests.KickMember("lobby", bob)) == "not_a_member"
    await counter.do(requests.BanUser("lobby", bob), RoomChanged)
    assert counter.live.told == [("member_removed", "lobby", bob)]
    assert await counter.store.rooms.is_banned("lobby", bob)
    assert await counter.refusal(requests.BanUser("lobby", bob)) == "already_banned"
    await counter.do(requests.UnbanUser("lobby", bob), RoomChanged)
    assert await counter.refusal(requests.UnbanUser("lobby", bob)) == "not_banned"
    for request in (requests.KickMember, requests.BanUser, requests.UnbanUser):
        assert await counter.refusal(request("lobby", ann)) == "yourself"
        assert await counter.refusal(request("attic", bob)) == "room_not_found"
    assert await counter.refusal(requests.BanUser("lobby", "nobody")) == "user_not_found"


async def test_what_is_left_of_somebody_gone_can_be_kicked(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann, "ghost")
    await counter.do(requests.KickMember("lobby", "ghost"), RoomChanged)
    room = await counter.store.rooms.get("lobby")
    assert room is not None
    assert room.users == (ann,)


async def test_a_room_goes_to_a_member(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    await counter.open("lobby", ann)
    assert await counter.refusal(requests.TransferRoom("lobby", bob)) == "not_a_member"
    assert await counter.refusal(requests.TransferRoom("attic", bob)) == "room_not_found"
    await counter.store.rooms.join("lobby", bob, 1.0)
    await counter.do(requests.TransferRoom("lobby", "bob@example.org"), RoomChanged)
    assert await counter.store.rooms.owned(bob) == ["lobby"]


async def test_a_room_goes_with_its_messages(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann)
    await counter.store.messages.append([post(user_id=ann) for _ in range(2500)], {})
    await counter.do(requests.DeleteRoom("lobby"), RoomChanged)
    assert counter.live.told == [("room_deleted", "lobby")]
    assert [(one.done, one.total) for one in counter.records if isinstance(one, Progress)] == [
        (1000, 2500),
        (2000, 2500),
        (2500, 2500),
    ]
    assert await counter.refusal(requests.DeleteRoom("lobby")) == "room_not_found"


async def test_a_deletion_that_was_interrupted_is_finished_by_the_next(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann)
    await counter.store.messages.append([post(user_id=ann) for _ in range(2500)], {})
    with trio.CancelScope() as scope:

        async def interrupt(_: Record) -> None:
            scope.cancel()
            await trio.lowlevel.checkpoint()

        await counter.administration.perform(requests.DeleteRoom("lobby"), interrupt)
    assert scope.cancelled_caught
    assert await counter.store.rooms.get("lobby") is None
    assert await counter.do(requests.DeleteRoom("lobby"), RoomChanged) == [RoomChanged("deleted", "lobby")]
    assert await counter.store.messages.sweep(9) == 0
