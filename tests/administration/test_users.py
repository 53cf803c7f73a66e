"""What an administrator can do with users."""

import msgspec
import pytest
import trio

from reichatd.administration import Record, Request, requests
from reichatd.administration.records import (
    Done,
    Failed,
    RegistrationRecord,
    RequestRefused,
    UserChanged,
    UserDetails,
    UserRecord,
)
from reichatd.store import JoinOutcome, StoreUnavailable
from tests.administration.conftest import PASSWORD, Counter
from tests.store.samples import post, registration, session


async def test_a_user_who_was_added_is_verified(counter: Counter) -> None:
    (change,) = await counter.do(requests.AddUser("Ann@Example.ORG", "ann", PASSWORD), UserChanged)
    assert (change.change, change.email, change.sessions_ended) == ("added", "Ann@example.org", 0)
    user = await counter.store.users.by_id(change.user_id)
    assert user is not None
    assert (user.username, user.created_at, user.disabled) == ("ann", counter.now, False)
    assert await counter.passwords.verify(user.password_hash, PASSWORD, whose="user ann")
    assert await counter.store.users.registrations("", 9) == []


async def test_an_address_is_used_once_and_the_rules_hold(counter: Counter) -> None:
    await counter.add("ann")
    assert await counter.refusal(requests.AddUser("ANN@example.org", "ann", PASSWORD)) == "user_exists"
    assert await counter.refusal(requests.AddUser("no address", "a b", "short")) == "invalid_fields"


async def test_a_registration_does_not_stand_in_the_way(counter: Counter) -> None:
    await counter.store.users.register(registration(), 5)
    await counter.add("ann")
    assert await counter.store.users.registrations("", 9) == []


async def test_lists(counter: Counter) -> None:
    for name in ("bob", "ann"):
        await counter.add(name)
    await counter.store.users.register(registration("eve@example.org"), 5)
    users = await counter.do(requests.ListUsers(), UserRecord)
    assert [user.email for user in users] == ["ann@example.org", "bob@example.org"]
    assert users[0].created_at == "2023-11-14T22:13:20.500000+00:00"
    pending = await counter.do(requests.ListUsers(pending=True), RegistrationRecord)
    assert [(one.email, one.tries_left) for one in pending] == [("eve@example.org", 5)]


async def test_a_list_has_every_user_of_many(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.users._PAGE", 2)
    for number in range(5):
        await counter.add(f"user{number}")
    assert len(await counter.do(requests.ListUsers(), UserRecord)) == 5


async def test_details_by_address_and_by_id(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    await counter.open("lobby", ann, bob)
    await counter.open("attic", bob)
    await counter.store.rooms.ban("attic", ann)
    await counter.store.sessions.create(session(user_id=ann))
    (details,) = await counter.do(requests.ShowUser("ANN@example.org"), UserDetails)
    assert (details.user_id, details.rooms, details.owns, details.banned_from) == (ann, ["lobby"], ["lobby"], ["attic"])
    assert details.sessions == 1
    assert await counter.do(requests.ShowUser(ann), UserDetails) == [details]


async def test_details_by_name(counter: Counter) -> None:
    for address in ("ann", "bob"):
        await counter.do(requests.AddUser(f"{address}@example.org", "Zo\u00eb", PASSWORD), UserChanged)
        if address == "ann":
            # In whatever spelling and case it is typed.
            (details,) = await counter.do(requests.ShowUser("ZOE\u0308"), UserDetails)
            assert details.email == "ann@example.org"
    namesakes = await counter.do(requests.ShowUser("Zo\u00eb"), UserRecord)
    assert [one.email for one in namesakes] == ["ann@example.org", "bob@example.org"]
    conclusion = await counter.conclude(requests.DisableUser("zo\u00eb"))
    assert isinstance(conclusion, RequestRefused)
    assert "ann@example.org" in conclusion.message
    assert "bob@example.org" in conclusion.message


@pytest.mark.parametrize("name", ["nobody", "nobody@example.org", "@", "", "ann@example.org\0", "\ud800@x"])
async def test_nobody(counter: Counter, name: str) -> None:
    await counter.add("ann")
    for request in (requests.ShowUser(name), requests.DisableUser(name), requests.DeleteUser(name)):
        conclusion = await counter.conclude(request)
        assert isinstance(conclusion, Failed) or conclusion.code == "user_not_found"  # type: ignore[union-attr]
    assert counter.live.told == []


async def test_a_registration_is_verified_without_its_code(counter: Counter) -> None:
    await counter.store.users.register(registration(tries_left=0), 5)
    (change,) = await counter.do(requests.VerifyUser("ANN@example.org"), UserChanged)
    user = await counter.store.users.by_email("ann@example.org")
    assert user is not None
    assert (user.user_id, user.password_hash) == (change.user_id, "password")
    assert await counter.refusal(requests.VerifyUser("ann@example.org")) == "verification_not_found"
    assert await counter.refusal(requests.VerifyUser("no address")) == "verification_not_found"


async def test_which_registration_is_verified_is_said_where_there_are_several(counter: Counter) -> None:
    """One of them may be a stranger's, with the stranger's password."""
    for number, name in enumerate(("ann", "eve")):
        one = msgspec.structs.replace(registration(code_hash=f"{number}"), username=name, password_hash=f"of {name}")
        await counter.store.users.register(one, 5)
    assert await counter.refusal(requests.VerifyUser("ann@example.org")) == "several_registrations"
    listed = list(counter.records)
    assert [(one.username, one.expires_at) for one in listed if isinstance(one, RegistrationRecord)] == [
        ("ann", "1970-01-01T00:01:40.000000+00:00"),
        ("eve", "1970-01-01T00:01:40.000000+00:00"),
    ]
    assert await counter.do(requests.ListUsers(pending=True), RegistrationRecord) == listed
    ids = [one.registration_id for one in listed if isinstance(one, RegistrationRecord)]
    assert len(set(ids)) == 2
    for registration_id in ("", "0", "nothing"):
        refusal = await counter.refusal(requests.VerifyUser("ann@example.org", registration_id))
        assert refusal == "verification_not_found"
    assert await counter.store.users.page("", 9) == []
    await counter.do(requests.VerifyUser("ann@example.org", ids[0]), UserChanged)
    (user,) = await counter.store.users.page("", 9)
    assert (user.username, user.password_hash) == ("ann", "of ann")
    assert await counter.refusal(requests.VerifyUser("ann@example.org", ids[1])) == "verification_not_found"


@pytest.mark.parametrize(
    ("request_of", "change"),
    [
        (requests.DisableUser, "disabled"),
        (requests.LogUserOut, "logged_out"),
        (lambda user: requests.SetPassword(user, "another password"), "password_set"),
    ],
)
async def test_what_ends_sessions_closes_sockets(
    counter: Counter, request_of: type[requests.DisableUser], change: str
) -> None:
    ann = await counter.add("ann")
    await counter.store.sessions.create(session(user_id=ann))
    (changed,) = await counter.do(request_of("ann@example.org"), UserChanged)
    assert (changed.change, changed.sessions_ended) == (change, 1)
    assert counter.live.told == [("user_logged_out", ann)]
    assert await counter.store.sessions.of_user(ann) == []
    # Again: the sockets are closed that a fault behind the write may have left.
    (changed,) = await counter.do(request_of("ann@example.org"), UserChanged)
    assert changed.sessions_ended == 0
    assert counter.live.told == [("user_logged_out", ann)]


async def test_a_new_password_has_to_keep_the_rules(counter: Counter) -> None:
    ann = await counter.add("ann")
    assert await counter.refusal(requests.SetPassword(ann, "short")) == "invalid_fields"
    await counter.do(requests.SetPassword(ann, "another password"), UserChanged)
    user = await counter.store.users.by_id(ann)
    assert user is not None
    assert await counter.passwords.verify(user.password_hash, "another password", whose="user ann")


async def test_enable(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.do(requests.DisableUser(ann), UserChanged)
    (changed,) = await counter.do(requests.EnableUser(ann), UserChanged)
    assert changed.change == "enabled"
    user = await counter.store.users.by_id(ann)
    assert user is not None
    assert not user.disabled


async def test_of_a_deleted_user_only_the_messages_stay(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    await counter.open("lobby", bob, ann)
    await counter.store.messages.append([post("hello", ann)], {})
    await counter.store.sessions.create(session(user_id=ann))
    (changed,) = await counter.do(requests.DeleteUser("ann@example.org"), UserChanged)
    assert (changed.change, changed.user_id, changed.sessions_ended) == ("deleted", ann, 1)
    assert counter.live.told == [("user_logged_out", ann), ("user_renamed", ann, "")]
    assert await counter.store.users.by_id(ann) is None
    (message,) = await counter.store.messages.range("lobby", 1, 9)
    assert (message.content, message.username, message.email) == ("hello", "", "")


async def test_an_owner_is_deleted_only_with_a_word_on_the_rooms(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann)
    assert await counter.refusal(requests.DeleteUser(ann)) == "owns_rooms"
    assert await counter.refusal(requests.DeleteUser(ann, heir="nobody")) == "user_not_found"
    assert await counter.refusal(requests.DeleteUser(ann, heir="ann@example.org")) == "yourself"
    user = await counter.store.users.by_id(ann)
    assert user is not None
    assert not user.disabled, "what is refused changes nothing"


async def test_the_rooms_go_to_an_heir(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    for room_id in ("lobby", "attic", "cellar"):
        await counter.open(room_id, ann)
    await counter.store.rooms.join("lobby", bob, 1.0)
    await counter.store.rooms.ban("cellar", bob)
    await counter.do(requests.DeleteUser(ann, heir=bob), UserChanged)
    for room_id in ("lobby", "attic", "cellar"):
        room = await counter.store.rooms.get(room_id)
        assert room is not None
        assert (room.owner, room.users) == (bob, (bob,))
    assert await counter.store.rooms.join("cellar", bob, 1.0) is JoinOutcome.ALREADY_JOINED


async def test_the_rooms_go_with_the_user(counter: Counter) -> None:
    ann = await counter.add("ann")
    for room_id in ("lobby", "attic"):
        await counter.open(room_id, ann)
    await counter.store.messages.append([post("hello", ann)], {})
    await counter.do(requests.DeleteUser(ann, delete_rooms=True), UserChanged)
    assert await counter.store.rooms.page("", 9) == []
    assert ("room_deleted", "lobby") in counter.live.told
    assert ("room_deleted", "attic") in counter.live.told
    assert await counter.store.messages.sweep(9) == 0, "the messages are gone too"


async def test_a_deletion_that_was_interrupted_is_finished_by_the_next(counter: Counter) -> None:
    ann, bob = await counter.add("ann"), await counter.add("bob")
    for room_id in ("lobby", "attic", "cellar"):
        await counter.open(room_id, ann)
    request: Request = requests.DeleteUser(ann, heir=bob)
    with trio.CancelScope() as scope:
        seen = 0

        async def interrupt(_: Record) -> None:
            nonlocal seen
            seen += 1
            if seen == 2:
                scope.cancel()
            await trio.lowlevel.checkpoint()

        await counter.administration.perform(request, interrupt)
    assert scope.cancelled_caught
    user = await counter.store.users.by_id(ann)
    assert user is not None
    assert user.disabled
    assert len(await counter.store.rooms.owned(ann)) == 2
    await counter.do(request, UserChanged)
    assert await counter.store.users.by_id(ann) is None
    assert len(await counter.store.rooms.owned(bob)) == 3


async def test_a_store_that_fails_is_a_conclusion(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: str) -> None:
        raise StoreUnavailable("/data: disk full")

    monkeypatch.setattr(counter.store.users, "by_id", fail)
    assert await counter.conclude(requests.ShowUser("ann")) == Failed("/data: disk full")


async def test_no_record_has_a_secret(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann)
    await counter.store.sessions.create(session(user_id=ann))
    user = await counter.store.users.by_id(ann)
    assert user is not None
    for request in (
        requests.ListUsers(),
        requests.ShowUser(ann),
        requests.ExportUser(ann),
        requests.ExportRoom("lobby"),
    ):
        assert await counter.conclude(request) == Done()
        told = msgspec.json.encode(counter.records).decode()
        assert ann in told
        assert user.password_hash not in told
        assert "refresh of" not in told
