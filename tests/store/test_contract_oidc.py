"""Accounts at an OpenID provider, and sessions that begin once, in every store."""

from functools import partial

import msgspec

from reichatd.store import OidcAccount, Store
from tests.store.samples import add_user, at_once, session

ISSUER = "https://login.example.org"
ANN = OidcAccount(ISSUER, "ann-1", "ann")


async def test_an_account_belongs_to_one_user(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    assert await store.oidc.user_of(ISSUER, "ann-1") is None
    assert await store.oidc.link(ANN) == "ann"
    assert await store.oidc.link(OidcAccount(ISSUER, "ann-1", "bob")) == "ann"
    assert await store.oidc.link(OidcAccount("https://other.example.org", "ann-1", "bob")) == "bob"
    assert await store.oidc.user_of(ISSUER, "ann-1") == ann
    assert await store.oidc.user_of("https://other.example.org", "ann-1") == bob
    assert await store.oidc.of_user("ann") == [ANN]


async def test_links_at_once(store: Store) -> None:
    users = [await add_user(store, name) for name in ("ann", "bob", "cid")]
    accounts = [OidcAccount(ISSUER, "x", user.user_id) for user in users]
    answers = await at_once([partial(store.oidc.link, account) for account in accounts])
    assert len(set(answers)) == 1


async def test_a_user_may_have_several_accounts_and_lose_those_of_a_provider(store: Store) -> None:
    await add_user(store)
    second, other = OidcAccount(ISSUER, "ann-2", "ann"), OidcAccount("https://a.example.org", "ann-1", "ann")
    for account in (second, ANN, other):
        await store.oidc.link(account)
    assert await store.oidc.of_user("ann") == [other, ANN, second]
    assert await store.oidc.unlink("ann", ISSUER)
    assert not await store.oidc.unlink("ann", ISSUER)
    assert await store.oidc.of_user("ann") == [other]


async def test_a_deleted_user_leaves_the_account_free(store: Store) -> None:
    assert await store.oidc.link(ANN) is None
    await add_user(store)
    await store.oidc.link(ANN)
    await store.users.delete("ann")
    assert await store.oidc.user_of(ISSUER, "ann-1") is None
    await add_user(store, "bob")
    assert await store.oidc.link(OidcAccount(ISSUER, "ann-1", "bob")) == "bob"


async def test_a_disabled_user_is_found(store: Store) -> None:
    ann = await add_user(store)
    await store.oidc.link(ANN)
    await store.users.disable("ann")
    assert await store.oidc.user_of(ISSUER, "ann-1") == msgspec.structs.replace(ann, disabled=True)


async def test_a_session_is_not_replaced_by_another_with_its_id(store: Store) -> None:
    await add_user(store)
    first = session()
    second = msgspec.structs.replace(first, refresh_hash="another")
    await store.sessions.create(first)
    await store.sessions.create(second)
    found = await store.sessions.get(first.session_id)
    assert found is not None
    assert found[0] == first
