from datetime import datetime

import pytest

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
