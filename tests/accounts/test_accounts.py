"""Accounts from registration to logout, on a real store."""

import time
from functools import partial

import argon2
import pytest
import trio

from reichatd.accounts import Accounts, Passwords
from reichatd.errors import (
    Invalid,
    InvalidCode,
    InvalidFields,
    InvalidPassword,
    ReichatError,
    Unauthorized,
    UserDisabled,
    UserExists,
    UserNotFound,
    VerificationNotFound,
)
from reichatd.settings import LiveSettings, Settings
from reichatd.store import Session, Store
from tests.accounts.conftest import CHEAP, Harness, with_changes, wrong
from tests.unlimited import CLIENT, limiter_of

MINUTE, DAY = 60.0, 86_400.0
NO_ADDRESSES = ["", "nobody", "\ud800@example.org", "a\0@example.org", "x" * 100_000, "ann@example.org\n"]


async def outcome_of(call: object, *arguments: object, **options: object) -> str:
    """The name of the error, or "ok"."""
    try:
        await call(*arguments, **options)  # type: ignore[operator]
    except ReichatError as error:
        return type(error).__name__
    return "ok"


# Registration


async def test_from_registration_to_logout(harness: Harness) -> None:
    accounts = harness.accounts
    await accounts.registrations.register("Ann@Example.org", "correct horse", "ann", client=CLIENT)
    await accounts.registrations.verify("Ann@example.org", await harness.code(), client=CLIENT)
    login = await accounts.logins.login("Ann@EXAMPLE.org", "correct horse", client=CLIENT)
    identity = await accounts.sessions.authenticate(login.access_token)
    assert (identity.user.user_id, identity.user.email, identity.user.username) == (
        login.user_id,
        "Ann@example.org",
        "ann",
    )
    assert (await accounts.profiles.user(login.user_id)) == identity.user
    await accounts.sessions.logout(login.access_token)
    with pytest.raises(Unauthorized):
        await accounts.sessions.authenticate(login.access_token)


async def test_all_problems_of_a_registration_are_reported_together(harness: Harness) -> None:
    with pytest.raises(InvalidFields) as caught:
        await harness.registrations.register("nobody", "x" * 129, "a b", client=CLIENT)
    assert [field for field, _ in caught.value.problems] == ["email", "password", "username"]
    assert await harness.codes() == []


async def test_an_over_long_password_is_not_hashed(harness: Harness, runs: list[str]) -> None:
    with pytest.raises(InvalidFields):
        await harness.registrations.register("ann@example.org", "x" * 129, "ann", client=CLIENT)
    assert runs == []


async def test_a_registration_without_verification_is_no_user(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    with pytest.raises(UserNotFound):
        await harness.login()


async def test_an_existing_user_is_found_before_any_hashing(harness: Harness, runs: list[str]) -> None:
    await harness.join()
    runs.clear()
    with pytest.raises(UserExists):
        await harness.registrations.register("ANN@example.org", "another horse", "ann2", client=CLIENT)
    assert runs == []
    assert len(await harness.codes()) == 1


async def test_concurrent_calls_with_one_code_create_one_user(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code, outcomes = await harness.code(), []

    async def verify() -> None:
        outcomes.append(await outcome_of(harness.registrations.verify, "ann@example.org", code, client=CLIENT))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(verify)
    assert outcomes == ["ok"] * 4
    assert [user.username for user in await harness.store.users.page("", 9)] == ["ann"]


async def test_a_user_who_is_verified_during_a_registration(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another registration is verified between the first check and the write: the store decides."""
    accounts, real = harness.accounts, Passwords.hash

    async def join_first(passwords: Passwords, password: str, *, client: str = "") -> str:
        monkeypatch.setattr(Passwords, "hash", real)
        await harness.join()
        return await real(passwords, password)

    monkeypatch.setattr(Passwords, "hash", join_first)
    with pytest.raises(UserExists):
        await accounts.registrations.register("ann@example.org", "another horse", "ann2", client=CLIENT)
    assert len(await harness.codes()) == 1
    assert await harness.login()


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_code_confirms_the_registration_that_it_was_sent_for(harness: Harness, number: int) -> None:
    """Each code creates the account of its own registration, with its password, even if others register the address too."""
    for name, email in (("ann1", "ann@example.org"), ("ann2", "ANN@example.org"), ("ann3", "ann@example.org")):
        await harness.registrations.register(email, f"horse of {name}", name, client=CLIENT)
    await harness.registrations.verify("Ann@example.org", (await harness.codes())[number], client=CLIENT)
    name = f"ann{number + 1}"
    for other in ("ann1", "ann2", "ann3"):
        outcome = await outcome_of(harness.logins.login, "ann@example.org", f"horse of {other}", client=CLIENT)
        assert outcome == ("ok" if other == name else "InvalidPassword")
    assert [user.username for user in await harness.store.users.page("", 9)] == [name]


async def test_the_oldest_of_too_many_registrations_is_removed(harness: Harness) -> None:
    """A stranger who keeps registering the address locks its owner out only while it goes on."""
    for number in range(6):
        await harness.registrations.register("ann@example.org", "a stranger's", f"eve{number}", client=CLIENT)
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    first, *_, last = await harness.codes()
    assert len(await harness.store.users.pending("ann@example.org")) == 5
    assert await outcome_of(harness.registrations.verify, "ann@example.org", first, client=CLIENT) == "InvalidCode"
    await harness.registrations.verify("ann@example.org", last, client=CLIENT)
    assert await harness.login()


async def test_two_registrations_never_have_the_same_code(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["123456", "123456", "123456", "654321"])
    monkeypatch.setattr("reichatd.accounts.keys.new_code", lambda: next(drawn))
    await harness.registrations.register("ann@example.org", "a stranger's", "eve", client=CLIENT)
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    assert await harness.codes() == ["123456", "654321"]
    await harness.registrations.verify("ann@example.org", "654321", client=CLIENT)
    assert await harness.login()


# Verification


async def test_a_wrong_code(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code = await harness.code()
    for attempt in (wrong(code), "", code + "0", code[:-1]):
        with pytest.raises(InvalidCode):
            await harness.registrations.verify("ann@example.org", attempt, client=CLIENT)
    await harness.registrations.verify("ann@example.org", code, client=CLIENT)


@pytest.mark.parametrize("attempt", ["٠١٢٣٤٥", "\ud800", "x" * 100_000, "\0"])
async def test_malformed_codes(harness: Harness, attempt: str) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    with pytest.raises(InvalidCode):
        await harness.registrations.verify("ann@example.org", attempt, client=CLIENT)


async def test_five_tries_at_most(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code = await harness.code()
    for _ in range(5):
        with pytest.raises(InvalidCode):
            await harness.registrations.verify("ann@example.org", wrong(code), client=CLIENT)
    with pytest.raises(InvalidCode):
        await harness.registrations.verify("ann@example.org", code, client=CLIENT)


async def test_registering_again_gives_no_more_tries(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    for _ in range(5):
        await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
        code = await harness.code()
        assert (
            await outcome_of(harness.registrations.verify, "ann@example.org", wrong(code), client=CLIENT)
            == "InvalidCode"
        )
    assert await outcome_of(harness.registrations.verify, "ann@example.org", code, client=CLIENT) == "InvalidCode"
    harness.now += 9 * MINUTE
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    assert (
        await outcome_of(harness.registrations.verify, "ann@example.org", await harness.code(), client=CLIENT)
        == "InvalidCode"
    )
    harness.now += MINUTE
    await harness.registrations.verify("ann@example.org", await harness.code(), client=CLIENT)


async def test_spaces_are_ignored(harness: Harness) -> None:
    await harness.registrations.register(" ann@example.org\u00a0", "correct horse", "ann", client=CLIENT)
    code = await harness.code()
    await harness.registrations.verify("\tann@example.org ", f" {code[:3]} {code[3:]}\n", client=CLIENT)
    assert await harness.logins.login("ann@example.org ", "correct horse", client=CLIENT)


async def test_a_verification_can_be_repeated_if_its_answer_was_lost(harness: Harness) -> None:
    await harness.registrations.register("Ann@example.org", "correct horse", "ann", client=CLIENT)
    await harness.registrations.register("ann@example.org", "a stranger's", "eve", client=CLIENT)
    first, second = await harness.codes()
    for _ in range(2):
        await harness.registrations.verify("ANN@example.org", first, client=CLIENT)
    again = Harness(harness.store, harness.nursery)
    await again.accounts.registrations.verify("ann@example.org", first, client=CLIENT)
    assert (
        await outcome_of(again.accounts.registrations.verify, "ann@example.org", second, client=CLIENT) == "InvalidCode"
    )
    assert await harness.logins.login("ann@example.org", "correct horse", client=CLIENT)
    harness.now += 10 * MINUTE
    assert (
        await outcome_of(harness.registrations.verify, "ann@example.org", first, client=CLIENT)
        == "VerificationNotFound"
    )


async def test_a_code_does_not_recreate_a_deleted_account(harness: Harness) -> None:
    await harness.join()
    user = await harness.store.users.by_email("ann@example.org")
    assert user is not None
    await harness.store.users.delete(user.user_id)
    assert (
        await outcome_of(harness.registrations.verify, "ann@example.org", await harness.code(), client=CLIENT)
        == "VerificationNotFound"
    )


@pytest.mark.parametrize("right_at", [4, 5])
async def test_the_last_try_counts(harness: Harness, right_at: int) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code = await harness.code()
    for _ in range(right_at):
        with pytest.raises(InvalidCode):
            await harness.registrations.verify("ann@example.org", wrong(code), client=CLIENT)
    outcome = await outcome_of(harness.registrations.verify, "ann@example.org", code, client=CLIENT)
    assert outcome == ("ok" if right_at == 4 else "InvalidCode")


async def test_concurrent_tries_do_not_exceed_the_limit(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tasks try at once: only five of them compare a code with a try left."""
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code, left = await harness.code(), []
    real = harness.store.users.take_try

    async def watched(email: str, now: float, ends_at: float) -> object:
        attempt = await real(email, now, ends_at)
        assert attempt is not None
        left.append(attempt.pending[0].tries_left)
        return attempt

    monkeypatch.setattr(harness.store.users, "take_try", watched)
    async with trio.open_nursery() as nursery:
        for _ in range(40):
            verify = partial(harness.registrations.verify, "ann@example.org", wrong(code), client=CLIENT)
            nursery.start_soon(outcome_of, verify)
    assert sorted(left, reverse=True)[:5] == [5, 4, 3, 2, 1]
    assert sum(tries > 0 for tries in left) == 5
    with pytest.raises(InvalidCode):
        await harness.registrations.verify("ann@example.org", code, client=CLIENT)


async def test_a_code_expires(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    harness.now += 10 * MINUTE
    with pytest.raises(InvalidCode):
        await harness.registrations.verify("ann@example.org", await harness.code(), client=CLIENT)


async def test_a_code_is_valid_until_it_expires(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    harness.now += 10 * MINUTE - 1
    await harness.registrations.verify("ann@example.org", await harness.code(), client=CLIENT)


@pytest.mark.parametrize("email", ["bob@example.org", *NO_ADDRESSES])
async def test_nothing_to_verify(harness: Harness, email: str) -> None:
    with pytest.raises(VerificationNotFound):
        await harness.registrations.verify(email, "123456", client=CLIENT)


async def test_a_code_is_invalid_for_another_address(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    ann = await harness.code()
    await harness.registrations.register("bob@example.org", "correct horse", "bob", client=CLIENT)
    if ann != await harness.code():
        with pytest.raises(InvalidCode):
            await harness.registrations.verify("bob@example.org", ann, client=CLIENT)


async def test_neither_code_nor_password_is_stored(harness: Harness) -> None:
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    (registration,) = await harness.store.users.pending("ann@example.org")
    assert await harness.code() not in registration.code_hash
    assert "correct horse" not in repr(registration)


# Login


async def test_a_wrong_password(harness: Harness) -> None:
    await harness.join()
    for password in ("wrong horse", "", "Correct horse", "\ud800"):
        with pytest.raises(InvalidPassword):
            await harness.login(password=password)


@pytest.mark.parametrize("email", ["bob@example.org", *NO_ADDRESSES])
async def test_an_unknown_user_costs_as_much_as_a_known_one(harness: Harness, runs: list[str], email: str) -> None:
    await harness.join()
    runs.clear()
    with pytest.raises(UserNotFound):
        await harness.logins.login(email, "correct horse", client=CLIENT)
    assert len(runs) == 1


COMPOSED, DECOMPOSED = "pässwörd", "pa\u0308sswo\u0308rd"


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
async def test_a_password_matches_in_any_unicode_form(harness: Harness, chosen: str, typed: str) -> None:
    await harness.join(password=chosen)
    login = await harness.login(password=typed)
    identity = await harness.sessions.authenticate(login.access_token)
    with pytest.raises(Invalid, match="old one"):
        await harness.profiles.change_password(identity, chosen, typed, client=CLIENT)
    await harness.profiles.change_password(identity, typed, "better horse", client=CLIENT)
    with pytest.raises(InvalidPassword):
        await harness.login(password=chosen)


async def test_a_password_is_measured_in_its_normal_form(harness: Harness) -> None:
    await harness.join(password="a\u0308" * 128)
    assert await harness.login(password="ä" * 128)
    with pytest.raises(InvalidFields):
        await harness.registrations.register("bob@example.org", "a\u0308" * 7, "bob", client=CLIENT)


async def test_an_unknown_user_costs_as_much_in_another_unicode_form(harness: Harness, runs: list[str]) -> None:
    await harness.join()
    costs = []
    for name in ("ann", "bob"):
        runs.clear()
        assert await outcome_of(harness.login, name, DECOMPOSED) != "ok"
        costs.append(len(runs))
    assert costs == [2, 2]


async def test_far_too_long_text_is_not_normalised(harness: Harness) -> None:
    """Normalising sorts combining marks: 60,000 of them take seconds."""
    hostile = "a" + "\u0301\u0316" * 30_000
    began = time.perf_counter()
    for call in (
        harness.logins.login("ann@example.org", hostile, client=CLIENT),
        harness.registrations.register("ann@example.org", hostile, hostile, client=CLIENT),
    ):
        with pytest.raises(ReichatError):
            await call
    assert time.perf_counter() - began < 0.5


async def test_an_over_long_password_is_not_verified(harness: Harness, runs: list[str]) -> None:
    await harness.join()
    runs.clear()
    with pytest.raises(InvalidPassword):
        await harness.login(password="x" * 129)
    with pytest.raises(UserNotFound):
        await harness.login("bob", "x" * 129)
    assert runs == []


async def test_two_devices(harness: Harness) -> None:
    await harness.join()
    phone, desk = await harness.login(), await harness.login()
    assert phone.refresh_token != desk.refresh_token
    first, second = [await harness.sessions.authenticate(login.access_token) for login in (phone, desk)]
    assert first.user == second.user
    assert first.session.session_id != second.session.session_id
    await harness.sessions.logout(phone.access_token)
    assert (await harness.sessions.authenticate(desk.access_token)).session == second.session
    assert harness.live.calls == [("sessions_ended", first.session.session_id)]


async def test_a_login_during_a_change_of_password(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old password is verified, then changed, and only then the new session is stored."""
    await harness.join()
    identity = await harness.sessions.authenticate((await harness.login()).access_token)
    real = harness.store.sessions.create

    async def change_first(session: object) -> None:
        monkeypatch.setattr(harness.store.sessions, "create", real)
        await harness.profiles.change_password(identity, "correct horse", "better horse", client=CLIENT)
        await real(session)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.store.sessions, "create", change_first)
    with pytest.raises(InvalidPassword):
        await harness.login()
    sessions = await harness.store.users.change_password(
        identity.user.user_id, (await harness.profiles.user(identity.user.user_id)).password_hash, "x", "none"
    )
    assert sessions == [identity.session.session_id]


# Tokens and sessions


async def test_refresh(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    harness.now += 20 * MINUTE
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(login.access_token)
    fresh = await harness.sessions.refresh(login.refresh_token)
    assert (await harness.sessions.authenticate(fresh)).user.user_id == login.user_id


async def test_a_session_expires(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    harness.now += 7 * DAY - MINUTE
    last = await harness.sessions.refresh(login.refresh_token)
    assert await harness.sessions.authenticate(last)
    harness.now += MINUTE
    for call, token in (
        (harness.sessions.authenticate, last),
        (harness.sessions.refresh, login.refresh_token),
    ):
        assert await outcome_of(call, token) == "Unauthorized"
    assert await outcome_of(harness.sessions.logout, login.refresh_token) == "Unauthorized"


async def test_access_and_refresh_tokens_are_not_interchangeable(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    with pytest.raises(Unauthorized, match="Invalid token"):
        await harness.sessions.authenticate(login.refresh_token)
    with pytest.raises(Unauthorized, match="Invalid token"):
        await harness.sessions.refresh(login.access_token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud800", "\0", "x" * 1_000_000, "." * 100_000, "ä" * 43])
async def test_malformed_tokens(harness: Harness, token: str) -> None:
    for call in (
        harness.sessions.authenticate,
        harness.sessions.refresh,
        harness.sessions.logout,
    ):
        assert await outcome_of(call, token) == "Unauthorized"
    assert harness.live.calls == []


async def test_tokens_of_another_secret(store: Store, nursery: trio.Nursery) -> None:
    harness, other = Harness(store, nursery), Harness(store, nursery, secret=b"x" * 32)
    await harness.join()
    login = await harness.login()
    for call, token in (
        (other.accounts.sessions.authenticate, login.access_token),
        (other.accounts.sessions.refresh, login.refresh_token),
        (other.accounts.sessions.logout, login.access_token),
    ):
        assert await outcome_of(call, token) == "Unauthorized"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logout_by_either_token(harness: Harness, kind: str) -> None:
    await harness.join()
    login = await harness.login()
    session = (await harness.sessions.authenticate(login.access_token)).session
    await harness.sessions.logout(getattr(login, kind))
    assert harness.live.calls == [("sessions_ended", session.session_id)]
    for call, token in (
        (harness.sessions.authenticate, login.access_token),
        (harness.sessions.refresh, login.refresh_token),
        (harness.sessions.logout, getattr(login, kind)),
    ):
        assert await outcome_of(call, token) == "Unauthorized"
    assert len(harness.live.calls) == 1


async def test_a_cancelled_logout_closes_the_sockets_too(harness: Harness) -> None:
    """The client hangs up right after the request: if the session has ended, its sockets are closed."""
    await harness.join()
    login = await harness.login()
    session = (await harness.sessions.authenticate(login.access_token)).session
    with trio.CancelScope() as scope:
        scope.cancel()
        await harness.sessions.logout(login.access_token)
    ended = await harness.store.sessions.get(session.session_id) is None
    assert harness.live.calls == ([("sessions_ended", session.session_id)] if ended else [])


async def test_a_token_stands_for_its_own_user(harness: Harness) -> None:
    await harness.join("ann")
    await harness.join("bob")
    ann, bob = await harness.login("ann"), await harness.login("bob")
    assert (await harness.sessions.authenticate(ann.access_token)).user.user_id == ann.user_id
    assert (await harness.sessions.authenticate(bob.access_token)).user.user_id == bob.user_id


# Profile


async def test_an_unknown_user_id(harness: Harness) -> None:
    with pytest.raises(UserNotFound):
        await harness.profiles.user("0" * 24)


async def test_rename(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    identity = await harness.sessions.authenticate(login.access_token)
    await harness.profiles.rename(identity, "A\u0308nne")
    assert (await harness.profiles.user(login.user_id)).username == "Änne"
    assert harness.live.calls == [("user_renamed", login.user_id, "Änne")]
    with pytest.raises(InvalidFields):
        await harness.profiles.rename(identity, "no name")
    assert len(harness.live.calls) == 1


async def test_a_change_of_password_ends_the_other_sessions(harness: Harness) -> None:
    await harness.join()
    await harness.join("bob")
    logins = [await harness.login() for _ in range(3)]
    bob = await harness.login("bob")
    here, *others = [await harness.sessions.authenticate(login.access_token) for login in logins]
    await harness.profiles.change_password(here, "correct horse", "better horse", client=CLIENT)
    ((event, *ended),) = harness.live.calls
    assert event == "sessions_ended"
    assert sorted(ended) == sorted(identity.session.session_id for identity in others)
    assert await harness.sessions.authenticate(logins[0].access_token)
    assert await harness.sessions.authenticate(bob.access_token)
    for login in logins[1:]:
        assert await outcome_of(harness.sessions.authenticate, login.access_token) == "Unauthorized"
        assert await outcome_of(harness.sessions.refresh, login.refresh_token) == "Unauthorized"
    assert await outcome_of(harness.login, "ann", "correct horse") == "InvalidPassword"
    assert await outcome_of(harness.login, "ann", "better horse") == "ok"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("wrong horse", "better horse", InvalidPassword),
        ("x" * 129, "better horse", InvalidPassword),
        ("correct horse", "correct horse", Invalid),
        ("wrong horse", "wrong horse", InvalidPassword),
        ("correct horse", "short", InvalidFields),
        ("correct horse", "x" * 129, InvalidFields),
    ],
)
async def test_a_refused_change_of_password(harness: Harness, old: str, new: str, refusal: type[Invalid]) -> None:
    await harness.join()
    await harness.login()
    identity = await harness.sessions.authenticate((await harness.login()).access_token)
    with pytest.raises(Invalid) as caught:
        await harness.profiles.change_password(identity, old, new, client=CLIENT)
    assert type(caught.value) is refusal
    assert harness.live.calls == []
    assert await harness.login()


async def test_of_two_concurrent_changes_one_succeeds(harness: Harness) -> None:
    await harness.join()
    identities = [await harness.sessions.authenticate((await harness.login()).access_token) for _ in range(2)]
    outcomes: list[str] = []

    async def change(number: int) -> None:
        outcomes.append(
            await outcome_of(
                harness.profiles.change_password,
                identities[number],
                "correct horse",
                f"better horse {number}",
                client=CLIENT,
            )
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change, 0)
        nursery.start_soon(change, 1)
    assert sorted(outcomes) == ["InvalidPassword", "ok"]
    assert len(harness.live.calls) == 1


# Housekeeping and settings


async def test_housekeeping(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    session = (await harness.sessions.authenticate(login.access_token)).session
    await harness.registrations.register("bob@example.org", "correct horse", "bob", client=CLIENT)
    await harness.accounts.delete_expired()
    assert await harness.store.sessions.get(session.session_id)
    harness.now += 10 * MINUTE
    await harness.accounts.delete_expired()
    with pytest.raises(VerificationNotFound):
        await harness.registrations.verify("bob@example.org", await harness.code(), client=CLIENT)
    harness.now += 7 * DAY
    await harness.accounts.delete_expired()
    assert await harness.store.sessions.get(session.session_id) is None


async def test_a_clock_that_is_set_back(harness: Harness) -> None:
    """No user is logged out, and registrations and tokens stay valid."""
    await harness.join()
    login = await harness.login()
    await harness.registrations.register("bob@example.org", "correct horse", "bob", client=CLIENT)
    harness.now -= 2 * DAY
    identity = await harness.sessions.authenticate(login.access_token)
    assert (
        await harness.sessions.authenticate(await harness.sessions.refresh(login.refresh_token))
    ).session == identity.session
    await harness.registrations.verify("bob@example.org", await harness.code(), client=CLIENT)
    await harness.login("bob")
    await harness.accounts.delete_expired()
    await harness.sessions.authenticate(login.access_token)


async def test_a_ticket_expires_even_if_the_clock_is_set(store: Store, nursery: trio.Nursery) -> None:
    harness = Harness(store, nursery, with_changes(ticket_seconds=1))
    await harness.join()
    identity = await harness.sessions.authenticate((await harness.login()).access_token)
    old = (await harness.sessions.ticket(identity)).ticket
    harness.now -= DAY
    await trio.sleep(1.0)  # by the monotonic clock
    with pytest.raises(Unauthorized):
        await harness.sessions.redeem(old)
    harness.now += 2 * DAY
    new = (await harness.sessions.ticket(identity)).ticket
    harness.now -= DAY
    assert await harness.sessions.redeem(new)


async def test_settings_are_obeyed(store: Store, nursery: trio.Nursery) -> None:
    auth = with_changes(
        access_token_minutes=1.0,
        refresh_token_days=1.0,
        verification_code_minutes=2.0,
        verification_tries=1,
        pending_registrations=2,
    )
    harness = Harness(store, nursery, auth)
    await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    code = await harness.code()
    assert "valid for 2 minutes" in harness.printed.getvalue()
    assert (
        await outcome_of(harness.registrations.verify, "ann@example.org", wrong(code), client=CLIENT) == "InvalidCode"
    )
    assert await outcome_of(harness.registrations.verify, "ann@example.org", code, client=CLIENT) == "InvalidCode"
    for _ in range(2):
        await harness.registrations.register("ann@example.org", "correct horse", "ann", client=CLIENT)
    assert len(await harness.store.users.pending("ann@example.org")) == 2
    harness.now += 2 * MINUTE
    await harness.join()
    login = await harness.login()
    harness.now += MINUTE + 1
    assert await outcome_of(harness.sessions.authenticate, login.access_token) == "Unauthorized"
    harness.now += DAY
    assert await outcome_of(harness.sessions.refresh, login.refresh_token) == "Unauthorized"


async def test_a_short_secret_is_refused(harness: Harness) -> None:
    with pytest.raises(ValueError, match="secret"):
        Accounts(
            auth=CHEAP,
            settings=LiveSettings(Settings()),
            secret=b"short",
            store=harness.store,
            passwords=Passwords(CHEAP),
            outbox=harness.outbox,
            limiter=limiter_of(harness.settings),
            live=harness.live,
        )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records every run of argon2; the hashing itself is real."""
    counted: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(argon2.PasswordHasher, name)

        def counting(*arguments: object, name: str = name, real: object = real) -> object:
            counted.append(name)
            return real(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(argon2.PasswordHasher, name, counting)
    return counted


# Disabled accounts


async def test_a_disabled_user_cannot_log_in_and_learns_why_only_with_the_password(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    await harness.sessions.authenticate(login.access_token)
    await harness.store.users.disable(login.user_id)
    harness.sessions.live.user_logged_out(login.user_id)
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(login.access_token)
    with pytest.raises(Unauthorized):
        await harness.sessions.refresh(login.refresh_token)
    with pytest.raises(UserDisabled):
        await harness.login()
    with pytest.raises(InvalidPassword):
        await harness.login(password="a guess of it")
    await harness.store.users.enable(login.user_id)
    await harness.sessions.authenticate((await harness.login()).access_token)


async def test_a_login_fails_if_the_user_is_disabled_meanwhile(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.join()
    user = await harness.store.users.by_email("ann@example.org")
    assert user is not None
    create = harness.store.sessions.create

    async def disabled_before(session: Session) -> None:
        await harness.store.users.disable(session.user_id)
        await create(session)

    monkeypatch.setattr(harness.store.sessions, "create", disabled_before)
    with pytest.raises(InvalidPassword):
        await harness.login()
    await harness.store.users.enable(user.user_id)
    assert await harness.store.sessions.of_user(user.user_id) == []


async def test_the_cache_is_cleared_before_live_connections_are_notified(harness: Harness) -> None:
    await harness.join()
    login = await harness.login()
    identity = await harness.sessions.authenticate(login.access_token)
    await harness.store.sessions.end_all(login.user_id)
    harness.sessions.live.user_logged_out(login.user_id)
    harness.sessions.live.user_renamed(login.user_id, "Anna")
    harness.sessions.live.member_removed("lobby", login.user_id)
    harness.sessions.live.room_deleted("lobby")
    assert harness.live.calls == [
        ("user_logged_out", login.user_id),
        ("user_renamed", login.user_id, "Anna"),
        ("member_removed", "lobby", login.user_id),
        ("room_deleted", "lobby"),
    ]
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(login.access_token)
    assert identity.user.username == "ann"
