"""Tokens and bodies, valid and invalid."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reichatd.api.requests import decode
from reichatd.api.types import ChangingRoom, CreatingRoom, Joining, Verifying
from reichatd.errors import Malformed
from reichatd.settings import LimitSettings
from reichatd.store.sqlite import open_store
from tests.api.conftest import Api, Someone, checked, make_api

CALLS_WITH_TOKEN = [
    ("POST", "/logout"),
    ("GET", "/refresh"),
    ("GET", "/user"),
    ("GET", "/user/x"),
    ("PUT", "/user/username"),
    ("PUT", "/user/password"),
    ("GET", "/public"),
    ("GET", "/joined"),
    ("GET", "/room/x"),
    ("POST", "/room"),
    ("PUT", "/room/x"),
    ("DELETE", "/room/x"),
    ("POST", "/room/x/join"),
    ("POST", "/room/x/leave"),
    ("POST", "/room/x/kick/y"),
    ("POST", "/room/x/ban/y"),
    ("POST", "/room/x/unban/y"),
]
CALLS_WITH_BODY = [
    ("POST", "/register", ["email", "password", "username"]),
    ("POST", "/verify", ["email", "code"]),
    ("POST", "/login", ["email", "password"]),
    ("PUT", "/user/username", ["username"]),
    ("PUT", "/user/password", ["password", "new_password"]),
    ("POST", "/room", ["name", "description"]),
    ("PUT", "/room/x", ["name", "description"]),
]


@pytest.mark.parametrize(("method", "path"), CALLS_WITH_TOKEN)
async def test_without_a_token(api: Api, method: str, path: str) -> None:
    """The token is checked before the body and the room."""
    reply = await api(method, path, b"{")
    assert (reply.status, reply.body) == (401, {"message": "Unauthorized", "code": "unauthorized"})
    assert (await api(method, path, b"{", by="nonsense")).status == 401


@pytest.mark.parametrize(
    "template",
    ["", "Bearer", "Bearer ", "Bearer  \t", "{}", "Basic {}", "Bearer {} x", "Bearer{}", "Bearer {}, Bearer {}"],
)
async def test_malformed_authorization(api: Api, ann: Someone, template: str) -> None:
    headers = {"Authorization": template.replace("{}", ann.access_token)}
    assert (await api("GET", "/user", headers=headers)).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_scheme_in_any_case(api: Api, ann: Someone, scheme: str) -> None:
    assert (await api("GET", "/user", headers={"Authorization": f"{scheme}  {ann.access_token}"})).status == 200


async def test_two_tokens(api: Api, ann: Someone) -> None:
    async with api.client.request("/user") as connection:
        header = (b"authorization", f"Bearer {ann.access_token}".encode())
        connection.scope["headers"] = [header, header]  # type: ignore[attr-defined]
        await connection.send_complete()
    assert (await checked(await connection.as_response())).status == 401


@pytest.mark.parametrize("token", ["\xff", "a.b.c", "x" * 10_000, "..", "é.é.é"])
async def test_odd_tokens(api: Api, token: str) -> None:
    for method, path in (("GET", "/user"), ("GET", "/refresh"), ("POST", "/logout")):
        assert (await api(method, path, by=token)).status == 401


@pytest.mark.parametrize(("method", "path", "fields"), CALLS_WITH_BODY)
async def test_missing_and_mistyped_fields(api: Api, ann: Someone, method: str, path: str, fields: list[str]) -> None:
    reply = await api(method, path, {}, by=ann)
    assert (reply.status, reply.body["code"], reply.fields) == (422, "malformed", fields)
    reply = await api(method, path, dict.fromkeys(fields, 5), by=ann)
    assert (reply.status, reply.fields) == (422, fields)


NOT_OBJECTS = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"NaN",
    b"email=x",
    b"\xef\xbb\xbf{}",
    b'{"name": "\xff"}',
    b'{"name": "\\ud800"}',
    b'{"x": "\xff"}',
    b'{"x": NaN}',
    b'{"x": 01}',
    b"{} {}",
    b"{'name': 'x'}",
    b'{"x":' * 10_000,
    b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "{}".encode("utf-16"),
]


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=lambda body: repr(body[:20]))
async def test_a_body_must_be_an_object(api: Api, ann: Someone, body: bytes) -> None:
    for method, path, _ in CALLS_WITH_BODY:
        reply = await api(method, path, body, by=ann)
        assert (reply.status, reply.body["code"]) == (422, "malformed")


async def test_content_type_does_not_matter(api: Api, ann: Someone) -> None:
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
    ):
        reply = await api("PUT", "/user/username", {"username": "anna"}, by=ann, headers={"Content-Type": content_type})
        assert reply.status == 200


def test_unknown_fields_are_ignored() -> None:
    assert decode(b'{"password": "x", "other": {"a": [1, 2e3]}, "": null}', Joining) == Joining("x")


def test_absent_is_not_null() -> None:
    absent = decode(b'{"name": "x", "description": "y"}', ChangingRoom)
    assert absent == ChangingRoom("x", "y")
    assert decode(b'{"name": "x", "description": "y", "password": null}', ChangingRoom) == ChangingRoom("x", "y", None)


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(Malformed) as caught:
        decode(b'{"name": 1, "password": [], "room_id": "a", "room_id": "a"}', CreatingRoom)
    assert dict(caught.value.problems) == {
        "room_id": "is there twice",
        "name": "Expected `str`, got `int`",
        "description": "is missing",
        "password": "Expected `str | null`, got `array`",
    }
    assert all(field in caught.value.message for field in ("room_id", "name", "description", "password"))


@pytest.mark.parametrize("kind", [Verifying, Joining])
def test_null_is_not_a_string(kind: type[Verifying | Joining]) -> None:
    body = b'{"email": null, "code": null, "password": null}'
    if kind is Joining:
        assert decode(body, kind) == Joining(None)
    else:
        with pytest.raises(Malformed):
            decode(body, kind)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.sampled_from(["email", "password", "username", "code", "new_password", "name", "description", "room_id"])
bodies = (
    st.binary()
    | st.dictionaries(names, st.text(st.characters()) | st.none()).map(lambda body: json.dumps(body).encode())
    | st.dictionaries(names | st.text(), json_values).map(lambda body: json.dumps(body).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
)


@given(bodies, st.sampled_from([CreatingRoom, ChangingRoom, Joining]))
def test_any_body_is_decoded_or_malformed(body: bytes, kind: type[Any]) -> None:
    with suppress(Malformed):
        assert isinstance(decode(body, kind), kind)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=st.lists(bodies, min_size=1, max_size=5))
def test_no_body_is_an_internal_error(tmp_path_factory: pytest.TempPathFactory, sent: list[bytes]) -> None:
    trio.run(send_everywhere, tmp_path_factory.mktemp("fuzz") / "test.sqlite3", sent)


async def send_everywhere(path: Path, sent: list[bytes]) -> None:
    store = await open_store(path)
    api = make_api(store, LimitSettings())
    ann = await api.user("ann")
    await api("POST", "/room", {"name": "x", "description": "", "room_id": "den"}, by=ann)
    for body in sent:
        for method, path_, _ in [*CALLS_WITH_BODY, ("PUT", "/room/den", []), ("POST", "/room/den/join", [])]:
            assert (await api(method, path_, body, by=ann)).status < 500
    await store.aclose()
