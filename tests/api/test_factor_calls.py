"""The calls for second factors, app passwords and tokens for programs."""

import re

import pyotp
import pytest
import trio

from reichatd.api.operations import Token, operation_of
from reichatd.rights import Scope
from tests.api.conftest import PASSWORD, Api, Reply, Someone

EMAIL = "ann@example.org"


async def enrol(api: Api, ann: Someone) -> tuple[pyotp.TOTP, list[str]]:
    """Turns the second factor on; returns the app and the recovery codes."""
    made = await api("POST", "/user/totp", {"password": PASSWORD}, by=ann)
    assert made.status == 200
    assert set(made.body) == {"message", "secret", "uri", "svg"}
    app = pyotp.TOTP(made.body["secret"])
    confirmed = await api("POST", "/user/totp/confirm", {"code": app.now()}, by=ann)
    assert confirmed.status == 200
    return app, confirmed.body["recovery_codes"]


async def login(api: Api, **body: object) -> Reply:
    return await api("POST", "/login", {"email": EMAIL, "password": PASSWORD, **body})


async def test_a_second_factor(api: Api, ann: Someone) -> None:
    assert (await api("GET", "/user/totp", by=ann)).body == {"message": "ok", "enabled": False, "recovery_codes": 0}
    assert (await api("POST", "/user/totp/confirm", {"code": "1"}, by=ann)).body["code"] == "totp_not_found"
    _, recovery = await enrol(api, ann)
    assert len(recovery) == 10
    assert (await api("GET", "/user/totp", by=ann)).body["recovery_codes"] == 10
    for totp in ({}, {"totp": None}, {"totp": ""}):
        reply = await login(api, **totp)
        assert (reply.status, reply.body["code"]) == (401, "totp_required")
    wrong = await login(api, totp="12345")
    assert (wrong.status, wrong.body["code"]) == (400, "invalid_code")
    assert (await login(api, totp=1)).status == 422
    assert (await login(api, password="wrong horse", totp=recovery[0])).body["code"] == "invalid_password"
    assert (await login(api, totp=recovery[0])).status == 200
    again = await api("POST", "/user/totp", {"password": PASSWORD}, by=ann)
    assert (again.status, again.body["code"]) == (409, "totp_enabled")
    removed = await api("DELETE", "/user/totp", {"password": PASSWORD, "code": recovery[1]}, by=ann)
    assert removed.status == 200
    assert (await login(api)).status == 200


async def test_a_login_with_an_app_password_changes_no_ways_to_log_in(api: Api, ann: Someone) -> None:
    made = await api("POST", "/user/app-passwords", {"name": "Phone"}, by=ann)
    phone = (await login(api, password=made.body["password"])).body["tokens"]["access_token"]
    for method, path, body in (
        ("POST", "/user/app-passwords", {"name": "Second"}),
        ("POST", "/user/tokens", {"name": "Robot", "scopes": ["read"]}),
        ("POST", "/user/totp", {"password": PASSWORD}),
        ("POST", "/user/totp/confirm", {"code": "123456"}),
        ("DELETE", "/user/totp", {"password": PASSWORD, "code": "123456"}),
    ):
        refused = await api(method, path, body, by=phone)
        assert (refused.status, refused.body["code"]) == (403, "forbidden"), path
    assert (await api("GET", "/user/totp", by=phone)).status == 200


async def test_an_app_password(api: Api, ann: Someone) -> None:
    await enrol(api, ann)
    made = await api("POST", "/user/app-passwords", {"name": "Phone"}, by=ann)
    assert made.status == 201
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", made.body["password"])
    (listed,) = (await api("GET", "/user/app-passwords", by=ann)).body["app_passwords"]
    assert listed.keys() == {"app_password_id", "name", "created_at"}
    assert (await login(api, password=made.body["password"])).status == 200
    (listed,) = (await api("GET", "/user/app-passwords", by=ann)).body["app_passwords"]
    assert listed["used_at"]
    path = f"/user/app-passwords/{made.body['app_password_id']}"
    assert [(await api("DELETE", path, by=ann)).status for _ in range(2)] == [200, 404]
    assert (await login(api, password=made.body["password"])).status == 400


async def make_token(api: Api, by: Someone, *scopes: str, **body: object) -> str:
    made = await api("POST", "/user/tokens", {"name": "Robot", "scopes": scopes, **body}, by=by)
    assert made.status == 201
    token: str = made.body["token"]
    return token


async def test_a_token_in_the_list(api: Api, ann: Someone) -> None:
    await api("POST", "/room", {"name": "Lounge", "description": "", "room_id": "lounge"}, by=ann)
    await make_token(api, ann, "write", "read", rooms=["lounge"], days=30)
    await make_token(api, ann, "moderate")
    first, second = (await api("GET", "/user/tokens", by=ann)).body["tokens"]
    assert (first["name"], first["scopes"], first["rooms"]) == ("Robot", ["read", "write"], ["lounge"])
    assert first["expires_at"] > first["created_at"]
    assert second.keys() == {"token_id", "name", "scopes", "created_at"}
    path = f"/user/tokens/{first['token_id']}"
    assert [(await api("DELETE", path, by=ann)).status for _ in range(2)] == [200, 404]
    for body in (
        {"name": "Robot"},
        {"name": "Robot", "scopes": ["all"]},
        {"name": "x", "scopes": ["read"], "days": "1"},
    ):
        assert (await api("POST", "/user/tokens", body, by=ann)).status == 422
    assert (await api("POST", "/user/tokens", {"name": "x", "scopes": []}, by=ann)).fields == ["scopes"]


@pytest.mark.parametrize("scope", ["read", "write", "moderate"])
async def test_each_call_takes_the_tokens_that_it_says(
    nursery: trio.Nursery, api: Api, ann: Someone, scope: str
) -> None:
    """All calls of the app, also those that are added later: without a scope they take no token for programs."""
    await nursery.start(api.conversations.run)
    token = await make_token(api, ann, scope)
    seen = 0
    for rule in api.app.url_map.iter_rules():
        operation = operation_of(api.app.view_functions[rule.endpoint])
        if operation is None or operation.token is not Token.ACCESS:
            continue
        path = re.sub(r"<\w+>", "nothing", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            reply = await api(method, path, {}, by=token)
            refused = reply.status == 403 and reply.body["code"] == "insufficient_scope"
            assert refused == (operation.scope is not Scope(scope)), (method, path, reply)
            seen += 1
    assert seen >= 25


async def test_a_token_for_some_rooms(api: Api, ann: Someone, bob: Someone) -> None:
    for room_id in ("lounge", "attic"):
        await api("POST", "/room", {"name": room_id, "description": "", "room_id": room_id}, by=ann)
    token = await make_token(api, ann, "read", "write", "moderate", rooms=["lounge"])
    assert [room["room_id"] for room in (await api("GET", "/joined", by=token)).body["rooms"]] == ["lounge"]
    assert [room["room_id"] for room in (await api("GET", "/user", by=token)).body["rooms"]] == ["lounge"]
    for method, path, body in (
        ("GET", "/room/{}", None),
        ("PUT", "/room/{}", {"name": "New", "description": ""}),
        ("POST", "/room/{}/ban/" + bob.user_id, None),
        ("POST", "/room/{}/leave", None),
    ):
        assert (await api(method, path.format("lounge"), body, by=token)).status == 200
        refused = await api(method, path.format("attic"), body, by=token)
        assert (refused.status, refused.body["code"]) == (403, "insufficient_scope")
    assert (await api("POST", "/room", {"name": "Mine", "description": ""}, by=token)).status == 403
    assert (await api("GET", f"/user/{bob.user_id}", by=token)).status == 200
    assert (await api("GET", "/public", by=token)).status == 200
