"""The open room with replies, reactions, pins and long names: accessible, no wider than the window, by keyboard and by touch."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.test_look import EXTREME, check
from tests.web.test_open_room import choose, message
from tests.web.visitor import Visitor


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desk-light", "phone-dark"])
def test_messages_with_all_that_people_add(visitor: Callable[..., Visitor], phone: bool, dark: bool) -> None:
    ada, bob = visitor("a" * 32), visitor("b" * 32, phone=phone, dark=dark)
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    bob.say("W" * 300)
    expect(message(ada, 1)).to_be_visible()
    choose(ada, 1, "Pin")
    for number, text in enumerate(
        (f"@{bob.name} an answer, {EXTREME[0]}", EXTREME[1], "to be edited", "to be deleted"), 2
    ):
        message(ada, 1).hover()
        message(ada, 1).get_by_role("button", name="Reply", exact=True).click()
        ada.say(text)
        expect(message(ada, number)).to_be_visible()
    for emoji in ("👍", "❤️", "😂", "🎉", "😮", "😢"):
        choose(ada, 3, f"React: {emoji}")
    choose(ada, 4, "Edit")
    ada.say("edited, " + "with words " * 20)
    choose(ada, 5, "Delete")
    expect(message(ada, 5).get_by_role("button", name="Undo")).to_be_focused()

    page = bob.page
    expect(message(bob, 3).locator(".reaction")).to_have_count(7)
    expect(message(bob, 4).locator(".edited")).to_be_visible()
    check(bob, f"{kind}-room-messages")
    row = message(bob, 1)
    if phone:
        touch = {"pointerType": "touch", "isPrimary": True, "bubbles": True}
        row.locator(".content").dispatch_event("pointerdown", touch)  # and is held
    else:
        row.click(position={"x": 60, "y": 60})
        for _ in range(6):
            if not row.get_by_role("button", name="More").evaluate("button => button === document.activeElement"):
                page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    menu = page.get_by_role("dialog", name="More")
    expect(menu.get_by_role("button", name="Reply")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("button", name="Edit")).to_be_focused()
    check(bob, f"{kind}-message-menu")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    if not phone:
        expect(row.get_by_role("button", name="More")).to_be_focused()

    page.get_by_role("button", name="Pinned messages").click()
    expect(page.get_by_role("dialog").get_by_text("WWW")).to_be_visible()
    check(bob, f"{kind}-pins")
    page.keyboard.press("Escape")
    choose(bob, 3, "Who reacted")
    expect(page.get_by_role("dialog").get_by_role("button", name=ada.name)).to_have_count(6)
    check(bob, f"{kind}-reactors")
    page.keyboard.press("Escape")
    choose(bob, 1, "Edit")
    check(bob, f"{kind}-editing")
