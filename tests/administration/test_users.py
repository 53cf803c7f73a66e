"""Administrators' requests about users."""

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
from reichatd.store import JoinOutcome, StoreUnavailable, Totp
from tests.administration.conftest import PASSWORD, Admin
from tests.store.samples import post, registration, session


async def test_an_added_user_is_verified(admin: Admin) -> None:
    (change,) = await admin.do(requests.AddUser("Ann@Example.ORG", "ann", PASSWORD), UserChanged)
    assert (change.change, change.email, change.sessions_ended) == ("added", "Ann@example.org", 0)
    user = await admin.store.users.by_id(change.user_id)
    assert user is not None
    assert (user.username, user.created_at, user.disabled) == ("ann", admin.now, False)
    assert await admin.passwords.verify(user.password_hash, PASSWORD, whose="user ann")
    assert await admin.store.users.registrations("", 9) == []


async def test_an_address_is_unique_and_fields_are_checked(admin: Admin) -> None:
    await admin.add("ann")
    assert await admin.refusal(requests.AddUser("ANN@example.org", "ann", PASSWORD)) == "user_exists"
    assert await admin.refusal(requests.AddUser("no address", "a b", "short")) == "invalid_fields"


async def test_a_registration_does_not_prevent_adding_the_user(admin: Admin) -> None:
    await admin.store.users.register(registration(), 5)
    await admin.add("ann")
    assert await admin.store.users.registrations("", 9) == []


async def test_lists(admin: Admin) -> None:
    for name in ("bob", "ann"):
        await admin.add(name)
    await admin.store.users.register(registration("eve@example.org"), 5)
    users = await admin.do(requests.ListUsers(), UserRecord)
    assert [user.email for user in users] == ["ann@example.org", "bob@example.org"]
    assert users[0].created_at == "2023-11-14T22:13:20.500000+00:00"
    pending = await admin.do(requests.ListUsers(pending=True), RegistrationRecord)
    assert [(one.email, one.tries_left) for one in pending] == [("eve@example.org", 5)]


async def test_a_list_has_every_user_of_many(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.users._PAGE", 2)
    for number in range(5):
        await admin.add(f"user{number}")
    assert len(await admin.do(requests.ListUsers(), UserRecord)) == 5


async def test_details_by_address_and_by_id(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("lobby", ann, bob)
    await admin.open("attic", bob)
    await admin.store.rooms.ban("attic", ann)
    await admin.store.sessions.create(session(user_id=ann))
    (details,) = await admin.do(requests.ShowUser("ANN@example.org"), UserDetails)
    assert (details.user_id, details.rooms, details.owns, details.banned_from) == (ann, ["lobby"], ["lobby"], ["attic"])
    assert details.sessions == 1
    assert await admin.do(requests.ShowUser(ann), UserDetails) == [details]


async def test_details_by_name(admin: Admin) -> None:
    for address in ("ann", "bob"):
        await admin.do(requests.AddUser(f"{address}@example.org", "Zo\u00eb", PASSWORD), UserChanged)
        if address == "ann":
            # In any case and Unicode form.
            (details,) = await admin.do(requests.ShowUser("ZOE\u0308"), UserDetails)
            assert details.email == "ann@example.org"
    namesakes = await admin.do(requests.ShowUser("Zo\u00eb"), UserRecord)
    assert [one.email for one in namesakes] == ["ann@example.org", "bob@example.org"]
    conclusion = await admin.conclude(requests.DisableUser("zo\u00eb"))
    assert isinstance(conclusion, RequestRefused)
    assert "ann@example.org" in conclusion.message
    assert "bob@example.org" in conclusion.message


@pytest.mark.parametrize("name", ["nobody", "nobody@example.org", "@", "", "ann@example.org\0", "\ud800@x"])
async def test_an_unknown_user(admin: Admin, name: str) -> None:
    await admin.add("ann")
    for request in (requests.ShowUser(name), requests.DisableUser(name), requests.DeleteUser(name)):
        conclusion = await admin.conclude(request)
        assert isinstance(conclusion, Failed) or conclusion.code == "user_not_found"  # type: ignore[union-attr]
    assert admin.live.calls == []


async def test_a_registration_is_verified_without_its_code(admin: Admin) -> None:
    await admin.store.users.register(registration(tries_left=0), 5)
    (change,) = await admin.do(requests.VerifyUser("ANN@example.org"), UserChanged)
    user = await admin.store.users.by_email("ann@example.org")
    assert user is not None
    assert (user.user_id, user.password_hash) == (change.user_id, "password")
    assert await admin.refusal(requests.VerifyUser("ann@example.org")) == "verification_not_found"
    assert await admin.refusal(requests.VerifyUser("no address")) == "verification_not_found"


async def test_one_of_several_registrations_must_be_chosen(admin: Admin) -> None:
    """One of them may be a stranger's, with a password that the stranger knows."""
    for number, name in enumerate(("ann", "eve")):
        one = msgspec.structs.replace(registration(code_hash=f"{number}"), username=name, password_hash=f"of {name}")
        await admin.store.users.register(one, 5)
    assert await admin.refusal(requests.VerifyUser("ann@example.org")) == "several_registrations"
    listed = list(admin.records)
    assert [(one.username, one.expires_at) for one in listed if isinstance(one, RegistrationRecord)] == [
        ("ann", "1970-01-01T00:01:40.000000+00:00"),
        ("eve", "1970-01-01T00:01:40.000000+00:00"),
    ]
    assert await admin.do(requests.ListUsers(pending=True), RegistrationRecord) == listed
    ids = [one.registration_id for one in listed if isinstance(one, RegistrationRecord)]
    assert len(set(ids)) == 2
    for registration_id in ("", "0", "nothing"):
        refusal = await admin.refusal(requests.VerifyUser("ann@example.org", registration_id))
        assert refusal == "verification_not_found"
    assert await admin.store.users.page("", 9) == []
    await admin.do(requests.VerifyUser("ann@example.org", ids[0]), UserChanged)
    (user,) = await admin.store.users.page("", 9)
    assert (user.username, user.password_hash) == ("ann", "of ann")
    assert await admin.refusal(requests.VerifyUser("ann@example.org", ids[1])) == "verification_not_found"


async def test_a_lost_second_factor_is_removed(admin: Admin) -> None:
    ann = await admin.add("ann")
    assert await admin.refusal(requests.RemoveTotp(ann)) == "totp_not_found"
    await admin.store.second_factors.begin(Totp(ann, "encrypted"))
    await admin.store.second_factors.confirm(Totp(ann, "encrypted", confirmed=True))
    (details,) = await admin.do(requests.ShowUser(ann), UserDetails)
    assert details.totp
    (changed,) = await admin.do(requests.RemoveTotp("ann@example.org"), UserChanged)
    assert (changed.change, changed.user_id) == ("totp_removed", ann)
    assert await admin.store.second_factors.get(ann) is None


@pytest.mark.parametrize(
    ("request_of", "change"),
    [
        (requests.DisableUser, "disabled"),
        (requests.LogUserOut, "logged_out"),
        (lambda user: requests.SetPassword(user, "another password"), "password_set"),
    ],
)
async def test_ending_sessions_closes_sockets(
    admin: Admin, request_of: type[requests.DisableUser], change: str
) -> None:
    ann = await admin.add("ann")
    await admin.store.sessions.create(session(user_id=ann))
    (changed,) = await admin.do(request_of("ann@example.org"), UserChanged)
    assert (changed.change, changed.sessions_ended) == (change, 1)
    assert admin.live.calls == [("user_logged_out", ann)]
    assert await admin.store.sessions.of_user(ann) == []
    # Again: it closes sockets that an earlier call may have left open if it failed after its write.
    (changed,) = await admin.do(request_of("ann@example.org"), UserChanged)
    assert changed.sessions_ended == 0
    assert admin.live.calls == [("user_logged_out", ann)]


async def test_a_new_password_is_checked(admin: Admin) -> None:
    ann = await admin.add("ann")
    assert await admin.refusal(requests.SetPassword(ann, "short")) == "invalid_fields"
    await admin.do(requests.SetPassword(ann, "another password"), UserChanged)
    user = await admin.store.users.by_id(ann)
    assert user is not None
    assert await admin.passwords.verify(user.password_hash, "another password", whose="user ann")


async def test_enable(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.do(requests.DisableUser(ann), UserChanged)
    (changed,) = await admin.do(requests.EnableUser(ann), UserChanged)
    assert changed.change == "enabled"
    user = await admin.store.users.by_id(ann)
    assert user is not None
    assert not user.disabled


async def test_only_the_messages_of_a_deleted_user_stay(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("lobby", bob, ann)
    await admin.store.messages.commit([post("hello", ann)], {})
    await admin.store.sessions.create(session(user_id=ann))
    (changed,) = await admin.do(requests.DeleteUser("ann@example.org"), UserChanged)
    assert (changed.change, changed.user_id, changed.sessions_ended) == ("deleted", ann, 1)
    assert admin.live.calls == [("user_logged_out", ann), ("user_renamed", ann, "")]
    assert await admin.store.users.by_id(ann) is None
    (message,) = await admin.store.messages.range("lobby", 1, 9)
    assert (message.content, message.username, message.email) == ("hello", "", "")


async def test_an_owner_is_deleted_only_if_the_request_says_what_to_do_with_the_rooms(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    assert await admin.refusal(requests.DeleteUser(ann)) == "owns_rooms"
    assert await admin.refusal(requests.DeleteUser(ann, heir="nobody")) == "user_not_found"
    assert await admin.refusal(requests.DeleteUser(ann, heir="ann@example.org")) == "yourself"
    user = await admin.store.users.by_id(ann)
    assert user is not None
    assert not user.disabled, "a refused request changes nothing"


async def test_the_rooms_are_transferred_to_an_heir(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    for room_id in ("lobby", "attic", "cellar"):
        await admin.open(room_id, ann)
    await admin.store.rooms.join("lobby", bob, 1.0)
    await admin.store.rooms.ban("cellar", bob)
    await admin.do(requests.DeleteUser(ann, heir=bob), UserChanged)
    for room_id in ("lobby", "attic", "cellar"):
        room = await admin.store.rooms.get(room_id)
        assert room is not None
        assert (room.owner, room.users) == (bob, (bob,))
    assert await admin.store.rooms.join("cellar", bob, 1.0) is JoinOutcome.ALREADY_JOINED


async def test_the_rooms_are_deleted_with_the_user(admin: Admin) -> None:
    ann = await admin.add("ann")
    for room_id in ("lobby", "attic"):
        await admin.open(room_id, ann)
    await admin.store.messages.commit([post("hello", ann)], {})
    await admin.do(requests.DeleteUser(ann, delete_rooms=True), UserChanged)
    assert await admin.store.rooms.page("", 9) == []
    assert ("room_deleted", "lobby") in admin.live.calls
    assert ("room_deleted", "attic") in admin.live.calls
    assert await admin.store.messages.sweep(9) == 0, "the messages are deleted too"


async def test_an_interrupted_deletion_is_finished_by_the_next(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    for room_id in ("lobby", "attic", "cellar"):
        await admin.open(room_id, ann)
    request: Request = requests.DeleteUser(ann, heir=bob)
    with trio.CancelScope() as scope:
        seen = 0

        async def interrupt(_: Record) -> None:
            nonlocal seen
            seen += 1
            if seen == 2:
                scope.cancel()
            await trio.lowlevel.checkpoint()

        await admin.administration.perform(request, interrupt)
    assert scope.cancelled_caught
    user = await admin.store.users.by_id(ann)
    assert user is not None
    assert user.disabled
    assert len(await admin.store.rooms.owned(ann)) == 2
    await admin.do(request, UserChanged)
    assert await admin.store.users.by_id(ann) is None
    assert len(await admin.store.rooms.owned(bob)) == 3


async def test_a_failing_store_is_a_conclusion(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: str) -> None:
        raise StoreUnavailable("/data: disk full")

    monkeypatch.setattr(admin.store.users, "by_id", fail)
    assert await admin.conclude(requests.ShowUser("ann")) == Failed("/data: disk full")


async def test_no_record_has_a_secret(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    await admin.store.sessions.create(session(user_id=ann))
    user = await admin.store.users.by_id(ann)
    assert user is not None
    for request in (
        requests.ListUsers(),
        requests.ShowUser(ann),
        requests.ExportUser(ann),
        requests.ExportRoom("lobby"),
    ):
        assert await admin.conclude(request) == Done()
        shown = msgspec.json.encode(admin.records).decode()
        assert ann in shown
        assert user.password_hash not in shown
        assert "refresh of" not in shown
