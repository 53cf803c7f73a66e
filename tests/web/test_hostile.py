"""Messages and names stay text: they never become markup, a script, a style or a link that runs a script."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.process import DaemonProcess
from tests.web.test_entering import room_link
from tests.web.visitor import Visitor

HOSTILE = [
    "<script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "data:text/html,<script>window.hit=1</script>",
    'https://example.org/"onmouseover="window.hit=1',
    "https://example.org/'><b>",
    "{{constructor.constructor('window.hit=1')()}}",
    "<style>*{display:none}</style>",
    "</p></div></main><h1>Owned",
    "\u202egnp.exe https://example.org/\u202egnp",
    "<a href='javascript:window.hit=1'>x</a> &lt;b&gt; &amp;",
]


def test_messages_and_names_are_text(visitor: Callable[..., Visitor]) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room(HOSTILE[0], "hostile", HOSTILE[1])
    bob.register()
    bob.go("#/explore")
    expect(bob.page.get_by_text(HOSTILE[0])).to_be_visible()
    bob.join("hostile")
    expect(bob.page.get_by_role("heading", name=HOSTILE[0])).to_be_visible()
    for text in HOSTILE:
        ada.say(text)
    for person in (ada, bob):
        person.sees(*HOSTILE)
        person.page.get_by_role("button", name="About this room").click()
        expect(person.page.get_by_role("dialog")).to_contain_text(HOSTILE[1])
        assert person.measured("window.hit") is None
        feed = person.page.locator(".feed")
        assert feed.locator("script, img, style, h1, b").count() == 0
        addresses = feed.locator(".content a").evaluate_all("links => links.map(link => link.href)")
        assert addresses == ["https://example.org/", "https://example.org/", "https://example.org/"]


def test_names_of_people_are_text(visitor: Callable[..., Visitor]) -> None:
    """In all dialogs about people. The names are put into the server's answers, since the server refuses such names."""
    ada = visitor("ada")
    page = ada.page
    ada.register()
    ada.make_room(HOSTILE[0], "hostile", HOSTILE[1])

    def answer(path: str, **fields: object) -> None:
        page.route(f"**/room/hostile/{path}", lambda route: route.fulfill(json={"message": "ok", **fields}))

    people = [{"user_id": f"{number:024x}", "username": name} for number, name in enumerate(HOSTILE)]
    at = "2026-01-01T00:00:00Z"
    kicked = {"number": 1, "at": at, "event": "kicked", "actor": "1", "user_id": "2", "detail": HOSTILE[0]}
    answer("members?*", members=[{**each, "role": "member", "joined_at": at} for each in people])
    answer("bans?*", bans=people)
    answer(
        "invites",
        invites=[
            {"invite_id": "1", "created_by": each["user_id"], "created_at": at, "expires_at": at} for each in people
        ],
    )
    answer(
        "audit?*",
        entries=[
            *({**kicked, "actor_name": name, "username": name} for name in HOSTILE),
            {"number": 1, "at": at, "event": HOSTILE[2], "actor": "1", "actor_name": "x"},
        ],
    )

    def user(number: int) -> str:
        return json.dumps({"message": "ok", "user_details": {"email": HOSTILE[number], "username": HOSTILE[number]}})

    page.route("**/user/0000*", lambda route: route.fulfill(body=user(int(route.request.url.rpartition("/")[2], 16))))

    def shows(dialog: Locator, *texts: str) -> None:
        for text in texts:
            expect(dialog).to_contain_text(text)
        assert ada.measured("window.hit") is None
        assert dialog.locator("script, img, style, h1, b").count() == 0

    dialog = page.get_by_role("dialog").last
    page.get_by_role("button", name="About this room").click()
    shows(dialog, *HOSTILE, "Banned (12)")
    for button, texts in (("Invite", HOSTILE), ("Audit log", HOSTILE), ("Leave", HOSTILE[:1])):
        dialog.get_by_role("button", name=button).click()
        shows(dialog, *texts)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="About this room").click()
    for name in HOSTILE[:3]:
        dialog.get_by_role("list", name="Members").get_by_role("button").filter(has_text=name).first.click()
        expect(dialog.get_by_role("heading", level=2)).to_have_text(name)
        for button in ("Mute", "Kick", "Make owner"):
            dialog.get_by_role("button", name=button, exact=True).click()
            shows(dialog, name)
            page.keyboard.press("Escape")
        page.keyboard.press("Escape")


def test_names_in_invitations_are_text(visitor: Callable[..., Visitor], daemon: DaemonProcess) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room(HOSTILE[0], "hostile", HOSTILE[1], "swordfish")
    link = room_link(daemon, "hostile")
    bob.page.goto(link)
    for text in HOSTILE[:2]:
        expect(bob.page.get_by_text(text)).to_be_visible()
    bob.register()
    bob.page.goto(link)
    expect(bob.page.get_by_role("heading", name=HOSTILE[0])).to_be_visible()
    expect(bob.page.get_by_text(HOSTILE[1])).to_be_visible()
    bob.page.get_by_role("button", name="Join").click()
    expect(bob.composer).to_be_enabled()
    assert bob.measured("window.hit") is None


@pytest.mark.parametrize("markup", ["innerHTML", "outerHTML"])
def test_the_browser_refuses_markup(visitor: Callable[..., Visitor], markup: str) -> None:
    """The Content-Security-Policy: even a bug in the client cannot turn text into elements."""
    ada = visitor("ada")
    ada.page.goto(ada.url)
    refused = ada.measured(
        f"""() => {{
            try {{
                document.querySelector("main").{markup} = "<b>x</b>";
            }} catch (error) {{
                return String(error);
            }}
        }}"""
    )
    assert "TrustedHTML" in refused
    ada.errors.clear()


def test_addresses_are_links(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.register()
    ada.make_room("Links", "links")
    ada.say(
        "See https://example.org/a_(b)?c=1&d=2#e, (http://example.net/x). Not ftp://example.org or mailto:a@b.c or https://"
    )
    link = ada.page.locator(".feed .content a")
    expect(link).to_have_text(["https://example.org/a_(b)?c=1&d=2#e", "http://example.net/x", "mailto:a@b.c"])
    for attribute, value in (("rel", "noopener noreferrer nofollow"), ("target", "_blank")):
        expect(link.first).to_have_attribute(attribute, value)
