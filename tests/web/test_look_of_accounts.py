"""As `test_look`, for the screens of accounts: the ways in, and the settings."""

from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess
from tests.web.test_entering import LINK, room_link, server_invite
from tests.web.test_look import check
from tests.web.visitor import PASSWORD, Visitor

Visitors = Callable[..., Visitor]

LONG = "Donaudampfschifffahrt" * 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("daemon", [{"REICHATD_AUTH_REGISTRATION": "invite"}], indirect=True, ids=["invite"])
def test_the_ways_in(visitor: Visitors, daemon: DaemonProcess, phone: bool, dark: bool) -> None:
    ada, bob = visitor("ada", phone=phone, dark=dark), visitor("bob")
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    page = ada.page
    first = LINK.search(daemon.output)
    assert first
    bob.page.goto(first[0])
    bob.page.get_by_role("button", name="Create an account").click()
    bob.fill_registration()
    bob.make_room(f"Reading circle {LONG}", "reading", "A chapter a week, tea and disagreement", "swordfish")
    link = room_link(daemon, "reading", uses="5")

    provider = {"name": "Example accounts", "button": "", "message": "ok"}
    page.route("**/oidc", lambda route: route.fulfill(json=provider))
    page.goto(ada.url)
    expect(page.get_by_role("button", name="I have an invitation")).to_be_visible()
    expect(page.get_by_role("link", name="Log in with Example accounts")).to_be_visible()
    check(ada, f"{kind}-login-closed")
    page.get_by_role("button", name="I have an invitation").click()
    check(ada, f"{kind}-enter-invitation")
    page.get_by_label("Link").fill("wrong")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("It is wrong, too old or used up.")).to_be_visible()
    check(ada, f"{kind}-invitation-wrong")
    page.goto(link)
    expect(page.get_by_text("A chapter a week, tea and disagreement")).to_be_visible()
    check(ada, f"{kind}-invited")
    page.goto(f"{ada.url}/#/")
    page.get_by_role("button", name="Password forgotten?").click()
    check(ada, f"{kind}-forgotten")
    page.get_by_label("E-mail").fill(ada.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_label("New password")).to_be_visible()
    check(ada, f"{kind}-reset")
    page.goto(server_invite(daemon))
    page.get_by_role("button", name="Create an account").click()
    ada.fill_registration()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("button", name="Join")).to_be_visible()
    check(ada, f"{kind}-invitation")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_settings(visitor: Visitors, phone: bool, dark: bool) -> None:
    ada = visitor("ada", phone=phone, dark=dark)
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    page, dialog, settings = ada.page, ada.page.get_by_role("dialog"), ada.page.locator(".settings")
    ada.register()
    for name, room_id in ((LONG, "long"), ("Lounge", "lounge")):
        ada.make_room(name, room_id)
        ada.go("#/")

    def open_part(name: str, path: str) -> None:
        ada.go(f"#/settings/{path}")
        expect(page.get_by_role("navigation", name="Settings").get_by_role("link", name=name)).to_have_attribute(
            "aria-current", "page"
        )
        expect(settings.get_by_text("Loading …")).to_have_count(0)

    open_part("Profile", "profile")
    check(ada, f"{kind}-profile")
    page.get_by_role("button", name="Change e-mail address").click()
    check(ada, f"{kind}-email")
    page.keyboard.press("Escape")

    open_part("Security", "security")
    check(ada, f"{kind}-security")
    settings.get_by_role("button", name="Turn on").click()
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Go on").click()
    secret = dialog.get_by_label("Secret", exact=True).inner_text().replace(" ", "")
    check(ada, f"{kind}-second-factor")
    dialog.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
    dialog.get_by_role("button", name="Turn on").click()
    expect(dialog.get_by_label("Recovery codes")).to_be_visible()
    check(ada, f"{kind}-recovery-codes")
    dialog.get_by_role("button", name="I have kept them").click()
    settings.get_by_role("button", name="Turn off").click()
    check(ada, f"{kind}-turn-off")
    page.keyboard.press("Escape")

    open_part("Notifications", "notifications")
    check(ada, f"{kind}-notifications")

    open_part("Programs", "programs")
    settings.get_by_role("button", name="New token").click()
    dialog.get_by_label("Name").fill(LONG)
    dialog.get_by_label("Lounge").check()
    check(ada, f"{kind}-new-token")
    dialog.get_by_role("button", name="Create token").click()
    expect(dialog.get_by_label("Token", exact=True)).to_be_visible()
    check(ada, f"{kind}-token")
    page.keyboard.press("Escape")
    expect(settings.get_by_text("May: read, write")).to_be_visible()
    check(ada, f"{kind}-programs")

    open_part("Data", "data")
    check(ada, f"{kind}-data")
    settings.get_by_role("button", name="Delete account").click()
    expect(dialog.get_by_text("You own these rooms")).to_be_visible()
    check(ada, f"{kind}-own-rooms")
    page.keyboard.press("Escape")
    for room_id in ("long", "lounge"):
        ada.go(f"#/room/{room_id}")
        page.get_by_role("button", name="About this room").click()
        dialog.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog", name="Delete this room?").get_by_role("button", name="Delete permanently").click()
        expect(dialog).to_have_count(0)
    open_part("Data", "data")
    settings.get_by_role("button", name="Delete account").click()
    expect(dialog.get_by_label("Your password")).to_be_visible()
    check(ada, f"{kind}-delete-account")
    page.keyboard.press("Escape")
    ada.go("#/")
    ada.log_out()
    ada.fill_login()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    check(ada, f"{kind}-code")
