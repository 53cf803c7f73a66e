"""The REST calls on accounts: every status, code and field of their answers."""

import secrets
from typing import Any

import httpx
import pytest

from tests.client import PASSWORD, Person, bearer, http_client, open_room, printed_code, registered_users
from tests.process import DaemonProcess

OK = {"message": "ok"}


def fresh(label: str = "user") -> str:
    """A name that no other test uses."""
    return label + secrets.token_hex(8)


def refused(response: httpx.Response, status: int, code: str, message: str | None = None) -> dict[str, Any]:
    """Checks the form of an error, which has a sentence and a code, and may name fields; returns its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["message"] == message if message else isinstance(body["message"], str) and body["message"]
    if code in {"invalid_fields", "malformed"} and "errors" in body:
        assert all(set(entry) == {"field", "problem"} and entry["problem"] for entry in body["errors"])
    assert set(body) <= {"message", "code", "errors"}
    return body


async def test_registration(daemon: DaemonProcess) -> None:
    name = fresh()
    async with Person(daemon.url, name, f"{name}@example.org") as person:
        await person.register()
        unknown = await person.try_login()
        refused(unknown, 404, "user_not_found", "User not found")
        await person.verify(await printed_code(daemon, person.email))
        await person.log_in()
        again = {"email": person.email.upper(), "password": PASSWORD, "username": name}
        refused(await person.http.post("/register", json=again), 409, "user_exists", "User already exists")
        details = {"email": person.email, "username": name}
        assert await person.call("GET", "/user") == {
            **OK,
            "user_id": person.user_id,
            "user_details": details,
            "rooms": [],
        }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "@example.org"),
        ("email", ""),
        ("password", "1234567"),
        ("password", "x" * 129),
        ("username", "ab"),
        ("username", "x" * 33),
        ("username", "two words"),
        ("username", "semi;colon"),
    ],
)
async def test_registration_with_a_bad_field(daemon: DaemonProcess, field: str, value: str) -> None:
    name = fresh()
    body = {"email": f"{name}@example.org", "password": PASSWORD, "username": name, field: value}
    async with http_client(daemon.url) as http:
        errors = refused(await http.post("/register", json=body), 400, "invalid_fields")["errors"]
    assert [entry["field"] for entry in errors] == [field]


@pytest.mark.parametrize("password", ["12345678", "x" * 128, "pässwörd 🔑"])
async def test_registration_at_the_limits(daemon: DaemonProcess, password: str) -> None:
    for username in (secrets.token_hex(16), "x" + secrets.token_hex(1)):
        body = {"email": f"{fresh()}@example.org", "password": password, "username": username}
        async with http_client(daemon.url) as http:
            response = await http.post("/register", json=body)
        assert (response.status_code, response.json()) == (201, OK)


async def test_verification(daemon: DaemonProcess) -> None:
    name = fresh()
    async with Person(daemon.url, name, f"{name}@example.org") as person:

        async def verify(code: str) -> httpx.Response:
            return await person.http.post("/verify", json={"email": person.email, "code": code})

        refused(await verify("000000"), 404, "verification_not_found", "Verification not found")
        await person.register()
        code = await printed_code(daemon, person.email)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        for bad in (wrong, "", "nonsense", f"{code}0"):
            refused(await verify(bad), 400, "invalid_code")
        answer = await verify(code)
        assert (answer.status_code, answer.json()) == (200, OK)
        # The answer may have been lost: the same code, and no other, is accepted again for a while.
        answer = await verify(f"{code[:3]} {code[3:]} ")
        assert (answer.status_code, answer.json()) == (200, OK)


async def test_five_wrong_codes_end_a_verification(daemon: DaemonProcess) -> None:
    name = fresh()
    async with Person(daemon.url, name, f"{name}@example.org") as person:
        await person.register()
        code = await printed_code(daemon, person.email)
        for _ in range(5):
            bad = await person.http.post("/verify", json={"email": person.email, "code": "nonsense"})
            refused(bad, 400, "invalid_code")
        late = await person.http.post("/verify", json={"email": person.email, "code": code})
        refused(late, 400, "invalid_code")


async def test_login_and_tokens(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        body = {"email": ada.email, "password": PASSWORD}
        answer = (await ada.http.post("/login", json=body)).json()
        access, refresh = answer["tokens"]["access_token"], answer["tokens"]["refresh_token"]
        assert answer == {
            **OK,
            "tokens": {"access_token": access, "refresh_token": refresh, "type": "Bearer"},
            "user_id": ada.user_id,
        }
        bad = await ada.http.post("/login", json=body | {"password": "not the password"})
        refused(bad, 400, "invalid_password", "Invalid password")
        unknown = await ada.http.post("/login", json=body | {"email": "nobody@example.org"})
        refused(unknown, 404, "user_not_found", "User not found")

        async def get(path: str, token: str) -> httpx.Response:
            return await ada.http.get(path, headers=bearer(token))

        refreshed = (await get("/refresh", refresh)).json()
        newer = refreshed["tokens"]["access_token"]
        assert refreshed == {**OK, "tokens": {"access_token": newer, "type": "Bearer"}}
        assert (await get("/user", newer)).status_code == 200
        for path, token in (("/refresh", access), ("/user", refresh), ("/refresh", "x"), ("/user", f"{access}x")):
            refused(await get(path, token), 401, "unauthorized")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logout_ends_this_session_only(daemon: DaemonProcess, kind: str) -> None:
    async with registered_users(daemon, 1) as (ada,):
        first = ada.access_token, ada.refresh_token
        await ada.log_in()
        second = ada.access_token
        ada.access_token = getattr(ada, kind)
        assert await ada.call("POST", "/logout") == OK
        await ada.call("POST", "/logout", 401)
        ada.access_token = ada.refresh_token
        await ada.call("GET", "/refresh", 401)
        ada.access_token = second
        await ada.call("GET", "/user", 401)
        ada.access_token = first[0]
        await ada.call("GET", "/user")
        ada.access_token = first[1]
        await ada.call("GET", "/refresh")


async def test_users(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob, name="Room", description="A room")
        details = {"email": bob.email, "username": bob.name}
        assert await ada.call("GET", f"/user/{bob.user_id}") == {**OK, "user_details": details}
        assert await bob.call("GET", "/user") == {
            **OK,
            "user_id": bob.user_id,
            "user_details": details,
            "rooms": [{"room_id": room_id, "name": "Room", "description": "A room"}],
        }
        missing = await ada.call("GET", "/user/nobody", 404)
        assert missing == {"message": "User not found", "code": "user_not_found"}

        new_name = fresh("new")
        assert await bob.call("PUT", "/user/username", username=new_name) == OK
        assert (await ada.call("GET", f"/user/{bob.user_id}"))["user_details"]["username"] == new_name
        for bad in ("ab", "x" * 33, "two words"):
            answer = await bob.call("PUT", "/user/username", 400, username=bad)
            assert [entry["field"] for entry in answer["errors"]] == ["username"]


async def test_password_change(daemon: DaemonProcess) -> None:
    new = "a better password"
    async with registered_users(daemon, 1) as (ada,):
        other = ada.access_token
        await ada.log_in()
        mine = ada.access_token
        wrong = await ada.call("PUT", "/user/password", 400, password="not the password", new_password=new)
        assert wrong["code"] == "invalid_password"
        await ada.call("PUT", "/user/password", 400, password=PASSWORD, new_password=PASSWORD)
        short = await ada.call("PUT", "/user/password", 400, password=PASSWORD, new_password="1234567")
        assert [entry["field"] for entry in short["errors"]] == ["new_password"]
        assert await ada.call("PUT", "/user/password", password=PASSWORD, new_password=new) == OK
        await ada.call("GET", "/user")
        ada.access_token = other
        await ada.call("GET", "/user", 401)
        refused(await ada.try_login(), 400, "invalid_password", "Invalid password")
        await ada.log_in(new)
        assert ada.access_token != mine


BODIES: list[tuple[str, str, list[str]]] = [
    ("POST", "/register", ["email", "password", "username"]),
    ("POST", "/verify", ["email", "code"]),
    ("POST", "/login", ["email", "password"]),
    ("PUT", "/user/username", ["username"]),
    ("PUT", "/user/password", ["password", "new_password"]),
    ("POST", "/room", ["name", "description"]),
    ("PUT", "/room/some", ["name", "description"]),
]


async def test_malformed_bodies(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        headers = bearer(ada.access_token)
        for method, path, fields in BODIES:
            for body in ({}, dict.fromkeys(fields), dict.fromkeys(fields, 7), {field: ["text"] for field in fields}):
                response = await ada.http.request(method, path, json=body, headers=headers)
                errors = refused(response, 422, "malformed")["errors"]
                assert [entry["field"] for entry in errors] == fields
            for raw in (b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b"[" * 10_000):
                response = await ada.http.request(method, path, content=raw, headers=headers)
                refused(response, 422, "malformed")


async def test_calls_need_a_token(daemon: DaemonProcess) -> None:
    calls = [("GET", "/refresh"), ("POST", "/logout"), ("GET", "/user"), ("GET", "/user/some"), ("GET", "/public")]
    calls += [("PUT", "/user/username"), ("PUT", "/user/password"), ("GET", "/joined"), ("POST", "/room")]
    calls += [(method, "/room/some") for method in ("GET", "PUT", "DELETE")]
    calls += [("POST", f"/room/some/{verb}") for verb in ("join", "leave", "kick/one", "ban/one", "unban/one")]
    async with http_client(daemon.url) as http:
        for method, path in calls:
            for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
                response = await http.request(method, path, headers=headers)
                refused(response, 401, "unauthorized")
                assert response.headers["www-authenticate"] == "Bearer"
        assert (await http.get("/")).json() == OK
        refused(await http.get("/no/such/page"), 404, "not_found")
        refused(await http.delete("/login"), 405, "method_not_allowed")
