"""A room of 100,000 messages."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from playwright.sync_api import expect

from reichatd.store import Cutoff, Post, Store
from reichatd.store.sqlite import open_store
from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.visitor import Visitor, in_thread

COUNT = 100_000
BATCH = 5_000
MOST_ROWS = 160


@asynccontextmanager
async def store_of(daemon: DaemonProcess) -> AsyncIterator[Store]:
    """The store of a stopped daemon."""
    (file,) = daemon.directory.rglob("*.sqlite3")
    store = await open_store(file)
    try:
        yield store
    finally:
        await store.aclose()


async def fill(daemon: DaemonProcess, room_id: str, author: str, count: int = COUNT) -> None:
    """Writes a room's log."""
    async with store_of(daemon) as store:
        user = await store.users.by_email(author)
        assert user is not None
        for first in range(1, count + 1, BATCH):
            posts = [
                Post(
                    room_id,
                    user.user_id,
                    f"message {number}" + " with more to say" * (number % 7),
                    1.7e9 + number * 60,
                    None,
                )
                for number in range(first, min(first + BATCH, count + 1))
            ]
            await store.messages.commit(posts, {})


async def write(daemon: DaemonProcess, room_id: str, author: str, times: list[str]) -> None:
    """Writes a message at each of these times (UTC), with the time as its text."""
    async with store_of(daemon) as store:
        user = await store.users.by_email(author)
        assert user is not None
        posts = [
            Post(room_id, user.user_id, time, datetime.fromisoformat(f"{time}+00:00").timestamp(), None)
            for time in times
        ]
        await store.messages.commit(posts, {})


async def expire(daemon: DaemonProcess, room_id: str, keep: int) -> None:
    """Deletes all but the last messages of the room, as retention does."""
    async with store_of(daemon) as store:
        await store.messages.expire(room_id, Cutoff(keep=keep), at_most=COUNT)


@pytest.fixture
def readers(visitor: Callable[..., Visitor], daemon: DaemonProcess) -> tuple[Visitor, Visitor]:
    """Ada, who wrote all messages, and Bob, who has read none."""
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Long", "long")
    bob.register()
    bob.join("long")
    bob.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    in_thread(lambda: fill(daemon, "long", ada.email))
    in_thread(daemon.start)
    ada.page.goto(f"{ada.url}/#/room/long")
    ada.page.reload()
    return ada, bob


def ids(person: Visitor) -> list[int]:
    found: list[int] = person.measured(
        "[...document.querySelectorAll('.feed .message')].map(row => Number(row.dataset.id))"
    )
    return found


SCROLL_UP = """
async (until) => {
  const scroller = document.querySelector(".scroller");
  const drawn = async () => {
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
    return performance.now();
  };
  const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const emptyFrame = async () => {
    const times = [];
    for (let last = await drawn(); times.length < 60; ) {
      const now = await drawn();
      times.push(now - last);
      last = now;
    }
    return median(times);
  };
  const emptyBefore = await emptyFrame();
  const frames = [];
  let most = 0, jumps = 0, last = performance.now();
  while (Number(document.querySelector(".feed .message").dataset.id) > until && frames.length < 2000) {
    const rows = [...document.querySelectorAll(".feed .message")];
    const seen = rows.find((row) => row.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top + 1);
    const before = seen.getBoundingClientRect().top;
    const from = scroller.scrollTop;
    scroller.scrollTop -= 120;
    const moved = from - scroller.scrollTop;
    const now = await drawn();
    if (seen.isConnected && Math.abs(seen.getBoundingClientRect().top - before - moved) > 2) jumps++;
    frames.push(now - last);
    last = now;
    most = Math.max(most, rows.length);
  }
  const empty = Math.max(emptyBefore, await emptyFrame());
  return { most, jumps, count: frames.length, empty, median: median(frames), worst: frames.at(-1) };
}
"""


def test_scrolling_up_is_smooth_and_the_page_holds_few_rows(readers: tuple[Visitor, Visitor]) -> None:
    ada, _ = readers
    expect(ada.page.locator(f'.feed [data-id="{COUNT}"]')).to_be_visible()
    measured = ada.page.evaluate(SCROLL_UP, COUNT - 1000)
    assert measured["most"] <= MOST_ROWS, measured
    assert measured["jumps"] == 0, measured
    assert measured["median"] < max(50, 3 * measured["empty"]), measured  # without load an empty frame takes 17 ms
    found = ids(ada)
    assert found == list(range(found[0], found[-1] + 1))
    assert found[0] <= COUNT - 1000
    print(measured)

    ada.page.get_by_role("button", name="Latest").click()
    expect(ada.page.locator(f'.feed [data-id="{COUNT}"]')).to_be_visible()
    ada.say("on top of it")
    expect(ada.page.locator(".feed .content").last).to_have_text("on top of it")
    assert ids(ada)[-1] == COUNT + 1


def test_any_message_can_be_reached(readers: tuple[Visitor, Visitor]) -> None:
    ada, bob = readers
    scroller = ada.page.get_by_role("region", name="Conversation")
    scroller.press("Home")
    expect(ada.page.locator('.feed [data-id="1"]')).to_be_in_viewport()
    expect(ada.page.get_by_text("The conversation begins here.")).to_be_visible()
    scroller.press("End")
    expect(ada.page.locator(f'.feed [data-id="{COUNT}"]')).to_be_in_viewport()
    ada.go("#/room/long/50000")
    expect(ada.page.locator('.feed [data-id="50000"]')).to_be_in_viewport()
    assert len(ids(ada)) <= MOST_ROWS

    # A user who has read nothing starts at the first message, and sees the number of unread ones.
    bob.page.goto(f"{bob.url}/#/")
    expect(bob.page.get_by_role("navigation").locator(".count")).to_have_text("999+ unread")
    bob.page.get_by_role("link", name="Long").click()
    first = bob.page.locator('.feed [data-id="1"]')
    expect(first).to_be_in_viewport()
    expect(first.locator(".new-line")).to_be_visible()
    bob.page.get_by_role("button", name="999+ new").click()
    expect(bob.page.locator(f'.feed [data-id="{COUNT}"]')).to_be_in_viewport()
    expect(bob.page.get_by_role("navigation").locator(".count")).to_have_count(0)


def test_a_requested_position_survives_a_slow_or_lost_connection(
    visitor: Callable[..., Visitor], daemon: DaemonProcess
) -> None:
    """The user can choose a position before the conversation has loaded, and need not repeat it."""
    end = 900
    with Cable(daemon.port) as cable:
        ada = visitor("ada", url=cable.url)
        ada.register()
        ada.make_room("Long", "long")
        ada.page.goto("about:blank")
        assert in_thread(daemon.stop) == 0
        in_thread(lambda: fill(daemon, "long", ada.email, end))
        in_thread(daemon.start)
        room = f"{cable.url}/#/room/long"
        scroller = ada.page.get_by_role("region", name="Conversation")

        def open_room(address: str) -> None:
            """Opens the room; its WebSocket is held back."""
            cable.hold()
            with ada.page.expect_websocket():
                ada.page.goto(address)
                ada.page.reload()
                expect(scroller).to_be_visible()

        def shows(id: int) -> None:
            expect(ada.page.locator(f'.feed [data-id="{id}"]')).to_be_in_viewport()

        open_room(room)
        scroller.press("Home")
        cable.release()
        shows(1)
        expect(ada.page.get_by_text("The conversation begins here.")).to_be_visible()

        open_room(f"{room}/300")
        cable.release()
        shows(300)

        open_room(f"{room}/300")
        ada.page.goto(f"{room}/600")  # another link, before the first one is shown
        cable.release()
        shows(600)

        open_room(room)
        cable.release()
        shows(end)
        cable.cut()
        expect(ada.status).to_be_visible()
        scroller.press("Home")
        expect(ada.page.get_by_text("Older messages need a connection.")).to_be_visible()
        cable.hold()
        with ada.page.expect_websocket(timeout=40_000):
            cable.repair()  # the next connection is lost too
        cable.cut()
        expect(ada.status).to_contain_text("Not connected")
        cable.repair()
        ada.reconnect()
        shows(1)


def test_times_and_days_are_in_the_readers_time_zone(visitor: Callable[..., Visitor], daemon: DaemonProcess) -> None:
    """The reader is in Berlin (UTC+1 in winter), on a Sunday. The time of a message is its link."""
    ada = visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    written = ["2023-12-31T22:59", "2023-12-31T23:00", "2024-01-05T22:30", "2024-01-05T23:30", "2024-01-06T23:00"]
    in_thread(lambda: write(daemon, "lounge", ada.email, written))
    in_thread(daemon.start)
    ada.page.clock.set_fixed_time("2024-01-07T12:00:00+01:00")
    ada.page.goto(f"{ada.url}/#/room/lounge")
    ada.sees(*written)
    days = ["Sunday 31 December 2023", "Monday 1 January", "Friday 5 January", "Yesterday", "Today"]
    expect(ada.page.locator(".day")).to_have_text([re.compile(day.replace(" ", ",? ", 1) + "$") for day in days])
    expect(ada.page.locator(".message time")).to_have_text(["23:59", "00:00", "23:30", "00:30", "00:00"])
    ada.page.locator(".message .time").nth(1).click()
    assert ada.page.url.endswith("/#/room/lounge/2")


def test_deleted_messages_are_not_waited_for(visitor: Callable[..., Visitor], daemon: DaemonProcess) -> None:
    """Retention while the room is open: deleted messages leave the page, and the log begins after them."""
    ada = visitor("ada")
    ada.register()
    ada.make_room("Short", "short")

    def write_and_expire_while_stopped(count: int, keep: int, end: int) -> None:
        assert in_thread(daemon.stop) == 0
        expect(ada.status).to_be_visible()
        in_thread(lambda: fill(daemon, "short", ada.email, count))
        in_thread(lambda: expire(daemon, "short", keep))
        in_thread(daemon.start)
        ada.reconnect()
        scroller = ada.page.get_by_role("region", name="Conversation")
        scroller.press("End")
        expect(ada.page.locator(f'.feed [data-id="{end}"]')).to_be_visible()
        scroller.press("Home")

    write_and_expire_while_stopped(50, keep=50, end=50)
    expect(ada.page.get_by_text("The conversation begins here.")).to_be_visible()
    write_and_expire_while_stopped(350, keep=200, end=400)
    expect(ada.page.get_by_text("Older messages have been deleted.")).to_be_visible()
    assert ids(ada)[0] == 201
