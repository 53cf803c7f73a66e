"""New passwords by mail."""

import re
from functools import partial
from typing import Any

import msgspec
import pytest
import trio

from reichatd.accounts import Identity
from reichatd.audit import Event
from reichatd.errors import InvalidCode, InvalidFields, InvalidPassword, Unauthorized
from reichatd.rate_limits import Action, RateLimiter
from reichatd.settings import LimitSettings, ServerSettings
from reichatd.store import Session, Store, StoreUnavailable
from tests.accounts.conftest import Harness, with_changes
from tests.accounts.test_accounts import NO_ADDRESSES, outcome_of
from tests.unlimited import CLIENT, UNLIMITED

TOKEN = re.compile(r"^    (?:\S+/#/reset/)?([0-9a-f]{24}\.\d+\.[0-9a-f]{64})$", re.MULTILINE)


async def token(harness: Harness, email: str = "ann@example.org") -> str:
    """The token that comes by mail."""
    await harness.accounts.password_resets.request(email, client=CLIENT)
    return str(TOKEN.findall(await harness.mails())[-1])


async def reset(harness: Harness, token: str, password: str = "better horse") -> None:
    await harness.accounts.password_resets.reset(token, password, client=CLIENT)


@pytest.fixture
async def ann(harness: Harness) -> Identity:
    await harness.join()
    return await harness.identity()


async def test_a_new_password(harness: Harness, ann: Identity) -> None:
    user_id = ann.user.user_id
    await harness.store.sessions.create(
        Session("robot", user_id, "hash", harness.now, 1e12, token_name="robot", scopes="read")
    )
    await reset(harness, await token(harness, "ANN@example.org"))
    assert harness.live.calls == [("user_logged_out", user_id)]
    assert await harness.store.sessions.of_user(user_id) == [], "tokens for programs end too"
    with pytest.raises(InvalidPassword):
        await harness.login()
    assert await harness.login(password="better horse")
    requested, done = await harness.audited(Event.PASSWORD_RESET_REQUESTED, Event.PASSWORD_RESET)
    assert (requested.event, done.event) == ("password_reset_requested", "password_reset")
    assert {(each.actor, each.user_id, each.address) for each in (requested, done)} == {("", user_id, CLIENT)}
    assert (await harness.subjects())[-2:] == [
        ("ann@example.org", "Set a new password"),
        ("ann@example.org", "Your password has changed"),
    ]


async def test_the_link_in_the_mail(harness: Harness, ann: Identity) -> None:
    made = await token(harness)
    assert f"\n    {made}\n" in await harness.mails()
    server = ServerSettings(public_url="https://chat.example.org/talk/")
    harness.settings.replace(msgspec.structs.replace(harness.settings.whole, server=server))
    made = await token(harness)
    assert f"\n    https://chat.example.org/talk/#/reset/{made}\n" in await harness.mails()


async def test_a_token_is_good_once(harness: Harness, ann: Identity) -> None:
    first, second = await token(harness), await token(harness)
    await reset(harness, first)
    for used in (first, second):
        with pytest.raises(InvalidCode):
            await reset(harness, used, "another horse")
    assert await harness.login(password="better horse")


async def test_a_token_expires(harness: Harness, ann: Identity) -> None:
    made = await token(harness)
    harness.now += 30 * 60 - 1
    with pytest.raises(InvalidFields):
        await reset(harness, made, "short")
    harness.now += 1
    with pytest.raises(InvalidCode):
        await reset(harness, made)


async def test_a_token_dies_with_a_change_of_password_or_address(harness: Harness, ann: Identity) -> None:
    made = await token(harness)
    await harness.profiles.change_password(ann, "correct horse", "battery staple", client=CLIENT)
    with pytest.raises(InvalidCode):
        await reset(harness, made)
    made = await token(harness)
    user = await harness.profiles.user(ann.user.user_id)
    await harness.store.users.change_email(user, "new@example.org")
    with pytest.raises(InvalidCode):
        await reset(harness, made)


async def test_forged_tokens(harness: Harness, ann: Identity) -> None:
    user_id, expires_at, mac = (await token(harness)).split(".")
    await harness.join("bob")
    bob = await harness.identity("bob")
    for forged in (
        f"{user_id}.{int(expires_at) + 1}.{mac}",
        f"{bob.user.user_id}.{expires_at}.{mac}",
        f"{user_id}.{expires_at}.{mac[:-1]}",
        f"{user_id}.{expires_at}.\ud800",
        f"{user_id}.\ud800.{mac}",
        f"\ud800.{expires_at}.{mac}",
        f".{expires_at}.{mac}",
        *("", ".", "..", mac, "x" * 60_000),
    ):
        with pytest.raises(InvalidCode):
            await reset(harness, forged)
    assert await harness.login()


@pytest.mark.parametrize("email", ["bob@example.org", *NO_ADDRESSES])
async def test_an_address_without_an_account_gets_no_mail(harness: Harness, ann: Identity, email: str) -> None:
    mails = len(await harness.subjects())
    await harness.accounts.password_resets.request(email, client=CLIENT)
    assert len(await harness.subjects()) == mails
    (entry,) = await harness.audited(Event.PASSWORD_RESET_REQUESTED)
    assert entry.user_id == ""


async def test_a_disabled_account_cannot_be_reset(harness: Harness, ann: Identity) -> None:
    made, mails = await token(harness), len(await harness.subjects())
    await harness.store.users.disable(ann.user.user_id)
    await harness.accounts.password_resets.request("ann@example.org", client=CLIENT)
    assert len(await harness.subjects()) == mails
    with pytest.raises(InvalidCode):
        await reset(harness, made)


async def test_a_reset_succeeds_without_its_notice(
    harness: Harness, ann: Identity, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, require = await token(harness), RateLimiter.require

    async def without_mail(limiter: RateLimiter, action: Action, **keywords: Any) -> None:  # noqa: ANN401 - of `require`
        if action is Action.MAIL:
            raise StoreUnavailable("no disk")
        await require(limiter, action, **keywords)

    monkeypatch.setattr(RateLimiter, "require", without_mail)
    await reset(harness, made)
    assert await harness.login(password="better horse")
    assert "notice lost" in capsys.readouterr().out


async def test_of_two_resets_at_once_one_succeeds(harness: Harness, ann: Identity) -> None:
    made, outcomes = await token(harness), []

    async def attempt(password: str) -> None:
        outcomes.append(await outcome_of(reset, harness, made, password))

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(attempt, f"better horse {number}")
    assert sorted(outcomes) == ["InvalidCode"] * 3 + ["ok"]


async def test_a_logout_during_a_reset(harness: Harness, ann: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a login with the old password, whose session is stored only after the reset."""
    made, login = await token(harness), await harness.login()
    real_reset, real_create = harness.store.users.reset_password, harness.store.sessions.create

    async def log_out_first(*arguments: object) -> list[str] | None:
        await harness.sessions.logout(login.access_token)
        return await real_reset(*arguments)  # type: ignore[arg-type]

    async def reset_first(session: Session) -> None:
        await reset(harness, made)
        await real_create(session)

    monkeypatch.setattr(harness.store.users, "reset_password", log_out_first)
    monkeypatch.setattr(harness.store.sessions, "create", reset_first)
    with pytest.raises(InvalidPassword):
        await harness.login()
    assert await harness.store.sessions.of_user(ann.user.user_id) == []
    with pytest.raises(Unauthorized):
        await harness.sessions.logout(login.access_token)


async def test_the_answer_takes_as_long_for_any_address(store: Store, nursery: trio.Nursery) -> None:
    harness = Harness(store, nursery, with_changes(concealed_seconds=0.1))
    await harness.join()
    for email in ("ann@example.org", "bob@example.org", "nobody"):
        began = trio.current_time()
        await harness.accounts.password_resets.request(email, client=CLIENT)
        assert trio.current_time() - began >= 0.1


async def test_a_common_password_is_refused(store: Store, nursery: trio.Nursery) -> None:
    harness = Harness(store, nursery, limits=LimitSettings(**{**UNLIMITED, "common_passwords": 10_000}))
    await harness.join()
    made = await token(harness)
    calls = [
        partial(harness.registrations.register, "bob@example.org", "Password1", "bob"),
        partial(harness.profiles.change_password, await harness.identity(), "correct horse", "password1"),
        partial(harness.accounts.password_resets.reset, made, "12345678"),
    ]
    for call in calls:
        with pytest.raises(InvalidFields, match="guessed first"):
            await call(client=CLIENT)
