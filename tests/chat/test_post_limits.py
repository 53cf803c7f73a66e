"""How much each user may post."""

from collections import Counter

import structlog
from hypothesis import given
from hypothesis import strategies as st

from reichatd.chat.post_limits import POST_OVERHEAD_BYTES, PostLimits
from reichatd.settings import LimitSettings, LiveSettings, Settings

DAY = 86_400
CLIENT = "192.0.2.66"


def limited(most_users: int = 1000, **limits: float) -> tuple[PostLimits, Counter[str]]:
    """Post limits with these settings, and without those that are not named."""
    none = {"messages_per_second": 0, "message_bytes_per_second": 0, "posted_bytes_per_day": 0}
    refusals: Counter[str] = Counter()
    settings = LiveSettings(Settings(limits=LimitSettings(**{**none, **limits})))  # type: ignore[arg-type] # the caller's
    return PostLimits(settings, refusals, most_users=most_users), refusals


def text(size: int) -> str:
    """A message that counts with this many bytes."""
    return "x" * (size - POST_OVERHEAD_BYTES)


def test_each_user_has_a_rate() -> None:
    posts, refusals = limited(messages_per_second=1, messages_burst=2)
    assert [posts.take("ada", "x", 10.0, client=CLIENT) is None for _ in range(3)] == [True, True, False]
    assert posts.take("bob", "x", 10.0, client=CLIENT) is None
    refusal = posts.take("ada", "x", 10.5, client=CLIENT)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after) == ("messages_per_second", 0.5)
    assert posts.take("ada", "x", 11.0, client=CLIENT) is None
    assert +refusals == {"messages_per_second": 2}
    assert set(refusals) == set(PostLimits.LIMITS)


def test_bytes_count_as_in_utf_8() -> None:
    posts, refusals = limited(message_bytes_per_second=1000, message_bytes_burst=2000)
    assert posts.take("ada", "é" * ((2000 - POST_OVERHEAD_BYTES) // 2), 0.0, client=CLIENT) is None
    refusal = posts.take("ada", text(500), 0.0, client=CLIENT)
    assert refusal is not None
    assert refusal.retry_after == 0.5
    assert posts.take("ada", text(500), 0.5, client=CLIENT) is None
    assert refusals["message_bytes_per_second"] == 1


def test_a_message_larger_than_the_burst_can_be_posted() -> None:
    posts, _ = limited(message_bytes_per_second=1000, message_bytes_burst=1024)
    assert posts.take("ada", text(5024), 0.0, client=CLIENT) is None
    refusal = posts.take("ada", text(1024), 0.0, client=CLIENT)
    assert refusal is not None
    assert refusal.retry_after == 5.024


def test_a_refused_post_costs_nothing() -> None:
    posts, _ = limited(
        messages_per_second=0.001, messages_burst=2, message_bytes_per_second=1, message_bytes_burst=2000
    )
    assert posts.take("ada", text(2000), 0.0, client=CLIENT) is None
    assert [posts.take("ada", text(2000), 0.0, client=CLIENT) is None for _ in range(10)] == [False] * 10
    assert posts.take("ada", text(2000), 2000.0, client=CLIENT) is None


def test_the_quota_of_a_day() -> None:
    posts, refusals = limited(posted_bytes_per_day=DAY)
    assert [posts.take("ada", text(DAY // 4), 0.0, client=CLIENT) is None for _ in range(5)] == [True] * 4 + [False]
    assert refusals["posted_bytes_per_day"] == 1
    assert posts.take("ada", text(DAY // 4), DAY / 4 - 1, client=CLIENT) is not None
    assert posts.take("ada", text(DAY // 4), DAY / 4, client=CLIENT) is None


def test_full_buckets_are_dropped() -> None:
    posts, _ = limited(messages_per_second=1, messages_burst=2)
    for number in range(500):
        posts.take(f"early {number}", "x", 0.0, client=CLIENT)
    assert len(posts) == 500
    for number in range(500):
        posts.take(f"late {number}", "x", 2.0, client=CLIENT)
    assert len(posts) == 500


def test_the_number_of_users_is_bounded() -> None:
    posts, _ = limited(most_users=100, posted_bytes_per_day=DAY)
    for number in range(1000):
        posts.take(f"user {number}", "x", 0.0, client=CLIENT)
    assert len(posts) == 100


def test_a_flood_is_one_line_in_the_log_a_minute() -> None:
    posts, _ = limited(messages_per_second=1, messages_burst=1)
    with structlog.testing.capture_logs() as lines:
        for moment in range(900):
            posts.take("ada", "x", moment / 10, client=CLIENT)
    assert [
        (line["event"], line["action"], line["client"], line["retry_after"], line["user_id"]) for line in lines
    ] == [("rate limited", "messages_per_second", CLIENT, 1, "ada")] * 2


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(POST_OVERHEAD_BYTES, 4000)), max_size=200))
def test_never_more_than_the_limits_allow(posted: list[tuple[float, int]]) -> None:
    posts, _ = limited(message_bytes_per_second=100, message_bytes_burst=4000, posted_bytes_per_day=20_000)
    now, taken = 0.0, 0
    for pause, size in posted:
        now += pause
        taken += size if posts.take("ada", text(size), now, client=CLIENT) is None else 0
    assert taken <= min(4000 + 100 * now, 20_000 + 20_000 / DAY * now) + 1e-3
