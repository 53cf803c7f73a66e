"""The life of accounts, on a real store."""

import time

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
from tests.accounts.conftest import CHEAP, House, with_changes, wrong

MINUTE, DAY = 60.0, 86_400.0
NO_ADDRESSES = ["", "nobody", "\ud800@example.org", "a\0@example.org", "x" * 100_000, "ann@example.org\n"]


async def outcome_of(call: object, *arguments: object) -> str:
    """The name of the refusal, or "ok"."""
    try:
        await call(*arguments)  # type: ignore[operator]
    except ReichatError as error:
        return type(error).__name__
    return "ok"


# Registration


async def test_from_registration_to_logout(house: House) -> None:
    accounts = house.accounts
    await accounts.register("Ann@Example.org", "correct horse", "ann")
    await accounts.verify("Ann@example.org", await house.code())
    login = await accounts.login("Ann@EXAMPLE.org", "correct horse")
    identity = await accounts.authenticate(login.access_token)
    assert (identity.user.user_id, identity.user.email, identity.user.username) == (
        login.user_id,
        "Ann@example.org",
        "ann",
    )
    assert (await accounts.user(login.user_id)) == identity.user
    await accounts.logout(login.access_token)
    with pytest.raises(Unauthorized):
        await accounts.authenticate(login.access_token)


async def test_every_problem_of_a_registration_at_once(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.accounts.register("nobody", "x" * 129, "a b")
    assert [field for field, _ in caught.value.problems] == ["email", "password", "username"]
    assert await house.codes() == []


async def test_an_over_long_password_is_not_hashed(house: House, runs: list[str]) -> None:
    with pytest.raises(InvalidFields):
        await house.accounts.register("ann@example.org", "x" * 129, "ann")
    assert runs == []


async def test_registered_but_not_verified_is_no_user(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    with pytest.raises(UserNotFound):
        await house.login()


async def test_a_user_is_found_before_anything_is_hashed(house: House, runs: list[str]) -> None:
    await house.join()
    runs.clear()
    with pytest.raises(UserExists):
        await house.accounts.register("ANN@example.org", "another horse", "ann2")
    assert runs == []
    assert len(await house.codes()) == 1


async def test_of_four_calls_with_one_code_at_once_one_makes_the_user(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code, outcomes = await house.code(), []

    async def verify() -> None:
        outcomes.append(await outcome_of(house.accounts.verify, "ann@example.org", code))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(verify)
    assert outcomes == ["ok"] * 4
    assert [user.username for user in await house.store.users.page("", 9)] == ["ann"]


async def test_a_user_who_came_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first look and the write, somebody else verifies: the store decides."""
    accounts, real = house.accounts, Passwords.hash

    async def join_first(passwords: Passwords, password: str) -> str:
        monkeypatch.setattr(Passwords, "hash", real)
        await house.join()
        return await real(passwords, password)

    monkeypatch.setattr(Passwords, "hash", join_first)
    with pytest.raises(UserExists):
        await accounts.register("ann@example.org", "another horse", "ann2")
    assert len(await house.codes()) == 1
    assert await house.login()


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_code_confirms_the_registration_that_it_was_sent_for(house: House, number: int) -> None:
    """Whoever else registers the address: the code of a letter makes the account of that letter, with its password."""
    for name, email in (("ann1", "ann@example.org"), ("ann2", "ANN@example.org"), ("ann3", "ann@example.org")):
        await house.accounts.register(email, f"horse of {name}", name)
    await house.accounts.verify("Ann@example.org", (await house.codes())[number])
    name = f"ann{number + 1}"
    for other in ("ann1", "ann2", "ann3"):
        outcome = await outcome_of(house.accounts.login, "ann@example.org", f"horse of {other}")
        assert outcome == ("ok" if other == name else "InvalidPassword")
    assert [user.username for user in await house.store.users.page("", 9)] == [name]


async def test_the_oldest_of_too_many_registrations_goes(house: House) -> None:
    """A stranger who registers the address over and over keeps its owner out only as long as it goes on."""
    for number in range(6):
        await house.accounts.register("ann@example.org", "a stranger's", f"eve{number}")
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    first, *_, last = await house.codes()
    assert len(await house.store.users.pending("ann@example.org")) == 5
    assert await outcome_of(house.accounts.verify, "ann@example.org", first) == "InvalidCode"
    await house.accounts.verify("ann@example.org", last)
    assert await house.login()


async def test_two_registrations_never_have_the_same_code(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["123456", "123456", "123456", "654321"])
    monkeypatch.setattr("reichatd.accounts.keys.new_code", lambda: next(drawn))
    await house.accounts.register("ann@example.org", "a stranger's", "eve")
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    assert await house.codes() == ["123456", "654321"]
    await house.accounts.verify("ann@example.org", "654321")
    assert await house.login()


# Verification


async def test_a_wrong_code(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code = await house.code()
    for attempt in (wrong(code), "", code + "0", code[:-1]):
        with pytest.raises(InvalidCode):
            await house.accounts.verify("ann@example.org", attempt)
    await house.accounts.verify("ann@example.org", code)


@pytest.mark.parametrize("attempt", ["٠١٢٣٤٥", "\ud800", "x" * 100_000, "\0"])
async def test_wild_codes(house: House, attempt: str) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    with pytest.raises(InvalidCode):
        await house.accounts.verify("ann@example.org", attempt)


async def test_five_tries_and_no_more(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code = await house.code()
    for _ in range(5):
        with pytest.raises(InvalidCode):
            await house.accounts.verify("ann@example.org", wrong(code))
    with pytest.raises(InvalidCode):
        await house.accounts.verify("ann@example.org", code)


async def test_registering_again_gives_no_more_tries(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    for _ in range(5):
        await house.accounts.register("ann@example.org", "correct horse", "ann")
        code = await house.code()
        assert await outcome_of(house.accounts.verify, "ann@example.org", wrong(code)) == "InvalidCode"
    assert await outcome_of(house.accounts.verify, "ann@example.org", code) == "InvalidCode"
    house.now += 9 * MINUTE
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    assert await outcome_of(house.accounts.verify, "ann@example.org", await house.code()) == "InvalidCode"
    house.now += MINUTE
    await house.accounts.verify("ann@example.org", await house.code())


async def test_spaces_do_not_count(house: House) -> None:
    await house.accounts.register(" ann@example.org\u00a0", "correct horse", "ann")
    code = await house.code()
    await house.accounts.verify("\tann@example.org ", f" {code[:3]} {code[3:]}\n")
    assert await house.accounts.login("ann@example.org ", "correct horse")


async def test_a_verification_whose_answer_was_lost_is_repeated(house: House) -> None:
    await house.accounts.register("Ann@example.org", "correct horse", "ann")
    await house.accounts.register("ann@example.org", "a stranger's", "eve")
    first, second = await house.codes()
    for _ in range(2):
        await house.accounts.verify("ANN@example.org", first)
    again = House(house.store, house.nursery)
    await again.accounts.verify("ann@example.org", first)
    assert await outcome_of(again.accounts.verify, "ann@example.org", second) == "InvalidCode"
    assert await house.accounts.login("ann@example.org", "correct horse")
    house.now += 10 * MINUTE
    assert await outcome_of(house.accounts.verify, "ann@example.org", first) == "VerificationNotFound"


async def test_a_code_makes_no_account_again_that_was_deleted(house: House) -> None:
    await house.join()
    user = await house.store.users.by_email("ann@example.org")
    assert user is not None
    await house.store.users.delete(user.user_id)
    assert await outcome_of(house.accounts.verify, "ann@example.org", await house.code()) == "VerificationNotFound"


@pytest.mark.parametrize("right_at", [4, 5])
async def test_the_last_try_counts(house: House, right_at: int) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code = await house.code()
    for _ in range(right_at):
        with pytest.raises(InvalidCode):
            await house.accounts.verify("ann@example.org", wrong(code))
    outcome = await outcome_of(house.accounts.verify, "ann@example.org", code)
    assert outcome == ("ok" if right_at == 4 else "InvalidCode")


async def test_tries_at_once_do_not_outnumber_the_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tasks try at once: five of them get as far as a comparison with a try left."""
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code, left = await house.code(), []
    real = house.store.users.take_try

    async def watched(email: str, now: float, ends_at: float) -> object:
        attempt = await real(email, now, ends_at)
        assert attempt is not None
        left.append(attempt.pending[0].tries_left)
        return attempt

    monkeypatch.setattr(house.store.users, "take_try", watched)
    async with trio.open_nursery() as nursery:
        for _ in range(40):
            nursery.start_soon(outcome_of, house.accounts.verify, "ann@example.org", wrong(code))
    assert sorted(left, reverse=True)[:5] == [5, 4, 3, 2, 1]
    assert sum(tries > 0 for tries in left) == 5
    with pytest.raises(InvalidCode):
        await house.accounts.verify("ann@example.org", code)


async def test_a_code_expires(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    house.now += 10 * MINUTE
    with pytest.raises(InvalidCode):
        await house.accounts.verify("ann@example.org", await house.code())


async def test_a_code_lasts_until_then(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    house.now += 10 * MINUTE - 1
    await house.accounts.verify("ann@example.org", await house.code())


@pytest.mark.parametrize("email", ["bob@example.org", *NO_ADDRESSES])
async def test_nothing_to_verify(house: House, email: str) -> None:
    with pytest.raises(VerificationNotFound):
        await house.accounts.verify(email, "123456")


async def test_a_code_is_not_good_for_another_address(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    ann = await house.code()
    await house.accounts.register("bob@example.org", "correct horse", "bob")
    if ann != await house.code():
        with pytest.raises(InvalidCode):
            await house.accounts.verify("bob@example.org", ann)


async def test_neither_code_nor_password_is_stored(house: House) -> None:
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    (registration,) = await house.store.users.pending("ann@example.org")
    assert await house.code() not in registration.code_hash
    assert "correct horse" not in repr(registration)


# Login


async def test_a_wrong_password(house: House) -> None:
    await house.join()
    for password in ("wrong horse", "", "Correct horse", "\ud800"):
        with pytest.raises(InvalidPassword):
            await house.login(password=password)


@pytest.mark.parametrize("email", ["bob@example.org", *NO_ADDRESSES])
async def test_an_unknown_user_costs_what_a_known_one_costs(house: House, runs: list[str], email: str) -> None:
    await house.join()
    runs.clear()
    with pytest.raises(UserNotFound):
        await house.accounts.login(email, "correct horse")
    assert len(runs) == 1


COMPOSED, DECOMPOSED = "pässwörd", "pa\u0308sswo\u0308rd"


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
async def test_a_password_is_the_same_however_a_keyboard_spells_it(house: House, chosen: str, typed: str) -> None:
    await house.join(password=chosen)
    login = await house.login(password=typed)
    identity = await house.accounts.authenticate(login.access_token)
    with pytest.raises(Invalid, match="old one"):
        await house.accounts.change_password(identity, chosen, typed)
    await house.accounts.change_password(identity, typed, "better horse")
    with pytest.raises(InvalidPassword):
        await house.login(password=chosen)


async def test_a_password_is_measured_in_its_normal_form(house: House) -> None:
    await house.join(password="a\u0308" * 128)
    assert await house.login(password="ä" * 128)
    with pytest.raises(InvalidFields):
        await house.accounts.register("bob@example.org", "a\u0308" * 7, "bob")


async def test_an_unknown_user_costs_the_same_in_another_spelling(house: House, runs: list[str]) -> None:
    await house.join()
    costs = []
    for name in ("ann", "bob"):
        runs.clear()
        assert await outcome_of(house.login, name, DECOMPOSED) != "ok"
        costs.append(len(runs))
    assert costs == [2, 2]


async def test_what_is_far_too_long_is_not_even_normalised(house: House) -> None:
    """Marks in the wrong order are sorted: 60,000 of them take seconds."""
    hostile = "a" + "\u0301\u0316" * 30_000
    began = time.perf_counter()
    for call in (
        house.accounts.login("ann@example.org", hostile),
        house.accounts.register("ann@example.org", hostile, hostile),
    ):
        with pytest.raises(ReichatError):
            await call
    assert time.perf_counter() - began < 0.5


async def test_an_over_long_password_is_not_verified(house: House, runs: list[str]) -> None:
    await house.join()
    runs.clear()
    with pytest.raises(InvalidPassword):
        await house.login(password="x" * 129)
    with pytest.raises(UserNotFound):
        await house.login("bob", "x" * 129)
    assert runs == []


async def test_two_devices(house: House) -> None:
    await house.join()
    phone, desk = await house.login(), await house.login()
    assert phone.refresh_token != desk.refresh_token
    first, second = [await house.accounts.authenticate(login.access_token) for login in (phone, desk)]
    assert first.user == second.user
    assert first.session.session_id != second.session.session_id
    await house.accounts.logout(phone.access_token)
    assert (await house.accounts.authenticate(desk.access_token)).session == second.session
    assert house.live.told == [("sessions_ended", first.session.session_id)]


async def test_a_login_that_a_change_of_password_overtook(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old password is verified, then changed, and only then the new session is stored."""
    await house.join()
    identity = await house.accounts.authenticate((await house.login()).access_token)
    real = house.store.sessions.create

    async def change_first(session: object) -> None:
        monkeypatch.setattr(house.store.sessions, "create", real)
        await house.accounts.change_password(identity, "correct horse", "better horse")
        await real(session)  # type: ignore[arg-type]

    monkeypatch.setattr(house.store.sessions, "create", change_first)
    with pytest.raises(InvalidPassword):
        await house.login()
    sessions = await house.store.users.change_password(
        identity.user.user_id, (await house.accounts.user(identity.user.user_id)).password_hash, "x", "none"
    )
    assert sessions == [identity.session.session_id]


# Tokens and sessions


async def test_refresh(house: House) -> None:
    await house.join()
    login = await house.login()
    house.now += 20 * MINUTE
    with pytest.raises(Unauthorized):
        await house.accounts.authenticate(login.access_token)
    fresh = await house.accounts.refresh(login.refresh_token)
    assert (await house.accounts.authenticate(fresh)).user.user_id == login.user_id


async def test_a_session_has_an_end(house: House) -> None:
    await house.join()
    login = await house.login()
    house.now += 7 * DAY - MINUTE
    last = await house.accounts.refresh(login.refresh_token)
    assert await house.accounts.authenticate(last)
    house.now += MINUTE
    for call, token in ((house.accounts.authenticate, last), (house.accounts.refresh, login.refresh_token)):
        assert await outcome_of(call, token) == "Unauthorized"
    assert await outcome_of(house.accounts.logout, login.refresh_token) == "Unauthorized"


async def test_no_kind_of_token_in_place_of_the_other(house: House) -> None:
    await house.join()
    login = await house.login()
    with pytest.raises(Unauthorized, match="Invalid token"):
        await house.accounts.authenticate(login.refresh_token)
    with pytest.raises(Unauthorized, match="Invalid token"):
        await house.accounts.refresh(login.access_token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud800", "\0", "x" * 1_000_000, "." * 100_000, "ä" * 43])
async def test_wild_tokens(house: House, token: str) -> None:
    for call in (house.accounts.authenticate, house.accounts.refresh, house.accounts.logout):
        assert await outcome_of(call, token) == "Unauthorized"
    assert house.live.told == []


async def test_tokens_of_another_secret(store: Store, nursery: trio.Nursery) -> None:
    house, other = House(store, nursery), House(store, nursery, secret=b"x" * 32)
    await house.join()
    login = await house.login()
    for call, token in (
        (other.accounts.authenticate, login.access_token),
        (other.accounts.refresh, login.refresh_token),
        (other.accounts.logout, login.access_token),
    ):
        assert await outcome_of(call, token) == "Unauthorized"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logout_by_either_token(house: House, kind: str) -> None:
    await house.join()
    login = await house.login()
    session = (await house.accounts.authenticate(login.access_token)).session
    await house.accounts.logout(getattr(login, kind))
    assert house.live.told == [("sessions_ended", session.session_id)]
    for call, token in (
        (house.accounts.authenticate, login.access_token),
        (house.accounts.refresh, login.refresh_token),
        (house.accounts.logout, getattr(login, kind)),
    ):
        assert await outcome_of(call, token) == "Unauthorized"
    assert len(house.live.told) == 1


async def test_a_cancelled_logout_ends_the_sockets_too(house: House) -> None:
    """A client that logs out and goes away at once: where the session has ended, the sockets have heard of it."""
    await house.join()
    login = await house.login()
    session = (await house.accounts.authenticate(login.access_token)).session
    with trio.CancelScope() as scope:
        scope.cancel()
        await house.accounts.logout(login.access_token)
    ended = await house.store.sessions.get(session.session_id) is None
    assert house.live.told == ([("sessions_ended", session.session_id)] if ended else [])


async def test_a_session_of_a_user_that_is_not_the_tokens(house: House) -> None:
    await house.join("ann")
    await house.join("bob")
    ann, bob = await house.login("ann"), await house.login("bob")
    assert (await house.accounts.authenticate(ann.access_token)).user.user_id == ann.user_id
    assert (await house.accounts.authenticate(bob.access_token)).user.user_id == bob.user_id


# Profile


async def test_an_unknown_user_id(house: House) -> None:
    with pytest.raises(UserNotFound):
        await house.accounts.user("0" * 24)


async def test_rename(house: House) -> None:
    await house.join()
    login = await house.login()
    identity = await house.accounts.authenticate(login.access_token)
    await house.accounts.rename(identity, "A\u0308nne")
    assert (await house.accounts.user(login.user_id)).username == "Änne"
    assert house.live.told == [("user_renamed", login.user_id, "Änne")]
    with pytest.raises(InvalidFields):
        await house.accounts.rename(identity, "no name")
    assert len(house.live.told) == 1


async def test_a_change_of_password_ends_the_other_sessions(house: House) -> None:
    await house.join()
    await house.join("bob")
    logins = [await house.login() for _ in range(3)]
    bob = await house.login("bob")
    here, *others = [await house.accounts.authenticate(login.access_token) for login in logins]
    await house.accounts.change_password(here, "correct horse", "better horse")
    ((event, *ended),) = house.live.told
    assert event == "sessions_ended"
    assert sorted(ended) == sorted(identity.session.session_id for identity in others)
    assert await house.accounts.authenticate(logins[0].access_token)
    assert await house.accounts.authenticate(bob.access_token)
    for login in logins[1:]:
        assert await outcome_of(house.accounts.authenticate, login.access_token) == "Unauthorized"
        assert await outcome_of(house.accounts.refresh, login.refresh_token) == "Unauthorized"
    assert await outcome_of(house.login, "ann", "correct horse") == "InvalidPassword"
    assert await outcome_of(house.login, "ann", "better horse") == "ok"


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
async def test_a_refused_change_of_password(house: House, old: str, new: str, refusal: type[Invalid]) -> None:
    await house.join()
    await house.login()
    identity = await house.accounts.authenticate((await house.login()).access_token)
    with pytest.raises(Invalid) as caught:
        await house.accounts.change_password(identity, old, new)
    assert type(caught.value) is refusal
    assert house.live.told == []
    assert await house.login()


async def test_of_two_changes_at_once_one_is_made(house: House) -> None:
    await house.join()
    identities = [await house.accounts.authenticate((await house.login()).access_token) for _ in range(2)]
    outcomes: list[str] = []

    async def change(number: int) -> None:
        outcomes.append(
            await outcome_of(
                house.accounts.change_password, identities[number], "correct horse", f"better horse {number}"
            )
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change, 0)
        nursery.start_soon(change, 1)
    assert sorted(outcomes) == ["InvalidPassword", "ok"]
    assert len(house.live.told) == 1


# Housekeeping and settings


async def test_housekeeping(house: House) -> None:
    await house.join()
    login = await house.login()
    session = (await house.accounts.authenticate(login.access_token)).session
    await house.accounts.register("bob@example.org", "correct horse", "bob")
    await house.accounts.delete_expired()
    assert await house.store.sessions.get(session.session_id)
    house.now += 10 * MINUTE
    await house.accounts.delete_expired()
    with pytest.raises(VerificationNotFound):
        await house.accounts.verify("bob@example.org", await house.code())
    house.now += 7 * DAY
    await house.accounts.delete_expired()
    assert await house.store.sessions.get(session.session_id) is None


async def test_a_clock_that_is_set_back(house: House) -> None:
    """Nobody is logged out, and no ticket is good for longer than it said."""
    await house.join()
    login = await house.login()
    await house.accounts.register("bob@example.org", "correct horse", "bob")
    house.now -= 2 * DAY
    identity = await house.accounts.authenticate(login.access_token)
    assert (
        await house.accounts.authenticate(await house.accounts.refresh(login.refresh_token))
    ).session == identity.session
    await house.accounts.verify("bob@example.org", await house.code())
    await house.login("bob")
    await house.accounts.delete_expired()
    await house.accounts.authenticate(login.access_token)


async def test_a_ticket_ages_whatever_is_done_to_the_clock(store: Store, nursery: trio.Nursery) -> None:
    house = House(store, nursery, with_changes(ticket_seconds=1))
    await house.join()
    identity = await house.accounts.authenticate((await house.login()).access_token)
    old = house.accounts.ticket(identity).ticket
    house.now -= DAY
    await trio.sleep(1.0)  # by a clock that cannot be set
    with pytest.raises(Unauthorized):
        house.accounts.redeem(old)
    house.now += 2 * DAY
    new = house.accounts.ticket(identity).ticket
    house.now -= DAY
    assert house.accounts.redeem(new)


async def test_settings_are_obeyed(store: Store, nursery: trio.Nursery) -> None:
    auth = with_changes(
        access_token_minutes=1.0,
        refresh_token_days=1.0,
        verification_code_minutes=2.0,
        verification_tries=1,
        pending_registrations=2,
    )
    house = House(store, nursery, auth)
    await house.accounts.register("ann@example.org", "correct horse", "ann")
    code = await house.code()
    assert "valid for 2 minutes" in house.paper.getvalue()
    assert await outcome_of(house.accounts.verify, "ann@example.org", wrong(code)) == "InvalidCode"
    assert await outcome_of(house.accounts.verify, "ann@example.org", code) == "InvalidCode"
    for _ in range(2):
        await house.accounts.register("ann@example.org", "correct horse", "ann")
    assert len(await house.store.users.pending("ann@example.org")) == 2
    house.now += 2 * MINUTE
    await house.join()
    login = await house.login()
    house.now += MINUTE + 1
    assert await outcome_of(house.accounts.authenticate, login.access_token) == "Unauthorized"
    house.now += DAY
    assert await outcome_of(house.accounts.refresh, login.refresh_token) == "Unauthorized"


async def test_a_short_secret_is_refused(house: House) -> None:
    with pytest.raises(ValueError, match="secret"):
        Accounts(
            auth=CHEAP,
            settings=LiveSettings(Settings()),
            secret=b"short",
            store=house.store,
            passwords=Passwords(CHEAP),
            outbox=house.outbox,
            live=house.live,
        )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every run of argon2, as it begins; the work itself is the real one."""
    counted: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(argon2.PasswordHasher, name)

        def counting(*arguments: object, name: str = name, real: object = real) -> object:
            counted.append(name)
            return real(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(argon2.PasswordHasher, name, counting)
    return counted


# Disabled accounts


async def test_the_disabled_cannot_log_in_and_learn_why_only_by_their_password(house: House) -> None:
    await house.join()
    login = await house.login()
    await house.accounts.authenticate(login.access_token)
    await house.store.users.disable(login.user_id)
    house.accounts.live.user_logged_out(login.user_id)
    with pytest.raises(Unauthorized):
        await house.accounts.authenticate(login.access_token)
    with pytest.raises(Unauthorized):
        await house.accounts.refresh(login.refresh_token)
    with pytest.raises(UserDisabled):
        await house.login()
    with pytest.raises(InvalidPassword):
        await house.login(password="a guess of it")
    await house.store.users.enable(login.user_id)
    await house.accounts.authenticate((await house.login()).access_token)


async def test_a_login_that_is_disabled_meanwhile_is_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.join()
    user = await house.store.users.by_email("ann@example.org")
    assert user is not None
    create = house.store.sessions.create

    async def disabled_before(session: Session) -> None:
        await house.store.users.disable(session.user_id)
        await create(session)

    monkeypatch.setattr(house.store.sessions, "create", disabled_before)
    with pytest.raises(InvalidPassword):
        await house.login()
    await house.store.users.enable(user.user_id)
    assert await house.store.sessions.of_user(user.user_id) == []


async def test_who_is_told_forgets_before_the_live_connections_hear(house: House) -> None:
    await house.join()
    login = await house.login()
    identity = await house.accounts.authenticate(login.access_token)
    await house.store.sessions.end_all(login.user_id)
    house.accounts.live.user_logged_out(login.user_id)
    house.accounts.live.user_renamed(login.user_id, "Anna")
    house.accounts.live.member_removed("lobby", login.user_id)
    house.accounts.live.room_deleted("lobby")
    assert house.live.told == [
        ("user_logged_out", login.user_id),
        ("user_renamed", login.user_id, "Anna"),
        ("member_removed", "lobby", login.user_id),
        ("room_deleted", "lobby"),
    ]
    with pytest.raises(Unauthorized):
        await house.accounts.authenticate(login.access_token)
    assert identity.user.username == "ann"
