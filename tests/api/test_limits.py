"""The limits that REST calls ask, each attacked: what one client does too often is refused, without an effect on others."""

from functools import partial

import msgspec
import pytest
import structlog
import trio

from reichatd import settings
from reichatd.accounts import Passwords
from reichatd.store import StoreUnavailable
from tests.api.conftest import PASSWORD, Api, Reply, Someone
from tests.unlimited import UNLIMITED

STRANGER, OWNER = "198.51.100.7", "192.0.2.77"
ADA = "ada@example.org"


def limits_with(**limits: float) -> settings.LimitSettings:
    return msgspec.convert({**UNLIMITED, "refusal_seconds": 0.0, **limits}, settings.LimitSettings)


def limit(api: Api, **limits: float) -> None:
    """Turns these limits on, as a reload does."""
    api.settings.replace(msgspec.structs.replace(api.settings.whole, limits=limits_with(**limits)))


@pytest.fixture
def limits() -> settings.LimitSettings:
    return limits_with()


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records each use of argon2."""
    runs: list[str] = []
    real = Passwords._run

    async def counting(self: Passwords, *arguments: object) -> object:
        runs.append("argon2")
        return await real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Passwords, "_run", counting)
    return runs


async def login(api: Api, client: str, password: str = "wrong guess", email: str = ADA) -> Reply:
    return await api("POST", "/login", {"email": email, "password": password}, client=client)


async def register(api: Api, client: str, email: str, username: str = "eve") -> Reply:
    return await api("POST", "/register", {"email": email, "password": PASSWORD, "username": username}, client=client)


async def verify(api: Api, client: str, code: str) -> Reply:
    return await api("POST", "/verify", {"email": ADA, "code": code}, client=client)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


# --- logins


async def test_guesses_at_a_password(api: Api, hashes: list[str]) -> None:
    await api.user("ada")
    limit(api, guesses_per_client=60, guesses_per_subject_and_client=10, guesses_per_subject_hour=50)
    hashes.clear()
    with structlog.testing.capture_logs() as logged:
        replies = [await login(api, STRANGER, email=ADA.upper() if number % 2 else ADA) for number in range(30)]
    assert [reply.status for reply in replies] == [400] * 10 + [429] * 20
    assert len(hashes) == 10, "a refused guess is not hashed"
    assert replies[-1].body["code"] == "rate_limited"
    assert int(replies[-1].headers["Retry-After"]) > 0
    assert {line["client"] for line in logged if line["event"] == "rate limited"} == {STRANGER}
    assert (await login(api, OWNER, PASSWORD)).status == 200, "the owner comes from another address"


async def test_guesses_do_not_tell_which_accounts_exist(api: Api, hashes: list[str]) -> None:
    await api.user("ada")
    limit(api, guesses_per_subject_and_client=3)
    runs = []
    for email, status in ((ADA, 400), ("nobody@example.org", 404), ("no address", 404)):
        hashes.clear()
        got = [(await login(api, STRANGER, email=email)).status for _ in range(5)]
        assert got == [status] * 3 + [429] * 2
        runs.append(len(hashes))
    assert runs == [3, 3, 3]


async def test_right_passwords_do_not_count(api: Api) -> None:
    await api.user("ada")
    limit(api, guesses_per_client=3, guesses_per_subject_and_client=2, guesses_per_subject_hour=4)
    for _ in range(10):
        assert (await login(api, OWNER, PASSWORD)).status == 200


async def test_checks_of_right_passwords_are_limited_too(api: Api, hashes: list[str]) -> None:
    """Anyone may have an account, and log in again and again with the right password: that is as much work as a guess."""
    ada = await api.user("ada")
    limit(api, password_checks_per_client=4, guesses_per_client=3)
    hashes.clear()
    assert [(await login(api, STRANGER, PASSWORD)).status for _ in range(6)] == [200] * 4 + [429] * 2
    body = {"password": PASSWORD, "new_password": "another password"}
    assert (await api("PUT", "/user/password", body, by=ada, client=STRANGER)).status == 429
    assert len(hashes) == 4
    assert len(await api.store.sessions.of_user(ada.user_id)) == 5
    assert (await login(api, OWNER, PASSWORD)).status == 200


async def test_a_password_that_was_not_checked_does_not_count(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.user("ada")
    limit(api, guesses_per_subject_and_client=2, password_checks_per_client=2)
    with monkeypatch.context() as patch:
        patch.setattr("reichatd.accounts.passwords.Passwords._run", busy)
        assert [(await login(api, OWNER, PASSWORD)).status for _ in range(5)] == [503] * 5
    assert (await login(api, OWNER, PASSWORD)).status == 200


async def test_an_outage_of_the_store_does_not_count(api: Api, ann: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(api, guesses_per_subject_and_client=2, mails_per_address_hour=2, rooms_per_user_hour=2)

    async def fail(*_: object) -> None:
        raise StoreUnavailable("down")

    async def attempts() -> list[int]:
        replies = [await login(api, OWNER, PASSWORD, "ann@example.org"), await register(api, OWNER, ADA)]
        return [reply.status for reply in (*replies, await api("POST", "/room", ROOM, by=ann))]

    with monkeypatch.context() as patch:
        for part, name in ((api.store.users, "by_email"), (api.store.rooms, "create")):
            patch.setattr(part, name, fail)
        assert [await attempts() for _ in range(4)] == [[503] * 3] * 4
    assert await attempts() == [200, 201, 201]


async def busy(*_: object) -> None:
    from reichatd.errors import Unavailable

    raise Unavailable


async def test_an_owner_is_not_locked_out_by_guesses_from_many_addresses(api: Api) -> None:
    await api.user("ada")
    assert (await login(api, OWNER, PASSWORD)).status == 200
    limit(api, guesses_per_subject_hour=4)
    guesses = [(await login(api, f"198.51.100.{number}")).status for number in range(10)]
    assert guesses == [400] * 4 + [429] * 6
    assert (await login(api, "192.0.2.78", PASSWORD)).status == 429, "no one has logged in from there"
    assert (await login(api, OWNER, PASSWORD)).status == 200, "a session began there"


async def test_guesses_at_the_old_password_of_a_stolen_session(api: Api, hashes: list[str]) -> None:
    ada = await api.user("ada")
    limit(api, guesses_per_subject_and_client=4)
    hashes.clear()
    body = {"password": "wrong guess", "new_password": "another password"}
    replies = [await api("PUT", "/user/password", body, by=ada, client=STRANGER) for _ in range(8)]
    assert [reply.status for reply in replies] == [400] * 4 + [429] * 4
    assert len(hashes) == 4


async def test_guesses_with_a_stolen_token_from_many_addresses(api: Api) -> None:
    ada = await api.user("ada")
    limit(api, guesses_per_subject_hour=5)
    body = {"password": "wrong guess", "new_password": "another password"}
    replies = [await api("PUT", "/user/password", body, by=ada, client=f"198.51.100.{each}") for each in range(8)]
    assert [reply.status for reply in replies] == [400] * 5 + [429] * 3
    body["password"] = PASSWORD
    assert (await api("PUT", "/user/password", body, by=ada)).status == 200, "the owner's address is known"


async def test_a_refusal_is_held_back(api: Api, autojump_clock: trio.testing.MockClock) -> None:
    limit(api, guesses_per_client=1, refusal_seconds=2.0)
    await login(api, STRANGER)
    before = trio.current_time()
    assert (await login(api, STRANGER)).status == 429
    assert trio.current_time() - before >= 2.0


# --- codes


async def test_guesses_at_a_code(api: Api) -> None:
    code = await api.register("ada")
    limit(api, codes_per_address_hour=10)
    got = [(await verify(api, STRANGER, wrong(code))).status for _ in range(20)]
    assert got == [400] * 10 + [429] * 10
    assert (await verify(api, STRANGER, code)).status == 429, "not even with the right one"


async def test_tries_are_not_renewed_by_another_registration(api: Api) -> None:
    await api.register("ada")
    for _ in range(5):
        await verify(api, STRANGER, "x")
    code = await api.register("ada")
    assert (await verify(api, STRANGER, code)).body["code"] == "invalid_code"


async def test_a_stranger_over_the_limit_takes_no_try_of_the_owner(api: Api) -> None:
    limit(api, codes_per_address_hour=2)
    code = await api.register("ada")
    got = [(await verify(api, STRANGER, wrong(code))).status for _ in range(20)]
    assert got == [400] * 2 + [429] * 18
    assert (await verify(api, OWNER, wrong(code))).status == 400
    assert (await verify(api, OWNER, code)).status == 200


# --- mails


async def test_mails_to_a_strangers_address(api: Api, hashes: list[str]) -> None:
    limit(api, mails_per_client_hour=20, mails_per_address_hour=3, mails_per_address_day=5)
    got = [(await register(api, STRANGER, ADA if number % 2 else ADA.upper())).status for number in range(20)]
    assert got == [201] * 3 + [429] * 17
    assert len(api.outbox.messages) == 3
    assert len(hashes) == 3, "a refused registration is not hashed"
    assert (await register(api, OWNER, "bob@example.org")).status == 201


async def test_mails_to_one_mailbox_by_many_names(api: Api) -> None:
    limit(api, mails_per_address_hour=3)
    got = [(await register(api, STRANGER, f"ada+{number}@example.org")).status for number in range(5)]
    assert got == [201] * 3 + [429] * 2
    assert (await register(api, STRANGER, ADA)).status == 429
    assert (await register(api, STRANGER, "bob+1@example.org")).status == 201


async def test_mails_of_one_client(api: Api) -> None:
    limit(api, mails_per_client_hour=20)
    got = [(await register(api, STRANGER, f"user{number}@example.org")).status for number in range(30)]
    assert got == [201] * 20 + [429] * 10
    assert len(api.outbox.messages) == 20


async def test_a_refused_registration_pushes_no_other_out(api: Api) -> None:
    code = await api.register("ada")
    limit(api, mails_per_address_hour=3)
    for _ in range(20):
        await register(api, STRANGER, ADA)
    assert len(await api.store.users.pending(ADA)) == 4
    assert (await verify(api, OWNER, code)).status == 200


async def test_registrations_do_not_tell_at_any_speed_which_accounts_exist(api: Api) -> None:
    await api.user("ada")
    limit(api, mails_per_client_hour=5)
    got = [(await register(api, STRANGER, ADA)).status for _ in range(10)]
    assert got == [409] * 5 + [429] * 5


async def test_a_full_queue_of_mails(api: Api, hashes: list[str]) -> None:
    limit(api, mails_per_address_hour=1)
    api.outbox.is_full = True
    for _ in range(3):
        reply = await register(api, OWNER, ADA)
        assert (reply.status, reply.body["code"]) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    assert await api.store.users.pending(ADA) == []
    assert hashes == []
    api.outbox.is_full = False
    assert (await register(api, OWNER, ADA)).status == 201, "what was not sent does not count"


# --- rooms


async def test_guesses_at_a_rooms_password(api: Api, ann: Someone, bob: Someone, hashes: list[str]) -> None:
    eve = await api.user("eve")
    body = {"name": "Den", "description": "", "password": "sesame street", "room_id": "den"}
    assert (await api("POST", "/room", body, by=ann)).status == 201
    limit(api, guesses_per_client=60, guesses_per_subject_and_client=10, guesses_per_subject_hour=50)
    hashes.clear()
    join = partial(api, "POST", "/room/den/join")
    got = [(await join({"password": "guess"}, by=eve, client=STRANGER)).status for _ in range(30)]
    assert got == [400] * 10 + [429] * 20
    assert len(hashes) == 10
    for _ in range(15):  # right ones do not count
        assert (await join({"password": "sesame street"}, by=bob, client=OWNER)).status == 200
        await api("POST", "/room/den/leave", by=bob)


async def test_changes_of_a_rooms_password_are_limited(api: Api, ann: Someone, hashes: list[str]) -> None:
    den = {"name": "Den", "description": ""}
    assert (await api("POST", "/room", {**den, "room_id": "den"}, by=ann)).status == 201
    limit(api, password_checks_per_client=3, guesses_per_subject_hour=1)
    hashes.clear()
    change = partial(api, "PUT", "/room/den", by=ann, client=STRANGER)
    assert [(await change({**den, "password": "sesame street"})).status for _ in range(5)] == [200] * 3 + [429] * 2
    assert len(hashes) == 3
    assert [(await change(body)).status for body in (den, {**den, "password": None})] == [200, 200], "nothing is hashed"


async def test_new_passwords_of_rooms_have_a_minimum(api: Api, ann: Someone, bob: Someone) -> None:
    room = {"name": "Den", "description": "", "room_id": "den"}
    assert (await api("POST", "/room", {**room, "password": "x"}, by=ann)).status == 201
    limit(api, room_password_min=8)
    reply = await api("POST", "/room", {**room, "room_id": "cave", "password": "1234567"}, by=ann)
    assert (reply.status, reply.fields) == (400, ["password"])
    assert (await api("POST", "/room", {**room, "room_id": "cave", "password": "12345678"}, by=ann)).status == 201
    assert (await api("PUT", "/room/den", {"name": "Den", "description": "", "password": "y"}, by=ann)).status == 400
    assert (await api("PUT", "/room/den", {"name": "Lair", "description": ""}, by=ann)).status == 200
    assert (await api("POST", "/room/den/join", {"password": "x"}, by=bob)).status == 200, "an old room keeps its own"
    assert (await api("PUT", "/room/den", {"name": "Den", "description": "", "password": ""}, by=ann)).status == 200


ROOM = {"name": "Den", "description": ""}


async def test_rooms_made_in_an_hour(api: Api, ann: Someone, bob: Someone) -> None:
    limit(api, rooms_per_user_hour=10)
    got = [(await api("POST", "/room", ROOM, by=ann, client=f"192.0.2.{number}")).status for number in range(20)]
    assert got == [201] * 10 + [429] * 10
    assert (await api("POST", "/room", ROOM, by=bob)).status == 201


async def test_a_room_whose_id_is_taken_does_not_count(api: Api, ann: Someone, bob: Someone) -> None:
    assert (await api("POST", "/room", {**ROOM, "room_id": "den"}, by=bob)).status == 201
    limit(api, rooms_per_user_hour=1)
    for _ in range(5):
        assert (await api("POST", "/room", {**ROOM, "room_id": "Den"}, by=ann)).status == 409
    assert (await api("POST", "/room", ROOM, by=ann)).status == 201


async def test_rooms_owned(api: Api, ann: Someone, bob: Someone) -> None:
    limit(api, rooms_owned=5)
    replies: list[Reply] = []

    async def create() -> None:
        replies.append(await api("POST", "/room", ROOM, by=ann))

    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(create)
    assert sorted(reply.status for reply in replies) == [201] * 5 + [409] * 25
    [refusal] = {(reply.body["code"], reply.body["message"]) for reply in replies if reply.status == 409}
    assert refusal == ("too_many_rooms", "You own 5 rooms, which is the most; delete one first")
    assert (await api("POST", "/room", ROOM, by=bob)).status == 201
    [first, *_] = await api.store.rooms.owned(ann.user_id)
    await api("DELETE", f"/room/{first}", by=ann)
    assert (await api("POST", "/room", ROOM, by=ann)).status == 201
