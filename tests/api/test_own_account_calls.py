"""Passwords by mail, changes of address, downloads and deletions, as the protocol defines them."""

import json
import re

import pytest

from tests.api.conftest import PASSWORD, Api, Someone
from tests.api.test_limits import limit
from tests.store.samples import post

NEW_PASSWORD = "better horse"


def token_for(api: Api, email: str) -> str:
    """The token in the last mail to this address."""
    message = next(message for message in reversed(api.outbox.messages) if message["To"] == email)
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"^    (\S{60,})$", body.get_content(), re.MULTILINE)
    assert found is not None
    return found[1]


async def test_a_forgotten_password(api: Api, ann: Someone) -> None:
    for email in (ann.email, "nobody@example.org", "nobody"):
        reply = await api("POST", "/password/forgot", {"email": email})
        assert (reply.status, reply.body) == (200, {"message": "ok"})
    body = {"token": token_for(api, ann.email), "new_password": NEW_PASSWORD}
    assert (await api("POST", "/password/reset", {**body, "new_password": "short"})).fields == ["new_password"]
    assert (await api("POST", "/password/reset", body)).body == {"message": "ok"}
    reply = await api("POST", "/password/reset", body)
    assert (reply.status, reply.body["code"]) == (400, "invalid_code")
    assert (await api("GET", "/user", by=ann)).status == 401
    assert await api.login(ann.email, NEW_PASSWORD)


async def test_no_mail_is_promised_when_the_queue_is_full(api: Api, ann: Someone) -> None:
    api.outbox.is_full = True
    for email in (ann.email, "nobody@example.org"):
        assert (await api("POST", "/password/forgot", {"email": email})).status == 503


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
async def test_the_mails_of_an_address_are_limited_whether_it_has_an_account_or_not(
    api: Api, ann: Someone, email: str
) -> None:
    limit(api, mails_per_address_hour=2)
    body = {"email": email}
    replies = [await api("POST", "/password/forgot", body, client=f"192.0.2.{number}") for number in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 429, 429]


async def test_no_one_guesses_tokens_or_codes_for_long(api: Api, ann: Someone) -> None:
    limit(api, guesses_per_client=3)
    body = {"token": f"{ann.user_id}.9999999999.{'0' * 64}", "new_password": NEW_PASSWORD}
    replies = [await api("POST", "/password/reset", body, client="192.0.2.9") for _ in range(5)]
    assert [reply.status for reply in replies] == [400] * 3 + [429] * 2
    limit(api, codes_per_address_hour=3)
    await api("PUT", "/user/email", {"password": PASSWORD, "email": "anna@example.org"}, by=ann)
    codes = [await api("POST", "/user/email/verify", {"code": "x"}, by=ann) for _ in range(5)]
    assert [reply.status for reply in codes] == [400] * 3 + [429] * 2


async def test_a_new_address(api: Api, ann: Someone, bob: Someone) -> None:
    body = {"password": PASSWORD, "email": "anna@example.org"}
    assert (await api("PUT", "/user/email", {**body, "password": "wrong horse"}, by=ann)).status == 400
    assert (await api("PUT", "/user/email", {**body, "email": bob.email}, by=ann)).status == 409
    reply = await api("POST", "/user/email/verify", {"code": "123456"}, by=ann)
    assert (reply.status, reply.body["code"]) == (404, "verification_not_found")
    assert (await api("PUT", "/user/email", body, by=ann)).body == {"message": "ok"}
    code = api.outbox.code("anna@example.org")
    assert (await api("POST", "/user/email/verify", {"code": f"{code}0"}, by=ann)).status == 400
    assert (await api("POST", "/user/email/verify", {"code": code}, by=ann)).body == {"message": "ok"}
    details = (await api("GET", "/user", by=ann)).body["user_details"]
    assert details["email"] == "anna@example.org"
    assert api.live.calls == [("email_changed", ann.user_id, "anna@example.org")]


async def test_a_deletion(api: Api, ann: Someone, bob: Someone) -> None:
    assert (await api("POST", "/room", {"name": "Den", "description": "", "room_id": "den"}, by=ann)).status == 201
    body = {"password": PASSWORD, "messages": "erase"}
    reply = await api("DELETE", "/user", body, by=ann)
    assert (reply.status, reply.body["code"]) == (409, "owns_rooms")
    assert (await api("DELETE", "/room/den", by=ann)).status == 200
    assert (await api("DELETE", "/user", {**body, "password": "wrong horse"}, by=ann)).status == 400
    for bad in ({"password": PASSWORD}, {**body, "messages": "burn"}, None):
        assert (await api("DELETE", "/user", bad, by=ann)).status == 422
    assert (await api("DELETE", "/user", body, by=ann)).body == {"message": "ok"}
    assert (await api("GET", "/user", by=ann)).status == 401
    assert (await api("GET", f"/user/{ann.user_id}", by=bob)).status == 404


async def test_a_download(api: Api, ann: Someone, bob: Someone) -> None:
    assert (await api("POST", "/room", {"name": "Den", "description": "", "room_id": "den"}, by=ann)).status == 201
    long = [post("long " * 900, user_id, "den") for user_id in (ann.user_id, bob.user_id) for _ in range(20)]
    await api.store.rooms.join("den", bob.user_id, 1.0)
    await api.store.messages.commit(long, {})
    response = await api.client.get("/user/export", headers={"Authorization": f"Bearer {ann.access_token}"})
    assert response.status_code == 200
    assert response.content_type == "application/x-ndjson"
    assert response.headers["Cache-Control"] == "no-store"
    records = [json.loads(line) for line in (await response.get_data(as_text=True)).splitlines()]
    kinds = [record["type"] for record in records if record["type"] != "activity"]
    assert kinds == ["user_details", "membership", "session", *["message"] * 20]
    assert (records[0]["email"], records[0]["owns"], records[1]["room_id"]) == (ann.email, ["den"], "den")
    assert (await api("GET", "/user/export")).status == 401
