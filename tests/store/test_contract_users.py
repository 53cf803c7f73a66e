"""Registrations, users and login sessions, in every store."""

from functools import partial

from reichatd.store import Store
from tests.store.samples import add_user, at_once, registration, session, user


async def test_a_registration_becomes_a_user(store: Store) -> None:
    assert await store.users.register(registration())
    assert await store.users.by_email("ann@example.org") is None
    assert await store.users.confirm(registration(), user())
    assert await store.users.by_id("ann") == await store.users.by_email("ann@example.org") == user()
    assert await store.users.take_try("ann@example.org") is None


async def test_nobody_is_none(store: Store) -> None:
    assert await store.users.by_id("nobody") is None
    assert await store.users.by_email("nobody@example.org") is None
    assert await store.users.take_try("nobody@example.org") is None
    assert not await store.users.confirm(registration(), user())


async def test_an_address_has_no_case(store: Store) -> None:
    await add_user(store, "ann", "Ann@Example.org")
    assert await store.users.by_email("aNN@eXAMPLE.ORG") == user("ann", "Ann@Example.org")
    assert not await store.users.register(registration("ANN@EXAMPLE.ORG"))


async def test_a_registered_address_has_no_case(store: Store) -> None:
    assert await store.users.register(registration("ann@example.org", code_hash="first"))
    assert await store.users.register(registration("ANN@example.org", code_hash="second"))
    newer = registration("ANN@example.org", code_hash="second")
    assert await store.users.take_try("Ann@Example.Org") == newer
    assert not await store.users.confirm(registration(code_hash="first"), user())
    assert await store.users.confirm(registration("ann@EXAMPLE.org", code_hash="second"), user())


async def test_beyond_ascii_case_tells_addresses_apart(store: Store) -> None:
    await add_user(store, "eva", "éva@example.org")
    await add_user(store, "other", "Éva@example.org")
    assert await store.users.by_email("éva@EXAMPLE.org") == user("eva", "éva@example.org")
    assert await store.users.by_email("Éva@example.org") == user("other", "Éva@example.org")


async def test_an_address_is_no_pattern(store: Store) -> None:
    await add_user(store, "ann", "a.n@example.org")
    for email in ("axn@example.org", "a.n@example_org", "%@example.org", ".*", "a.n@example.org ", "a.n@example.org\0"):
        assert await store.users.by_email(email) is None


async def test_a_new_registration_replaces_the_old_one_with_its_tries(store: Store) -> None:
    await store.users.register(registration(code_hash="old", tries_left=1))
    await store.users.take_try("ann@example.org")
    await store.users.register(registration(code_hash="new"))
    assert await store.users.take_try("ann@example.org") == registration(code_hash="new")


async def test_tries_run_out(store: Store) -> None:
    await store.users.register(registration(tries_left=2))
    taken = [await store.users.take_try("ann@example.org") for _ in range(4)]
    assert taken == [registration(tries_left=left) for left in (2, 1, 0, 0)]


async def test_tries_taken_at_once_do_not_outnumber_the_limit(store: Store) -> None:
    await store.users.register(registration(tries_left=5))
    taken = await at_once([partial(store.users.take_try, "ann@example.org")] * 20)
    assert sorted(one.tries_left for one in taken if one) == [0] * 15 + [1, 2, 3, 4, 5]


async def test_a_registration_without_tries_can_be_confirmed(store: Store) -> None:
    await store.users.register(registration(tries_left=1))
    await store.users.take_try("ann@example.org")
    assert await store.users.confirm(registration(tries_left=1), user())


async def test_many_register_one_address_at_once(store: Store) -> None:
    several = [registration(code_hash=f"code {number}") for number in range(50)]
    assert all(await at_once([partial(store.users.register, one) for one in several]))
    confirmed = await at_once(
        [partial(store.users.confirm, one, user(f"user{number}")) for number, one in enumerate(several)]
    )
    assert confirmed.count(True) == 1
    winner = confirmed.index(True)
    assert await store.users.by_email("user0@example.org") == (user("user0") if winner == 0 else None)
    assert await store.users.by_id(f"user{winner}") == user(f"user{winner}")


async def test_many_confirm_one_registration_at_once(store: Store) -> None:
    await store.users.register(registration())
    calls = [partial(store.users.confirm, registration(), user(f"u{n}", "ann@example.org")) for n in range(20)]
    confirmed = await at_once(calls)
    assert confirmed.count(True) == 1
    assert await store.users.by_email("ann@example.org") == user(f"u{confirmed.index(True)}", "ann@example.org")


async def test_rename(store: Store) -> None:
    await add_user(store)
    assert await store.users.rename("ann", "Änne 🎈")
    assert await store.users.by_id("ann") == user().renamed("Änne 🎈")
    assert await store.users.rename("ann", "Änne 🎈"), "there is such a user, though nothing changes"
    assert not await store.users.rename("nobody", "Nemo")


async def test_expired_registrations_go(store: Store) -> None:
    for name in ("ann", "bob"):
        await store.users.register(registration(f"{name}@example.org"))
    assert await store.users.delete_expired(99.9) == 0
    assert await store.users.delete_expired(100.0) == 2
    assert await store.users.take_try("ann@example.org") is None
    assert not await store.users.confirm(registration(), user())


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


async def test_a_password_that_has_changed_meanwhile_stays(store: Store) -> None:
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


async def test_a_session_of_nobody_is_none(store: Store) -> None:
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


async def test_expired_sessions_go(store: Store) -> None:
    await add_user(store)
    for number in range(4):
        await store.sessions.create(session(f"session{number}", expires_at=10.0 * number))
    assert await store.sessions.delete_expired(20.0) == 3
    assert await store.sessions.delete_expired(20.0) == 0
    assert await store.sessions.get("session3") is not None
