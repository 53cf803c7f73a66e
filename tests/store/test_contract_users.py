"""Registrations, users and login sessions, in every store."""

from functools import partial

import msgspec

from reichatd.store import Attempt, ConfirmedCode, RegisterOutcome, Store
from tests.store.samples import add_user, at_once, register, registration, session, user

NOW, LATER = 50.0, 90.0


async def attempt(store: Store, email: str = "ann@example.org", now: float = NOW) -> Attempt | None:
    return await store.users.take_try(email, now, ends_at=now + 40)


async def test_a_registration_becomes_a_user(store: Store) -> None:
    assert await register(store, registration())
    assert await store.users.by_email("ann@example.org") is None
    assert await store.users.confirm(registration(), user()) == user()
    assert await store.users.by_id("ann") == await store.users.by_email("ann@example.org") == user()
    assert await store.users.pending("ann@example.org") == []


async def test_a_user_that_does_not_exist(store: Store) -> None:
    assert await store.users.by_id("nobody") is None
    assert await store.users.by_email("nobody@example.org") is None
    assert await attempt(store, "nobody@example.org") is None
    assert await store.users.pending("nobody@example.org") == []
    assert await store.users.confirm(registration(), user()) is None


async def test_addresses_are_compared_without_case(store: Store) -> None:
    await add_user(store, "ann", "Ann@Example.org")
    assert await store.users.by_email("aNN@eXAMPLE.ORG") == user("ann", "Ann@Example.org")
    taken = registration("ANN@EXAMPLE.ORG")
    assert await store.users.register(taken, 5) is RegisterOutcome.USER_EXISTS


async def test_an_address_has_several_registrations_oldest_first(store: Store) -> None:
    several = [registration("ann@example.org", "first"), registration("ANN@example.org", "second")]
    for one in several:
        assert await register(store, one)
    assert await store.users.pending("Ann@Example.Org") == several
    found = await attempt(store, "Ann@Example.Org")
    assert found == Attempt(several)


async def test_each_registration_has_its_own_code_and_confirming_removes_the_others(store: Store) -> None:
    for code_hash in ("first", "second", "third"):
        await register(store, registration(code_hash=code_hash))
    assert await store.users.confirm(registration("ann@EXAMPLE.org", "second"), user()) == user()
    assert await store.users.pending("ann@example.org") == []
    for code_hash in ("first", "third", "fourth"):
        assert await store.users.confirm(registration(code_hash=code_hash), user("eve", "ann@example.org")) is None
    assert await store.users.by_id("eve") is None


async def test_the_oldest_of_too_many_registrations_is_removed(store: Store) -> None:
    for number in range(7):
        assert await register(store, registration(code_hash=f"code {number}"), at_most=3)
    await register(store, registration("bob@example.org"), at_most=3)
    assert [one.code_hash for one in await store.users.pending("ann@example.org")] == ["code 4", "code 5", "code 6"]
    assert await store.users.confirm(registration(code_hash="code 3"), user()) is None
    assert await store.users.confirm(registration(code_hash="code 4"), user())


async def test_two_registrations_never_share_a_code(store: Store) -> None:
    first = msgspec.structs.replace(registration(), username="first")
    assert await register(store, first)
    assert await store.users.register(registration("ANN@example.org"), 5) is RegisterOutcome.CODE_TAKEN
    assert await store.users.pending("ann@example.org") == [first]
    assert await register(store, registration("bob@example.org")), "another address may have the same"


async def test_addresses_that_differ_in_nonascii_case_are_different(store: Store) -> None:
    await add_user(store, "eva", "éva@example.org")
    await add_user(store, "other", "Éva@example.org")
    assert await store.users.by_email("éva@EXAMPLE.org") == user("eva", "éva@example.org")
    assert await store.users.by_email("Éva@example.org") == user("other", "Éva@example.org")


async def test_an_address_is_not_a_pattern(store: Store) -> None:
    await add_user(store, "ann", "a.n@example.org")
    for email in ("axn@example.org", "a.n@example_org", "%@example.org", ".*", "a.n@example.org ", "a.n@example.org\0"):
        assert await store.users.by_email(email) is None


async def test_tries_run_out(store: Store) -> None:
    await register(store, registration(tries_left=2))
    taken = [await attempt(store) for _ in range(4)]
    assert taken == [Attempt([registration(tries_left=left)]) for left in (2, 1, 0, 0)]
    assert await store.users.pending("ann@example.org") == [registration(tries_left=0)]


async def test_registering_again_does_not_reset_the_tries(store: Store) -> None:
    await register(store, registration(code_hash="old", tries_left=3))
    for _ in range(2):
        await attempt(store)
    await register(store, registration("ANN@example.org", code_hash="new", tries_left=3))
    left = [registration(code_hash="old", tries_left=1), registration("ANN@example.org", "new", tries_left=1)]
    assert await store.users.pending("ann@example.org") == left
    assert await attempt(store, now=LATER - 0.1) == Attempt(left)


async def test_tries_are_reset_when_their_window_is_over(store: Store) -> None:
    await register(store, registration(tries_left=2))
    for _ in range(3):
        await attempt(store)
    assert await attempt(store, now=LATER) == Attempt([registration(tries_left=2)])
    assert await attempt(store, now=LATER) == Attempt([registration(tries_left=1)])


async def test_tries_outlive_the_registrations(store: Store) -> None:
    await register(store, registration())
    await attempt(store, now=80.0)
    assert await store.users.delete_expired(100.0) == 1
    assert await attempt(store, now=101.0) is None
    await register(store, registration(code_hash="new"))
    assert await attempt(store, now=101.0) == Attempt([registration(code_hash="new", tries_left=4)])
    await store.users.delete_expired(120.0)
    await register(store, registration(code_hash="newer"))
    assert await store.users.pending("ann@example.org") == [registration(code_hash="newer")]


async def test_concurrent_tries_do_not_exceed_the_limit(store: Store) -> None:
    await register(store, registration(tries_left=5))
    taken = await at_once([partial(attempt, store)] * 20)
    assert sorted(one.pending[0].tries_left for one in taken if one) == [0] * 15 + [1, 2, 3, 4, 5]


async def test_a_registration_without_tries_can_be_confirmed(store: Store) -> None:
    await register(store, registration(tries_left=1))
    await attempt(store)
    assert await store.users.confirm(registration(tries_left=1), user())


async def test_the_code_that_created_an_account_is_known_for_a_while(store: Store) -> None:
    await register(store, registration("Ann@example.org", "right"))
    await attempt(store)
    await store.users.confirm(registration("Ann@example.org", "right"), user("ann", "Ann@example.org"))
    code = ConfirmedCode("Ann@example.org", "right")
    assert await attempt(store) == Attempt([], code)
    assert await attempt(store, now=99.9) == Attempt([], code)
    assert await attempt(store, now=100.0) is None
    await store.users.delete("ann")
    assert await attempt(store) is None


async def test_many_register_one_address_at_once(store: Store) -> None:
    several = [registration(code_hash=f"code {number}") for number in range(50)]
    assert all(await at_once([partial(register, store, one) for one in several]))
    left = {one.code_hash for one in await store.users.pending("ann@example.org")}
    assert len(left) == 5
    confirmed = await at_once(
        [
            partial(store.users.confirm, one, user(f"user{number}", "ann@example.org"))
            for number, one in enumerate(several)
        ]
    )
    (winner,) = (number for number, one in enumerate(confirmed) if one)
    assert several[winner].code_hash in left
    assert await store.users.by_email("ann@example.org") == user(f"user{winner}", "ann@example.org")


async def test_many_confirm_one_registration_at_once(store: Store) -> None:
    """All of them get the new user: each may be a repetition of a call whose answer was lost."""
    await register(store, registration())
    calls = [partial(store.users.confirm, registration(), user(f"u{n}", "ann@example.org")) for n in range(20)]
    confirmed = await at_once(calls)
    made = await store.users.by_email("ann@example.org")
    assert made is not None
    assert confirmed == [made] * 20
    assert await store.users.page("", 100) == [made]


async def test_rename(store: Store) -> None:
    await add_user(store)
    assert await store.users.rename("ann", "Änne 🎈")
    assert await store.users.by_id("ann") == user().renamed("Änne 🎈")
    assert await store.users.rename("ann", "Änne 🎈"), "there is such a user, though nothing changes"
    assert not await store.users.rename("nobody", "Nemo")


async def test_expired_registrations_are_removed(store: Store) -> None:
    for name in ("ann", "bob"):
        await register(store, registration(f"{name}@example.org"))
    later = msgspec.structs.replace(registration("bob@example.org", "later"), expires_at=100.1)
    await register(store, later)
    assert await store.users.delete_expired(99.9) == 0
    assert await store.users.delete_expired(100.0) == 2
    assert await attempt(store) is None
    assert not await store.users.confirm(registration(), user())
    assert await store.users.registrations("", 9) == [later]


async def test_a_new_password_ends_the_other_sessions(store: Store) -> None:
    await add_user(store)
    await add_user(store, "bob")
    for one in (session("laptop"), session("phone"), session("tablet"), session("desk", "bob")):
        await store.sessions.create(one)
    ended = await store.users.change_password("ann", "password", "new", "phone")
    assert ended is not None
    assert sorted(ended) == ["laptop", "tablet"]
    changed = await store.users.by_id("ann")
    assert changed is not None
    assert changed.password_hash == "new"
    left = [await store.sessions.get(name) is not None for name in ("laptop", "phone", "tablet", "desk")]
    assert left == [False, True, False, True]


async def test_a_password_that_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    await add_user(store)
    await store.sessions.create(session("phone"))
    assert await store.users.change_password("ann", "another", "new", "laptop") is None
    assert await store.users.change_password("nobody", "password", "new", "laptop") is None
    assert await store.users.by_id("ann") == user()
    assert await store.sessions.get("phone") == (session("phone"), user())


async def test_of_two_password_changes_at_once_one_wins(store: Store) -> None:
    await add_user(store)
    calls = [partial(store.users.change_password, "ann", "password", f"new{n}", "laptop") for n in range(10)]
    outcomes = await at_once(calls)
    assert outcomes.count(None) == 9
    changed = await store.users.by_id("ann")
    assert changed is not None
    assert changed.password_hash == f"new{outcomes.index([])}"


async def test_a_session_is_read_with_its_user(store: Store) -> None:
    ann = await add_user(store)
    await store.sessions.create(session())
    assert await store.sessions.get("laptop") == (session(), ann)
    assert await store.sessions.by_refresh_hash("refresh of laptop") == session()
    assert await store.sessions.get("phone") is None
    assert await store.sessions.by_refresh_hash("refresh of phone") is None


async def test_a_session_without_a_user_is_not_valid(store: Store) -> None:
    await store.sessions.create(session(user_id="nobody"))
    assert await store.sessions.get("laptop") is None


async def test_a_session_created_twice_is_one(store: Store) -> None:
    ann = await add_user(store)
    await store.sessions.create(session())
    await store.sessions.create(session())
    assert await store.sessions.get("laptop") == (session(), ann)
    assert await store.sessions.end("laptop")
    assert await store.sessions.get("laptop") is None


async def test_a_session_ends_once(store: Store) -> None:
    await add_user(store)
    await store.sessions.create(session())
    assert (await at_once([partial(store.sessions.end, "laptop")] * 10)).count(True) == 1
    assert await store.sessions.get("laptop") is None
    assert await store.sessions.by_refresh_hash("refresh of laptop") is None


async def test_expired_sessions_are_removed(store: Store) -> None:
    await add_user(store)
    for number in range(4):
        await store.sessions.create(session(f"session{number}", expires_at=10.0 * number))
    assert await store.sessions.delete_expired(20.0) == 3
    assert await store.sessions.delete_expired(20.0) == 0
    assert await store.sessions.get("session3") is not None
