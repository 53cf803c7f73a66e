"""Logins by a provider, and the accounts that they lead to."""

from typing import Literal

import pytest
import trio

from reichatd.errors import (
    AlreadyLinked,
    Forbidden,
    InvalidCode,
    InvalidPassword,
    InviteNotFound,
    RegistrationClosed,
    UnverifiedEmail,
    UserDisabled,
    UserExists,
)
from reichatd.store import OidcAccount, Store, Totp, User
from tests.accounts.conftest import Harness
from tests.accounts.oidc.conftest import BROWSER, Chat
from tests.oidc_provider import OidcProvider
from tests.unlimited import CLIENT


async def user_of(store: Store, user_id: str) -> tuple[str, str]:
    user = await store.users.by_id(user_id)
    assert user is not None
    return user.email, user.username


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_someone_new_gets_an_account_and_comes_back_to_it(
    chat: Chat, provider: OidcProvider, store: Store, algorithm: str
) -> None:
    provider.algorithm = algorithm
    ada = await chat.log_in()
    assert await user_of(store, ada) == ("ada@example.org", "ada")
    # The address belongs to the provider's account no longer; the account here stays the same.
    provider.person |= {"email": "other@example.org"}
    assert await chat.log_in() == ada
    assert await user_of(store, ada) == ("ada@example.org", "ada")
    assert await chat.events() == [
        ("registered", ada, "provider"),
        ("provider_linked", ada, ""),
        ("login", ada, "provider"),
        ("login", ada, "provider"),
    ]
    assert chat.accounts.logins.outcomes["ok"] == 2


async def test_the_user_information_tells_what_the_id_token_does_not(
    chat: Chat, provider: OidcProvider, store: Store
) -> None:
    provider.only_userinfo = True
    assert await user_of(store, await chat.log_in()) == ("ada@example.org", "ada")
    provider.userinfo = {"sub": "bob-1"}
    with pytest.raises(InvalidCode):
        await chat.log_in()


async def test_an_account_with_the_verified_address_is_joined(chat: Chat, harness: Harness) -> None:
    await harness.join("ada")
    ada = (await harness.login("ada")).user_id
    assert await chat.log_in() == ada
    assert (await harness.login("ada")).user_id == ada, "the password still works"
    assert await chat.oidc.is_linked(ada)
    await harness.codes()
    assert "you can log in to your account with your account at Example accounts" in " ".join(
        harness.printed.getvalue().split()
    )


async def test_an_account_with_a_second_factor_is_not_joined_but_linked_by_its_user(
    chat: Chat, harness: Harness
) -> None:
    await harness.join("ada")
    ada = await harness.login("ada")
    await harness.store.second_factors.begin(Totp(ada.user_id, "secret"))
    await harness.store.second_factors.confirm(Totp(ada.user_id, "secret", confirmed=True))
    with pytest.raises(UserExists):
        await chat.log_in()
    await chat.link(ada.access_token)
    assert await chat.log_in() == ada.user_id


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_that_is_not_verified_joins_nothing_and_makes_no_account(
    chat: Chat, provider: OidcProvider, harness: Harness, verified: object
) -> None:
    await harness.join("ada")
    provider.person["email_verified"] = verified
    for email in ("ada@example.org", "new@example.org", "", "no address", 5):
        provider.person["email"] = email
        with pytest.raises(UnverifiedEmail):
            await chat.log_in()
    assert await harness.store.users.by_email("new@example.org") is None
    assert await harness.store.oidc.user_of(provider.issuer, "ada-1") is None


async def test_an_address_that_was_given_to_someone_else_joins_nothing(chat: Chat, provider: OidcProvider) -> None:
    await chat.log_in()
    provider.person["sub"] = "ada-2"
    with pytest.raises(UserExists):
        await chat.log_in()


async def test_first_logins_at_once_make_one_account(
    chat: Chat, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All find that there is no account yet, before any of them makes one."""
    chats, arrived, all_here = [Chat(harness, chat.provider) for _ in range(4)], 0, trio.Event()
    look_up = harness.store.oidc.user_of

    async def look_up_together(issuer: str, subject: str) -> User | None:
        nonlocal arrived
        user = await look_up(issuer, subject)
        arrived += 1
        if arrived == len(chats):
            all_here.set()
        await all_here.wait()
        return user

    monkeypatch.setattr(harness.store.oidc, "user_of", look_up_together)
    found: set[str] = set()

    async def log_in(one: Chat) -> None:
        found.add(await one.log_in())

    async with trio.open_nursery() as nursery:
        for one in chats:
            nursery.start_soon(log_in, one)
    assert len(found) == 1
    assert len(await harness.store.oidc.of_user(found.pop())) == 1


async def test_a_disabled_user_does_not_get_in(chat: Chat, store: Store) -> None:
    await store.users.disable(await chat.log_in())
    with pytest.raises(UserDisabled):
        await chat.log_in()
    assert chat.accounts.logins.outcomes["user_disabled"] == 1


async def test_a_disabled_account_is_not_joined(chat: Chat, harness: Harness) -> None:
    await harness.join("ada")
    ada = (await harness.login("ada")).user_id
    await harness.store.users.disable(ada)
    before = await harness.subjects()
    with pytest.raises(UserDisabled):
        await chat.log_in()
    assert not await chat.oidc.is_linked(ada)
    assert await harness.subjects() == before


@pytest.mark.parametrize("registration", ["invite", "closed"])
async def test_where_registration_is_not_open_an_invitation_opens_it(
    harness: Harness, provider: OidcProvider, registration: Literal["invite", "closed"]
) -> None:
    chat = Chat(harness, provider, registration)
    with pytest.raises(RegistrationClosed):
        await chat.log_in()
    with pytest.raises(InviteNotFound):
        await chat.log_in(invite="nonsense")
    invite = await chat.accounts.invites.create("", "", uses=1)
    ada = await chat.log_in(invite=invite.token)
    assert await chat.log_in() == ada
    assert ("login_refused", "", "provider: registration_closed") in await chat.events()
    provider.person |= {"sub": "bob-1", "email": "bob@example.org"}
    with pytest.raises(InviteNotFound):
        await chat.log_in(invite=invite.token)


async def test_the_provider_may_decide_who_comes_in(harness: Harness, provider: OidcProvider) -> None:
    assert await Chat(harness, provider, "closed", creates_accounts=True).log_in()


# Linking


async def test_a_user_links_the_provider_whatever_address_it_has(
    chat: Chat, provider: OidcProvider, harness: Harness
) -> None:
    provider.person |= {"email": "elsewhere@example.com", "email_verified": False}
    await harness.join("ann")
    login = await harness.login("ann")
    assert not await chat.oidc.is_linked(login.user_id)
    await chat.link(login.access_token)
    assert await chat.log_in() == login.user_id
    assert await chat.oidc.is_linked(login.user_id)
    await chat.oidc.unlink(await chat.accounts.sessions.authenticate(login.access_token), client=CLIENT)
    with pytest.raises(UnverifiedEmail):
        await chat.log_in()
    events = [event for event, *_ in await chat.events()]
    assert events[-4:] == ["provider_linked", "login", "provider_unlinked", "login_refused"]


async def test_an_account_of_the_provider_belongs_to_one_user(chat: Chat, harness: Harness) -> None:
    ada = await chat.log_in()
    await harness.join("ann")
    login = await harness.login("ann")
    with pytest.raises(AlreadyLinked):
        await chat.link(login.access_token)
    assert await chat.log_in() == ada


async def test_a_link_is_not_made_after_a_logout(chat: Chat, harness: Harness) -> None:
    await harness.join("ann")
    login = await harness.login("ann")
    identity = await chat.accounts.sessions.authenticate(login.access_token)
    answer = await chat.visit(await chat.oidc.begin_link(identity, "correct horse", BROWSER, client=CLIENT))
    await chat.accounts.sessions.logout(login.access_token)
    with pytest.raises(InvalidCode):
        await chat.finish(answer)
    assert await harness.store.oidc.user_of(chat.provider.issuer, "ada-1") is None


async def test_a_link_needs_the_password(chat: Chat, harness: Harness) -> None:
    await harness.join("ann")
    login = await harness.login("ann")
    with pytest.raises(InvalidPassword):
        await chat.link(login.access_token, "wrong horse")


async def test_a_login_with_an_app_password_links_nothing(chat: Chat, harness: Harness) -> None:
    await harness.join("ann")
    _, password = await chat.accounts.app_passwords.create(await harness.identity("ann"), "Phone", client=CLIENT)
    login = await harness.login("ann", password)
    with pytest.raises(Forbidden):
        await chat.link(login.access_token)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_reset_of_the_password_ends_the_link(
    chat: Chat, harness: Harness, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Also one that is made at this moment with a session that the reset ends."""
    await harness.join("ann")
    login = await harness.login("ann")
    user = await harness.profiles.user(login.user_id)
    link = harness.store.oidc.link

    async def reset_first(account: OidcAccount) -> str | None:
        await harness.store.users.reset_password(user, "another hash")
        return await link(account)

    if when == "before":
        await chat.link(login.access_token)
        await harness.store.users.reset_password(user, "another hash")
    else:
        monkeypatch.setattr(harness.store.oidc, "link", reset_first)
        with pytest.raises(InvalidCode):
            await chat.link(login.access_token)
    assert not await chat.oidc.is_linked(login.user_id)
