"""The caller and other users, as the protocol defines them."""

from tests.api.conftest import PASSWORD, Api, Someone


async def test_the_caller(api: Api, ann: Someone) -> None:
    await api("POST", "/room", {"name": "Den", "description": "quiet", "password": "x", "room_id": "den"}, by=ann)
    reply = await api("GET", "/user", by=ann)
    assert reply.status == 200
    assert reply.body == {
        "message": "ok",
        "user_id": ann.user_id,
        "user_details": {"email": "ann@example.org", "username": "ann"},
        "rooms": [{"room_id": "den", "name": "Den", "description": "quiet"}],
    }


async def test_another_user(api: Api, ann: Someone, bob: Someone) -> None:
    await api("POST", "/room", {"name": "Den", "description": "", "room_id": "den"}, by=ann)
    await api("POST", "/room/den/join", by=bob)  # strangers do not see the address: see test_direct_calls.py
    reply = await api("GET", f"/user/{ann.user_id}", by=bob)
    assert reply.status == 200
    assert reply.body == {"message": "ok", "user_details": {"email": "ann@example.org", "username": "ann"}}


async def test_an_unknown_user(api: Api, ann: Someone) -> None:
    for user_id in ("nobody", "%00", "%F0%9F%92%A9", "%FF", "x" * 5000):
        reply = await api("GET", f"/user/{user_id}", by=ann)
        assert (reply.status, reply.body["code"]) == (404, "user_not_found")


async def test_rename(api: Api, ann: Someone) -> None:
    assert (await api("PUT", "/user/username", {"username": "anna"}, by=ann)).body == {"message": "ok"}
    assert (await api("GET", "/user", by=ann)).body["user_details"]["username"] == "anna"
    assert api.live.calls == [("user_renamed", ann.user_id, "anna")]
    reply = await api("PUT", "/user/username", {"username": "a"}, by=ann)
    assert (reply.status, reply.fields) == (400, ["username"])


async def test_change_of_password(api: Api, ann: Someone) -> None:
    elsewhere = await api.login(ann.email)
    body = {"password": PASSWORD, "new_password": "battery staple"}
    assert (await api("PUT", "/user/password", body, by=ann)).body == {"message": "ok"}
    assert (await api("GET", "/user", by=ann)).status == 200
    assert (await api("GET", "/user", by=elsewhere)).status == 401
    assert (await api("GET", "/refresh", by=elsewhere.refresh_token)).status == 401
    await api.login(ann.email, "battery staple")
    assert (await api("POST", "/login", {"email": ann.email, "password": PASSWORD})).status == 400


async def test_refused_changes_of_password(api: Api, ann: Someone) -> None:
    for old, new in (("wrong password", "battery staple"), (PASSWORD, PASSWORD), (PASSWORD, "short")):
        reply = await api("PUT", "/user/password", {"password": old, "new_password": new}, by=ann)
        assert reply.status == 400
    assert (await api("GET", "/refresh", by=ann.refresh_token)).status == 200
