"""The token bucket."""

from hypothesis import given
from hypothesis import strategies as st

from reichatd.chat.rate_limit import TokenBucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket()
    assert [bucket.take(100.0, 2, 3) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0, 2, 3) == 0.5
    assert bucket.take(100.25, 2, 3) == 0.25
    assert bucket.take(100.5, 2, 3) == 0
    assert bucket.take(100.5, 2, 3) > 0


def test_changed_limits_apply_at_once() -> None:
    bucket = TokenBucket()
    assert [bucket.take(100.0, 1, 2) for _ in range(3)] == [0, 0, 1]
    assert [bucket.take(101.0, 10, 5) for _ in range(5)] == [0] * 5
    assert bucket.take(101.0, 10, 5) > 0
    assert [bucket.take(110.0, 10, 1) for _ in range(2)] == [0, 0.1]


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket()
    assert not any(bucket.take(0.0, 0, 1) for _ in range(1000))


@given(st.floats(0.1, 100), st.integers(1, 100), st.lists(st.floats(0, 10), max_size=300))
def test_never_more_than_the_burst_and_the_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now, rate, burst) == 0
    assert taken <= burst + rate * now + 1e-6
