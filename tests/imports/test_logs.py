"""The logs of an import: for any messages, ids have no gap, nothing is lost, and read marks stay at their messages."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from reichatd.imports.logs import UNKNOWN, ImportedLog, sound_log
from tests.imports.test_values import ANYTHING

START = 1_700_000_000.0


def message(message_id: object, at: float, content: object = "x", user_id: object = "ann") -> dict[str, Any]:
    timestamp = datetime.fromtimestamp(START + at, UTC).isoformat()
    return {"message_id": message_id, "user_id": user_id, "content": content, "timestamp": timestamp}


def log(*messages: object) -> ImportedLog:
    return sound_log("lobby", list(messages), START)


def contents(found: ImportedLog) -> list[str]:
    return [entry.content for entry in found.entries]


def changes(found: ImportedLog) -> dict[str, int]:
    return {change: count for change, count in found.changes.items() if count}


def test_valid_ids_are_kept_in_any_order() -> None:
    found = log(message(2, 5, "b"), message(1, 9, "a"), message(3, 1, "c"))
    assert [(entry.message_id, entry.content) for entry in found.entries] == [(1, "a"), (2, "b"), (3, "c")]
    assert [entry.timestamp - START for entry in found.entries] == [9, 5, 1]
    assert changes(found) == {}
    assert [found.mark(old) for old in (0, 1, 3, 99)] == [0, 1, 3, 3]


def test_messages_with_repeated_ids_are_renumbered_in_the_order_of_time() -> None:
    found = log(message(1, 1, "a"), message(2, 3, "c"), message(2, 2, "b"), message(3, 4, "d"))
    assert contents(found) == ["a", "b", "c", "d"]
    assert [entry.message_id for entry in found.entries] == [1, 2, 3, 4]
    assert [found.mark(old) for old in (0, 1, 2, 3)] == [0, 1, 3, 4]
    assert list(changes(found).values()) == [4]


def test_messages_of_one_time_keep_their_storing_order() -> None:
    assert contents(log(message(1, 1, "a"), message(1, 1, "b"), message(1, 1, "c"))) == ["a", "b", "c"]


def test_messages_with_gaps_are_renumbered() -> None:
    found = log(message(0, 0, "a"), message(5, 5, "b"), message(9, 9, "c"))
    assert contents(found) == ["a", "b", "c"]
    assert [found.mark(old) for old in (0, 4, 5, 8, 9)] == [1, 1, 2, 2, 3]


def test_messages_without_a_time() -> None:
    timeless = {"message_id": 2, "user_id": "ann", "content": "b"}
    found = log(message(1, 1, "a"), timeless, message(3, 3, "c"))
    assert [entry.timestamp - START for entry in found.entries] == [1, 1, 3]
    first = log(timeless | {"message_id": 1, "timestamp": "soon"})
    assert [entry.timestamp for entry in first.entries] == [START]


def test_messages_without_an_id() -> None:
    found = log(message(1, 1, "a"), message("x", 2, "b"), message(2, 3, "c"))
    assert contents(found) == ["a", "b", "c"]
    assert [found.mark(old) for old in (0, 1, 2)] == [0, 2, 3]


def test_messages_without_an_author() -> None:
    found = log(message(1, 1, user_id=None))
    assert found.entries[0].user_id == UNKNOWN
    assert list(changes(found)) == ["without an author: the author is 'unknown'"]


def test_values_that_are_not_messages() -> None:
    found = log(message(1, 1), "hello", None)
    assert len(found.entries) == 1
    assert list(changes(found).values()) == [2]
    assert sound_log("lobby", "hello", START).entries == []
    assert changes(sound_log("lobby", None, START)) == {}


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "message_id": st.integers(-1, 8) | ANYTHING,
            "user_id": st.sampled_from(["ann", "bob"]) | ANYTHING,
            "content": st.text() | ANYTHING,
            "timestamp": st.datetimes().map(datetime.isoformat) | ANYTHING,
        },
    )
)


@example([{"message_id": 9.3e18}])  # more than 64 bits: not the id of any message
@given(MESSAGES)
def test_any_messages(messages: list[dict[str, Any]]) -> None:
    found = sound_log("lobby", messages, START)
    assert [entry.message_id for entry in found.entries] == list(range(1, len(messages) + 1))
    marks = [found.mark(old) for old in range(-2, 12)]
    assert marks == sorted(marks)
    assert found.mark(2**63) == len(messages)
    assert all(entry.user_id for entry in found.entries)
    again = [
        {"message_id": e.message_id, "user_id": e.user_id, "content": e.content}
        | {"timestamp": datetime.fromtimestamp(e.timestamp, UTC)}
        for e in found.entries
    ]
    assert contents(sound_log("lobby", again, START)) == contents(found)
    assert "renumbered" not in str(changes(sound_log("lobby", again, START)))
