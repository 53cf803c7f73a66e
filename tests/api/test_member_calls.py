"""The calls on members: their answers. What the use cases check is tested in test_room_roles.py."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import Api, Someone

OK = {"message": "ok"}


@pytest.fixture
async def den(api: Api, ann: Someone, bob: Someone) -> str:
    """ann's private room, which bob has joined."""
    await api("POST", "/room", {"name": "Den", "description": "", "password": "sesame", "room_id": "den"}, by=ann)
    await api("POST", "/room/den/join", {"password": "sesame"}, by=bob)
    return "/room/den"


async def joined(api: Api, someone: Someone) -> dict[str, Any]:
    (room,) = (await api("GET", "/joined", by=someone)).body["rooms"]
    return dict(room)


async def test_members(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    assert (await api("PUT", f"{den}/moderators/{bob.user_id}", by=ann)).body == OK
    reply = await api("GET", f"{den}/members", by=bob)
    members = {member["username"]: member for member in reply.body["members"]}
    assert [member["user_id"] for member in reply.body["members"]] == sorted([ann.user_id, bob.user_id])
    assert datetime.fromisoformat(members["ann"].pop("joined_at")) <= datetime.now(UTC)
    assert members["ann"] == {"user_id": ann.user_id, "username": "ann", "role": "owner"}
    assert members["bob"]["role"] == (await joined(api, bob))["role"] == "moderator"
    assert (await api("DELETE", f"{den}/moderators/{bob.user_id}", by=ann)).body == OK
    assert (await joined(api, bob))["role"] == "member"


async def test_pages(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    first, second = sorted([ann.user_id, bob.user_id])
    for query, expected in (("limit=1", [first]), (f"limit=1&after={first}", [second]), (f"after={second}", [])):
        page = (await api("GET", f"{den}/members?{query}", by=ann)).body["members"]
        assert [member["user_id"] for member in page] == expected
    for query in ("limit=0", "limit=1001", "limit=x"):
        assert (await api("GET", f"{den}/members?{query}", by=ann)).fields == ["limit"]
        assert (await api("GET", f"{den}/bans?{query}", by=ann)).fields == ["limit"]
    eve = await api.user("eve")
    for someone in (bob, eve):
        await api("POST", f"{den}/ban/{someone.user_id}", by=ann)
    first, second = sorted([bob.user_id, eve.user_id])
    for query, expected in (("", [first, second]), ("?limit=1", [first]), (f"?limit=1&after={first}", [second])):
        page = (await api("GET", f"{den}/bans{query}", by=ann)).body["bans"]
        assert [banned["user_id"] for banned in page] == expected


async def test_members_of_a_private_room_are_not_for_all(api: Api, den: str) -> None:
    eve = await api.user("eve")
    reply = await api("GET", f"{den}/members", by=eve)
    assert (reply.status, reply.body["code"]) == (403, "forbidden")


async def test_a_mute(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    path = f"{den}/mute/{bob.user_id}"
    assert (await api("PUT", path, {"seconds": 60}, by=ann)).body == OK
    room = await joined(api, bob)
    left = datetime.fromisoformat(room["muted_until"]) - datetime.now(UTC)
    assert room["muted"]
    assert 50 < left.total_seconds() <= 60
    page = (await api("GET", f"{den}/members", by=bob)).body["members"]
    assert [member.get("muted_until") for member in page if member["user_id"] == bob.user_id] == [room["muted_until"]]
    assert (await api("PUT", path, {"seconds": None}, by=ann)).body == OK
    room = await joined(api, bob)
    assert (room["muted"], "muted_until" in room) == (False, False)
    for body, status in (({}, 422), ({"seconds": "x"}, 422), ({"seconds": 0}, 400)):
        reply = await api("PUT", path, body, by=ann)
        assert (reply.status, reply.fields) == (status, ["seconds"])
    assert (await api("PUT", path, {"seconds": 60}, by=bob)).status == 403
    assert (await api("PUT", f"{den}/mute/{ann.user_id}", {"seconds": 60}, by=ann)).body["code"] == "yourself"
    assert (await api("PUT", f"{den}/mute/nobody", {"seconds": 60}, by=ann)).body["code"] == "user_not_found"


async def test_transfer(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    assert (await api("POST", f"{den}/transfer", {"user_id": "nobody"}, by=ann)).body["code"] == "not_a_member"
    assert (await api("POST", f"{den}/transfer", {}, by=ann)).fields == ["user_id"]
    assert (await api("POST", f"{den}/transfer", {"user_id": bob.user_id}, by=ann)).body == OK
    assert (await api("POST", f"{den}/transfer", {"user_id": bob.user_id}, by=ann)).status == 403
    assert ((await joined(api, ann))["role"], (await joined(api, bob))["role"]) == ("member", "owner")


async def test_slow_mode_and_pins(api: Api, ann: Someone, den: str) -> None:
    body = {"name": "Den", "description": ""}
    assert (await api("PUT", den, {**body, "slow_seconds": 30, "members_pin": True}, by=ann)).body == OK
    await api("PUT", den, body, by=ann)  # an older client
    room = (await api("GET", den, by=ann)).body["room"]
    assert (room["slow_seconds"], room["members_pin"]) == (30, True)
    await api("PUT", den, {**body, "slow_seconds": 0, "members_pin": False}, by=ann)
    assert {"slow_seconds", "members_pin"}.isdisjoint((await api("GET", den, by=ann)).body["room"])
    for wrong, status in ((21_601, 400), (-1, 400), ("x", 422)):
        reply = await api("PUT", den, {**body, "slow_seconds": wrong}, by=ann)
        assert (reply.status, reply.fields) == (status, ["slow_seconds"])


async def test_an_owner_who_has_left(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    eve = await api.user("eve")
    assert "owner_is_member" not in (await api("GET", den, by=ann)).body["room"]
    await api("POST", f"{den}/leave", by=ann)
    for someone in (ann, bob):
        assert (await api("GET", den, by=someone)).body["room"]["owner_is_member"] is False
    assert (await joined(api, bob))["owner_is_member"] is False
    assert "owner_is_member" not in (await api("GET", den, by=eve)).body["room"], "strangers do not see the members"
    await api("POST", f"{den}/transfer", {"user_id": bob.user_id}, by=ann)
    assert "owner_is_member" not in (await api("GET", den, by=bob)).body["room"]
