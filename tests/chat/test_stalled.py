"""What sends hold that their sockets do not take, and who is closed when it is too much."""

from collections import Counter

import pytest
import trio
from trio.testing import MockClock

from reichatd.chat.connection import Connection
from reichatd.chat.stalled import StalledSends
from reichatd.closing import SLOW_READER
from reichatd.settings import LimitSettings, LiveSettings, Settings
from tests.chat.doubles import FakeSocket, connect


def limited(limit: int) -> tuple[StalledSends, Counter[str]]:
    refusals: Counter[str] = Counter()
    return StalledSends(LiveSettings(Settings(limits=LimitSettings(stalled_bytes=limit))), refusals), refusals


async def stall(sends: StalledSends, connection: Connection, size: int, seconds: float) -> None:
    """Holds a number of bytes for some time, or until the connection is closed."""
    with connection.scope, sends.begin(connection) as held:
        held.hold(size)
        await trio.sleep(seconds)


@pytest.mark.parametrize("limit", [2500, 0])
async def test_the_one_that_stalled_longest_is_closed(
    autojump_clock: MockClock, nursery: trio.Nursery, limit: int
) -> None:
    sends, refusals = limited(limit)
    nursery.start_soon(sends.run)
    connections = [connect(FakeSocket(), f"u{number}") for number in range(4)]
    for connection in connections:
        nursery.start_soon(stall, sends, connection, 1000, 60)
        await trio.sleep(2)
    closed = [connection.closing for connection in connections]
    assert closed == ([SLOW_READER, SLOW_READER, None, None] if limit else [None] * 4)
    assert sends.bytes == (2000 if limit else 4000)
    assert refusals == {"stalled_bytes": 2 if limit else 0}
    nursery.cancel_scope.cancel()


async def test_what_is_taken_within_a_second_is_not_stalled(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """All clients of a busy room come back at once."""
    sends, refusals = limited(10_000)
    nursery.start_soon(sends.run)
    async with trio.open_nursery() as crowd:
        for number in range(1000):
            crowd.start_soon(stall, sends, connect(FakeSocket(), f"u{number}"), 1000, 0.9)
    assert (sends.bytes, refusals["stalled_bytes"]) == (0, 0)
    nursery.cancel_scope.cancel()


async def test_those_that_stall_at_once_are_closed_a_second_later(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    sends, refusals = limited(10_000)
    nursery.start_soon(sends.run)
    for number in range(100):
        nursery.start_soon(stall, sends, connect(FakeSocket(), f"u{number}"), 1000, 60)
    await trio.sleep(2)
    assert (sends.bytes, refusals["stalled_bytes"]) == (10_000, 90)
    nursery.cancel_scope.cancel()


async def test_a_long_reply_that_goes_on_has_not_stalled(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """A slow reader does not suffer from those that read nothing, though its reply began before theirs."""
    sends, _ = limited(2500)
    nursery.start_soon(sends.run)
    slow, silent = connect(FakeSocket(), "u1"), [connect(FakeSocket(), f"s{number}") for number in range(3)]
    with slow.scope, sends.begin(slow) as held:
        for number in range(12):
            held.hold(1000)
            if number % 4 == 1:
                nursery.start_soon(stall, sends, silent[number // 4], 1000, 60)
            await trio.sleep(2)
    assert [each.closing for each in (slow, *silent)] == [None, SLOW_READER, SLOW_READER, None]
    nursery.cancel_scope.cancel()


async def test_replies_that_go_on_are_bounded_too(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """However often their sockets take a piece."""
    sends, refusals = limited(2500)
    nursery.start_soon(sends.run)

    async def read_slowly(connection: Connection) -> None:
        with connection.scope, sends.begin(connection) as held:
            while True:
                held.hold(1000)
                await trio.sleep(0.1)

    for number in range(5):
        nursery.start_soon(read_slowly, connect(FakeSocket(), f"u{number}"))
    await trio.sleep(3)
    assert (sends.bytes, refusals["stalled_bytes"]) == (2000, 3)
    nursery.cancel_scope.cancel()


async def test_a_send_that_waits_for_news_is_not_stalled(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    sends, _ = limited(2500)
    nursery.start_soon(sends.run)
    patient, late = connect(FakeSocket(), "u1"), connect(FakeSocket(), "u2")
    with sends.begin(patient) as held:
        held.hold(1000)
        held.hold(0)
        nursery.start_soon(stall, sends, late, 2000, 60)
        await trio.sleep(10)
        held.hold(1000)
        await trio.sleep(1)
        assert (patient.closing, late.closing) == (None, SLOW_READER)
    assert sends.bytes == 0
    nursery.cancel_scope.cancel()
