"""Registration, login and logout, as the protocol defines them."""

import pytest

from tests.api.conftest import PASSWORD, Api, Someone


async def test_from_registration_to_login(api: Api) -> None:
    code = await api.register("ann")
    reply = await api("POST", "/verify", {"email": "ann@example.org", "code": code})
    assert (reply.status, reply.body) == (200, {"message": "ok"})
    reply = await api("POST", "/login", {"email": "ann@example.org", "password": PASSWORD})
    assert reply.status == 200
    assert set(reply.body) == {"message", "tokens", "user_id"}
    assert set(reply.body["tokens"]) == {"access_token", "refresh_token", "type"}
    assert reply.body["tokens"]["type"] == "Bearer"
    reply = await api("GET", "/refresh", by=reply.body["tokens"]["refresh_token"])
    assert reply.status == 200
    assert set(reply.body) == {"message", "tokens"}
    assert set(reply.body["tokens"]) == {"access_token", "type"}
    assert reply.body["tokens"]["type"] == "Bearer"
    assert (await api("GET", "/user", by=reply.body["tokens"]["access_token"])).status == 200


async def test_register_reports_all_invalid_fields(api: Api) -> None:
    reply = await api("POST", "/register", {"email": "ann", "password": "short", "username": "a b"})
    assert (reply.status, reply.body["code"]) == (400, "invalid_fields")
    assert reply.fields == ["email", "password", "username"]


async def test_register_twice(api: Api, ann: Someone) -> None:
    body = {"email": ann.email, "password": PASSWORD, "username": "ann"}
    reply = await api("POST", "/register", body)
    assert (reply.status, reply.body) == (409, {"message": "User already exists", "code": "user_exists"})


async def test_wrong_code(api: Api) -> None:
    code = await api.register("ann")
    wrong = str(int(code) ^ 1).zfill(len(code))
    reply = await api("POST", "/verify", {"email": "ann@example.org", "code": wrong})
    assert (reply.status, reply.body["code"]) == (400, "invalid_code")


async def test_code_of_an_unknown_address(api: Api) -> None:
    reply = await api("POST", "/verify", {"email": "ann@example.org", "code": "123456"})
    assert (reply.status, reply.body["message"]) == (404, "Verification not found")


async def test_wrong_password(api: Api, ann: Someone) -> None:
    reply = await api("POST", "/login", {"email": ann.email, "password": "something else"})
    assert (reply.status, reply.body) == (400, {"message": "Invalid password", "code": "invalid_password"})


async def test_login_of_an_unknown_user(api: Api) -> None:
    reply = await api("POST", "/login", {"email": "ann@example.org", "password": PASSWORD})
    assert (reply.status, reply.body) == (404, {"message": "User not found", "code": "user_not_found"})


async def test_refresh_takes_no_access_token(api: Api, ann: Someone) -> None:
    for token in (None, ann.access_token, "nonsense"):
        assert (await api("GET", "/refresh", by=token)).status == 401


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logout_ends_this_session_only(api: Api, ann: Someone, kind: str) -> None:
    elsewhere = await api.login(ann.email)
    token = getattr(ann, kind)
    assert (await api("POST", "/logout", by=token)).body == {"message": "ok"}
    assert (await api("GET", "/user", by=ann)).status == 401
    assert (await api("GET", "/refresh", by=ann.refresh_token)).status == 401
    assert (await api("POST", "/logout", by=token)).status == 401
    assert (await api("GET", "/user", by=elsewhere)).status == 200
    assert [name for name, *_ in api.live.told] == ["sessions_ended"]
