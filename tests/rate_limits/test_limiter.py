"""The limits: actions, counting keys and windows."""

from collections.abc import Callable, Sequence

import pytest

from reichatd.errors import InvalidPassword, RateLimited, Unavailable
from reichatd.rate_limits import RULES, Action, MemoryCounts, RateLimiter, Scope
from reichatd.rate_limits.counts import Count
from reichatd.settings import LimitSettings, LiveSettings, Settings

LIMITS = LimitSettings(
    guesses_per_client=8,
    guesses_per_subject_and_client=3,
    guesses_per_subject_hour=8,
    mails_per_client_hour=4,
    mails_per_address_hour=3,
    mails_per_address_day=5,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * 3600.0

    def __call__(self) -> float:
        return self.now


class FailingCounts(MemoryCounts):
    fails = True

    async def hit(self, counts: Sequence[Count]) -> int | None:
        if self.fails:
            raise ConnectionError
        return await super().hit(counts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limiter(clock: Callable[[], float], limits: LimitSettings = LIMITS) -> RateLimiter:
    return RateLimiter(LiveSettings(Settings(limits=limits)), MemoryCounts(clock=clock), MemoryCounts(clock=clock))


async def refused(limits: RateLimiter, action: Action, *, client: str, subject: str = "", known: bool = False) -> bool:
    try:
        await limits.require(action, client=client, subject=subject, known=known)
    except RateLimited:
        return True
    return False


async def test_one_client_guesses_at_one_account_a_few_times(clock: Clock) -> None:
    limits = limiter(clock)
    got = [await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada") for _ in range(5)]
    assert got == [False] * 3 + [True] * 2
    assert not await refused(limits, Action.LOGIN, client="192.0.2.2", subject="ada"), "the owner comes from elsewhere"
    assert limits.refusals["login"] == 2


async def test_one_client_guesses_at_many_accounts_a_few_times(clock: Clock) -> None:
    limits = limiter(clock)
    got = [await refused(limits, Action.LOGIN, client="192.0.2.1", subject=f"user{number}") for number in range(10)]
    assert got == [False] * 8 + [True] * 2


async def test_one_client_cannot_use_up_what_others_need(clock: Clock) -> None:
    limits = limiter(clock)
    for _ in range(12):  # an hour of patience
        for _ in range(5):
            await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada")
        clock.now += 299
    assert not await refused(limits, Action.LOGIN, client="192.0.2.2", subject="ada")


async def test_daemons_on_one_store_share_what_protects_an_account(clock: Clock) -> None:
    store = MemoryCounts(clock=clock)
    daemons = [RateLimiter(LiveSettings(Settings(limits=LIMITS)), MemoryCounts(clock=clock), store) for _ in range(3)]
    got = [await refused(daemon, Action.LOGIN, client="192.0.2.1", subject="ada") for daemon in daemons * 2]
    assert got == [False] * 3 + [True] * 3
    clock.now += 600
    got = [await refused(daemon, Action.LOGIN, client="192.0.2.1", subject="ada") for daemon in daemons * 2]
    assert got.count(False) == 1, "the share of one client is 4"


async def test_a_known_client_gets_in_while_all_the_world_guesses(clock: Clock) -> None:
    limits = limiter(clock)
    for number in range(40):
        await refused(limits, Action.LOGIN, client=f"198.51.100.{number}", subject="ada")
    assert await refused(limits, Action.LOGIN, client="192.0.2.2", subject="ada")
    assert not await refused(limits, Action.LOGIN, client="192.0.2.2", subject="ada", known=True)


async def test_a_right_password_is_given_back(clock: Clock) -> None:
    limits = limiter(clock)
    for _ in range(50):
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
        await limits.give_back(Action.LOGIN, client="192.0.2.1", subject="ada")


async def test_addresses_of_one_64_are_one_client(clock: Clock) -> None:
    limits = limiter(clock)
    got = [await refused(limits, Action.LOGIN, client=f"2001:db8::{number:x}", subject="ada") for number in range(4)]
    assert got == [False] * 3 + [True]


async def test_the_window_slides(clock: Clock) -> None:
    limits = limiter(clock)
    for _ in range(3):
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
    with pytest.raises(RateLimited) as refusal:
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
    assert refusal.value.retry_after > 0
    clock.now += 600
    await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")


@pytest.mark.parametrize("gaps", [[0, 0, 0], [250, 0, 0], [290, 0, 20, 0], [5, 294, 0]])
async def test_who_waits_as_long_as_told_is_not_refused_again(clock: Clock, gaps: list[int]) -> None:
    limits = limiter(clock, LimitSettings(guesses_per_subject_and_client=3, guesses_per_subject_hour=0))
    for gap in gaps:
        clock.now += gap
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
    with pytest.raises(RateLimited) as refusal:
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
    clock.now += refusal.value.retry_after - 1.5
    assert await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada")
    clock.now += 1.5
    assert not await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada")


async def test_what_could_not_be_checked_is_given_back(clock: Clock) -> None:
    limits = limiter(clock)
    for error in (ConnectionError, Unavailable) * 5:
        with pytest.raises(error):
            async with limits.guess(Action.LOGIN, client="192.0.2.1", subject="ada"):
                raise error
    for _ in range(3):
        with pytest.raises(InvalidPassword):
            async with limits.guess(Action.LOGIN, client="192.0.2.1", subject="ada"):
                raise InvalidPassword
    assert await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada")


async def test_nothing_counts_while_the_store_of_the_counts_fails(clock: Clock) -> None:
    local, failing = MemoryCounts(clock=clock), FailingCounts(clock=clock)
    limits = RateLimiter(LiveSettings(Settings(limits=LIMITS)), local, failing)
    for _ in range(10):
        with pytest.raises(ConnectionError):
            await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")
    failing.fails = False
    assert not await refused(limits, Action.LOGIN, client="192.0.2.1", subject="ada")


async def test_what_is_refused_counts_nowhere(clock: Clock) -> None:
    limits = limiter(clock)
    for _ in range(20):
        await refused(limits, Action.MAIL, client="192.0.2.1", subject="bob@example.org")
    assert not await refused(limits, Action.MAIL, client="192.0.2.1", subject="eve@example.org"), "3 of 4 are used"


async def test_zero_is_no_limit(clock: Clock) -> None:
    limits = limiter(
        clock, LimitSettings(guesses_per_client=0, guesses_per_subject_and_client=0, guesses_per_subject_hour=0)
    )
    for _ in range(200):
        await limits.require(Action.LOGIN, client="192.0.2.1", subject="ada")


async def test_strangers_cannot_fill_the_memory(clock: Clock) -> None:
    counts = MemoryCounts(most_keys=50, clock=clock)
    limits = RateLimiter(LiveSettings(Settings(limits=LIMITS)), counts, counts)
    for number in range(1000):
        await refused(limits, Action.LOGIN, client=f"2001:db8:{number:x}::1", subject=f"user{number}")
    assert len(counts) == 50


def test_every_action_has_rules_and_every_rule_a_number() -> None:
    assert set(RULES) == set(Action)
    for rules in RULES.values():
        assert all(rule.amount(LimitSettings()) > 0 and rule.seconds > 0 for rule in rules)
        shares = {rule.scope for rule in rules}
        assert Scope.SHARE not in shares or Scope.SUBJECT in shares
