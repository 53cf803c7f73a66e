"""Reading values that may be anything."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from reichatd.imports import values

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.just(ObjectId("0123456789abcdef01234567"))
    | st.just(DatetimeMS(2**62)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
"""What can be in a document."""

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC).timestamp()


@given(ANYTHING)
def test_any_value_can_be_read(value: object) -> None:
    assert isinstance(values.content(value), str)
    assert len(values.line(value, 5)) <= 5
    assert all(values.keys(value))
    assert isinstance(values.key(value), str)
    values.documents(value)
    values.is_hash(value)
    values.number(value)
    if (found := values.seconds(value)) is not None:
        datetime.fromtimestamp(found, UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-05-17T12:00:00", NOON),
        ("2024-05-17T12:00:00.250000", NOON + 0.25),
        ("2024-05-17T12:00:00Z", NOON),
        ("2024-05-17T14:00:00+02:00", NOON),
        (" 2024-05-17 12:00 ", NOON),
        (datetime(2024, 5, 17, 12), NOON),
        (datetime(2024, 5, 17, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        ("yesterday", None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        (NOON, None),
        (None, None),
        (DatetimeMS(2**62), None),
    ],
)
def test_moments(value: object, seconds: float | None) -> None:
    assert values.seconds(value) == seconds


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (Int64(5), 5),
        (5.0, 5),
        (5.5, None),
        ("5", None),
        (True, None),
        (None, None),
        (float("inf"), None),
        (float(2**62), 2**62),
        (float(2**63), None),
        (2**63 - 1, 2**63 - 1),
        (float(-(2**63)), -(2**63)),
    ],
)
def test_numbers(value: object, number: int | None) -> None:
    assert values.number(value) == number


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("hi", "hi"),
        (None, ""),
        (5, "5"),
        (True, "True"),
        ({"text": "hé"}, '{"text": "hé"}'),
        ([1, ObjectId("0" * 24)], f'[1, "{"0" * 24}"]'),
    ],
)
def test_contents(value: object, content: str) -> None:
    assert values.content(value) == content


def test_ids() -> None:
    assert values.keys(["a", "b", "a", None, 5, "", {}, " c "]) == ["a", "b", "5", "c"]
    assert values.keys("abc") == []
    assert values.key(ObjectId("0" * 24)) == "0" * 24


def test_lines() -> None:
    assert values.line(" a\nb\tc\u2028d ", 100) == "a b c d"
    assert values.line("abc def", 4) == "abc"
