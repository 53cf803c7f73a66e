"""Everything about a user, or a room; and how much there is."""

import pytest

from reichatd.administration import Administration, DaemonFigures, Record, requests
from reichatd.administration.records import (
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
from reichatd.settings import LiveSettings, Settings
from tests.administration.conftest import Counter
from tests.store.samples import post, session


async def test_a_user_with_everything(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.exports._IDS", 3)
    ann, bob = await counter.add("ann"), await counter.add("bob")
    for room_id in ("lobby", "attic"):
        await counter.open(room_id, bob, ann)
        await counter.store.messages.append([post(f"{n}", name, room_id) for n in range(5) for name in (ann, bob)], {})
    await counter.store.rooms.ban("attic", ann)
    await counter.store.sessions.create(session(user_id=ann))
    assert await counter.conclude(requests.ExportUser("ann@example.org")) == Done()
    records = [record for record in counter.records if not isinstance(record, Progress)]
    details, membership, login, *messages = records
    assert isinstance(details, UserDetails)
    assert (details.email, details.rooms, details.banned_from) == ("ann@example.org", ["lobby"], ["attic"])
    assert isinstance(membership, MembershipRecord)
    assert (membership.room_id, membership.last_read_id) == ("lobby", 9)
    assert isinstance(login, SessionRecord)
    written = [(one.room_id, one.message_id, one.content) for one in messages if isinstance(one, MessageRecord)]
    assert written == [(room_id, 2 * n + 1, f"{n}") for room_id in ("attic", "lobby") for n in range(5)]
    assert len(written) == len(messages)
    done = [(one.done, one.total) for one in counter.records if isinstance(one, Progress)]
    assert done == [(n, 20) for n in (3, 6, 9, 10, 13, 16, 19, 20)]


async def test_a_room_with_everything(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.administration.exports._MESSAGES", 3)
    ann, bob, eve = await counter.add("ann"), await counter.add("bob"), await counter.add("eve")
    await counter.open("lobby", ann, bob)
    await counter.store.rooms.ban("lobby", eve)
    await counter.store.messages.append([post(f"{n}", name) for n in range(4) for name in (ann, bob)], {})
    await counter.conclude(requests.DeleteUser(bob))
    assert await counter.conclude(requests.ExportRoom("lobby")) == Done()
    records = [record for record in counter.records if not isinstance(record, Progress)]
    assert [type(record) for record in records] == [RoomDetails, *[PersonRecord] * 2, *[MessageRecord] * 8]
    messages = [record for record in records if isinstance(record, MessageRecord)]
    assert [one.message_id for one in messages] == list(range(1, 9))
    assert [(one.user_id, one.username) for one in messages[:2]] == [(ann, "ann"), (bob, "")]
    assert await counter.conclude(requests.ExportRoom("attic")) != Done()


async def test_stats(counter: Counter) -> None:
    ann = await counter.add("ann")
    await counter.open("lobby", ann)
    await counter.store.messages.append([post(user_id=ann)], {})
    (stats,) = await counter.do(requests.GetStats(), StatsRecord)
    assert (stats.users, stats.rooms, stats.messages, stats.daemon) == (1, 1, 1, None)
    assert stats.store_bytes > 4096


async def test_stats_of_a_daemon(counter: Counter) -> None:
    figures = DaemonFigures("1.2.3", 42, 7.5, 3, 2, 1)
    administration = Administration(
        store=counter.store,
        passwords=counter.passwords,
        rooms=counter.rooms,
        settings=LiveSettings(Settings()),
        live=counter.live,
        figures=lambda: figures,
    )
    records: list[Record] = []

    async def take(record: Record) -> None:
        records.append(record)

    assert await administration.perform(requests.GetStats(), take) == Done()
    assert [record.daemon for record in records if isinstance(record, StatsRecord)] == [figures]


async def test_only_a_daemon_can_read_its_settings_again(counter: Counter) -> None:
    assert await counter.refusal(requests.ReadSettings()) == "not_found"
