"""What the audit log has about the calls of users."""

import msgspec
import pytest
import trio

from reichatd import settings
from reichatd.audit import AuditLog, Event, expire
from reichatd.settings import AuditSettings, LogSettings
from reichatd.store import AuditFilter, StoreUnavailable
from tests.api.conftest import PASSWORD, Api, Someone

ADDRESS = "192.0.2.7"
ROOM = {"name": "Den", "description": "", "room_id": "den"}


async def entries(api: Api) -> list[tuple[str, str, str, str, str]]:
    """Event, actor, user, room and detail of each entry."""
    found = await api.store.audit.page(AuditFilter(), 1000)
    return [(one.event, one.actor, one.user_id, one.room_id, one.detail) for one in found]


async def test_logins_and_changes_of_an_account(api: Api, ann: Someone) -> None:
    login = {"email": ann.email, "password": PASSWORD}
    await api("POST", "/login", login | {"password": "not the password"}, client=ADDRESS)
    await api("POST", "/login", login | {"email": "a password typed here"}, client=ADDRESS)
    await api("PUT", "/user/username", {"username": "anna"}, by=ann, client=ADDRESS)
    new = {"password": PASSWORD, "new_password": "another password"}
    await api("PUT", "/user/password", new, by=ann, client=ADDRESS)
    await api("POST", "/logout", by=ann, client=ADDRESS)
    assert await entries(api) == [
        ("registered", ann.user_id, "", "", ""),
        ("login", ann.user_id, "", "", ""),
        ("login_refused", "", ann.user_id, "", "invalid_password"),
        ("login_refused", "", "", "", "user_not_found"),
        ("renamed", ann.user_id, "", "", "ann → anna"),
        ("password_changed", ann.user_id, "", "", ""),
        ("logout", ann.user_id, "", "", ""),
    ]
    assert {one.address for one in await api.store.audit.page(AuditFilter(after=2), 9)} == {ADDRESS}


async def test_what_is_done_in_a_room(api: Api, ann: Someone, bob: Someone) -> None:
    before = len(await entries(api))
    await api("POST", "/room", ROOM, by=ann, client=ADDRESS)
    await api("PUT", "/room/den", ROOM, by=ann, client=ADDRESS)
    for action in ("leave", "join"):
        await api("POST", "/room/den/join", by=bob, client=ADDRESS)
        await api("POST", f"/room/den/{action}", by=bob, client=ADDRESS)
    for action in ("kick", "ban", "unban"):
        await api("POST", f"/room/den/{action}/{bob.user_id}", by=ann, client=ADDRESS)
    await api("DELETE", "/room/den", by=ann, client=ADDRESS)
    assert [entry[:4] for entry in await entries(api)][before:] == [
        ("room_created", ann.user_id, "", "den"),
        ("room_changed", ann.user_id, "", "den"),
        ("joined", bob.user_id, "", "den"),
        ("left", bob.user_id, "", "den"),
        ("joined", bob.user_id, "", "den"),
        ("kicked", ann.user_id, bob.user_id, "den"),
        ("banned", ann.user_id, bob.user_id, "den"),
        ("unbanned", ann.user_id, bob.user_id, "den"),
        ("room_deleted", ann.user_id, "", "den"),
    ]
    assert {one.address for one in await api.store.audit.page(AuditFilter(room_id="den"), 99)} == {ADDRESS}


async def test_what_is_done_with_messages(api: Api, ann: Someone, bob: Someone, nursery: trio.Nursery) -> None:
    """Deletions of others' messages, and pins; not what authors delete, nor repeats."""
    await nursery.start(api.conversations.run)
    await api("POST", "/room", ROOM, by=ann)
    await api("POST", "/room/den/join", by=bob)
    for by in (bob, bob, ann):
        await api("POST", "/room/den/messages", {"content": "a secret"}, by=by)
    before = len(await entries(api))
    path = "/room/den/messages"
    for _ in range(2):
        await api("PUT", f"{path}/1/pin", by=ann, client=ADDRESS)
    await api("DELETE", f"{path}/1/pin", by=ann)
    await api("PUT", f"{path}/3/pin", by=ann)
    assert (await api("DELETE", f"{path}/1", by=bob)).status == 200
    for _ in range(2):
        assert (await api("DELETE", f"{path}/2", by=ann)).status == 200
    assert (await api("DELETE", f"{path}/3", by=bob)).status == 403
    found = (await entries(api))[before:]
    assert found == [
        ("message_pinned", ann.user_id, bob.user_id, "den", "1"),
        ("message_unpinned", ann.user_id, bob.user_id, "den", "1"),
        ("message_pinned", ann.user_id, "", "den", "3"),
        ("messages_deleted", ann.user_id, bob.user_id, "den", "2"),
    ]
    assert "secret" not in str(found)
    assert (await api.store.audit.page(AuditFilter(after=before), 1))[0].address == ADDRESS


async def test_what_is_refused_in_a_room_leaves_no_entry(api: Api, ann: Someone, bob: Someone) -> None:
    await api("POST", "/room", ROOM, by=ann)
    before = await entries(api)
    for method, path in (
        ("DELETE", "/room/den"),
        ("POST", f"/room/den/kick/{ann.user_id}"),
        ("POST", "/room/den/leave"),
    ):
        assert (await api(method, path, by=bob)).status >= 400
    assert await entries(api) == before


async def test_without_addresses_in_the_log_there_are_none_here(api: Api, ann: Someone) -> None:
    api.settings.replace(msgspec.structs.replace(api.settings.whole, log=LogSettings(addresses=False)))
    await api("POST", "/room", ROOM, by=ann, client=ADDRESS)
    (entry,) = await api.store.audit.page(AuditFilter(room_id="den"), 9)
    assert entry.address == ""


async def test_a_change_succeeds_without_its_entry(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        async def add(self, entry: object) -> int:
            raise StoreUnavailable("no disk")

    await AuditLog(Broken(), settings.LiveSettings(settings.Settings())).record(Event.LOGIN, None)  # type: ignore[arg-type]
    assert "audit entry lost" in capsys.readouterr().out


async def test_old_entries_are_removed_in_steps(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.audit._STEP", 2)
    now, day = 1_700_000_000.0, 86_400.0
    for days in (9.5, 9.2, 9.1, 5.5, 5.2, 5.1, 1.0):
        log = AuditLog(api.store.audit, api.settings, lambda days=days: now - days * day)  # type: ignore[misc]
        await log.record(Event.LOGIN, None, client=ADDRESS)
    await expire(api.store.audit, AuditSettings(days=9, address_days=5), now)
    left = await api.store.audit.page(AuditFilter(), 9)
    assert [round((now - one.at) / day, 1) for one in left] == [5.5, 5.2, 5.1, 1.0]
    assert [one.address for one in left] == ["", "", "", ADDRESS]
