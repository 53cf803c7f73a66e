"""The states of a delivery, and what it needs next. Nothing here sends."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat.delivery import Delivery, Position, State, Step

POSITION = 101
AT = Position(POSITION, 0)


def delivery(*, listen_from: int | None = None) -> Delivery:
    """One that has entered a room."""
    delivery = Delivery()
    delivery.enter()
    if listen_from is not None:
        delivery.listen(listen_from)
    return delivery


def in_step() -> Delivery:
    made = delivery(listen_from=POSITION)
    assert made.advance(AT, flushed=True) is State.IN_STEP
    return made


def lagging() -> Delivery:
    made = delivery(listen_from=1)
    assert made.advance(AT, flushed=True) is State.LAGGING
    return made


def test_in_no_room_nothing_is_sent() -> None:
    made = Delivery()
    made.listen(1)
    assert made.advance(AT, flushed=False) is State.OUT
    assert made.catch_up is None


def test_one_that_does_not_listen_is_idle_wherever_the_log_ends() -> None:
    made = delivery()
    assert made.state is State.IDLE
    assert made.advance(AT, flushed=True) is State.IDLE
    assert made.catch_up is None


@pytest.mark.parametrize(
    ("cursor", "state"),
    [(POSITION, State.IN_STEP), (POSITION - 1, State.LAGGING), (POSITION + 1, State.LAGGING)],
    ids=["at the position", "behind", "ahead"],
)
def test_only_a_cursor_at_the_position_is_in_step(cursor: int, state: State) -> None:
    made = delivery(listen_from=cursor)
    assert made.advance(AT, flushed=True) is state
    assert (made.catch_up is not None) == (state is State.LAGGING)


@pytest.mark.parametrize("listen_from", [None, POSITION])
def test_pending_bytes_need_a_catch_up(listen_from: int | None) -> None:
    made = delivery(listen_from=listen_from)
    assert made.advance(AT, flushed=False) is State.LAGGING


@pytest.mark.parametrize("listen_from", [None, POSITION])
def test_a_pending_reply_needs_a_catch_up(listen_from: int | None) -> None:
    made = delivery(listen_from=listen_from)
    made.replies.append(b"ack")
    assert made.advance(AT, flushed=True) is State.LAGGING


def test_a_round_that_was_missed_makes_it_lag() -> None:
    made = in_step()
    assert made.advance(Position(POSITION + 2, 0), flushed=True) is State.LAGGING


def test_a_round_that_was_taken_leaves_it_in_step() -> None:
    made = in_step()
    made.cursor += 2
    assert made.advance(Position(POSITION + 2, 0), flushed=True) is State.IN_STEP


def test_there_is_one_catch_up_at_a_time() -> None:
    made = lagging()
    scope = made.catch_up
    made.listen(50)
    assert made.advance(AT, flushed=False) is State.LAGGING
    assert made.catch_up is scope
    made.listen(POSITION)
    assert made.advance(AT, flushed=True) is State.LAGGING, "its task has yet to end"


def test_after_a_catch_up_it_is_in_step_again() -> None:
    made = lagging()
    made.cursor = POSITION
    made.end_catch_up()
    assert made.catch_up is None
    assert made.advance(AT, flushed=True) is State.IN_STEP


def test_after_its_replies_are_sent_one_that_does_not_listen_is_idle() -> None:
    made = delivery()
    made.replies.append(b"ack")
    made.advance(AT, flushed=True)
    assert made.take_replies() == [b"ack"]
    made.end_catch_up()
    assert made.advance(AT, flushed=True) is State.IDLE


def test_a_catch_up_that_failed_leaves_it_idle() -> None:
    made = lagging()
    made.end_catch_up()
    assert made.state is State.IDLE


@pytest.mark.parametrize("make", [delivery, in_step, lagging])
def test_leaving_ends_each_state(make: Callable[[], Delivery]) -> None:
    made = make()
    scope = made.catch_up
    for _ in range(2):
        made.leave()
        assert made.state is State.OUT
        assert not made.listening
    assert scope is None or scope.cancel_called
    made.end_catch_up()
    assert made.advance(AT, flushed=True) is State.OUT, "its task ends later"


@pytest.mark.parametrize(
    ("cursor", "reply", "flushed", "step"),
    [
        (POSITION, False, True, Step.NOTHING),
        (POSITION - 1, False, True, Step.SEND_LOG),
        (POSITION + 1, False, True, Step.WAIT),
        (POSITION - 1, True, True, Step.FLUSH),
        (POSITION + 1, True, True, Step.FLUSH),
        (POSITION, False, False, Step.FLUSH),
        (None, False, True, Step.NOTHING),
        (None, True, True, Step.FLUSH),
        (None, False, False, Step.FLUSH),
    ],
)
def test_replies_and_pending_bytes_go_before_the_log(
    cursor: int | None, reply: bool, flushed: bool, step: Step
) -> None:
    made = delivery(listen_from=cursor)
    if reply:
        made.replies.append(b"ack")
    assert made.next_step(AT, flushed=flushed) is step


def test_replies_that_are_being_sent_are_in_flight_until_they_are_settled() -> None:
    made = delivery()
    for number in range(3):
        made.expect_reply()
        made.replies.append(b"%d" % number)
    assert made.take_replies() == [b"0", b"1", b"2"]
    assert (made.replies, made.in_flight) == ([], 3)
    made.settle(3)
    assert made.in_flight == 0


async def test_who_posts_more_than_may_be_in_flight_waits(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    made = delivery()
    for _ in range(3):
        made.expect_reply()
    with trio.fail_after(1):
        await made.settled_below(4)
    nursery.start_soon(made.settled_below, 2)
    await wait_all_tasks_blocked()
    made.settle(1)
    await wait_all_tasks_blocked()
    assert nursery.child_tasks, "2 are in flight"
    made.settle(1)
    await wait_all_tasks_blocked()
    assert not nursery.child_tasks
    made.settle(1)
    with trio.fail_after(1):
        await made.settled_below(1)
