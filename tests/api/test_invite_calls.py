"""Invitations by REST."""

import msgspec
import pytest

from reichatd.settings import AuthSettings
from tests.api.conftest import PASSWORD, Api, Someone


@pytest.fixture
async def den(api: Api, ann: Someone) -> str:
    """A private room of ann's."""
    body = {"name": "Den", "description": "quiet", "password": "sesame", "room_id": "den"}
    assert (await api("POST", "/room", body, by=ann)).status == 201
    return "den"


async def invite(api: Api, by: Someone, **body: int) -> str:
    reply = await api("POST", "/room/den/invites", body or None, by=by)
    assert reply.status == 201
    return str(reply.body["invite"])


async def test_an_invitation_from_its_making_to_its_end(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    made = (await api("POST", f"/room/{den}/invites", {"uses": 2, "days": 3}, by=ann)).body
    token, invite_id = made["invite"], made["invite_id"]
    assert made["url"] == f"http://localhost/#/invite/{token}"
    (listed,) = (await api("GET", f"/room/{den}/invites", by=ann)).body["invites"]
    assert (listed["invite_id"], listed["created_by"], listed["uses_left"]) == (invite_id, ann.user_id, 2)
    assert token not in str(listed)
    shown = (await api("GET", f"/invite/{token}")).body
    assert shown["room"] == {"room_id": "den", "name": "Den", "description": "quiet"}
    assert shown["expires_at"] == made["expires_at"] == listed["expires_at"]
    assert (await api("POST", f"/invite/{token}", by=bob)).body == {"message": "ok", "room_id": "den"}
    repeated = await api("POST", f"/invite/{token}", by=bob)
    assert (repeated.status, repeated.body["code"]) == (409, "already_joined")
    assert [room["room_id"] for room in (await api("GET", "/joined", by=bob)).body["rooms"]] == ["den"]
    assert (await api("DELETE", f"/room/{den}/invites/{invite_id}", by=ann)).status == 200
    for method, path in (("DELETE", f"/room/{den}/invites/{invite_id}"), ("GET", f"/invite/{token}")):
        gone = await api(method, path, by=ann)
        assert (gone.status, gone.body["code"]) == (404, "invite_not_found")
    assert (await api("GET", f"/room/{den}/invites", by=ann)).body["invites"] == []


async def test_members_may_not_see_make_or_delete_invitations_but_moderators_may(
    api: Api, ann: Someone, bob: Someone, den: str
) -> None:
    await api("POST", f"/invite/{await invite(api, ann)}", by=bob)
    (listed,) = (await api("GET", f"/room/{den}/invites", by=ann)).body["invites"]
    calls = [("POST", "invites"), ("GET", "invites"), ("DELETE", f"invites/{listed['invite_id']}")]
    for method, path in calls:
        assert (await api(method, f"/room/{den}/{path}", by=bob)).status == 403
    await api("PUT", f"/room/{den}/moderators/{bob.user_id}", by=ann)
    for method, path in calls:
        assert (await api(method, f"/room/{den}/{path}", by=bob)).status in {200, 201}


@pytest.mark.parametrize(("body", "field"), [({"days": 366}, "days"), ({"days": 0}, "days"), ({"uses": 0}, "uses")])
async def test_days_and_uses_have_bounds(api: Api, ann: Someone, den: str, body: dict[str, int], field: str) -> None:
    reply = await api("POST", f"/room/{den}/invites", body, by=ann)
    assert reply.status in {400, 422}
    assert reply.fields == [field]


async def test_a_banned_user_does_not_come_back_by_invitation(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    token = await invite(api, ann, uses=1)
    await api("POST", f"/room/{den}/ban/{bob.user_id}", by=ann)
    reply = await api("POST", f"/invite/{token}", by=bob)
    assert (reply.status, reply.body["code"]) == (403, "banned")
    await api("POST", f"/room/{den}/unban/{bob.user_id}", by=ann)
    assert (await api("POST", f"/invite/{token}", by=bob)).status == 200, "the ban did not use it up"


async def test_registration_by_invitation(api: Api, ann: Someone, den: str) -> None:
    in_force = api.settings.whole
    api.settings.replace(msgspec.structs.replace(in_force, auth=AuthSettings(registration="invite")))
    assert (await api("GET", "/about")).body["registration"] == "invite"
    body = {"email": "eve@example.org", "password": PASSWORD, "username": "eve"}
    refused = await api("POST", "/register", body)
    assert (refused.status, refused.body["code"]) == (403, "registration_closed")
    unknown = await api("POST", "/register", body | {"invite": "unknown"})
    assert (unknown.status, unknown.body["code"]) == (404, "invite_not_found")
    assert (await api("POST", "/register", body | {"invite": await invite(api, ann)})).status == 201
    code = api.outbox.code("eve@example.org")
    assert (await api("POST", "/verify", {"email": "eve@example.org", "code": code})).status == 200
    eve = await api.login("eve@example.org")
    assert [room["room_id"] for room in (await api("GET", "/user", by=eve)).body["rooms"]] == ["den"]


async def test_an_invitation_to_the_server_is_for_newcomers(api: Api, ann: Someone) -> None:
    token = (await api.accounts.invites.create("", "")).token
    assert (await api("GET", f"/invite/{token}")).body["room"] is None
    reply = await api("POST", f"/invite/{token}", by=ann)
    assert (reply.status, reply.body["code"]) == (409, "already_joined")


async def test_the_log_has_no_tokens(api: Api, ann: Someone, den: str, capsys: pytest.CaptureFixture[str]) -> None:
    token = await invite(api, ann)
    for method in ("GET", "POST", "DELETE"):
        for path in (f"/invite/{token}", f"/invite/{token}/more"):
            await api(method, path, by=ann)
    printed = capsys.readouterr().out
    assert "/invite/..." in printed
    assert token not in printed


async def test_the_audit_log_of_a_room(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    await api("POST", f"/invite/{await invite(api, ann)}", by=bob)
    await api("POST", f"/room/{den}/kick/{bob.user_id}", by=ann, client="192.0.2.7")
    await api("POST", f"/room/{den}/ban/{bob.user_id}", by=ann)
    assert (await api("GET", f"/room/{den}/audit", by=bob)).status == 403
    assert (await api("GET", "/room/nowhere/audit", by=ann)).status == 404
    entries = (await api("GET", f"/room/{den}/audit", by=ann)).body["entries"]
    assert [each["event"] for each in entries] == ["banned", "kicked", "invite_used", "invite_created", "room_created"]
    banned = entries[0]
    assert (banned["actor"], banned["actor_name"]) == (ann.user_id, "ann")
    assert (banned["user_id"], banned["username"]) == (bob.user_id, "bob")
    assert "192.0.2.7" not in str(entries), "moderators see no addresses"
    page = (await api("GET", f"/room/{den}/audit?limit=2&before={banned['number']}", by=ann)).body["entries"]
    assert page == entries[1:3]


async def test_a_room_made_again_under_an_old_id_has_no_old_audit_entries(api: Api, ann: Someone, den: str) -> None:
    await api("DELETE", f"/room/{den}", by=ann)
    again = {"name": "Den", "description": "", "room_id": den}
    assert (await api("POST", "/room", again, by=ann)).status == 201
    entries = (await api("GET", f"/room/{den}/audit", by=ann)).body["entries"]
    assert [each["event"] for each in entries] == ["room_created"]
