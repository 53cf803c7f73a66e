"""The two ways to use a RepeatedEvent."""

import trio

from reichatd.repeated_event import RepeatedEvent


async def test_set_is_remembered_until_clear(autojump_clock: trio.abc.Clock) -> None:
    event = RepeatedEvent()
    event.set()
    event.set()
    assert event.is_set()
    await event.wait()
    event.clear()
    event.clear()
    assert not event.is_set()
    with trio.move_on_after(1) as scope:
        await event.wait()
    assert scope.cancelled_caught


async def test_notify_all_wakes_those_that_wait_and_no_other(autojump_clock: trio.abc.Clock) -> None:
    event = RepeatedEvent()
    woken: list[str] = []

    async def waiter(name: str) -> None:
        await event.wait()
        woken.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter, "a")
        nursery.start_soon(waiter, "b")
        await trio.testing.wait_all_tasks_blocked()
        event.notify_all()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(woken) == ["a", "b"]
        nursery.start_soon(waiter, "late")
        await trio.testing.wait_all_tasks_blocked()
        assert "late" not in woken
        event.notify_all()
    assert woken[-1] == "late"
