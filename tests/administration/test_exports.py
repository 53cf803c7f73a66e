"""Exports of users and rooms, and statistics."""

from functools import partial

import pytest

from reichatd.administration import Administration, DaemonFigures, Record, requests
from reichatd.administration.records import (
    ActivityRecord,
    BlockRecord,
    Done,
    MembershipRecord,
    MessageRecord,
    PersonRecord,
    Progress,
    RoomDetails,
    SessionRecord,
    StatsRecord,
    UserDetails,
)
from reichatd.audit import ADMINISTRATOR
from reichatd.chat import delete_in_store
from reichatd.settings import LiveSettings, Settings
from reichatd.store import AuditFilter, Block
from tests.administration.conftest import Admin
from tests.store.samples import post, session
from tests.unlimited import invites_of


async def test_export_of_a_user(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.exports._IDS", 3)
    ann, bob = await admin.add("ann"), await admin.add("bob")
    for room_id in ("lobby", "attic"):
        await admin.open(room_id, bob, ann)
        await admin.store.messages.commit([post(f"{n}", name, room_id) for n in range(5) for name in (ann, bob)], {})
    await admin.store.rooms.ban("attic", ann)
    await admin.store.members.set_moderator("lobby", ann, True)
    await admin.store.members.mute("lobby", ann, 1.0)
    await admin.store.sessions.create(session(user_id=ann))
    await admin.store.blocks.add(Block(ann, bob), 0)
    assert await admin.conclude(requests.ExportUser("ann@example.org")) == Done()
    records = [record for record in admin.records if not isinstance(record, Progress | ActivityRecord)]
    details, membership, login, block, *messages = records
    assert isinstance(details, UserDetails)
    assert (details.email, details.rooms, details.banned_from) == ("ann@example.org", ["lobby"], ["attic"])
    assert isinstance(membership, MembershipRecord)
    assert (membership.room_id, membership.last_read_id) == ("lobby", 9)
    assert (membership.moderator, membership.muted_until) == (True, "1970-01-01T00:00:01.000000+00:00")
    assert isinstance(login, SessionRecord)
    assert block == BlockRecord(bob, "bob")
    written = [(one.room_id, one.message_id, one.content) for one in messages if isinstance(one, MessageRecord)]
    assert written == [(room_id, 2 * n + 1, f"{n}") for room_id in ("attic", "lobby") for n in range(5)]
    assert len(written) == len(messages)
    done = [(one.done, one.total) for one in admin.records if isinstance(one, Progress)]
    assert done == [(n, 20) for n in (3, 6, 9, 10, 13, 16, 19, 20)]


async def test_an_export_of_a_user_is_audited(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.conclude(requests.ExportUser(ann))
    entry = (await admin.store.audit.page(AuditFilter(newest_first=True), 1))[0]
    assert (entry.event, entry.actor, entry.user_id) == ("data_exported", ADMINISTRATOR, ann)


async def test_export_of_a_room(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.exports._MESSAGES", 3)
    ann, bob, eve = await admin.add("ann"), await admin.add("bob"), await admin.add("eve")
    await admin.open("lobby", ann, bob)
    await admin.store.rooms.ban("lobby", eve)
    await admin.store.messages.commit([post(f"{n}", name) for n in range(4) for name in (ann, bob)], {})
    await admin.conclude(requests.DeleteUser(bob))
    assert await admin.conclude(requests.ExportRoom("lobby")) == Done()
    records = [record for record in admin.records if not isinstance(record, Progress)]
    assert [type(record) for record in records] == [RoomDetails, *[PersonRecord] * 2, *[MessageRecord] * 8]
    messages = [record for record in records if isinstance(record, MessageRecord)]
    assert [one.message_id for one in messages] == list(range(1, 9))
    assert [(one.user_id, one.username) for one in messages[:2]] == [(ann, "ann"), (bob, "")]
    assert await admin.conclude(requests.ExportRoom("attic")) != Done()


async def test_stats(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    await admin.store.messages.commit([post(user_id=ann)], {})
    (stats,) = await admin.do(requests.GetStats(), StatsRecord)
    assert (stats.users, stats.rooms, stats.messages, stats.daemon) == (1, 1, 1, None)
    assert stats.store_bytes > 4096


async def test_stats_of_a_daemon(admin: Admin) -> None:
    figures = DaemonFigures("1.2.3", 42, 7.5, 3, 2, 1, {"login": 4})
    administration = Administration(
        store=admin.store,
        passwords=admin.passwords,
        rooms=admin.rooms,
        invites=invites_of(admin.store, LiveSettings(Settings())),
        settings=LiveSettings(Settings()),
        live=admin.live,
        delete_messages=partial(delete_in_store, admin.store, LiveSettings(Settings())),
        figures=lambda: figures,
    )
    records: list[Record] = []

    async def take(record: Record) -> None:
        records.append(record)

    assert await administration.perform(requests.GetStats(), take) == Done()
    assert [record.daemon for record in records if isinstance(record, StatsRecord)] == [figures]


async def test_only_a_daemon_can_read_its_settings_again(admin: Admin) -> None:
    assert await admin.refusal(requests.ReadSettings()) == "not_found"
