"""Changes of e-mail addresses."""

from typing import Any

import pytest
import trio

from reichatd.accounts import Identity
from reichatd.audit import Event
from reichatd.errors import Invalid, InvalidCode, InvalidFields, InvalidPassword, UserExists, VerificationNotFound
from reichatd.rate_limits import RateLimiter
from reichatd.store import Store
from tests.accounts.conftest import Harness, with_changes, wrong
from tests.accounts.test_accounts import outcome_of
from tests.unlimited import CLIENT

NEW = "Anna@example.org"


async def request(harness: Harness, ann: Identity, email: str = NEW, password: str = "correct horse") -> None:
    await harness.accounts.email_changes.request(ann, password, email, client=CLIENT)


async def verify(harness: Harness, ann: Identity, code: str) -> None:
    await harness.accounts.email_changes.verify(ann, code, client=CLIENT)


async def email_of(harness: Harness, ann: Identity) -> str:
    return (await harness.profiles.user(ann.user.user_id)).email


@pytest.fixture
async def ann(harness: Harness) -> Identity:
    await harness.join()
    return await harness.identity()


async def test_a_new_address(harness: Harness, ann: Identity) -> None:
    await request(harness, ann, f" {NEW} ")
    code = await harness.code()
    assert await email_of(harness, ann) == "ann@example.org"
    await verify(harness, ann, f"{code[:3]} {code[3:]}")
    assert harness.live.calls == [("email_changed", ann.user.user_id, NEW)]
    assert (await harness.subjects())[1:] == [
        (NEW, "Your verification code"),
        ("ann@example.org", "Your e-mail address is about to change"),
        ("ann@example.org", "Your e-mail address has changed"),
    ]
    assert await harness.login("ANNA")
    assert await outcome_of(harness.login) == "UserNotFound"
    assert (await harness.sessions.authenticate((await harness.login("anna")).access_token)).user.email == NEW
    events = await harness.audited(Event.EMAIL_CHANGE_REQUESTED, Event.EMAIL_CHANGED)
    assert [(each.event, each.actor) for each in events] == [
        ("email_change_requested", ann.user.user_id),
        ("email_changed", ann.user.user_id),
    ]


async def test_the_owner_is_told_although_the_caller_hangs_up(
    harness: Harness, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up_after(part: object, name: str) -> trio.CancelScope:
        scope, real = trio.CancelScope(), getattr(part, name)

        async def step(*arguments: object) -> object:
            done = await real(*arguments)
            scope.cancel()
            return done

        monkeypatch.setattr(part, name, step)
        return scope

    require = RateLimiter.require

    async def require_from_a_store(*arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - of `require`
        await trio.lowlevel.checkpoint()
        await require(*arguments, **keywords)

    monkeypatch.setattr(RateLimiter, "require", require_from_a_store)
    with hang_up_after(harness.store.email_changes, "put"):
        await request(harness, ann)
    assert (await harness.subjects())[-1] == ("ann@example.org", "Your e-mail address is about to change")
    assert await harness.audited(Event.EMAIL_CHANGE_REQUESTED)
    with hang_up_after(harness.store.users, "change_email"):
        await verify(harness, ann, await harness.code())
    assert (await harness.subjects())[-1] == ("ann@example.org", "Your e-mail address has changed")


async def test_a_verification_can_be_repeated_if_its_answer_was_lost(harness: Harness, ann: Identity) -> None:
    await request(harness, ann)
    code, mails = await harness.code(), len(await harness.subjects())
    for _ in range(3):
        await verify(harness, ann, code)
    assert len(await harness.subjects()) == mails + 1
    harness.now += 10 * 60
    with pytest.raises(InvalidCode):
        await verify(harness, ann, code)


@pytest.mark.parametrize(
    ("email", "password", "refusal"),
    [
        ("nobody", "correct horse", InvalidFields),
        (NEW, "wrong horse", InvalidPassword),
        ("ann@example.org", "correct horse", Invalid),
        ("BOB@example.org", "correct horse", UserExists),
    ],
)
async def test_a_refused_request(
    harness: Harness, ann: Identity, email: str, password: str, refusal: type[Exception]
) -> None:
    await harness.join("bob")
    mails = len(await harness.subjects())
    with pytest.raises(refusal) as caught:
        await request(harness, ann, email, password)
    assert type(caught.value) is refusal
    assert len(await harness.subjects()) == mails
    with pytest.raises(VerificationNotFound):
        await verify(harness, ann, "123456")


async def test_only_the_case_of_the_address_changes(harness: Harness, ann: Identity) -> None:
    await request(harness, ann, "Ann@example.org")
    await verify(harness, ann, await harness.code())
    assert await email_of(harness, ann) == "Ann@example.org"


async def test_five_tries_at_most(harness: Harness, ann: Identity) -> None:
    await request(harness, ann)
    code = await harness.code()
    outcomes: list[str] = []

    async def attempt(code: str) -> None:
        outcomes.append(await outcome_of(verify, harness, ann, code))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(attempt, wrong(code))
    await attempt(code)
    assert outcomes == ["InvalidCode"] * 6
    assert await email_of(harness, ann) == "ann@example.org"


async def test_a_code_is_for_one_user_one_address_and_some_minutes(harness: Harness, ann: Identity) -> None:
    await harness.join("bob")
    bob = await harness.identity("bob")
    await request(harness, ann, "first@example.org")
    first = await harness.code()
    await request(harness, ann)
    second = await harness.code()
    if first != second:
        assert await outcome_of(verify, harness, ann, first) == "InvalidCode"
    assert await outcome_of(verify, harness, bob, second) == "VerificationNotFound"
    harness.now += 10 * 60
    assert await outcome_of(verify, harness, ann, second) == "InvalidCode"
    await harness.accounts.delete_expired()
    assert await outcome_of(verify, harness, ann, second) == "VerificationNotFound"


async def test_a_code_dies_with_a_change_of_password(harness: Harness, ann: Identity) -> None:
    """A stranger with the old password began the change; the owner sets a new one."""
    await request(harness, ann)
    code = await harness.code()
    await harness.profiles.change_password(ann, "correct horse", "better horse", client=CLIENT)
    assert await outcome_of(verify, harness, ann, code) == "InvalidCode"
    assert await email_of(harness, ann) == "ann@example.org"


async def test_an_address_that_was_registered_meanwhile(harness: Harness, ann: Identity) -> None:
    await request(harness, ann, "bob@example.org")
    code = await harness.code()
    await harness.join("bob")
    with pytest.raises(UserExists):
        await verify(harness, ann, code)
    assert harness.live.calls == []


async def test_a_registration_of_the_new_address_cannot_be_completed(harness: Harness, ann: Identity) -> None:
    await harness.registrations.register(NEW, "correct horse", "eve", client=CLIENT)
    theirs = await harness.code()
    await request(harness, ann)
    await verify(harness, ann, await harness.code())
    assert await outcome_of(harness.registrations.verify, NEW, theirs, client=CLIENT) == "VerificationNotFound"


async def test_concealed(store: Store, nursery: trio.Nursery) -> None:
    """No answer tells that bob@example.org has an account; its owner gets a mail."""
    harness = Harness(store, nursery, with_changes(conceal_accounts=True))
    await harness.join()
    await harness.join("bob")
    ann = await harness.identity()
    codes = await harness.codes()
    await request(harness, ann, "bob@example.org")
    assert ("bob@example.org", "Your address has an account here") in await harness.subjects()
    assert await harness.codes() == codes
    assert await outcome_of(verify, harness, ann, "123456") == "InvalidCode"
    assert await email_of(harness, ann) == "ann@example.org"
