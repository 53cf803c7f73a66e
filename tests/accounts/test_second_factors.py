"""Second factors and app passwords, on a real store."""

import base64
from functools import partial

import pyotp
import pytest
import trio

from reichatd.accounts import Identity, Passwords, UserManagement
from reichatd.errors import (
    AppPasswordNotFound,
    InvalidCode,
    InvalidFields,
    InvalidPassword,
    RateLimited,
    ReichatError,
    TooManyAppPasswords,
    TotpEnabled,
    TotpNotFound,
    TotpRequired,
    UserDisabled,
)
from reichatd.rights import ADMINISTRATOR
from reichatd.settings import LimitSettings
from reichatd.store import AuditFilter, Session, Store
from tests.accounts.conftest import CHEAP, SECRET, Harness
from tests.store.samples import at_once
from tests.unlimited import CLIENT, UNLIMITED

PASSWORD = "correct horse"
STEP = 30


class Ann:
    """A user with an authenticator app, which has the harness's clock."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.app = pyotp.TOTP(pyotp.random_base32())
        self.recovery: list[str] = []

    async def identity(self, totp: str | None = None) -> Identity:
        """Logs in."""
        login = await self.harness.logins.login("ann@example.org", PASSWORD, totp, client=CLIENT)
        return await self.harness.sessions.authenticate(login.access_token)

    async def login(self, totp: str | None = None, password: str = PASSWORD, client: str = CLIENT) -> None:
        await self.harness.logins.login("ann@example.org", password, totp, client=client)

    def code(self, steps: int = 0) -> str:
        """The code of now, or of some steps later."""
        return self.app.at(int(self.harness.now) + steps * STEP)

    async def enrol(self) -> None:
        """Turns the second factor on."""
        identity = await self.identity()
        made = await self.harness.accounts.second_factors.begin(identity, PASSWORD, client=CLIENT)
        assert made.uri == f"otpauth://totp/reichatd:ann%40example.org?secret={made.secret}&issuer=reichatd"
        self.app = pyotp.TOTP(made.secret)
        assert made.svg.startswith("<svg ")
        self.recovery = [*await self.harness.accounts.second_factors.confirm(identity, self.code(), client=CLIENT)]
        self.harness.now += STEP


@pytest.fixture
async def ann(harness: Harness) -> Ann:
    await harness.join()
    return Ann(harness)


async def events(store: Store) -> list[tuple[str, str, str]]:
    return [
        (entry.event, entry.actor, entry.user_id)
        for entry in await store.audit.page(AuditFilter(), 100)
        if "totp" in entry.event or "recovery" in entry.event or "app_password" in entry.event
    ]


async def test_nothing_is_asked_for_before_it_is_confirmed(ann: Ann) -> None:
    factors, identity = ann.harness.accounts.second_factors, await ann.identity()
    assert await factors.state(identity) == (False, 0)
    with pytest.raises(TotpNotFound):
        await factors.confirm(identity, "123456", client=CLIENT)
    with pytest.raises(InvalidPassword):
        await factors.begin(identity, "wrong horse", client=CLIENT)
    first = await factors.begin(identity, PASSWORD, client=CLIENT)
    second = await factors.begin(identity, PASSWORD, client=CLIENT)
    old, new = (pyotp.TOTP(made.secret).at(int(ann.harness.now)) for made in (first, second))
    await ann.login()
    if old != new:
        with pytest.raises(InvalidCode):
            await factors.confirm(identity, old, client=CLIENT)
    recovery = await factors.confirm(identity, new, client=CLIENT)
    assert len(set(recovery)) == 10
    assert await factors.state(identity) == (True, 10)
    for again in (factors.begin(identity, PASSWORD, client=CLIENT), factors.confirm(identity, new, client=CLIENT)):
        with pytest.raises(TotpEnabled):
            await again
    user_id = identity.user.user_id
    assert await events(ann.harness.store) == [("totp_enabled", user_id, "")]
    stored = await ann.harness.store.second_factors.get(user_id)
    assert stored is not None
    assert second.secret not in stored.secret
    assert not any(code.replace("-", "") in stored.recovery for code in recovery)
    assert base64.b32decode(second.secret) not in base64.urlsafe_b64decode(stored.secret)


async def test_the_user_is_told(ann: Ann) -> None:
    await ann.enrol()
    identity = await ann.identity(ann.code())
    await ann.harness.accounts.second_factors.remove(identity, PASSWORD, ann.recovery[0], client=CLIENT)
    await ann.harness.profiles.change_password(identity, PASSWORD, "better horse", client=CLIENT)
    assert (await ann.harness.subjects())[1:] == [
        ("ann@example.org", "Second factor turned on"),
        ("ann@example.org", "Second factor turned off"),
        ("ann@example.org", "Your password has changed"),
    ]


async def test_a_login_needs_the_password_and_a_code(ann: Ann) -> None:
    await ann.enrol()
    for totp in (None, ""):
        with pytest.raises(TotpRequired):
            await ann.login(totp)
    with pytest.raises(InvalidPassword):
        await ann.login(ann.code(), "wrong horse")
    for wrong in ("12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "\ud800", "x" * 5000):
        with pytest.raises(InvalidCode):
            await ann.login(wrong)
    code = ann.code()
    await ann.login(f" {code[:3]} {code[3:]} ")


async def test_a_code_is_good_once_also_for_two_logins_at_once(ann: Ann) -> None:
    await ann.enrol()

    async def outcome(code: str) -> str:
        try:
            await ann.login(code)
        except ReichatError as error:
            return error.code
        return "ok"

    assert sorted(await at_once([partial(outcome, ann.code())] * 4)) == ["invalid_code"] * 3 + ["ok"]
    assert await outcome(ann.code()) == "invalid_code"
    assert await outcome(ann.code(-1)) == "invalid_code", "the step before is used up too"
    ann.harness.now += STEP
    assert await outcome(ann.code()) == "ok"
    assert sorted(await at_once([partial(outcome, ann.recovery[0])] * 3)) == ["invalid_code"] * 2 + ["ok"]


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_a_clock_may_be_half_a_minute_off(ann: Ann, steps: int, taken: bool) -> None:
    await ann.enrol()
    ann.harness.now += 10 * STEP
    if taken:
        await ann.login(ann.code(steps))
    else:
        with pytest.raises(InvalidCode):
            await ann.login(ann.code(steps))


async def test_recovery_codes_take_the_place_of_a_code(ann: Ann) -> None:
    await ann.enrol()
    first, second, *_ = ann.recovery
    identity = await ann.identity(first.replace("-", " ").upper())
    assert await ann.harness.accounts.second_factors.state(identity) == (True, 9)
    await ann.harness.join("eve")
    other = Ann(ann.harness)
    with pytest.raises(InvalidCode):
        await ann.login(first)
    remove = ann.harness.accounts.second_factors.remove
    with pytest.raises(InvalidPassword):
        await remove(identity, "wrong horse", second, client=CLIENT)
    with pytest.raises(InvalidCode):
        await remove(identity, PASSWORD, first, client=CLIENT)
    await remove(identity, PASSWORD, second, client=CLIENT)
    await other.login()
    with pytest.raises(TotpNotFound):
        await remove(identity, PASSWORD, second, client=CLIENT)
    user_id = identity.user.user_id
    assert await events(ann.harness.store) == [
        (event, user_id, "") for event in ("totp_enabled", "recovery_code_used", "recovery_code_used", "totp_disabled")
    ]


async def test_guessing_codes_is_limited(store: Store, nursery: trio.Nursery) -> None:
    limits = LimitSettings(**{**UNLIMITED, "totp_tries": 3, "totp_tries_per_day": 6, "refusal_seconds": 0})
    ann = Ann(Harness(store, nursery, limits=limits))
    await ann.harness.join()
    await ann.enrol()
    for _ in range(3):
        with pytest.raises(InvalidCode):
            await ann.login("000000" if ann.code() != "000000" else "111111", client="198.51.100.7")
    for code in (ann.code(), ann.recovery[0]):
        with pytest.raises(RateLimited):
            await ann.login(code, client="198.51.100.7")
        with pytest.raises(RateLimited):
            await ann.login(code, client="203.0.113.9")
    await ann.login(ann.code(), client=CLIENT)  # where ann has logged in before


async def test_a_stolen_session_guesses_no_more_codes_from_many_addresses(store: Store, nursery: trio.Nursery) -> None:
    limits = LimitSettings(**{**UNLIMITED, "totp_tries": 3, "totp_tries_per_day": 6, "refusal_seconds": 0})
    ann = Ann(Harness(store, nursery, limits=limits))
    await ann.harness.join()
    await ann.enrol()
    identity = await ann.identity(ann.code())
    remove = partial(ann.harness.accounts.second_factors.remove, identity, PASSWORD)
    for number in range(3):
        with pytest.raises(InvalidCode):
            await remove("no code", client=f"198.51.100.{number}")
    with pytest.raises(RateLimited):
        await remove(ann.code(1), client="203.0.113.9")
    await remove(ann.code(1), client=CLIENT)  # where ann has logged in before


async def test_with_another_secret_of_the_daemon_an_administrator_helps(ann: Ann, nursery: trio.Nursery) -> None:
    await ann.enrol()
    other = Harness(ann.harness.store, nursery, secret=SECRET[::-1])
    other.now = ann.harness.now
    identity = await Ann(ann.harness).identity(ann.code())
    ann.harness = other
    for code in (ann.code(1), ann.recovery[0]):
        with pytest.raises(InvalidCode):
            await ann.login(code)
    await management(other).remove_second_factor(ADMINISTRATOR, identity.user.user_id)
    await ann.login()
    with pytest.raises(TotpNotFound):
        await management(other).remove_second_factor(ADMINISTRATOR, identity.user.user_id)
    assert ("totp_disabled", "administrator", identity.user.user_id) in await events(other.store)


def management(harness: Harness) -> UserManagement:
    return UserManagement(
        store=harness.store,
        passwords=Passwords(CHEAP),
        settings=harness.settings,
        live=harness.sessions.live,
        clock=lambda: harness.now,
    )


async def test_an_app_password_logs_in_without_a_code(ann: Ann) -> None:
    await ann.enrol()
    identity, apps = await ann.identity(ann.code()), ann.harness.accounts.app_passwords
    made, password = await apps.create(identity, " Television ", client=CLIENT)
    assert made.name == "Television"
    assert password not in made.password_hash
    assert (await apps.of(identity))[0].used_at == 0.0
    for typed in (password, password.replace("-", "").upper(), f" {password.replace('-', ' ')} "):
        await ann.login(None, typed)
    assert (await apps.of(identity))[0].used_at == ann.harness.now
    await ann.harness.join("bob", "other horse")
    with pytest.raises(InvalidPassword):
        await ann.harness.logins.login("bob@example.org", password, client=CLIENT)
    with pytest.raises(InvalidPassword):
        await ann.harness.profiles.change_password(identity, password, "another horse", client=CLIENT)
    with pytest.raises(InvalidPassword):
        await ann.harness.accounts.second_factors.remove(identity, password, ann.recovery[0], client=CLIENT)


async def test_a_deleted_app_password_and_the_logins_that_it_began(ann: Ann) -> None:
    identity, apps = await ann.identity(), ann.harness.accounts.app_passwords
    made, password = await apps.create(identity, "Phone", client=CLIENT)
    login = await ann.harness.logins.login("ann@example.org", password, client=CLIENT)
    phone = await ann.harness.sessions.authenticate(login.access_token)
    with pytest.raises(AppPasswordNotFound):
        await apps.delete(identity, "0" * 24, client=CLIENT)
    await apps.delete(identity, made.app_password_id, client=CLIENT)
    assert ann.harness.live.calls == [("sessions_ended", phone.session.session_id)]
    with pytest.raises(ReichatError):
        await ann.harness.sessions.authenticate(login.access_token)
    with pytest.raises(InvalidPassword):
        await ann.login(None, password)
    await ann.harness.sessions.authenticate((await ann.harness.login()).access_token)
    user_id = identity.user.user_id
    assert await events(ann.harness.store) == [
        ("app_password_created", user_id, ""),
        ("app_password_deleted", user_id, ""),
    ]


async def test_an_app_password_that_is_deleted_during_the_login(ann: Ann, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, apps = await ann.identity(), ann.harness.accounts.app_passwords
    made, password = await apps.create(identity, "Phone", client=CLIENT)
    create = ann.harness.store.sessions.create

    async def delete_first(session: Session) -> None:
        await apps.delete(identity, made.app_password_id, client=CLIENT)
        await create(session)

    monkeypatch.setattr(ann.harness.store.sessions, "create", delete_first)
    with pytest.raises(InvalidPassword):
        await ann.login(None, password)
    left = await ann.harness.store.sessions.of_user(identity.user.user_id)
    assert [session.session_id for session in left] == [identity.session.session_id]


async def test_app_passwords_end_with_a_reset_and_not_with_a_change(ann: Ann) -> None:
    identity, apps = await ann.identity(), ann.harness.accounts.app_passwords
    _, password = await apps.create(identity, "Phone", client=CLIENT)
    await ann.harness.profiles.change_password(identity, PASSWORD, "another horse", client=CLIENT)
    await ann.login(None, password)
    user_id = identity.user.user_id
    await management(ann.harness).disable(ADMINISTRATOR, user_id)
    with pytest.raises(UserDisabled):
        await ann.login(None, password)
    await management(ann.harness).enable(ADMINISTRATOR, user_id)
    await management(ann.harness).set_password(ADMINISTRATOR, user_id, "a third horse")
    with pytest.raises(InvalidPassword):
        await ann.login(None, password)


async def test_the_rules_for_app_passwords(ann: Ann) -> None:
    identity, apps = await ann.identity(), ann.harness.accounts.app_passwords
    for name in ("", " \u200b", "x" * 65, "two\nlines", "\u202ebackwards"):
        with pytest.raises(InvalidFields):
            await apps.create(identity, name, client=CLIENT)
    for number in range(10):
        await apps.create(identity, f"{number}", client=CLIENT)
    with pytest.raises(TooManyAppPasswords):
        await apps.create(identity, "one more", client=CLIENT)
