"""Two people in one room change its messages: edits, deletions, replies, reactions, pins; also over lost connections."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.test_history import fill
from tests.web.test_talk import pair
from tests.web.visitor import Visitor, in_thread

Visitors = Callable[..., Visitor]


def message(person: Visitor, message_id: int) -> Locator:
    return person.page.locator(f'.message[data-id="{message_id}"]')


def content(person: Visitor, message_id: int) -> Locator:
    return message(person, message_id).locator(".content")


def choose(person: Visitor, message_id: int, item: str) -> None:
    """Chooses from the menu of a message."""
    row = message(person, message_id)
    row.hover()
    row.get_by_role("button", name="More").click()
    person.page.get_by_role("dialog", name="More").get_by_role("button", name=item).click()


def test_messages_are_edited_answered_deleted_and_reacted_to(visitor: Visitors) -> None:
    ada, bob = pair(visitor)
    expect(ada.page.get_by_role("button", name="2 people here")).to_be_visible()
    for person, other, text in ((ada, bob, "one"), (bob, ada, "two"), (ada, bob, "three")):
        person.composer.press_sequentially(text)
        expect(other.page.locator(".typing")).to_have_text(f"{person.name} is typing …")
        person.composer.press("Enter")
        expect(other.page.locator(".typing")).to_have_text("")
        expect(other.page.locator(".feed .content").last).to_have_text(text)
    bob.sees("one", "two", "three")

    # Up in the empty input edits the last own message; Escape leaves, and the draft is back.
    ada.composer.press("ArrowUp")
    expect(ada.composer).to_have_value("three")
    ada.composer.fill("three, edited")
    ada.composer.press("Enter")
    expect(content(bob, 3)).to_have_text("three, edited")
    expect(message(bob, 3).locator(".edited")).to_have_attribute("title", re.compile("Edited: "))
    expect(ada.composer).to_have_value("")
    ada.composer.fill("a draft")
    choose(ada, 1, "Edit")
    expect(ada.composer).to_have_value("one")
    ada.composer.press("Escape")
    expect(ada.composer).to_have_value("a draft")
    ada.composer.fill("")
    expect(content(ada, 1)).to_have_text("one")

    # A reply quotes the original, and leads to it.
    message(bob, 1).hover()
    message(bob, 1).get_by_role("button", name="Reply", exact=True).click()
    expect(bob.page.locator(".composer-context")).to_have_text("Reply to ada one")
    bob.say("four, an answer")
    quote = message(ada, 4).locator(".quote")
    expect(quote).to_have_text("Reply to adaone")
    quote.click()
    expect(message(ada, 1)).to_be_focused()
    expect(message(ada, 1)).to_have_attribute("aria-current", "true")
    ada.page.keyboard.type("a b")  # without a click into the input
    expect(ada.composer).to_have_value("a b")
    ada.composer.fill("")

    # A link to a message leads there, too.
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(ada, 2, "Copy link")
    expect(ada.page.locator("#announcer")).to_have_text("Copied")
    expect(ada.page.locator(".toast")).to_have_text("Copied")
    bob.page.goto(ada.measured("navigator.clipboard.readText()"))
    expect(message(bob, 2)).to_have_attribute("aria-current", "true")
    expect(message(bob, 2)).to_be_focused()

    # Reactions: each toggles the user's own.
    choose(bob, 1, "React: 👍")
    mine = message(ada, 1).get_by_role("button", name="👍 1 reaction")
    expect(mine).to_have_attribute("aria-pressed", "false")
    mine.click()
    both = message(bob, 1).get_by_role("button", name="👍 2 reactions")
    expect(both).to_have_attribute("aria-pressed", "true")
    both.hover()
    expect(both).to_have_attribute("title", "bob, ada")
    message(ada, 1).get_by_role("button", name="👍 2 reactions").click()
    expect(message(bob, 1).get_by_role("button", name="👍 1 reaction")).to_be_visible()

    # A deletion can be undone; it is sent when the page is left. A reply says that its original is deleted.
    choose(ada, 1, "Delete")
    undo = message(ada, 1).get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    ada.page.keyboard.press("Enter")
    expect(content(ada, 1)).to_have_text("one")
    choose(ada, 1, "Delete")
    choose(ada, 2, "Delete")  # bob's: ada is the owner
    expect(content(ada, 2)).to_contain_text("Message deleted.")
    expect(content(bob, 1)).to_have_text("one")
    ada.page.goto("about:blank")
    bob.sees("(deleted)", "(deleted by a moderator)", "three, edited", "four, an answer")
    expect(message(bob, 4).locator(".quote")).to_have_text("Reply to ada(deleted)")
    expect(message(bob, 1).get_by_role("button", name="More")).to_have_count(0)


def test_changes_are_not_missed_while_scrolled_away_or_offline(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        for number in range(1, 41):
            ada.say(f"message {number}" + "\nwith more lines" * 3)
        expect(message(bob, 40)).to_be_visible()
        bob.say("@ada, I was here")
        expect(message(ada, 41)).to_have_attribute("data-for-me", "")
        ada.page.get_by_role("region", name="Conversation").press("Home")
        expect(content(ada, 1)).to_be_visible()

        # What changes below keeps the position, and is there when ada scrolls.
        before = content(ada, 1).bounding_box()
        choose(bob, 41, "Edit")
        bob.say("I was here")
        choose(bob, 40, "React: 🎉")
        expect(message(ada, 41)).not_to_have_attribute("data-for-me", "")
        expect(message(ada, 40).get_by_role("button", name="🎉 1 reaction")).to_have_count(1)
        assert content(ada, 1).bounding_box() == before

        cable.cut()
        expect(ada.status).to_be_visible()
        choose(ada, 3, "React: 👍")  # is sent when the connection is back
        choose(bob, 41, "Delete")
        bob.say("back soon")
        message(bob, 42).hover()
        message(bob, 42).get_by_role("button", name="Reply", exact=True).click()
        bob.say("an answer")
        bob.page.goto("about:blank")
        cable.repair()
        ada.reconnect()
        ada.page.get_by_role("button", name=re.compile("Latest|new")).click()
        expect(content(ada, 41)).to_have_text("(deleted)")
        expect(message(ada, 43).locator(".quote")).to_have_text("Reply to bobback soon")
        bob.page.goto(f"{bob.url}/#/room/lounge/3")
        expect(message(bob, 3).get_by_role("button", name="👍 1 reaction")).to_be_visible()


STORM = """
async () => {
  const rows = [...document.querySelectorAll(".feed .message")];
  const last = Number(rows.at(-1).dataset.id);
  let redrawn = 0;
  const observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => (redrawn += addedNodes.length)));
  observer.observe(rows[0].parentElement, { childList: true });
  for (let count = 1; count <= 5000; count++) {
    const changed = { change_id: count, message_id: last - (count % 50), reactions: [{ emoji: "👍", count, users: [] }] };
    sockets.at(-1).onmessage({ data: JSON.stringify({ type: "reactions_changed", ...changed }) });
  }
  await new Promise(requestAnimationFrame);
  await new Promise((resolve) => setTimeout(resolve));
  return redrawn;
}
"""
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    if (url.pathname.includes("/chat/")) sockets.push(this);
  }
};
"""


def test_a_long_room_goes_to_a_date_and_draws_a_storm_of_changes_once(visitor: Visitors, daemon: DaemonProcess) -> None:
    ada = visitor("ada")
    ada.context.add_init_script(KEEP_SOCKETS)
    ada.register()
    ada.make_room("Long", "long")
    assert in_thread(daemon.stop) == 0
    in_thread(lambda: fill(daemon, "long", ada.email, 3000))
    in_thread(daemon.start)
    ada.reconnect()
    page = ada.page
    page.get_by_role("region", name="Conversation").press("End")
    expect(message(ada, 3000)).to_be_visible()
    # Each of the 50 rows is drawn once, or twice if a frame of the browser came in between.
    assert 50 <= ada.measured(STORM) <= 150
    expect(message(ada, 3000).get_by_role("button", name="👍 5,000 reactions")).to_be_visible()

    page.get_by_role("button", name="Go to a date").click()
    dialog = page.get_by_role("dialog", name="Go to a date")
    expect(dialog.get_by_label("Date")).to_be_focused()
    dialog.get_by_label("Date").fill("2023-11-16")
    page.keyboard.press("Enter")
    expect(message(ada, 1487)).to_be_focused()  # the first one after midnight in Berlin
    expect(message(ada, 1487).locator(".day")).to_have_text("Thursday, 16 November 2023")
    expect(page).to_have_url(re.compile("#/room/long$"))
