"""How the user is told of new messages: notifications, sound, title and icon of the tab."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.test_following import HIDDEN
from tests.web.test_settings import access_token, call
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

OBSERVED = """
  window.told = [];
  window.asked = 0;
  window.tones = 0;
  const Real = window.Notification;
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options);
      window.told.push({ title, body: options.body, notification: this });
    }
    close() {
      this.isClosed = true;
      super.close();
    }
    static requestPermission() {
      window.asked++;
      return Real.requestPermission();
    }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) {
    window.tones++;
    start.call(this, at);
  };
"""
WORDS = """
async ({ rooms, message, name }) => {
  const base = new URL(".", document.querySelector("script[src]").src);
  const { isLoud, showNotification, wordsOf } = await import(new URL("notifier.js", base));
  const { attentionOf } = await import(new URL("attention.js", base));
  const { RoomPreferences } = await import(new URL("room-preferences.js", base));
  const preferences = new RoomPreferences("ada");
  let changes = 0;
  const end = preferences.subscribe(() => changes++);
  preferences.set("lounge", { isFavourite: true });
  preferences.set("lounge", { level: "all" });
  preferences.order = ["garden", "lounge"];
  end();
  preferences.set("garden", { level: "nothing" });
  window.Notification = class {
    static permission = "granted";
    constructor() {
      throw new TypeError("Illegal constructor"); // as on Android
    }
  };
  const levels = ["all", "mentions", "nothing"];
  return {
    loud: [{}, { mentions: ["bob"] }, { mentions: ["bob", "ada"] }, { mention_room: true }].map((fields) =>
      levels.filter((level) => isLoud(level, { ...message, ...fields }, "ada")).join(" ")),
    words: [{ hasText: true }, { hasText: false }, { isMention: true }].map((how) => wordsOf({ kind: "room", name }, message, how)),
    direct: wordsOf({ kind: "direct", name }, message, { hasText: true }).title,
    attention: attentionOf(rooms),
    preferences: [preferences.get("lounge"), preferences.get("constructor"), preferences.order, changes],
    notification: showNotification("bob", {}),
  };
}
"""
IS_ALONE = "async () => (await navigator.locks.query()).pending.length === 0"
WITHOUT_LOCKS = 'Object.defineProperty(Navigator.prototype, "locks", { value: undefined });'


def told(page: Page) -> list[list[str]]:
    """Title and body of each notification so far, but the one that shows how they look."""
    found: Any = page.evaluate(
        "told.filter(({ body }) => !body.endsWith('are on.')).map(({ title, body }) => [title, body])"
    )
    return list(found)


def until_told(someone: Visitor, page: Page, *expected: list[str]) -> None:
    """Waits until exactly this has been told in a tab; `someone` has another one."""
    someone.until(lambda: len(told(page)) >= len(expected))
    assert told(page) == list(expected)


def observed(visitor: Visitors, *scripts: str) -> tuple[Visitor, Visitor]:
    """Ada, who has turned notifications on, and Bob. Both are in the room lounge; Bob has opened a direct conversation."""
    ada, bob = visitor("ada"), visitor("bob")
    for script in (HIDDEN, OBSERVED, *scripts):
        ada.context.add_init_script(script)
    ada.context.grant_permissions(["notifications"])
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    assert (ada.measured("asked"), told(ada.page)) == (0, [])
    settings = ada.open_settings("Notifications")
    expect(settings.get_by_text("Notifications are off.")).to_be_visible()
    settings.get_by_role("button", name="Turn on").click()
    expect(settings.get_by_text("Notifications are on.")).to_be_visible()
    assert (ada.measured("asked"), ada.measured("told.length")) == (1, 1)
    ada_id = call(ada, "GET", "/user", access_token(ada)).json()["user_id"]
    direct = call(bob, "POST", "/direct", access_token(bob), user_id=ada_id).json()["room_id"]
    bob.page.goto(f"{bob.url}/#/room/{direct}")
    bob.page.reload()
    expect(bob.composer).to_be_enabled()
    ada.page.reload()
    return ada, bob


def test_what_is_told_and_in_which_words(visitor: Visitors) -> None:
    """Pure functions, in the page that has them."""
    ada = visitor("ada")
    ada.page.goto(ada.url)
    given = {
        "message": {
            "message_id": 1,
            "user_id": "bob",
            "username": "\u202ebob" * 30,
            "content": "\n<b>\u2066 \U0001f389" + " x\t" * 200,
        },
        "name": "Lounge",
        "rooms": [
            {"unread": 4, "mentions": 1, "isDirect": False, "level": "mentions"},
            {"unread": 2, "mentions": 0, "isDirect": True, "level": "all"},
            {"unread": 9, "mentions": 9, "isDirect": False, "level": "nothing"},
        ],
    }
    found = ada.page.evaluate(WORDS, given)
    assert found["loud"] == ["all", "all", "all mentions", "all mentions"]
    [full, short, mention] = found["words"]
    assert full["title"] == f"{'bob' * 19}bo… · Lounge"
    assert full["body"].startswith("<b> \U0001f389 x x")
    assert (len(full["body"]), full["body"][-1]) == (120, "…")
    assert (short["body"], mention["body"]) == ("New message", "You are mentioned")
    assert found["direct"] == full["title"].removesuffix(" · Lounge")
    assert found["attention"] == {"unread": 6, "calls": 3}
    default = {"level": None, "isFavourite": False}
    assert found["preferences"] == [{"level": "all", "isFavourite": True}, default, ["garden", "lounge"], 3]
    assert found["notification"] is None


def test_one_tab_tells_of_what_is_meant_for_the_user(visitor: Visitors) -> None:
    ada, bob = observed(visitor)
    first, direct = ada.page, bob.page.url.rpartition("/")[2]
    icon = first.locator('link[rel="icon"]')
    expect(first.get_by_role("link", name="bob")).to_be_visible()
    first.get_by_role("link", name="Find rooms").click()

    bob.say("one")
    until_told(bob, first, ["bob", "one"])
    ada.until(lambda: ada.measured("tones") == 2)
    expect(first).to_have_title("(1) reichatd")
    expect(icon).to_have_attribute("href", re.compile("^data:image/png;"))
    number = icon.get_attribute("href")

    second = ada.context.new_page()
    second.on("pageerror", lambda error: ada.errors.append(str(error)))
    second.goto(f"{ada.url}/#/room/{direct}")
    expect(second.locator(".feed .content")).to_have_text(["one"])
    expect(first).to_have_title("reichatd")
    expect(icon).to_have_attribute("href", re.compile("icon.svg$"))
    assert ada.measured("told.at(-1).notification.isClosed")
    bob.say("read at once")  # in the second tab, which is visible
    expect(second.locator(".feed .content")).to_have_text(["one", "read at once"])
    second.evaluate("hide(true)")
    bob.say("three")
    until_told(bob, first, ["bob", "one"], ["bob", "three"])
    assert told(second) == []

    bob.go("#/room/lounge")
    bob.say("for nobody")
    expect(first).to_have_title("(2) reichatd")
    expect(icon).to_have_attribute("href", str(number))  # it counts only what is meant for the user
    bob.say("but @ada, look")
    expected = [["bob", "one"], ["bob", "three"], ["bob · Lounge", "but @ada, look"]]
    until_told(bob, first, *expected)
    second.goto(f"{ada.url}/#/settings/notifications")
    second.get_by_label("Notifications of Lounge").select_option("All messages")
    second.get_by_label("Notifications of bob").select_option("Nothing (muted)")
    expect(first).to_have_title("(2) reichatd")
    bob.say("long\n" + "a" * 200)
    until_told(bob, first, *expected, ["bob · Lounge", f"long {'a' * 114}…"])

    second.get_by_label("Show the text").uncheck()
    second.get_by_label("Play a short sound").uncheck()
    ada.until(lambda: ada.measured("tones") == 8)  # two for each
    first.evaluate("told.at(-1).notification.dispatchEvent(new Event('click'))")
    expect(first.locator('[aria-current="true"].message')).to_contain_text("long")
    assert first.url.endswith("#/room/lounge/3")
    first.evaluate("hide(true)")
    bob.say("secret")
    ada.until(lambda: told(first)[4:] == [["bob · Lounge", "New message"]])
    assert (ada.measured("tones"), told(second)) == (8, [])

    first.close()
    bob.until(lambda: bool(second.evaluate(IS_ALONE)))
    bob.say("for the other tab")
    until_told(bob, second, ["bob · Lounge", "New message"])


def test_without_locks_the_tab_that_was_used_last_speaks(visitor: Visitors) -> None:
    ada, bob = observed(visitor, WITHOUT_LOCKS)
    first = ada.page
    first.get_by_role("link", name="Find rooms").click()
    second = ada.context.new_page()
    second.goto(f"{ada.url}/#/explore")
    for page in (first, second):
        expect(page.get_by_role("link", name="bob")).to_be_visible()
    bob.say("one")
    until_told(bob, second, ["bob", "one"])
    first.evaluate("window.dispatchEvent(new Event('focus'))")  # Playwright's pages have the focus all the time
    bob.say("two")
    until_told(bob, first, ["bob", "two"])
    assert told(second) == [["bob", "one"]]
