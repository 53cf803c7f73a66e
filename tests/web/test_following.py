"""Following the end of a conversation, and marking as read what was visible."""

import re
from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.test_history import fill
from tests.web.visitor import Visitor, in_thread

Visitors = Callable[..., Visitor]

BACKLOG = 120
"""Messages that fill more than one screen."""

POST = """
(texts) => new Promise((done) => {
  const nonces = new Set(texts.map((_, index) => `n${Math.random()}-${index}`));
  const waiting = new Set(nonces);
  const socket = window.poster;
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "ack") waiting.delete(frame.nonce);
    if (waiting.size === 0) done();
  };
  [...nonces].forEach((nonce, index) => socket.send(JSON.stringify({ type: "message", content: texts[index], nonce })));
})
"""

OPEN_POSTER = """
async (room) => {
  const refreshToken = localStorage.getItem("reichatd.refresh_token");
  const call = async (method, path, token) => (await fetch(path, { method, headers: { Authorization: `Bearer ${token}` } })).json();
  const { tokens } = await call("GET", "/refresh", refreshToken);
  const { ticket } = await call("POST", "/ws/ticket", tokens.access_token);
  window.poster = new WebSocket(`${location.origin.replace("http", "ws")}/ws/chat/${room}?ticket=${ticket}`);
  await new Promise((opened) => (window.poster.onopen = opened));
}
"""

HIDDEN = """
  window.isHidden = false;
  const frame = window.requestAnimationFrame.bind(window);
  const waiting = [];
  window.requestAnimationFrame = (draw) => (window.isHidden ? waiting.push(draw) : frame(draw));
  Object.defineProperty(Document.prototype, "visibilityState", { get: () => (window.isHidden ? "hidden" : "visible") });
  Object.defineProperty(Document.prototype, "hidden", { get: () => window.isHidden });
  window.hide = (isHidden) => {
    window.isHidden = isHidden;
    document.dispatchEvent(new Event("visibilitychange"));
    if (!isHidden) waiting.splice(0).forEach(frame);
  };
"""
"""Lets a test hide the tab, as another tab would; a hidden tab draws no frames. Playwright cannot do that."""

LAST_VISIBLE = """
Number([...document.querySelectorAll(".feed .message")].findLast((row) =>
  row.getBoundingClientRect().bottom <= document.querySelector(".scroller").getBoundingClientRect().bottom).dataset.id)
"""

HEIGHT_OF_NEW_LINE = """
(() => {
  const scroller = document.querySelector(".scroller").getBoundingClientRect();
  return (document.querySelector(".new-line").getBoundingClientRect().top - scroller.top) / scroller.height;
})()
"""


def posts(person: Visitor, *texts: str) -> None:
    """Posts all texts at once, from a page that does not show the room."""
    person.page.evaluate(POST, list(texts))


def is_following(person: Visitor, id: int) -> None:
    """Checks that the page shows the end of the log, and no button to go there."""
    row = person.page.locator(f'.feed [data-id="{id}"]')
    expect(row).to_be_in_viewport(ratio=0.9)
    expect(person.page.locator(".jump")).to_be_hidden()
    below = "(() => { const { scrollHeight, scrollTop, clientHeight } = document.querySelector('.scroller');"
    person.until(lambda: person.measured(f"{below} return scrollHeight - scrollTop - clientHeight; }})()") < 3)


def slow_down(page: Page, rate: int) -> None:
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})


@pytest.fixture
def ada_and_bob(visitor: Visitors, daemon: DaemonProcess, request: pytest.FixtureRequest) -> tuple[Visitor, Visitor]:
    """Ada reads a room longer than her window; Bob posts there without a view of it."""
    ada, bob = visitor("ada", **getattr(request, "param", {})), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    for person in (ada, bob):
        person.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    in_thread(lambda: fill(daemon, "lounge", bob.email, BACKLOG))
    in_thread(daemon.start)
    bob.page.goto(bob.url)
    bob.page.evaluate(OPEN_POSTER, "lounge")
    ada.page.goto(f"{ada.url}/#/room/lounge")
    expect(ada.page.locator('.feed [data-id="1"] .new-line')).to_be_in_viewport()
    ada.page.locator(".jump").click()
    is_following(ada, BACKLOG)
    return ada, bob


@pytest.mark.parametrize("rate", [1, 6], ids=["quick", "slow"])
@pytest.mark.parametrize("ada_and_bob", [{}, {"phone": True}], ids=["desk", "phone"], indirect=True)
def test_the_page_follows_own_and_other_messages(ada_and_bob: tuple[Visitor, Visitor], rate: int) -> None:
    ada, bob = ada_and_bob
    slow_down(ada.page, rate)
    end = BACKLOG
    for number in range(12):
        ada.say(f"mine {number}")
        end += 1
        expect(ada.page.locator(f'.feed [data-id="{end}"]')).to_be_visible()
        is_following(ada, end)
    for number in range(8):
        posts(bob, *(f"burst {number}: {each}" for each in range(5)))
        end += 5
        if number % 2:  # between posts of others
            ada.say(f"between {number}")
            end += 1
        expect(ada.page.locator(f'.feed [data-id="{end}"]')).to_be_visible()
        is_following(ada, end)
    posts(bob, *(f"flood {each}\nof two lines" for each in range(40)))  # more than a screen
    is_following(ada, end + 40)
    expect(ada.page).to_have_title("Lounge · reichatd")
    ada.until_sent("set_last_read", message_id=end + 40)


@pytest.mark.parametrize("ada_and_bob", [{}, {"phone": True}], ids=["desk", "phone"], indirect=True)
def test_the_position_stays_after_scrolling_up(ada_and_bob: tuple[Visitor, Visitor]) -> None:
    ada, bob = ada_and_bob
    scroller = ada.page.locator(".scroller")
    scroller.evaluate("scroller => scroller.scrollBy(0, -30)")  # a small step
    for number in range(4):
        posts(bob, f"one {number}", f"two {number}")
        expect(ada.page.locator(f'.feed [data-id="{BACKLOG + 2 * number + 2}"]')).to_be_attached()
    expect(ada.page.get_by_role("button", name="8 new")).to_be_visible()
    expect(ada.page).to_have_title("(8) Lounge · reichatd")
    scroller.evaluate("scroller => scroller.scrollTo(0, scroller.scrollHeight)")
    is_following(ada, BACKLOG + 8)
    expect(ada.page).to_have_title("Lounge · reichatd")
    posts(bob, "and on")
    is_following(ada, BACKLOG + 9)


def counts_what_is_below(reader: Visitor, read: int, end: int) -> bool:
    """Whether less than a screen of unread messages was shown, and the button counts the rest."""
    last = reader.measured(LAST_VISIBLE)
    return read + 5 < last < read + 40 and reader.page.locator(".jump").text_content() == f"{end - last} new"


def test_missed_messages_count_as_read_when_they_were_visible(visitor: Visitors, daemon: DaemonProcess) -> None:
    """After a lost connection and in a tab that was hidden: more than fits, and more than the page may hold."""
    with Cable(daemon.port) as cable:
        ada, bob = visitor("ada", url=cable.url), visitor("bob")
        ada.context.add_init_script(HIDDEN)
        ada.register()
        ada.make_room("Lounge", "lounge")
        bob.register()
        bob.join("lounge")
        bob.go("#/")
        bob.page.evaluate(OPEN_POSTER, "lounge")
        posts(bob, "before")
        ada.sees("before")
        end = 1
        for count, way in ((60, "connection"), (60, "tab"), (250, "connection"), (250, "tab")):
            if way == "connection":
                cable.cut()
                expect(ada.status).to_be_visible()
            else:
                ada.page.evaluate("hide(true)")
            posts(bob, *(f"{way} {number}" for number in range(count)))
            if way == "connection":
                cable.repair()
                ada.reconnect()
            else:
                expect(ada.page).to_have_title(f"({count}) Lounge · reichatd")
                expect(ada.page.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("^data:image/png;"))
                ada.page.evaluate("hide(false)")
            first = ada.page.locator(f'.feed [data-id="{end + 1}"]')
            expect(first.locator(".new-line")).to_be_in_viewport()
            ada.until(partial(counts_what_is_below, ada, end, end + count))
            last = ada.measured(LAST_VISIBLE)
            expect(ada.page).to_have_title(f"({end + count - last}) Lounge · reichatd")
            end += count
            ada.page.locator(".jump").click()
            is_following(ada, end)
            expect(ada.page).to_have_title("Lounge · reichatd")
            expect(ada.page.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("icon.svg$"))
            posts(bob, "after")
            end += 1
            is_following(ada, end)


@pytest.mark.parametrize("daemon", [{"REICHATD_LIMITS_INITIAL_AFTER": "3"}], indirect=True)
def test_the_first_unread_message_moves_up_when_more_come(ada_and_bob: tuple[Visitor, Visitor]) -> None:
    """The first answer has three messages after the read mark: too few to show the first of them at a third of the height."""
    ada, bob = ada_and_bob
    ada.until_sent("set_last_read", message_id=BACKLOG)
    ada.page.goto("about:blank")
    posts(bob, *(f"more {number}" for number in range(100)))
    ada.page.goto(f"{ada.url}/#/room/lounge")
    expect(ada.page.locator(f'.feed [data-id="{BACKLOG + 1}"] .new-line')).to_be_in_viewport()
    ada.until(partial(counts_what_is_below, ada, BACKLOG, BACKLOG + 100))
    assert ada.measured(HEIGHT_OF_NEW_LINE) == pytest.approx(1 / 3, abs=0.1)


def test_a_link_to_a_message_does_not_mark_the_messages_between_as_read(ada_and_bob: tuple[Visitor, Visitor]) -> None:
    ada, bob = ada_and_bob
    ada.go("#/explore")
    posts(bob, *(f"more {number}" for number in range(200)))
    expect(ada.page).to_have_title("(200) reichatd")
    ada.go(f"#/room/lounge/{BACKLOG + 150}")
    row = ada.page.locator(f'.feed [data-id="{BACKLOG + 150}"]')
    expect(row).to_be_in_viewport()
    expect(row).to_have_attribute("aria-current", "true")
    expect(row).to_be_focused()
    expect(ada.page).to_have_title("(200) Lounge · reichatd")
    ada.screenshot("desk-light-linked")
    ada.go(f"#/room/lounge/{BACKLOG + 10}")
    expect(ada.page.locator('[aria-current="true"].message')).to_have_attribute("data-id", str(BACKLOG + 10))
    ada.page.locator(".jump").click()
    is_following(ada, BACKLOG + 200)
    expect(ada.page).to_have_title("Lounge · reichatd")


SCROLL_AND_LEAVE = """
() => {
  document.querySelector(".scroller").scrollTop += 5;
  history.replaceState(null, "", "#/explore");
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
"""


def test_leaving_a_room_while_it_scrolls_marks_only_visible_messages_as_read(
    ada_and_bob: tuple[Visitor, Visitor],
) -> None:
    """The scroll event arrives when the view is out of the page, where nothing has a size."""
    ada, bob = ada_and_bob
    ada.go("#/explore")
    posts(bob, *(f"more {number}" for number in range(100)))
    expect(ada.page).to_have_title("(100) reichatd")
    ada.go("#/room/lounge")
    expect(ada.page.locator(".new-line")).to_be_in_viewport()
    expect(ada.page.locator(f'.feed [data-id="{BACKLOG + 50}"]')).to_be_attached()
    ada.page.evaluate(SCROLL_AND_LEAVE)
    expect(ada.page.get_by_role("heading", name="Find rooms")).to_be_visible()
    posts(bob, "one more")
    expect(ada.page).to_have_title(re.compile(r"^\([6-9]\d\) reichatd$"))


LEAVE = """
async () => {
  const scroller = document.querySelector(".scroller");
  const frame = () => new Promise(requestAnimationFrame);
  scroller.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
  await frame();
  location.hash = "#/explore";
  for (let drawn = 0; drawn < 60; drawn++) await frame();
  return scroller.querySelectorAll(".message").length;
}
"""
"""Leaves a room while it loads; returns how many messages are in the view at the end."""


def test_a_room_left_while_it_loads_fetches_nothing_more(ada_and_bob: tuple[Visitor, Visitor]) -> None:
    ada, bob = ada_and_bob
    ada.go("#/explore")
    for _ in range(4):
        posts(bob, *(f"more {number}" for number in range(250)))
    ada.go("#/room/lounge")
    expect(ada.page.locator(f'.feed [data-id="{BACKLOG + 1}"]')).to_be_in_viewport()
    before = len(ada.sent)
    assert ada.page.evaluate(LEAVE) <= 140
    assert sum('"fetch"' in frame for frame in ada.sent[before:]) <= 2
