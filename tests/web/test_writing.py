"""A message arrives once, or returns to its author for editing. It is not lost, and no other user of the browser sees it."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import APIResponse, Dialog, Locator, Page, Route, expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

BLOCKED = """
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() { throw new DOMException("The request was denied", "SecurityError"); } });
  }
  window.BroadcastChannel = class { constructor() { throw new DOMException("The operation is insecure", "SecurityError"); } };
"""
FULL = """
  Storage.prototype.setItem = () => { throw new DOMException("Exceeded the quota", "QuotaExceededError"); };
"""
SAFARIS_ENTER = """
  (input) => input.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, isComposing: false, bubbles: true, cancelable: true }))
"""


def in_a_room(visitor: Visitors, **options: str) -> Visitor:
    ada = visitor("ada", **options)
    ada.register()
    ada.make_room("Lounge", "lounge")
    return ada


def aborted(route: Route) -> None:
    route.abort()


def messages_sent(person: Visitor) -> list[str]:
    """The contents of all messages that the page has sent."""
    frames: list[dict[str, Any]] = [json.loads(frame) for frame in person.sent]
    return [frame["content"] for frame in frames if frame["type"] == "message"]


def dialogs_accepted(page: Page) -> list[str]:
    """Accepts all browser dialogs from now on; returns the list of their types."""
    kinds: list[str] = []

    def accept(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    return kinds


def failed(page: Page) -> Locator:
    return page.locator(".pending[data-failed]")


# --- messages that are too long


def test_a_message_that_is_too_long_is_not_sent(visitor: Visitors) -> None:
    ada = in_a_room(visitor)
    problem = ada.page.locator(".composer .problem")
    ada.composer.fill("x" * 77_000)
    expect(problem).to_have_text("Too long by 72,000 characters. A message has at most 5,000.")
    expect(ada.composer).to_have_attribute("aria-invalid", "true")
    ada.composer.press("Enter")
    ada.page.get_by_role("button", name="Send").click()
    expect(ada.composer).to_have_value("x" * 77_000)
    # The server counts code points, without surrounding space.
    for text in ("\U0001f600" * 5000, "a" * 5000):
        ada.composer.fill(f"\n \n {text}  \n")
        expect(problem).to_have_text("")
        ada.composer.press("Enter")
    ada.sees("\U0001f600" * 5000, "a" * 5000)
    ada.composer.fill("\U0001f600" * 5001)
    expect(problem).to_contain_text("Too long by 1 character.")
    assert messages_sent(ada) == ["\U0001f600" * 5000, "a" * 5000]


@pytest.mark.parametrize("size", [5001, 77_000], ids=["refused", "closed"])
def test_a_message_refused_as_too_long_is_not_sent_again(visitor: Visitors, size: int) -> None:
    """The page does not know the limits: the server refuses the message, or closes the connection with 1009."""
    ada = visitor("ada")
    ada.page.route("**/about", aborted)
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.say("before")
    ada.say("x" * size)
    ada.say("after")
    ada.until(lambda: ada.log_texts() == ["before", "after"])
    expect(failed(ada.page).get_by_role("button")).to_have_text(["Edit", "Discard"])
    assert messages_sent(ada).count("x" * size) == 1
    ada.page.unroute("**/about")
    ada.page.reload()
    expect(failed(ada.page).get_by_role("button")).to_have_text(["Edit", "Discard"])
    ada.composer.fill("a draft")
    failed(ada.page).get_by_role("button", name="Edit").click()
    expect(ada.composer).to_have_value("x" * size + "\n\na draft")
    expect(ada.composer).to_be_focused()
    expect(ada.page.locator(".pending")).to_have_count(0)
    expect(ada.page.locator(".composer .problem")).to_contain_text("Too long by")
    assert messages_sent(ada).count("x" * size) == 1


def test_a_changed_limit_is_noticed(visitor: Visitors) -> None:
    ada = visitor("ada")

    def smaller(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json=answer | {"limits": answer["limits"] | {"message_chars": 3}})

    ada.page.route("**/about", smaller)
    ada.page.clock.install()
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.composer.fill("four")
    expect(ada.page.locator(".composer .problem")).to_have_text("Too long by 1 character. A message has at most 3.")
    ada.page.unroute("**/about")
    ada.page.clock.run_for(11_000)
    ada.composer.press("Enter")
    expect(ada.page.locator(".composer .problem")).to_have_text("")
    ada.composer.press("Enter")
    ada.sees("four")


# --- typing


def test_an_enter_that_ends_an_ime_composition_does_not_send(visitor: Visitors) -> None:
    ada = in_a_room(visitor)
    ada.composer.focus()
    ime = ada.context.new_cdp_session(ada.page)
    ime.send("Input.imeSetComposition", {"text": "かん", "selectionStart": 2, "selectionEnd": 2})
    ada.composer.press("Enter")  # during the composition, as in all browsers but Safari
    ime.send("Input.insertText", {"text": "漢"})
    ada.composer.evaluate(SAFARIS_ENTER)
    expect(ada.composer).to_have_value(re.compile("漢"))
    assert messages_sent(ada) == []
    ada.say("漢字")
    ada.sees("漢字")
    assert messages_sent(ada) == ["漢字"]


def test_pasted_code_keeps_its_indentation(visitor: Visitors) -> None:
    ada = in_a_room(visitor)
    ada.say("  \n\n    if it:\n        works()  \n\n")
    ada.say("  a line of its own")
    code = "    if it:\n        works()"
    ada.until(lambda: ada.log_texts() == [code, "a line of its own"])
    assert messages_sent(ada) == [code, "a line of its own"]


# --- unsent messages


def test_unsent_messages_belong_to_their_author(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = in_a_room(visitor, url=cable.url), visitor("bob", url=cable.url)
        bob.register()
        bob.join("lounge")
        ada.say("Hello")
        ada.sees("Hello")
        cable.cut()
        expect(ada.status).to_be_visible()
        ada.say("written offline")
        ada.composer.fill("a draft")
        token = ada.measured("localStorage.getItem('reichatd.refresh_token')")
        httpx.post(f"{daemon.url}/logout", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        cable.repair()
        expect(ada.page.get_by_text("You have been logged out.")).to_be_visible()

        # Another user logs in at the same browser, then the author.
        page = ada.page
        page.get_by_label("E-mail").fill(bob.email)
        page.get_by_label("Password").fill("a good password")
        page.get_by_role("button", name="Log in").click()
        expect(ada.composer).to_have_value("")
        ada.sees("Hello")
        ada.log_out()
        ada.log_in()
        ada.enter("Lounge")
        ada.sees("Hello", "written offline")
        expect(ada.composer).to_have_value("a draft")

        # After a logout, the user decides at the next login.
        cable.cut()
        expect(ada.status).to_be_visible()
        ada.say("written before leaving")
        ada.log_out()
        cable.repair()
        ada.log_in()
        ada.enter("Lounge")
        expect(failed(page)).to_contain_text("Not sent: You logged out before it was sent.")
        failed(page).get_by_role("button", name="Send again").click()
        ada.sees("Hello", "written offline", "written before leaving")
        assert ada.measured("Object.keys(localStorage).filter((key) => key.includes('unsent'))") == []


def test_a_response_that_arrives_after_logout_is_ignored(visitor: Visitors) -> None:
    """Otherwise the next user of the browser would connect to its rooms and mark them as read."""
    ada, bob = in_a_room(visitor), visitor("bob")
    bob.register()
    bob.join("lounge")
    bob.page.goto("about:blank")
    ada.say("one")
    ada.sees("one")
    late: list[tuple[Route, APIResponse]] = []
    ada.page.route("**/joined*", lambda route: late.append((route, route.fetch())), times=1)
    ada.page.evaluate("window.dispatchEvent(new Event('focus'))")
    ada.until(lambda: late != [])
    ada.log_out()
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url.removeprefix(ada.url)))
    route, response = late[0]
    route.fulfill(response=response)
    ada.page.get_by_label("E-mail").fill(bob.email)
    ada.page.get_by_label("Password").fill("a good password")
    ada.page.get_by_role("button", name="Log in").click()
    expect(ada.page.get_by_role("navigation").locator(".count")).to_have_text("1 unread")
    assert "/refresh" not in asked
    expect(ada.page).to_have_title("(1) reichatd")


def test_closing_the_page_loses_no_message(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada = in_a_room(visitor, url=cable.url)
        cable.cut()
        expect(ada.status).to_be_visible()
        ada.say("one")
        ada.say("two")
        draft = "\n".join(f"line {number}" for number in range(10))
        ada.composer.fill(draft)
        # As earlier versions stored them, in sessionStorage.
        old = [
            {"nonce": "n1", "content": "one of old", "at": 1},
            {"nonce": "n2", "content": "arrived", "at": 2, "messageId": 1},
        ]
        ada.page.evaluate(
            """(old) => {
                const draft = Object.keys(localStorage).find((key) => key.startsWith("reichatd.unsent.draft."));
                sessionStorage.setItem(draft.replace("unsent.draft", "outbox"), old);
            }""",
            json.dumps(old),
        )
        cable.repair()
        asked = dialogs_accepted(ada.page)
        ada.page.route("**/ws/ticket", aborted)  # it reaches the server, but gets no WebSocket
        ada.page.reload()
        assert asked == ["beforeunload"]
        expect(ada.page.locator(".pending .content")).to_have_text(["one of old", "one", "two"])
        ada.page.close()
        page = ada.context.new_page()
        page.goto(f"{cable.url}/#/room/lounge")
        expect(page.locator(".feed .content")).to_have_text(["one of old", "one", "two"])
        composer = page.get_by_role("textbox", name="Message")
        expect(composer).to_have_value(draft)
        assert composer.evaluate("(input) => input.clientHeight >= input.scrollHeight"), (
            "not all ten lines are in sight"
        )


def test_tabs_share_unsent_messages(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada = in_a_room(visitor, url=cable.url)
        other = ada.context.new_page()
        other.goto(f"{cable.url}/#/room/lounge")
        composer = other.get_by_role("textbox", name="Message")
        expect(composer).to_be_enabled()
        composer.blur()  # Playwright lets each page believe that it has the focus
        ada.composer.fill("a draft")
        expect(composer).to_have_value("a draft")
        cable.cut()
        for page in (ada.page, other):
            expect(page.locator(".room .status")).to_be_visible()
        ada.say("one")
        composer.fill("two")
        composer.press("Enter")
        ada.say("three")
        for page in (ada.page, other):
            expect(page.locator(".pending .content")).to_have_text(["one", "two", "three"])
        cable.repair()
        for page in (ada.page, other):
            expect(page.locator(".feed .content")).to_have_count(3)
            expect(page.locator(".pending")).to_have_count(0)
        assert sorted(ada.log_texts()) == ["one", "three", "two"]

        # When a tab is closed, the other tabs, which stay connected, send its messages.
        ada.page.route("**/ws/ticket", aborted)
        ada.page.reload()
        ada.say("four")
        expect(other.locator(".pending .content")).to_have_text(["four"])
        ada.page.close()
        expect(other.locator(".feed .content")).to_have_count(4)
        expect(other.locator(".pending")).to_have_count(0)


@pytest.mark.parametrize("state", ["blocked", "full"])
def test_without_storage_messages_are_in_memory(visitor: Visitors, state: str) -> None:
    ada = visitor("ada")
    ada.context.add_init_script(BLOCKED if state == "blocked" else FULL)
    ada.register_by_form()
    ada.make_room("Lounge", "lounge")
    reason = "stores nothing for this page" if state == "blocked" else "has no storage space left"
    expect(ada.page.locator("#notice")).to_contain_text(reason)
    ada.say("Hello")
    ada.sees("Hello")
    ada.composer.fill("a draft")
    ada.page.get_by_role("link", name="Find rooms").click()
    ada.page.get_by_role("link", name="Lounge").first.click()
    expect(ada.composer).to_have_value("a draft")
    asked = dialogs_accepted(ada.page)
    ada.page.reload()
    assert asked == ["beforeunload"]
    expect(ada.page.get_by_role("heading", name="Log in")).to_be_visible()


# --- the code


@pytest.mark.parametrize("daemon", [{"REICHATD_MAIL_BACKEND": "console"}], indirect=True)
def test_a_printed_code_can_be_pasted_with_spaces(visitor: Visitors, daemon: DaemonProcess) -> None:
    page = visitor("ada").page
    page.goto(daemon.url)
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_text("This server sends no e-mail")).to_be_visible()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("It was printed where this server runs")).to_be_visible()
    for _ in range(3000):
        if code := daemon.code_for("ada@example.org"):
            break
        page.wait_for_timeout(10)
    assert code
    page.get_by_label("Code").fill(f" {code[:3]} {code[3:]}\t")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
