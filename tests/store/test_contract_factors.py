"""Second factors, app passwords and tokens for programs, in every store."""

from functools import partial

import msgspec
import pytest

from reichatd.store import AppPassword, OidcAccount, Session, Store, Totp
from tests.store.samples import add_user, at_once, session

PENDING = Totp("ann", "encrypted")
CONFIRMED = Totp("ann", "encrypted", confirmed=True, last_step=7, recovery="one two three")


async def test_a_second_factor_is_confirmed_once(store: Store) -> None:
    factors = store.second_factors
    assert await factors.get("ann") is None
    assert not await factors.confirm(CONFIRMED)
    assert await factors.begin(Totp("ann", "first"))
    assert await factors.begin(PENDING), "a later secret replaces one that was not confirmed"
    assert not await factors.confirm(Totp("ann", "first", confirmed=True))
    assert not await factors.use_step("ann", 9)
    assert not await factors.use_recovery("ann", "")
    assert await factors.confirm(CONFIRMED)
    assert not await factors.confirm(CONFIRMED)
    assert not await factors.begin(Totp("ann", "another"))
    assert await factors.get("ann") == CONFIRMED
    assert await factors.delete("ann")
    assert not await factors.delete("ann")
    assert await factors.begin(PENDING)


async def test_a_step_and_all_before_it_are_used_up(store: Store) -> None:
    await store.second_factors.begin(PENDING)
    await store.second_factors.confirm(CONFIRMED)
    assert not await store.second_factors.use_step("ann", 7)
    assert await store.second_factors.use_step("ann", 9)
    assert not await store.second_factors.use_step("ann", 8)
    assert not await store.second_factors.use_step("bob", 10)
    found = await store.second_factors.get("ann")
    assert found is not None
    assert found.last_step == 9


async def test_of_two_uses_at_once_one_succeeds(store: Store) -> None:
    factors = store.second_factors
    assert sorted(await at_once([partial(factors.begin, PENDING)] * 3)) == [True] * 3
    assert sorted(await at_once([partial(factors.confirm, CONFIRMED)] * 3)) == [False, False, True]
    assert sorted(await at_once([partial(factors.use_step, "ann", 8)] * 3)) == [False, False, True]
    same, other = partial(factors.use_recovery, "ann", "two"), partial(factors.use_recovery, "ann", "one")
    assert sum(await at_once([same, same, other, other])) == 2
    found = await factors.get("ann")
    assert found is not None
    assert found.recovery == "three"


def app_password(name: str, user_id: str = "ann", created_at: float = 2.0) -> AppPassword:
    return AppPassword(name, user_id, f"The {name}", f"hash of {name}", created_at)


async def test_app_passwords(store: Store) -> None:
    passwords = store.app_passwords
    for one in (app_password("tv", created_at=3.0), app_password("phone"), app_password("radio", "bob")):
        assert await passwords.create(one, at_most=2)
    assert not await passwords.create(app_password("late"), at_most=2)
    assert await passwords.of_user("ann") == [app_password("phone"), app_password("tv", created_at=3.0)]
    assert await passwords.by_hash("ann", "hash of phone") == app_password("phone")
    assert await passwords.by_hash("bob", "hash of phone") is None
    assert await passwords.used("phone", 9.5)
    assert await passwords.of_user("ann") == [
        msgspec.structs.replace(app_password("phone"), used_at=9.5),
        app_password("tv", created_at=3.0),
    ]
    assert not await passwords.used("late", 9.5)
    assert await passwords.delete("bob", "phone") is None
    assert await passwords.delete("ann", "phone") == []
    assert await passwords.delete("ann", "phone") is None


async def test_at_most_so_many_app_passwords_however_fast_they_are_made(store: Store) -> None:
    calls = [partial(store.app_passwords.create, app_password(f"{n}"), 2) for n in range(4)]
    made = await at_once(calls)
    assert len(await store.app_passwords.of_user("ann")) == sum(made) <= 2
    assert await store.app_passwords.create(app_password("later"), 3)


async def test_deleting_an_app_password_ends_the_sessions_that_it_began(store: Store) -> None:
    await add_user(store, "ann")
    await store.app_passwords.create(app_password("phone"), 10)
    begun = msgspec.structs.replace(session("mobile"), app_password_id="phone")
    for one in (begun, session("laptop")):
        await store.sessions.create(one)
    assert await store.sessions.of_user("ann") == [session("laptop"), begun]
    assert await store.app_passwords.delete("ann", "phone") == ["mobile"]
    assert await store.sessions.of_user("ann") == [session("laptop")]


def token(name: str = "robot", user_id: str = "ann") -> Session:
    return Session(name, user_id, f"hash of {name}", 1.5, 100.0, token_name=name, scopes="read write", rooms="lobby")


async def test_tokens_survive_a_change_of_the_password_and_nothing_else(store: Store) -> None:
    await add_user(store, "ann")
    await store.sessions.create(session("laptop"))
    await store.sessions.create(session("phone"))
    assert await store.sessions.create_token(token(), 5)
    assert await store.users.change_password("ann", "password", "new", "phone") == ["laptop"]
    assert await store.sessions.of_user("ann") == [session("phone"), token()]
    assert await store.sessions.get("robot") is not None
    assert await store.users.set_password("ann", "newer") is not None
    assert await store.sessions.of_user("ann") == []
    assert await store.sessions.create_token(token("second"), 5)
    assert sorted(await store.sessions.end_all("ann") or ()) == ["second"]
    assert await store.sessions.create_token(token("third"), 5)
    assert await store.sessions.living(["robot", "second", "third"]) == {"third"}
    assert await store.users.disable("ann") == ["third"]
    await store.users.enable("ann")
    assert await store.sessions.of_user("ann") == []


async def test_at_most_so_many_tokens(store: Store) -> None:
    await add_user(store, "ann")
    await store.sessions.create(session("laptop"))
    made = await at_once([partial(store.sessions.create_token, token(f"{n}"), 2) for n in range(4)])
    assert len(await store.sessions.of_user("ann")) == 1 + sum(made) <= 3
    assert await store.sessions.create_token(token("later"), 3)


@pytest.mark.parametrize("how", ["set", "reset", "delete"])
async def test_what_a_user_leaves_behind(store: Store, how: str) -> None:
    ann = await add_user(store, "ann")
    await store.second_factors.begin(PENDING)
    await store.app_passwords.create(app_password("phone"), 10)
    provider = OidcAccount("https://login.example.org", "ann-1", "ann")
    await store.oidc.link(provider)
    outdated = msgspec.structs.replace(ann, password_hash="an older one")
    assert await store.users.reset_password(outdated, "new") is None
    assert len(await store.app_passwords.of_user("ann")) == 1
    assert await store.oidc.of_user("ann") == [provider]
    if how != "delete":
        assert (
            await (store.users.set_password("ann", "new") if how == "set" else store.users.reset_password(ann, "new"))
            == []
        )
        assert await store.second_factors.get("ann") == PENDING, "who can read the mail has no second factor yet"
    else:
        await store.users.delete("ann")
        assert await store.second_factors.get("ann") is None
    assert await store.app_passwords.of_user("ann") == []
    assert await store.oidc.of_user("ann") == []
