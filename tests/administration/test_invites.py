"""Invitations and the audit log, for administrators."""

import trio

from reichatd.administration import Record, requests
from reichatd.administration.audit import settled
from reichatd.administration.records import (
    AuditRecord,
    CaughtUp,
    InviteCreated,
    InviteDeleted,
    InviteRecord,
    RoomChanged,
    UserChanged,
)
from reichatd.store import AuditEntry
from tests.administration.conftest import PASSWORD, Admin


async def test_invitations_to_the_server_and_to_a_room(admin: Admin) -> None:
    await admin.open("den", await admin.add("ann"))
    (made,) = await admin.do(requests.CreateInvite(uses=3, days=2), InviteCreated)
    assert made.url.startswith("http://127.0.0.1:8000/#/invite/")
    (other,) = await admin.do(requests.CreateInvite("den", uses=None), InviteCreated)
    (listed,) = await admin.do(requests.ListInvites(), InviteRecord)
    assert (listed.invite_id, listed.room_id, listed.created_by, listed.uses_left) == (made.invite_id, "", "", 3)
    (listed,) = await admin.do(requests.ListInvites("den"), InviteRecord)
    assert (listed.invite_id, listed.room_id, listed.uses_left) == (other.invite_id, "den", None)
    assert await admin.do(requests.DeleteInvite(other.invite_id), InviteDeleted) == [InviteDeleted(other.invite_id)]
    assert await admin.do(requests.ListInvites("den"), InviteRecord) == []
    assert await admin.refusal(requests.DeleteInvite(other.invite_id)) == "invite_not_found"
    assert await admin.refusal(requests.CreateInvite("nowhere")) == "room_not_found"


async def test_the_audit_log_has_what_administrators_do(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("den", ann, bob)
    for request in (requests.SetPassword(bob, PASSWORD), requests.DisableUser(bob), requests.EnableUser(bob)):
        await admin.do(request, UserChanged)
    await admin.do(requests.TransferRoom("den", bob), RoomChanged)
    await admin.do(requests.DeleteUser(ann), UserChanged)
    found = await admin.do(requests.ReadAudit(), AuditRecord)
    assert [(one.event, one.user_id, one.room_id) for one in found] == [
        ("user_added", ann, ""),
        ("user_added", bob, ""),
        ("room_created", ann, "den"),
        ("password_changed", bob, ""),
        ("user_disabled", bob, ""),
        ("user_enabled", bob, ""),
        ("room_transferred", bob, "den"),
        ("user_disabled", ann, ""),
        ("account_deleted", ann, ""),
    ]
    assert {one.actor for one in found} == {"administrator"}
    assert {one.username for one in found} == {"", "bob"}, "a deleted user has no name"
    of_bob = await admin.do(requests.ReadAudit(user="bob@example.org"), AuditRecord)
    assert [one.user_id for one in of_bob] == [bob] * 5
    assert len(await admin.do(requests.ReadAudit(room_id="den"), AuditRecord)) == 2
    assert await admin.do(requests.ReadAudit(since=admin.now + 1), AuditRecord) == []
    assert len(await admin.do(requests.ReadAudit(user="administrator"), AuditRecord)) == len(found)


def test_a_follower_waits_for_entries_with_lower_numbers() -> None:
    entries = [AuditEntry(number, at, "login", "ann") for number, at in ((1, 5.0), (2, 9.5), (3, 6.0))]
    assert [entry.number for entry in settled(entries, 10.0)] == [1]
    assert settled(entries, 12.0) == entries


async def test_a_follower_gets_entries_as_they_come(admin: Admin) -> None:
    await admin.add("ann")
    seen: list[Record] = []
    caught_up = trio.Event()
    got_bob = trio.Event()

    async def take(record: Record) -> None:
        seen.append(record)
        if isinstance(record, CaughtUp):
            caught_up.set()
        if len([one for one in seen if isinstance(one, AuditRecord)]) == 2:
            got_bob.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(admin.administration.perform, requests.ReadAudit(follow=True), take)
            await caught_up.wait()
            await admin.add("bob")
            await got_bob.wait()
            nursery.cancel_scope.cancel()
    assert [one.username for one in seen if isinstance(one, AuditRecord)] == ["ann", "bob"]
