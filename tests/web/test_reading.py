"""Read marks across tabs and devices, new members, and copying messages."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess
from tests.web.test_following import HIDDEN, is_following
from tests.web.test_history import fill, write
from tests.web.test_talk import pair
from tests.web.visitor import Visitor, in_thread

Visitors = Callable[..., Visitor]


def test_read_marks_are_shared_between_tabs_and_devices(visitor: Visitors) -> None:
    ada, bob = pair(visitor)
    phone = visitor("ada", phone=True)
    phone.context.add_init_script(HIDDEN)
    phone.page.goto(phone.url)
    phone.log_in()
    tab = ada.context.new_page()
    tab.goto(f"{ada.url}/#/explore")
    ada.go("#/explore")
    bob.say("one")
    bob.say("two")
    for page in (ada.page, tab, phone.page):
        expect(page.get_by_role("navigation").locator(".count")).to_have_text("2 unread")
    phone.page.evaluate("hide(true)")
    ada.go("#/room/lounge")
    expect(tab).to_have_title("reichatd")  # at once
    ada.until_sent("set_last_read", message_id=2)
    expect(phone.page).to_have_title("reichatd")  # a hidden page too
    phone.page.evaluate("hide(false)")
    expect(phone.page.get_by_role("navigation").locator(".count")).to_have_count(0)

    # Posting marks all earlier messages as read, on all devices.
    ada.go("#/explore")
    bob.say("three")
    for page in (ada.page, tab, phone.page):
        expect(page).to_have_title("(1) reichatd")
    phone.go("#/room/lounge")
    phone.say("four")
    expect(tab).to_have_title("reichatd")


SLOW_READ_MARKS = """
() => {
  const real = setTimeout;
  window.setTimeout = (act, ms) => real(act, ms === 400 ? 60_000 : ms);
}
"""


def test_the_last_read_mark_is_sent_at_logout(visitor: Visitors) -> None:
    ada, bob = pair(visitor)
    ada.page.evaluate(SLOW_READ_MARKS)
    bob.say("one")
    ada.sees("one")
    expect(ada.page).to_have_title("Lounge · reichatd")
    ada.log_out()
    ada.until_sent("set_last_read", message_id=1)


MANY_ROOMS = """
async () => {
  const call = async (method, path, token, fields) => {
    const body = fields && JSON.stringify(fields);
    return (await fetch(path, { method, headers: { Authorization: `Bearer ${token}` }, body })).json();
  };
  const { tokens } = await call("GET", "/refresh", localStorage.getItem("reichatd.refresh_token"));
  for (let number = 1; number <= 41; number++) {
    const room = { name: `Room ${number}`, description: "", room_id: `room${number}` };
    await call("POST", "/room", tokens.access_token, room);
  }
}
"""


def test_rooms_without_a_connection_have_unread_counts(visitor: Visitors, daemon: DaemonProcess) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.page.evaluate(MANY_ROOMS)
    bob.register()
    bob.join("room41")
    bob.page.goto("about:blank")
    ada.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    in_thread(lambda: fill(daemon, "room41", bob.email, 7))
    in_thread(daemon.start)
    ada.page.goto(ada.url)
    expect(ada.page.get_by_role("link", name="Room 41")).to_have_text(re.compile("7 unread"))
    expect(ada.page).to_have_title("(7) reichatd")


def test_a_new_member_starts_at_the_end(visitor: Visitors, daemon: DaemonProcess) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Old", "old")
    bob.register()
    bob.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    in_thread(lambda: fill(daemon, "old", ada.email, 1500))
    in_thread(daemon.start)
    bob.page.goto(bob.url)
    bob.join("old")
    is_following(bob, 1500)
    expect(bob.page).to_have_title("Old · reichatd")
    expect(bob.page.locator(".new-line")).to_have_count(0)
    bob.until_sent("set_last_read", message_id=1500)
    bob.page.reload()
    is_following(bob, 1500)


SELECT = """
([from, to]) => {
  const range = document.createRange();
  range.setStartBefore(document.querySelector(`[data-id="${from}"]`));
  range.setEndAfter(document.querySelector(`[data-id="${to}"] .content`));
  document.getSelection().removeAllRanges();
  document.getSelection().addRange(range);
}
"""


def test_a_selection_over_several_messages_is_copied_as_text(visitor: Visitors, daemon: DaemonProcess) -> None:
    ada = visitor("ada")
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.page.goto("about:blank")
    assert in_thread(daemon.stop) == 0
    times = ["2024-01-05T09:01", "2024-01-05T09:02", "2024-01-05T10:00"]
    in_thread(lambda: write(daemon, "lounge", ada.email, times))
    in_thread(daemon.start)
    ada.page.goto(f"{ada.url}/#/room/lounge")
    ada.sees(*times)

    def copied(keys: str = "Control+c") -> str:
        ada.page.keyboard.press(keys)
        return str(ada.measured("navigator.clipboard.readText()"))

    ada.page.evaluate(SELECT, [1, 3])
    assert copied() == f"ada, 10:01\n{times[0]}\n{times[1]}\n\nada, 11:00\n{times[2]}"
    ada.page.evaluate(SELECT, [1, 1])
    assert copied() == f"ada, 10:01\n{times[0]}"
    # With the mouse, from inside one text to inside another.
    first, last = (ada.page.locator(".content").nth(number) for number in (0, 2))
    ada.page.locator(".feed-note").click()  # clears the selection, which would be dragged
    first.hover(position={"x": 1, "y": 8})
    ada.page.mouse.down()
    last.hover(position={"x": 1, "y": 8})
    ada.page.mouse.up()
    assert copied() == f"{times[0]}\n{times[1]}\n\nada, 11:00"
    # The whole page: with the rooms, but without avatar letters and hidden times.
    ada.page.locator(".me").focus()
    ada.page.keyboard.press("Control+a")
    lines = copied().splitlines()
    assert "10:02" not in lines
    assert "A" not in lines
    assert times[1] in lines


OVERLAPS = """
() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const boxes = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return [...range.getClientRects()].filter(({ width, height }) => width && height);
  };
  const meet = (one, other) =>
    one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  const names = all(".message .author").map((name) => name.getBoundingClientRect()); // cut off where there is no space
  const words = [...all(".message .content").flatMap(boxes), ...names];
  const place = document.querySelector(".scroller").getBoundingClientRect();
  return all(".message .time, .message .actions").flatMap((element) => {
    const box = element.getBoundingClientRect();
    return [
      words.some((word) => meet(box, word)) && "covers text",
      element.matches(".time") && box.height > 30 && "wraps",
      (box.left < place.left || box.right > place.right) && "is outside of the view",
    ].filter(Boolean).map((what) => `${element.className} ${element.textContent} ${what}`);
  });
}
"""


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_times_and_buttons_do_not_cover_text(
    visitor: Visitors, daemon: DaemonProcess, phone: bool, locale: str
) -> None:
    ada = visitor("a" * 32, phone=phone, locale=locale)
    ada.register()
    ada.make_room("Lounge", "lounge")
    for text in ("word " * 60, "W" * 300, "short", "line\n" * 3):
        ada.say(text)
    expect(ada.page.locator(".feed .content")).to_have_count(4)
    expect(ada.page.locator(".message time").first).to_have_text(
        re.compile({"en-US": r"^\d\d?:\d\d\s[AP]M$", "ko-KR": r"^오[전후] \d\d?:\d\d$"}[locale])
    )
    expect(ada.page.locator(".message time").nth(1)).to_have_text(re.compile(r"^\d\d?:\d\d$"))
    assert ada.page.evaluate(OVERLAPS) == []
    ada.page.locator(".message").nth(1).hover()
    ada.screenshot(f"{'phone' if phone else 'desk'}-{locale}-times")
