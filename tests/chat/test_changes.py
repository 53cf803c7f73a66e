"""The recent changes of a room: whoever follows them has the last states, in the order of the numbers."""

import random

import msgspec
import pytest

from reichatd.chat.changes import ChangeEntry, ChangeLog


def entry(change_id: int, message_id: int, *, reactions: bool = False) -> ChangeEntry:
    """The frames say what they change: the content, or the number of reactions."""
    frame = msgspec.json.encode({"id": message_id, "change": change_id, "content": True})
    short = msgspec.json.encode({"id": message_id, "change": change_id, "content": False})
    return ChangeEntry(change_id, message_id, frame, short if reactions else None)


def numbers(log: ChangeLog, cursor: int = 0) -> list[int]:
    found = log.since(cursor, log.head)
    assert found is not None
    return found.change_ids


class Reader:
    """Holds the state of each message: its last change, and the last one of its content."""

    def __init__(self) -> None:
        self.cursor = 0
        self.change: dict[int, int] = {}
        self.content: dict[int, int] = {}

    def read(self, log: ChangeLog, up_to: int, max_bytes: int | None) -> bool:
        """Reads one page; returns whether it was the last one."""
        page = log.since(self.cursor, up_to, max_bytes)
        assert page is not None
        assert page.change_ids == sorted(set(page.change_ids))
        assert page.is_last or page.change_ids, "a page that is not the last one leads further"
        assert page.ends == [
            sum(len(each) for each in split(page.data, page.ends)[: n + 1]) for n in range(len(page.ends))
        ]
        for change_id, frame in zip(page.change_ids, split(page.data, page.ends), strict=True):
            assert self.cursor < change_id <= up_to
            self.cursor = change_id
            state = msgspec.json.decode(frame)
            assert state["change"] == change_id > self.change.get(state["id"], 0)
            self.change[state["id"]] = change_id
            if state["content"]:
                self.content[state["id"]] = change_id
        if page.is_last:
            self.cursor = up_to
        return page.is_last


def split(data: bytes, ends: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("seed", range(20))
def test_whoever_follows_in_pages_of_any_size_has_the_last_states(seed: int) -> None:
    dice = random.Random(seed)
    log, readers = ChangeLog(), [Reader() for _ in range(4)]
    change: dict[int, int] = {}
    content: dict[int, int] = {}
    for change_id in range(1, 200):
        message_id, only_reactions = dice.randrange(1, 12), dice.random() < 0.5
        log.add(entry(change_id, message_id, reactions=only_reactions), hold=dice.random() < 0.5)
        change[message_id] = change_id
        if not only_reactions:
            content[message_id] = change_id
        if dice.random() < 0.2:
            log.release()
        for reader in readers:
            if dice.random() < 0.3:
                reader.read(log, log.head, dice.choice([None, 1, 100, 250]))
    log.release()
    assert log.head == 199
    for reader in readers:
        while not reader.read(log, log.head, dice.choice([1, 100, 250])):
            pass
        assert reader.change == change
        # Someone with the last content has it by its own frame, or by a later one of the whole message.
        assert all(reader.content[message_id] >= content[message_id] for message_id in content)


@pytest.mark.parametrize("seed", range(20))
def test_holding_never_reorders(seed: int) -> None:
    dice = random.Random(seed)
    log, seen = ChangeLog(), [0]
    for change_id in range(1, 100):
        log.add(entry(change_id, dice.randrange(1, 6), reactions=dice.random() < 0.8), hold=True)
        if dice.random() < 0.1:
            log.release()
        assert log.has_held == (log.head < change_id)
        found = numbers(log, seen[-1])
        assert all(number <= log.head for number in found)
        seen += found
    assert seen == sorted(seen)


def test_many_held_reactions_become_one() -> None:
    log = ChangeLog()
    for change_id in range(1, 6):
        log.add(entry(change_id, 1, reactions=True), hold=True)
    assert (log.head, numbers(log), log.contains(b'"change":5'), log.contains(b'"change":4')) == (0, [], True, False)
    log.add(entry(6, 2), hold=True)  # an edit is not held, and lets out what is before it
    assert (log.head, numbers(log), log.has_held) == (6, [5, 6], False)


def test_reactions_after_an_edit_bring_the_whole_message() -> None:
    log = ChangeLog()
    log.add(entry(1, 1))
    log.add(entry(2, 1, reactions=True))
    found = log.since(0, 2)
    assert found is not None
    assert (found.change_ids, b'"content":true' in found.data) == ([2], True)


def test_a_gap_in_the_numbers_sends_those_behind_it_to_the_store() -> None:
    log = ChangeLog()
    log.skip_to(3)
    log.add(entry(4, 1))
    log.add(entry(5, 1, reactions=True), hold=True)
    log.add(entry(8, 2))  # another daemon made 6 and 7
    assert (len(log), log.size, log.head, log.has_held) == (1, len(entry(8, 2).frame), 8, False)
    for cursor in range(7):
        assert log.since(cursor, log.head) is None
    assert numbers(log, 7) == [8]
    log.add(entry(8, 2))
    log.add(entry(6, 1))
    assert numbers(log, 7) == [8], "known or older numbers change nothing"
    log.skip_to(8)
    assert numbers(log, 7) == [8]
    log.skip_to(10)
    assert (log.since(8, 10), numbers(log, 10), len(log), log.size) == (None, [], 0, 0)


def test_what_is_dropped_is_in_the_store_only() -> None:
    log = ChangeLog()
    for change_id in range(1, 9):
        log.add(entry(change_id, change_id))
    log.drop_oldest()
    assert (len(log), log.since(2, 8), numbers(log, 3)) == (5, None, [4, 5, 6, 7, 8])
    assert log.size == sum(len(entry(number, number).frame) for number in range(4, 9))
    some = log.since(3, 7, first_id=6)
    assert some is not None
    assert (some.change_ids, some.is_last) == ([6, 7], True)
    log.forget()
    assert (len(log), log.size, log.since(7, 8), numbers(log, 8)) == (0, 0, None, [])
