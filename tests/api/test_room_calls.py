"""Rooms, as the protocol defines them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import Api, Someone


@pytest.fixture
async def den(api: Api, ann: Someone) -> str:
    """A private room of ann's."""
    body = {"name": "Den", "description": "quiet", "password": "sesame", "room_id": "den"}
    reply = await api("POST", "/room", body, by=ann)
    assert (reply.status, reply.body) == (201, {"message": "ok", "room_id": "den"})
    return "den"


@pytest.fixture
async def hall(api: Api, ann: Someone) -> str:
    """A public room of ann's."""
    reply = await api("POST", "/room", {"name": "Hall", "description": ""}, by=ann)
    assert reply.status == 201
    return str(reply.body["room_id"])


async def test_show(api: Api, ann: Someone, den: str) -> None:
    reply = await api("GET", f"/room/{den}", by=ann)
    assert reply.status == 200
    age = datetime.now(UTC) - datetime.fromisoformat(reply.body["room"].pop("created_at"))
    assert 0 <= age.total_seconds() < 60
    assert reply.body["room"] == {
        "room_id": "den",
        "name": "Den",
        "description": "quiet",
        "owner": ann.user_id,
        "private": True,
        "users": [ann.user_id],
    }


async def test_outsiders_do_not_see_the_members_of_a_private_room(api: Api, bob: Someone, den: str, hall: str) -> None:
    assert (await api("GET", f"/room/{den}", by=bob)).body["room"]["users"] == []
    assert len((await api("GET", f"/room/{hall}", by=bob)).body["room"]["users"]) == 1


async def test_lists(api: Api, ann: Someone, bob: Someone, den: str, hall: str) -> None:
    in_short = {"room_id": hall, "name": "Hall", "description": ""}
    assert (await api("GET", "/public", by=bob)).body == {"message": "ok", "rooms": [in_short]}
    assert (await api("GET", "/joined", by=bob)).body == {"message": "ok", "rooms": []}
    for room in (await api("GET", "/joined", by=ann)).body["rooms"]:
        shown = (await api("GET", f"/room/{room['room_id']}", by=ann)).body["room"]
        assert room == {**shown, "kind": "room", "role": "owner", "muted": False, "unread": 0, "mentions": 0}
    assert len((await api("GET", "/joined", by=ann)).body["rooms"]) == 2


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "", "description": ""}, ["name"]),
        ({"name": "x", "description": "x" * 1001}, ["description"]),
        ({"name": "x", "description": "", "password": "x" * 129}, ["password"]),
        ({"name": "x", "description": "", "room_id": "a b"}, ["room_id"]),
        ({"name": "\0", "description": "x" * 1001, "room_id": ""}, ["name", "description", "room_id"]),
    ],
)
async def test_invalid_rooms(api: Api, ann: Someone, body: dict[str, Any], fields: list[str]) -> None:
    reply = await api("POST", "/room", body, by=ann)
    assert (reply.status, reply.body["code"], reply.fields) == (400, "invalid_fields", fields)


async def test_room_id_taken(api: Api, bob: Someone, den: str) -> None:
    reply = await api("POST", "/room", {"name": "Mine", "description": "", "room_id": den}, by=bob)
    assert (reply.status, reply.body) == (409, {"message": "Room ID taken", "code": "room_exists"})


async def test_null_is_absent(api: Api, ann: Someone) -> None:
    reply = await api("POST", "/room", {"name": "x", "description": "", "password": None, "room_id": None}, by=ann)
    assert reply.status == 201
    assert not (await api("GET", f"/room/{reply.body['room_id']}", by=ann)).body["room"]["private"]


async def test_update(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    path = f"/room/{den}"
    assert (await api("PUT", path, {"name": " Cave", "description": "dark"}, by=ann)).body == {"message": "ok"}
    room = (await api("GET", path, by=bob)).body["room"]
    assert (room["name"], room["description"], room["private"]) == ("Cave", "dark", True)
    for password, private in (("", False), ("x", True), (None, False)):
        await api("PUT", path, {"name": "Den", "description": "", "password": password}, by=ann)
        assert (await api("GET", path, by=bob)).body["room"]["private"] is private
    assert (await api("PUT", path, {"name": "", "description": ""}, by=ann)).status == 400
    assert (await api("PUT", path, {"name": "x", "description": "", "password": 1}, by=ann)).fields == ["password"]
    assert (await api("PUT", path, {"name": "x", "description": ""}, by=bob)).body["code"] == "forbidden"


async def test_delete(api: Api, ann: Someone, bob: Someone, den: str) -> None:
    assert (await api("DELETE", f"/room/{den}", by=bob)).status == 403
    assert (await api("DELETE", f"/room/{den}", by=ann)).body == {"message": "ok"}
    assert (await api("DELETE", f"/room/{den}", by=ann)).status == 404
    assert api.live.calls == [("room_deleted", den)]


async def test_join_and_leave(api: Api, bob: Someone, hall: str) -> None:
    for body in (None, {}, {"password": None}, {"password": "ignored"}):
        assert (await api("POST", f"/room/{hall}/join", body, by=bob)).body == {"message": "ok"}
        reply = await api("POST", f"/room/{hall}/join", body, by=bob)
        assert (reply.status, reply.body) == (409, {"message": "Already joined", "code": "already_joined"})
        assert (await api("POST", f"/room/{hall}/leave", by=bob)).body == {"message": "ok"}
    reply = await api("POST", f"/room/{hall}/leave", by=bob)
    assert (reply.status, reply.body) == (409, {"message": "User not in room", "code": "not_a_member"})
    assert ("member_removed", hall, bob.user_id) in api.live.calls


async def test_join_of_a_private_room(api: Api, bob: Someone, den: str) -> None:
    for body in (None, {}, {"password": None}, {"password": ""}):
        reply = await api("POST", f"/room/{den}/join", body, by=bob)
        assert (reply.status, reply.body) == (400, {"message": "Password required", "code": "password_required"})
    reply = await api("POST", f"/room/{den}/join", {"password": "x"}, by=bob)
    assert (reply.status, reply.body) == (400, {"message": "Invalid password", "code": "invalid_password"})
    assert (await api("POST", f"/room/{den}/join", {"password": 5}, by=bob)).status == 422
    assert (await api("POST", f"/room/{den}/join", {"password": "sesame"}, by=bob)).status == 200


async def test_kick(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    await api("POST", f"/room/{hall}/join", by=bob)
    assert (await api("POST", f"/room/{hall}/kick/{bob.user_id}", by=ann)).body == {"message": "ok"}
    assert api.live.calls == [("member_removed", hall, bob.user_id)]
    reply = await api("POST", f"/room/{hall}/kick/{bob.user_id}", by=ann)
    assert (reply.status, reply.body["message"]) == (409, "User not in room")


async def test_ban_and_unban(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    await api("POST", f"/room/{hall}/join", by=bob)
    assert (await api("POST", f"/room/{hall}/ban/{bob.user_id}", by=ann)).body == {"message": "ok"}
    assert api.live.calls == [("member_removed", hall, bob.user_id)]
    reply = await api("POST", f"/room/{hall}/ban/{bob.user_id}", by=ann)
    assert (reply.status, reply.body) == (400, {"message": "Already banned", "code": "already_banned"})
    reply = await api("POST", f"/room/{hall}/join", by=bob)
    assert (reply.status, reply.body["code"]) == (403, "banned")
    assert (await api("POST", f"/room/{hall}/unban/{bob.user_id}", by=ann)).body == {"message": "ok"}
    reply = await api("POST", f"/room/{hall}/unban/{bob.user_id}", by=ann)
    assert (reply.status, reply.body) == (400, {"message": "User not banned", "code": "not_banned"})
    assert (await api("POST", f"/room/{hall}/join", by=bob)).status == 200
    assert (await api("POST", f"/room/{hall}/ban/nobody", by=ann)).body["code"] == "user_not_found"


async def test_the_owner_lists_the_bans(
    api: Api, ann: Someone, bob: Someone, hall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reichatd.rooms.membership.USERS_AT_ONCE", 1)
    path, eve = f"/room/{hall}/bans", await api.user("eve")
    assert (await api("GET", path, by=ann)).body == {"message": "ok", "bans": []}
    for someone in (bob, eve):  # eve never was a member
        await api("POST", f"/room/{hall}/ban/{someone.user_id}", by=ann)
    await api("PUT", "/user/username", {"username": "robert"}, by=bob)
    bans = [{"user_id": bob.user_id, "username": "robert"}, {"user_id": eve.user_id, "username": "eve"}]
    assert (await api("GET", path, by=ann)).body["bans"] == sorted(bans, key=lambda ban: ban["user_id"])
    await api("POST", f"/room/{hall}/unban/{bob.user_id}", by=ann)
    await api.store.users.delete(eve.user_id)
    assert (await api("GET", path, by=ann)).body["bans"] == []
    reply = await api("GET", path, by=bob)
    assert (reply.status, reply.body["code"]) == (403, "forbidden")


@pytest.mark.parametrize("verb", ["kick", "ban", "unban"])
async def test_only_the_owner_and_not_on_themselves(api: Api, ann: Someone, bob: Someone, hall: str, verb: str) -> None:
    reply = await api("POST", f"/room/{hall}/{verb}/{ann.user_id}", by=ann)
    assert (reply.status, reply.body["code"]) == (400, "yourself")
    assert (await api("POST", f"/room/{hall}/{verb}/{bob.user_id}", by=bob)).status == 403
    assert (await api("POST", f"/room/nowhere/{verb}/{bob.user_id}", by=bob)).status == 404


ROOM_CALLS = [
    ("GET", "", None),
    ("PUT", "", {"name": "x", "description": ""}),
    ("DELETE", "", None),
    ("POST", "/join", None),
    ("POST", "/leave", None),
    ("GET", "/bans", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROOM_CALLS)
@pytest.mark.parametrize("room_id", ["nowhere", "%00", "a%0Ab", "%F0%9F%92%A9", "x" * 5000])
async def test_no_such_room(
    api: Api, ann: Someone, method: str, path: str, body: dict[str, Any] | None, room_id: str
) -> None:
    reply = await api(method, f"/room/{room_id}{path}", body, by=ann)
    assert (reply.status, reply.body) == (404, {"message": "Room not found", "code": "room_not_found"})
