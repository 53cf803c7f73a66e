"""The settings page: what users do with their accounts."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.web.test_hostile import HOSTILE
from tests.web.visitor import PASSWORD, Visitor

Visitors = Callable[..., Visitor]


def call(person: Visitor, method: str, path: str, token: str, **body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, f"{person.url}{path}", headers=headers, json=body or None)


def access_token(person: Visitor, password: str = PASSWORD) -> str:
    answer = httpx.post(f"{person.url}/login", json={"email": person.email, "password": password}).raise_for_status()
    return str(answer.json()["tokens"]["access_token"])


def test_the_address_is_changed(visitor: Visitors) -> None:
    ada = visitor("ada")
    dialog = ada.page.get_by_role("dialog")
    ada.register()
    settings = ada.open_settings("Profile")
    settings.get_by_role("button", name="Change e-mail address").click()
    dialog.get_by_label("New e-mail address").fill("lovelace@example.org")
    dialog.get_by_label("Your password").fill("a wrong password")
    dialog.get_by_role("button", name="Send a code").click()
    expect(dialog.get_by_role("alert")).to_have_text("Invalid password")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Send a code").click()
    code = ada.mailed(re.compile(r"^ +(\d{6})\r?$", re.MULTILINE), to="lovelace@example.org")
    dialog.get_by_label("Code").fill(f" {code[:3]} {code[3:]}")
    dialog.get_by_role("button", name="Verify").click()
    expect(settings.get_by_text("You log in with lovelace@example.org")).to_be_visible()
    ada.mailed(re.compile(r"(lovelace@example\.org)"))  # the old address is told
    ada.log_out()
    ada.email = "lovelace@example.org"
    ada.log_in()


def test_login_sessions_are_ended(visitor: Visitors) -> None:
    ada, there, elsewhere = visitor("ada"), visitor("ada"), visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")  # a page notices by its sockets
    for other in (there, elsewhere):
        other.page.goto(ada.url)
        other.log_in()
    settings = ada.open_settings("Security")
    sessions = settings.get_by_role("list", name="Login sessions").get_by_role("listitem")
    expect(sessions).to_have_count(3)
    expect(sessions.filter(has_text="This login session")).to_have_count(1)
    expect(sessions.filter(has_text="127.0.0.1")).to_have_count(3)
    sessions.filter(has_not_text="This login session").last.get_by_role("button", name=re.compile("^End")).click()
    ada.confirm("End this login session?", "End")
    expect(sessions).to_have_count(2)
    expect(there.page.get_by_text("You have been logged out.")).to_be_visible()
    settings.get_by_role("button", name="End all others").click()
    ada.confirm("End all others?", "End all others")
    expect(sessions).to_have_count(1)
    expect(elsewhere.page.get_by_text("You have been logged out.")).to_be_visible()
    ada.page.reload()
    expect(sessions).to_have_count(1)


def test_tokens_and_app_passwords(visitor: Visitors) -> None:
    """Their names are text, as all names."""
    ada = visitor("ada")
    page, dialog = ada.page, ada.page.get_by_role("dialog")
    ada.register()
    ada.make_room(HOSTILE[0], "club")
    ada.make_room("Lounge", "lounge")
    settings = ada.open_settings("Programs")
    settings.get_by_role("button", name="New token").click()
    dialog.get_by_label("Name").fill(HOSTILE[1])
    for scope in ("Read", "Write"):
        dialog.get_by_label(scope).uncheck()
    dialog.get_by_role("button", name="Create token").click()
    expect(dialog.locator(".problem:not(:empty)")).to_be_visible()  # a token that may do nothing
    dialog.get_by_label("Read").check()
    dialog.get_by_label(HOSTILE[0]).check()
    dialog.get_by_label("Valid for").select_option("30")
    dialog.get_by_role("button", name="Create token").click()
    token = dialog.get_by_label("Token", exact=True).inner_text()
    assert call(ada, "GET", "/room/club", token).status_code == 200
    assert call(ada, "POST", "/room/club/leave", token).status_code == 403
    page.keyboard.press("Escape")
    tokens = settings.get_by_role("list", name="Tokens").get_by_role("listitem")
    expect(tokens).to_contain_text([f"{HOSTILE[1]}May: readOnly in {HOSTILE[0]}"])

    settings.get_by_role("button", name="New app password").click()
    dialog.get_by_label("Name").fill(HOSTILE[2])
    dialog.get_by_role("button", name="Create app password").click()
    password = dialog.get_by_label("App password", exact=True).inner_text()
    session = access_token(ada, password)
    page.keyboard.press("Escape")
    passwords = settings.get_by_role("list", name="App passwords").get_by_role("listitem")
    expect(passwords).to_contain_text([HOSTILE[2]])
    assert ada.measured("window.hit") is None

    tokens.get_by_role("button").click()
    ada.confirm("Delete this token?", "Delete")
    expect(settings.get_by_text("You have no tokens.")).to_be_visible()
    passwords.get_by_role("button").click()
    ada.confirm("Delete this app password?", "Delete")
    expect(settings.get_by_text("You have no app passwords.")).to_be_visible()
    assert call(ada, "GET", "/joined", token).status_code == 401
    assert call(ada, "GET", "/joined", session).status_code == 401


def test_blocked_people(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    bob.register()
    token = access_token(ada)
    bob_id = call(bob, "GET", "/user", access_token(bob)).json()["user_id"]
    assert call(ada, "PUT", f"/user/blocks/{bob_id}", token).status_code == 200
    settings = ada.open_settings("Profile")
    settings.get_by_role("button", name="Unblock: bob").click()
    expect(settings.get_by_text("You have blocked no one.")).to_be_visible()
    assert call(ada, "GET", "/user/blocks", token).json()["blocks"] == []


def test_a_copy_and_the_end(visitor: Visitors, tmp_path: Path) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    page, dialog = ada.page, ada.page.get_by_role("dialog")
    bob.register()
    bob.make_room("Lounge", "lounge")
    ada.register()
    ada.join("lounge")
    ada.say("A secret of ada")
    bob.sees("A secret of ada")
    ada.make_room("Club", "club")
    ada.composer.fill("An unsent text")

    settings = ada.open_settings("Data")
    with page.expect_download() as download:
        settings.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"ada-\d{4}-\d\d-\d\d\.ndjson", download.value.suggested_filename)
    download.value.save_as(tmp_path / "export")
    records = [json.loads(line) for line in (tmp_path / "export").read_text().splitlines()]
    assert any("A secret of ada" in json.dumps(record) for record in records)

    settings.get_by_role("button", name="Delete account").click()
    dialog.get_by_role("link", name="Club").click()  # a room that ada owns has to go first
    page.get_by_role("button", name="About this room").click()
    dialog.get_by_role("button", name="Delete").click()
    ada.confirm("Delete this room?", "Delete permanently")
    expect(page.get_by_text("No room open")).to_be_visible()
    ada.open_settings("Data")
    settings.get_by_role("button", name="Delete account").click()
    dialog.get_by_label("Are erased").check()
    dialog.get_by_label("Your password").fill("a wrong password")
    dialog.get_by_role("button", name="Delete permanently").click()
    expect(dialog.get_by_role("alert")).to_have_text("Invalid password")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    assert ada.measured("localStorage.length + sessionStorage.length") == 0
    ada.fill_login()
    expect(page.get_by_role("alert")).to_have_text("User not found")

    def is_erased() -> bool:
        bob.page.reload()
        bob.page.locator(".feed .content").first.wait_for()
        return bob.log_texts() == ["(deleted)"]

    bob.until(is_erased)
