from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reichatd.timestamps import isoformat


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000+00:00"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500000+00:00"),
        (1_700_000_000.123456, "2023-11-14T22:13:20.123456+00:00"),
    ],
)
def test_isoformat(seconds: float, text: str) -> None:
    assert isoformat(seconds) == text
    assert datetime.fromisoformat(text).timestamp() == seconds


@given(st.floats(-1e9, 4e9) | st.integers(-(10**9), 4 * 10**9) | st.decimals(0, 4 * 10**9, places=6).map(float))
@example(1_700_000_000.9999996)  # rounds up to the next second
@example(-0.5)
def test_isoformat_rounds_as_datetime_does(seconds: float) -> None:
    assert isoformat(seconds) == datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
