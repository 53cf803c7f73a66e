"""With `auth.conceal_accounts` no answer, and no time, tells a stranger whether an address has an account."""

from typing import Any

import pytest
import trio

from reichatd.store import Store
from tests.accounts.conftest import Harness, with_changes
from tests.accounts.test_accounts import outcome_of
from tests.unlimited import CLIENT

KNOWN, UNKNOWN = "ann@example.org", "bob@example.org"


@pytest.fixture
async def harness(store: Store, nursery: trio.Nursery) -> Harness:
    made = Harness(store, nursery, with_changes(conceal_accounts=True))
    await made.join()
    return made


async def outcomes_for(harness: Harness, email: str) -> list[str]:
    """What a stranger sees of an address."""
    registrations, resets = harness.registrations, harness.accounts.password_resets
    calls: list[tuple[Any, tuple[str, ...]]] = [
        (registrations.verify, (email, "123456")),
        (harness.logins.login, (email, "a guess of it")),
        (registrations.register, (email, "a guess of it", "eve")),
        (registrations.verify, (email, "123456")),
        (harness.logins.login, (email, "a guess of it")),
        (resets.request, (email,)),
    ]
    return [await outcome_of(call, *arguments, client=CLIENT) for call, arguments in calls]


async def test_all_answers_are_the_same(harness: Harness) -> None:
    seen = await outcomes_for(harness, KNOWN)
    assert seen == ["InvalidCode", "InvalidPassword", "ok", "InvalidCode", "InvalidPassword", "ok"]
    assert await outcomes_for(harness, UNKNOWN) == seen


async def test_only_the_owner_is_told(harness: Harness) -> None:
    await outcomes_for(harness, KNOWN)
    assert [subject for to, subject in await harness.subjects() if to == KNOWN] == [
        "Your verification code",
        "You have an account already",
        "Set a new password",
    ]
    assert await harness.login(), "nothing has changed"
    user = await harness.store.users.by_email(KNOWN)
    assert user is not None
    assert user.username == "ann"


async def test_a_registration_still_works(harness: Harness) -> None:
    await harness.join("bob")
    assert await harness.login("bob")


async def test_a_user_who_is_verified_during_a_registration(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    real = harness.store.users.register

    async def join_first(*arguments: object) -> object:
        monkeypatch.setattr(harness.store.users, "register", real)
        await harness.join("bob")
        return await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.store.users, "register", join_first)
    await harness.registrations.register(UNKNOWN, "another horse", "bob2", client=CLIENT)
    assert (await harness.subjects())[-1] == (UNKNOWN, "You have an account already")


async def test_the_answers_take_as_long(store: Store, nursery: trio.Nursery) -> None:
    harness = Harness(store, nursery, with_changes(conceal_accounts=True, concealed_seconds=0.1))
    await harness.join()
    for email in (KNOWN, UNKNOWN):
        for call, arguments in (
            (harness.registrations.register, (email, "a guess of it", "eve")),
            (harness.registrations.verify, (email, "123456")),
        ):
            began = trio.current_time()
            await outcome_of(call, *arguments, client=CLIENT)
            assert trio.current_time() - began >= 0.1
