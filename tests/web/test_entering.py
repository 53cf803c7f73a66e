"""The ways in: a new password by mail, a second factor, invitations."""

import re
import time
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess, run_command
from tests.web.visitor import PASSWORD, Visitor

Visitors = Callable[..., Visitor]

NEW_PASSWORD = "a better password"
RESET_TOKEN = re.compile(r"^ +(\S+\.\d+\.\S+)\r?$", re.MULTILINE)
LINK = re.compile(r"https?://\S+#/invite/\S+")
SECOND_FACTOR = "One more step"


def test_a_forgotten_password(visitor: Visitors) -> None:
    ada, elsewhere = visitor("ada"), visitor("ada")
    page = ada.page
    ada.register_by_form()
    elsewhere.page.goto(ada.url)
    elsewhere.log_in()
    ada.log_out()
    page.get_by_role("button", name="Password forgotten?").click()
    page.get_by_label("E-mail").fill(ada.email)
    page.get_by_role("button", name="Send the link").click()
    page.get_by_label("Link or code from the mail").fill("65f0c1.1.wrong")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_contain_text("This link is wrong, used or too old")
    expect(elsewhere.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    # The link works in a browser that is logged in, too, and leaves no secret in the address.
    token = ada.mailed(RESET_TOKEN)
    elsewhere.page.goto(f"{ada.url}/#/reset/{token}")
    expect(elsewhere.page.get_by_role("heading", name="New password")).to_be_visible()
    assert token not in elsewhere.page.url
    elsewhere.page.get_by_label("New password").fill(NEW_PASSWORD)
    elsewhere.page.get_by_role("button", name="Set password").click()
    expect(elsewhere.page.get_by_text("Your password is changed. Log in with it.")).to_be_visible()
    elsewhere.log_in(NEW_PASSWORD)

    ada.go(f"#/reset/{token}")
    page.get_by_label("New password").fill("yet another password")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_contain_text("This link is wrong, used or too old")
    page.get_by_role("button", name="Back").click()
    ada.fill_login(PASSWORD)
    expect(page.get_by_role("alert")).to_have_text("Invalid password")
    ada.log_in(NEW_PASSWORD)


def test_a_second_factor(visitor: Visitors) -> None:
    ada, elsewhere = visitor("ada"), visitor("ada")
    page, dialog = ada.page, ada.page.get_by_role("dialog")
    ada.register()
    settings = ada.open_settings("Security")
    settings.get_by_role("button", name="Turn on").click()
    dialog.get_by_label("Your password").fill("a wrong password")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_role("alert")).to_have_text("Invalid password")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Go on").click()
    app = pyotp.TOTP(dialog.get_by_label("Secret", exact=True).inner_text().replace(" ", ""))
    expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    assert ada.measured("document.querySelector('.qr').naturalWidth") > 0
    now = time.time()
    dialog.get_by_label("Code that the app shows").fill(app.at(now))
    dialog.get_by_role("button", name="Turn on").click()
    codes = dialog.get_by_label("Recovery codes").inner_text().split()
    assert len(codes) == 10
    dialog.get_by_role("button", name="I have kept them").click()
    expect(settings.get_by_text("You have 10 recovery codes left.")).to_be_visible()

    ada.log_out()
    ada.fill_login()
    expect(page.get_by_role("heading", name=SECOND_FACTOR)).to_be_visible()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Code").fill(app.at(now + 30))  # a code is good once, so it is the next one
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
    elsewhere.page.goto(ada.url)
    elsewhere.fill_login()
    elsewhere.page.get_by_label("Code").fill(codes[0])
    elsewhere.page.get_by_role("button", name="Log in").click()
    expect(elsewhere.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    settings = ada.open_settings("Security")
    expect(settings.get_by_text("You have 9 recovery codes left.")).to_be_visible()
    settings.get_by_role("button", name="Turn off").click()
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_label("Code").fill(codes[1])
    dialog.get_by_role("button", name="Turn off").click()
    expect(settings.get_by_role("button", name="Turn on")).to_be_visible()
    ada.log_out()
    ada.log_in()


@pytest.mark.parametrize("daemon", [{"REICHATD_AUTH_REGISTRATION": "invite"}], indirect=True)
def test_a_server_for_the_invited(visitor: Visitors, daemon: DaemonProcess) -> None:
    """From the link that the daemon prints at its first start to a room of three, without a shell after that."""
    ada, bob, eve = visitor("ada"), visitor("bob"), visitor("eve")
    first = LINK.search(daemon.output)
    assert first

    eve.page.goto(eve.url)
    eve.page.get_by_role("button", name="I have an invitation").click()
    eve.page.get_by_label("Link").fill("https://example.org/#/invite/wrong")
    eve.page.get_by_role("button", name="Go on").click()
    expect(eve.page.get_by_text("It is wrong, too old or used up.")).to_be_visible()
    eve.page.get_by_role("button", name="Enter another link").click()
    expect(eve.page.get_by_label("Link")).to_be_focused()
    eve.page.get_by_role("button", name="I have an account").click()
    expect(eve.page.get_by_role("button", name="I have an invitation")).to_be_visible()
    expect(eve.page.get_by_role("button", name="Create an account")).to_have_count(0)

    ada.page.goto(first[0])
    expect(ada.page.get_by_text("to this server.")).to_be_visible()
    ada.page.get_by_role("button", name="Create an account").click()
    ada.fill_registration()
    expect(ada.page.get_by_role("navigation", name="Rooms")).to_be_visible()
    assert ada.page.url.endswith("#/")
    expect(ada.page.locator(".empty")).to_contain_text("You are in no room yet. Find one, or create your own.")
    ada.page.get_by_role("button", name="create your own").click()
    expect(ada.page.get_by_role("dialog", name="New room")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.make_room("Club", "club", "For members", password="swordfish")
    link = room_link(daemon, "club", uses="5")

    bob.page.goto(link)
    expect(bob.page.get_by_text("to the room Club.")).to_be_visible()
    bob.page.get_by_role("button", name="Create an account").click()
    bob.fill_registration()
    expect(bob.composer).to_be_enabled()
    assert bob.page.url.endswith("#/room/club")
    bob.say("I am in")
    ada.sees("I am in")

    # A user with an account joins by the link too, before or after the login.
    server_link = server_invite(daemon)
    eve.page.goto(eve.url)
    eve.page.get_by_role("button", name="I have an invitation").click()
    eve.page.get_by_label("Link").fill(server_link)
    eve.page.get_by_role("button", name="Go on").click()
    eve.page.get_by_role("button", name="Create an account").click()
    eve.fill_registration()
    eve.page.get_by_role("navigation", name="Rooms").wait_for()
    eve.log_out()
    eve.page.goto(link)
    eve.page.get_by_role("button", name="I have an account").click()
    eve.fill_login()
    expect(eve.page.get_by_role("heading", name="Club")).to_be_visible()
    eve.page.get_by_role("button", name="Join").click()
    eve.say("Me too")
    ada.sees("I am in", "Me too")
    eve.page.goto(link)
    expect(eve.composer).to_be_enabled()
    assert eve.page.url.endswith("#/room/club")
    eve.page.goto(server_invite(daemon))
    expect(eve.page.get_by_text("This invitation is for people without an account.")).to_be_visible()
    eve.page.goto(server_link)
    expect(eve.page.get_by_text("It is wrong, too old or used up.")).to_be_visible()


def room_link(daemon: DaemonProcess, room_id: str, uses: str = "1") -> str:
    return _invite(daemon, "--room", room_id, "--uses", uses)


def server_invite(daemon: DaemonProcess) -> str:
    return _invite(daemon, "--uses", "1")


def _invite(daemon: DaemonProcess, *options: str) -> str:
    made = run_command(daemon.directory, daemon.settings, "invite", *options)
    link = LINK.search(made.stdout)
    assert link, made
    return re.sub(r"^\w+://[^/]+", daemon.url, link[0])
