"""All screens are accessible (axe-core) and no wider than the window; screenshots for people are in build/screenshots."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

SERIOUS = {"serious", "critical", "moderate"}
TALK = [
    ("ada", "Morning! The new pages are up: https://example.org/almanac?year=1843"),
    ("ada", "Note G is the one that I would like you to read first."),
    ("bob", "Reading it now. So the engine repeats the same cards, with other numbers each time?"),
    ("ada", "Exactly. That is the whole idea."),
    ("bob", "Then nobody has to punch them twice.\nI shall tell the others at lunch; they will not believe it."),
    ("ada", "Tell them to come and look."),
]

EXTREME = [
    "Supercalifragilisticexpialidocious" * 8,
    "שלום, מה שלומך? (abc) 123!",
    "\U0001f389\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "https://example.org/" + "a-very-long-path/" * 12,
    "one\n\n\nfour",
]

# Everything scrolls vertically only: a long name without spaces must not move anything out of the window.
TOO_WIDE = """
() => [...document.querySelectorAll("html, dialog, .side, .rooms-scroll, #place, .page-body, .scroller, .message, .person, .bar"
  + ", .card, .entry, .panel, .parts")]
  .filter((element) => element.scrollWidth > element.clientWidth)
  .map((element) => `${element.localName}.${element.className}`)
"""


def check(person: Visitor, name: str) -> None:
    """Checks the screen with axe and for its width, and saves a screenshot."""
    page = person.page
    # Waits for animations to end.
    page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")
    person.screenshot(name)
    for announcer in page.locator("#announcer").all():  # the documentation has none
        assert announcer.bounding_box()["width"] == 1  # type: ignore[index]
    wide = page.evaluate(TOO_WIDE)
    assert not wide, f"{name}: wider than their container: {wide}"
    found = Axe().run(page).response["violations"]
    serious = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found if rule["impact"] in SERIOUS}
    assert not serious, f"{name}: {serious}"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_main_screens(visitor: Visitors, phone: bool, dark: bool) -> None:
    ada, bob = visitor("ada", phone=phone, dark=dark), visitor("bob")
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    page = ada.page
    page.goto(ada.url)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    check(ada, f"{kind}-login")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    check(ada, f"{kind}-register")
    ada.register()
    check(ada, f"{kind}-first")
    for name, room_id, description, password in (
        ("Analytical Engine", "engine", "Cards, mills and stores", ""),
        ("Reading circle", "reading", "A chapter a week, tea and disagreement", ""),
        ("Household", "household", "", "swordfish"),
    ):
        if phone:
            ada.go("#/")
        ada.make_room(name, room_id, description, password)
    bob.register()
    bob.join("reading")
    bob.say("Chapter four by Sunday, then.")
    bob.say("And bring the biscuits.")
    bob.join("engine")
    ada.go("#/room/engine")
    expect(ada.composer).to_be_enabled()
    expect(ada.composer).to_have_attribute("enterkeyhint", "enter" if phone else "send")
    for number, (who, text) in enumerate(TALK, 1):
        (ada if who == "ada" else bob).say(text)
        for person in (ada, bob):
            expect(person.page.locator(".feed .content")).to_have_count(number)
    check(ada, f"{kind}-talk")
    page.get_by_role("button", name="About this room").click()
    expect(page.get_by_role("dialog").get_by_text("bob")).to_be_visible()
    check(ada, f"{kind}-room")
    page.get_by_role("dialog").get_by_role("button", name="bob").click()
    expect(page.get_by_role("dialog", name="bob")).to_be_visible()
    check(ada, f"{kind}-person")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    ada.go("#/explore")
    expect(page.locator(".cards").get_by_role("link", name="Reading circle")).to_be_visible()
    check(ada, f"{kind}-explore")
    ada.go("#/")
    expect(page.get_by_role("navigation").locator(".count")).to_have_text("2 unread")
    check(ada, f"{kind}-rooms")
    page.get_by_role("button", name="New room").click()
    check(ada, f"{kind}-new-room")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="profile and settings").click()
    check(ada, f"{kind}-profile")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_other_screens(visitor: Visitors, daemon: DaemonProcess, phone: bool, dark: bool) -> None:
    """Dialogs, errors, empty and offline states, and extreme names and messages."""
    with Cable(daemon.port) as cable:
        ada, bob = visitor("ada", phone=phone, dark=dark, url=cable.url), visitor("b" * 32)
        kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
        page = ada.page
        dialog = page.get_by_role("dialog")

        page.goto(ada.url)
        page.get_by_role("button", name="I have a code").click()
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("alert")).to_have_text("Verification not found")
        check(ada, f"{kind}-verify")
        ada.register()
        ada.go("#/explore")
        expect(page.get_by_text("There are no public rooms yet.")).to_be_visible()
        check(ada, f"{kind}-no-rooms")
        ada.go("#/room/nowhere")
        expect(page.get_by_text("Room not found")).to_be_visible()
        check(ada, f"{kind}-no-room")

        bob.register()
        bob.make_room("Household", "household", "Bills, keys and who feeds the cat", "swordfish")
        ada.go("#/room/household")
        page.get_by_label("Password of the room").fill("herring")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("alert")).to_have_text("Invalid password")
        check(ada, f"{kind}-join")
        ada.join("household", "swordfish")
        check(ada, f"{kind}-no-messages")
        ada.go("#/")
        for text in EXTREME:
            bob.say(text)
        bob.sees(*EXTREME)
        ada.go("#/room/household")
        expect(page.locator(".new-line")).to_be_visible()
        check(ada, f"{kind}-unread")

        ada.go("#/")
        ada.make_room(f"{'Donaudampfschifffahrt' * 4} שלום", "long", "مرحبا " + "word" * 80)
        page.get_by_role("button", name="About this room").click()
        expect(dialog.get_by_text("Members (1)")).to_be_visible()
        check(ada, f"{kind}-long-room")
        dialog.get_by_role("button", name="Edit").click()
        dialog.get_by_label("Name", exact=True).fill("")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_text("Must have 1 to 100 characters on one line")).to_be_visible()
        check(ada, f"{kind}-edit-room")
        page.keyboard.press("Escape")
        bob.join("long")
        page.get_by_role("button", name="About this room").click()
        dialog.get_by_role("button", name=bob.name).click()
        banned = page.get_by_role("dialog", name=bob.name)
        banned.get_by_role("button", name="Ban", exact=True).click()
        question = page.get_by_role("dialog", name=f"Ban {bob.name}?")
        expect(question.get_by_role("button", name="Ban", exact=True)).to_be_enabled()
        check(ada, f"{kind}-ban")
        question.get_by_role("button", name="Ban", exact=True).click()
        expect(banned.get_by_text("Banned.")).to_be_visible()
        check(ada, f"{kind}-banned")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="About this room").click()
        expect(dialog.get_by_text("Banned (1)")).to_be_visible()
        check(ada, f"{kind}-bans")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("dialog", name="Delete this room?")).to_be_visible()
        check(ada, f"{kind}-delete-room")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="About this room").click()
        dialog.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("dialog", name="Leave this room?")).to_be_visible()
        check(ada, f"{kind}-leave-room")
        page.keyboard.press("Escape")

        ada.say("This one arrived.")
        ada.sees("This one arrived.")
        ada.say("too long " * 700)
        expect(page.locator(".composer .problem")).to_contain_text("Too long by 1,299 characters.")
        check(ada, f"{kind}-too-long")
        page.route("**/about", lambda route: route.abort())
        page.reload()
        ada.say("x" * 5001)
        expect(page.locator(".pending[data-failed] .state")).to_be_visible()
        check(ada, f"{kind}-refused")
        page.get_by_role("button", name="Discard").click()
        ada.measured(
            "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }"
        )
        ada.composer.fill("Not stored")
        expect(page.locator("#notice")).to_contain_text("This browser has no storage space left")
        check(ada, f"{kind}-full")
        ada.composer.fill("")
        cable.cut()
        expect(ada.status).to_contain_text("Your messages are saved")
        ada.say("And this one is waiting.")
        expect(page.locator(".pending .state")).to_have_text("Waiting")
        check(ada, f"{kind}-offline")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_screens_about_people(visitor: Visitors, phone: bool, dark: bool) -> None:
    """Roles, mutes, slow mode, invitations, direct conversations, the audit log; with names of extreme length."""
    ada, bob = visitor("ada", phone=phone, dark=dark), visitor("b" * 32, phone=phone, dark=dark)
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    page = ada.page
    dialog = page.get_by_role("dialog").last

    def about() -> None:
        page.evaluate("() => document.querySelectorAll('dialog').forEach((dialog) => dialog.close())")
        page.get_by_role("button", name="About this room").click()
        expect(dialog.get_by_role("heading", name="Members")).to_be_visible()

    ada.register()
    ada.make_room("Reading circle", "reading", "A chapter a week, tea and disagreement")
    bob.register()
    bob.join("reading")
    bob.say("Chapter four by Sunday, then.")
    ada.sees("Chapter four by Sunday, then.")

    about()
    dialog.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Slow mode").select_option("1 hour")
    check(ada, f"{kind}-edit-room")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    bob.say("And bring the biscuits.")
    ada.sees("Chapter four by Sunday, then.", "And bring the biscuits.")
    bob.say("Mine are eaten.")
    expect(bob.page.locator(".pending .state")).to_contain_text("Waiting until")
    expect(bob.page.locator(".limits")).to_contain_text("Slow mode")
    check(bob, f"{kind}-slow")

    about()
    dialog.get_by_role("button", name=bob.name).click()
    dialog.get_by_role("button", name="Make moderator").click()
    expect(dialog.get_by_text("Moderator of this room")).to_be_visible()
    dialog.get_by_role("button", name="Mute").click()
    check(ada, f"{kind}-mute")
    dialog.get_by_role("button", name="Mute").click()
    expect(dialog.get_by_text("Muted until")).to_be_visible()
    check(ada, f"{kind}-moderation")
    about()
    expect(dialog.get_by_text("muted until")).to_be_visible()
    check(ada, f"{kind}-members")
    bob.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    expect(bob.page.locator(".limits")).to_contain_text("You are muted")
    check(bob, f"{kind}-muted")

    dialog.get_by_role("button", name="Invite").click()
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_role("button", name="Delete")).to_be_visible()
    check(ada, f"{kind}-invite")
    about()
    dialog.get_by_role("button", name="Audit log").click()
    expect(dialog.get_by_text("created an invitation")).to_be_visible()
    check(ada, f"{kind}-audit")
    about()
    dialog.get_by_role("button", name="Leave").click()
    check(ada, f"{kind}-leave-owned-room")
    dialog.get_by_role("button", name="Transfer first").click()
    expect(dialog.get_by_role("button", name=bob.name)).to_be_visible()
    check(ada, f"{kind}-transfer")
    dialog.get_by_role("button", name=bob.name).click()
    expect(page.get_by_role("dialog", name="the owner?")).to_be_visible()
    check(ada, f"{kind}-confirm-transfer")

    about()
    dialog.get_by_role("button", name=bob.name).click()
    dialog.get_by_role("button", name="Message").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", name=bob.name)).to_be_visible()
    ada.say("Shall I bring the tea?")
    ada.sees("Shall I bring the tea?")
    check(ada, f"{kind}-direct")
    page.get_by_role("button", name="About this person").click()
    dialog.get_by_role("button", name="Block").click()
    expect(dialog.get_by_role("button", name="Unblock")).to_be_visible()
    check(ada, f"{kind}-direct-person")
    page.keyboard.press("Escape")
    ada.go("#/")
    expect(page.get_by_role("link", name="direct conversation")).to_be_visible()
    check(ada, f"{kind}-rooms-and-people")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_documentation_pages(visitor: Visitors, phone: bool, dark: bool) -> None:
    author = visitor("ada", phone=phone, dark=dark)
    for name in ("docs", "docs/websocket", "docs/guide"):
        author.page.goto(f"{author.url}/{name}")
        check(author, f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}-{name.replace('/', '-')}")


def test_everything_works_with_the_keyboard(visitor: Visitors) -> None:
    ada = visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")
    page = ada.page
    for text in ("one", "two", "three"):
        page.keyboard.type(text)  # the input has the focus
        page.keyboard.press("Enter")
    ada.sees("one", "two", "three")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("region", name="Conversation")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator('.message[data-id="3"]')).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator('.message[data-id="2"]')).to_be_focused()
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = page.locator('.message[data-id="2"]').get_by_role("button", name="Copy text")
    for _ in range(3):
        if not copy.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Tab")
    expect(copy).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert ada.measured("navigator.clipboard.readText()") == "two"


def test_messages_of_others_are_announced(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    bob.say("Good evening")
    expect(ada.page.locator("#announcer")).to_have_text("bob: Good evening")
