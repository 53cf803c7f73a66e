"""The in-memory tail of a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.chat.changes import ChangeEntry
from reichatd.chat.log import RoomLog


def make(last_id: int = 0, *, messages: int = 100, size: int = 100_000) -> RoomLog:
    return RoomLog(last_id, max_messages=messages, max_bytes=size)


def test_a_new_log_is_empty() -> None:
    log = make(41)
    assert log.last_id == 41
    assert log.next_id == log.first_id == 42
    assert log.since(41) is None
    assert log.since(42) is None


def test_since_gives_the_frames_from_the_cursor_on() -> None:
    log = make(10)
    for message_id, frame in [(11, b"a"), (12, b"bb"), (13, b"ccc")]:
        assert log.append(message_id, frame)
    assert log.since(11) == (b"abbccc", [1, 3, 6], 14)
    assert log.since(13) == (b"ccc", [3], 14)
    assert log.since(10) is None
    assert log.since(14) is None


@pytest.mark.parametrize(("at_most", "expected"), [(1, b"aaa"), (3, b"aaa"), (6, b"aaabbb"), (99, b"aaabbbccc")])
def test_since_gives_at_least_one_frame_and_no_more_than_asked_for(at_most: int, expected: bytes) -> None:
    log = make()
    for message_id, frame in enumerate([b"aaa", b"bbb", b"ccc"], 1):
        log.append(message_id, frame)
    batch = log.since(1, at_most)
    assert batch is not None
    assert batch.data == expected
    assert batch.next_id == 1 + len(batch.ends)
    assert batch.ends[-1] == len(expected)


def test_a_known_message_is_not_new() -> None:
    log = make(5)
    assert not log.append(5, b"old")
    assert log.append(6, b"new")
    assert not log.append(6, b"new")
    assert log.since(6) == (b"new", [3], 7)


def test_the_tail_starts_again_after_a_gap() -> None:
    log = make()
    log.append(1, b"one")
    assert log.append(4, b"four")
    assert log.since(1) is None
    assert log.since(4) == (b"four", [4], 5)
    assert log.first_id == 4


def test_skipping_ahead_forgets_and_skipping_back_does_nothing() -> None:
    log = make()
    log.append(1, b"one")
    log.skip_to(0)
    assert log.since(1) is not None
    log.skip_to(7)
    assert log.last_id == 7
    assert log.since(1) is None


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=200),
    st.integers(1, 20),
    st.integers(1, 300),
    st.integers(0, 1000),
)
def test_the_tail_is_bounded_and_without_a_gap(sizes: list[int], messages: int, size: int, start: int) -> None:
    log = make(start, messages=messages, size=size)
    for message_id, length in enumerate(sizes, start + 1):
        log.append(message_id, bytes([message_id % 256]) * length)
        held = log.next_id - log.first_id
        assert 1 <= held <= messages
        batch = log.since(log.first_id)
        assert batch is not None
        assert len(batch.data) <= size or held == 1
        assert batch.next_id == log.next_id
        assert batch.data.endswith(bytes([message_id % 256]) * length)


def test_dropping_removed_messages() -> None:
    log = make(10)
    for message_id, frame in [(11, b"a"), (12, b"bb"), (13, b"ccc")]:
        log.append(message_id, frame)
    log.drop_before(5)
    assert log.first_id == 11
    log.drop_before(13)
    assert (log.first_id, log.last_id) == (13, 13)
    assert log.since(12) is None
    assert log.since(13) == (b"ccc", [3], 14)
    log.drop_before(99)
    assert (log.first_id, log.last_id) == (14, 13)
    log.append(14, b"d")
    assert log.since(14) == (b"d", [1], 15)
    assert log._bytes == 1


def changed(log: RoomLog, change_id: int, message_id: int, *, hold: bool = False) -> None:
    """A reaction, if it is to be held."""
    entry = ChangeEntry(change_id, message_id, b"whole %d" % change_id, b"reactions" if hold else None)
    log.change(entry, b"new %d" % change_id, hold=hold)


def test_a_change_replaces_the_message_in_the_tail() -> None:
    log = make()
    for message_id in (1, 2, 3):
        log.append(message_id, b"old")
    changed(log, 1, 2)
    assert log.between(1, 3) == [b"old", b"new 1", b"old"]
    assert log.changes.since(0, 1) == (b"whole 1", [7], [1], True)


def test_changes_that_come_in_another_order_leave_nothing_old_in_the_tail() -> None:
    log = make()
    log.append(1, b"old")
    changed(log, 2, 1)
    changed(log, 1, 1)
    assert b"new 1" not in log.between(1, 1)
    assert log.changes.since(1, 2) == (b"whole 2", [7], [2], True)


def test_a_change_after_missing_ones_leaves_nothing_old_in_the_tail() -> None:
    log = make()
    for message_id in (1, 2):
        log.append(message_id, b"old")
    changed(log, 2, 2)
    assert log.between(1, 2) == []
    log.append(3, b"third")
    changed(log, 3, 3)
    assert log.between(1, 3) == [b"new 3"]


def test_a_message_that_comes_after_its_change_is_not_taken_as_it_was_posted() -> None:
    log = make()
    log.append(1, b"first")
    changed(log, 1, 2)
    assert log.append(2, b"posted")
    assert log.last_id == 2
    assert log.since(2) is None
    log.append(3, b"third")
    assert log.since(3) == (b"third", [5], 4)


def test_changes_that_are_held_back_count_and_are_bounded() -> None:
    log = make(10, size=1000)
    for number in range(1, 200):
        changed(log, number, number % 50, hold=True)
        assert log.size <= 1000
    log.release_changes()
    assert log.changes.head == 199
    assert log.size <= 1000
