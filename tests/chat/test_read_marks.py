"""Read marks in batches."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat.read_marks import MarkReader
from reichatd.store import StoreError, StoreUnavailable
from tests.chat.doubles import FakeMessages


class Marks(FakeMessages):
    """User number n has mark n; other users are not members."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        await trio.sleep(1)
        self.batches.append(len(members))
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")
        return [int(user_id) if user_id.isdigit() else None for _, user_id in members]


async def test_requests_during_a_read_share_the_next_read(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    marks = Marks()
    reader = MarkReader(marks)
    nursery.start_soon(reader.run)
    answers: dict[str, int | None] = {}

    async def ask(user_id: str) -> None:
        answers[user_id] = await reader.read("room", user_id)

    async with trio.open_nursery() as asking:
        asking.start_soon(ask, "0")
        await wait_all_tasks_blocked()
        for number in range(1, 300):
            asking.start_soon(ask, str(number))
        asking.start_soon(ask, "nobody")
    assert marks.batches == [1, 200, 100]
    assert answers == {str(number): number for number in range(300)} | {"nobody": None}
    nursery.cancel_scope.cancel()


async def test_a_failed_read_fails_for_its_callers(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    marks = Marks()
    marks.failures = 1
    reader = MarkReader(marks)
    nursery.start_soon(reader.run)
    with pytest.raises(StoreError, match="down"):
        await reader.read("room", "1")
    assert await reader.read("room", "1") == 1
    nursery.cancel_scope.cancel()


async def test_a_cancelled_caller_does_not_block_the_others(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    reader = MarkReader(Marks())
    nursery.start_soon(reader.run)
    with trio.move_on_after(0.5):
        await reader.read("room", "1")
    assert await reader.read("room", "2") == 2
    nursery.cancel_scope.cancel()
