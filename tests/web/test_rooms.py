"""Actions on rooms, members and the own account."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.visitor import PASSWORD, Visitor

Visitors = Callable[..., Visitor]


def open_room_dialog(person: Visitor) -> None:
    person.page.get_by_role("button", name="About this room").click()


def test_a_room_with_a_password(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Club", "club", "By invitation", password="swordfish")
    bob.register()
    bob.go("#/explore")
    expect(bob.page.get_by_text("There are no public rooms yet.")).to_be_visible()
    bob.page.get_by_label("Open a room by its id").fill("club")
    bob.page.get_by_role("button", name="Open").click()
    expect(bob.page.get_by_text("This room has a password.")).to_be_visible()
    bob.page.get_by_label("Password of the room").fill("herring")
    bob.page.get_by_role("button", name="Join").click()
    expect(bob.page.get_by_role("alert")).to_have_text("Invalid password")
    bob.page.get_by_label("Password of the room").fill("swordfish")
    bob.page.get_by_role("button", name="Join").click()
    bob.say("I am in")
    ada.sees("I am in")


def test_an_owner_edits_and_deletes(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Club", "club", password="swordfish")
    bob.register()
    bob.join("club", "swordfish")
    open_room_dialog(bob)
    expect(bob.page.get_by_role("dialog").get_by_role("button", name="Delete")).to_have_count(0)
    bob.page.keyboard.press("Escape")

    open_room_dialog(ada)
    ada.page.get_by_role("button", name="Edit").click()
    ada.page.get_by_label("Name", exact=True).fill("")
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_text("Must have 1 to 100 characters on one line")).to_be_visible()
    ada.page.get_by_label("Name", exact=True).fill("Open house")
    ada.page.get_by_label("Make the room public, without a password").check()
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_role("heading", name="Open house")).to_be_visible()
    bob.go("#/explore")
    expect(bob.page.get_by_role("link", name="Open house").last).to_be_visible()
    bob.go("#/room/club")
    expect(bob.composer).to_be_enabled()

    open_room_dialog(ada)
    ada.page.get_by_role("button", name="Delete").click()
    ada.page.get_by_role("button", name="Delete permanently").click()
    expect(ada.page.get_by_text("No room open")).to_be_visible()
    expect(bob.status).to_have_text("This room has been deleted.")
    expect(bob.composer).to_be_disabled()


def test_an_owner_kicks_bans_and_unbans(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    bob.say("Hello")
    ada.sees("Hello")

    open_room_dialog(ada)
    ada.page.get_by_role("dialog").get_by_role("button", name="bob").click()  # a member
    person = ada.page.get_by_role("dialog", name="bob")
    expect(person.get_by_role("button", name="Unban")).to_have_count(0)
    person.get_by_role("button", name="Kick").click()
    ada.confirm("Kick bob?", "Kick")
    expect(person.get_by_text("No longer in the room")).to_be_visible()
    expect(person.get_by_role("button", name="Kick")).to_be_disabled()
    expect(bob.status).to_have_text("You are no longer a member of this room.")
    bob.page.locator(".room").get_by_role("button", name="Join").click()
    bob.page.locator(".page").get_by_role("button", name="Join").click()
    expect(bob.composer).to_be_enabled()

    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("dialog").get_by_role("heading", name="Members (1)")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.locator(".author", has_text="bob").click()  # an author
    person.get_by_role("button", name="Ban", exact=True).click()
    ada.confirm("Ban bob?", "Ban")
    expect(person.get_by_text("Banned.")).to_be_visible()
    shown = ["", "Message", "Block", "Mute", "Kick", "Ban", "Unban", "Make moderator", "Make owner"]  # "" closes it
    expect(person.get_by_role("button")).to_have_text(shown)
    disabled = ["Mute", "Kick", "Ban", "Make moderator", "Make owner"]
    expect(person.get_by_role("button", disabled=True)).to_have_text(disabled)
    expect(bob.composer).to_be_disabled()
    bob.go("#/")
    bob.go("#/room/lounge")
    bob.page.get_by_role("button", name="Join").click()
    expect(bob.page.get_by_role("alert")).to_have_text("You are banned from this room")

    # Another browser of the owner gets the bans from the server.
    other = visitor("ada")
    other.page.goto(other.url)
    other.log_in()
    other.enter("Lounge")
    open_room_dialog(other)
    banned = other.page.get_by_role("dialog").filter(has_text="Banned (1)")
    banned.get_by_role("button", name="bob").click()
    other.page.get_by_role("button", name="Unban").click()
    expect(other.page.get_by_text("Can join again.")).to_be_visible()
    expect(other.page.get_by_role("button", name="Unban")).to_have_count(0)
    bob.page.get_by_role("button", name="Join").click()
    bob.say("Back")
    ada.sees("Hello", "Back")


def test_a_double_click_does_not_confirm(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    open_room_dialog(ada)
    ada.page.get_by_role("dialog").get_by_role("button", name="bob").click()
    for name in ("Kick", "Ban"):
        button = ada.page.get_by_role("dialog", name="bob", exact=True).get_by_role("button", name=name, exact=True)
        question = ada.page.get_by_role("dialog", name=f"{name} bob?")
        expect(button).to_be_enabled()
        # The worst case: the second click hits the button that confirms.
        ada.page.evaluate(
            """() => document.addEventListener("click", () => setTimeout(() => {
                document.querySelector(".danger").click();
                window.clicks = (window.clicks ?? 0) + 1;
            }, 180), { once: true })"""
        )
        button.click()
        expect(question.get_by_role("button", name="Cancel")).to_be_focused()
        expect(question.get_by_role("button", name=name, exact=True)).to_be_enabled()
        ada.page.keyboard.press("Enter")
        expect(question).to_have_count(0)
        expect(button).to_be_focused()
    assert ada.measured("window.clicks") == 2
    assert not [url for url in asked if "/kick/" in url or "/ban/" in url]
    bob.say("Still here")
    ada.sees("Still here")


def test_a_kicked_user_can_join_before_the_list_of_rooms_is_updated(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    bob.register()
    bob.join("lounge")
    bob.page.route("**/joined*", lambda _: None)  # no answer

    open_room_dialog(ada)
    ada.page.get_by_role("dialog").get_by_role("button", name="bob").click()
    ada.page.get_by_role("dialog", name="bob").get_by_role("button", name="Kick").click()
    ada.confirm("Kick bob?", "Kick")
    expect(bob.status).to_have_text("You are no longer a member of this room.")
    bob.go("#/")
    bob.go("#/room/lounge")
    expect(bob.page.get_by_role("button", name="Join")).to_be_visible()


def test_a_member_leaves_and_comes_back(visitor: Visitors) -> None:
    ada = visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")
    open_room_dialog(ada)
    ada.page.get_by_role("button", name="Leave").click()
    ada.page.get_by_role("dialog", name="Leave this room?").get_by_role("button", name="Leave").click()
    expect(ada.page.get_by_text("No room open")).to_be_visible()
    expect(ada.page.locator(".rooms .room-link")).to_have_count(0)
    ada.page.get_by_role("link", name="Find rooms").click()
    ada.page.get_by_role("link", name="Lounge").click()
    ada.page.get_by_role("button", name="Join").click()
    expect(ada.composer).to_be_enabled()


def test_a_name_and_a_password_are_changed(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.say("Who am I?")
    bob.register()
    bob.join("lounge")
    bob.sees("Who am I?")
    ada.page.get_by_role("link", name="profile and settings").click()
    settings = ada.page.locator(".settings")
    settings.get_by_label("Name").fill("a")
    settings.get_by_role("button", name="Change name").click()
    expect(settings.get_by_text("3 to 32")).to_be_visible()
    settings.get_by_label("Name").fill("lovelace")
    settings.get_by_role("button", name="Change name").click()
    expect(settings.get_by_text("Your name is changed")).to_be_visible()
    ada.page.get_by_role("link", name="Security").click()
    settings.get_by_label("Current password").fill("wrong password")
    settings.get_by_label("New password").fill("a better password")
    settings.get_by_role("button", name="Change password").click()
    expect(settings.get_by_text("Invalid password")).to_be_visible()
    settings.get_by_label("Current password").fill(PASSWORD)
    settings.get_by_role("button", name="Change password").click()
    expect(settings.get_by_text("Your password is changed.")).to_be_visible()
    ada.page.get_by_role("link", name="Lounge").click()
    ada.say("It is me")
    # The new name is shown on earlier messages too.
    expect(bob.page.locator(".author")).to_have_text(["lovelace"])
    bob.page.get_by_role("button", name="lovelace").click()
    expect(bob.page.get_by_role("dialog", name="lovelace")).to_contain_text("ada@example.org")


def test_errors_are_shown_at_their_fields(visitor: Visitors) -> None:
    ada = visitor("ada")
    page = ada.page
    page.goto(ada.url)
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("User not found")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Name").fill("a!")
    page.get_by_label("E-mail").fill("ada")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    for label in ("Name", "E-mail", "Password"):
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_role("button", name="I have an account").click()
    ada.register()


@pytest.mark.parametrize("daemon", [{"REICHATD_LIMITS_SOCKETS_PER_USER": "2"}], indirect=True)
def test_an_open_room_takes_the_connection_of_another_one(visitor: Visitors) -> None:
    ada = visitor("ada")
    ada.register()
    for room in ("first", "second", "third"):
        ada.make_room(room, room)
        expect(ada.page.get_by_role("heading", name=room)).to_be_visible()
        ada.say(f"in the {room}")
        ada.sees(f"in the {room}")
    ada.page = ada.context.new_page()  # all connections are in the other tab
    ada.page.goto(f"{ada.url}/#/room/first")
    ada.say("again")
    ada.sees("in the first", "again")
