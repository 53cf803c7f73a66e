"""People in rooms: roles, mutes, slow mode, invitations, direct conversations, blocks, the audit log."""

import json
from collections.abc import Callable

from playwright.sync_api import Locator, Route, expect

from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]


def about_room(person: Visitor) -> Locator:
    """Opens the dialog of the room that is shown; closes all others."""
    person.page.evaluate("() => document.querySelectorAll('dialog').forEach((dialog) => dialog.close())")
    person.page.get_by_role("button", name="About this room").click()
    dialog = person.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Members")).to_be_visible()
    return dialog


def about_person(person: Visitor, other: Visitor) -> Locator:
    """Opens the dialog of a member of the room that is shown."""
    about_room(person).get_by_role("list", name="Members").get_by_role("button", name=other.name).click()
    return person.page.get_by_role("dialog", name=other.name, exact=True)


def moderate(person: Visitor, other: Visitor, what: str, outcome: str) -> None:
    """Clicks a button of a member's dialog that needs no confirmation."""
    dialog = about_person(person, other)
    dialog.get_by_role("button", name=what, exact=True).click()
    expect(dialog.get_by_text(outcome)).to_be_visible()


def in_lounge(visitor: Visitors, *names: str) -> list[Visitor]:
    """Registers people who are in one room, of which the first one is the owner."""
    people = [visitor(name) for name in names]
    for person in people:
        person.register()
        if person is people[0]:
            person.make_room("Lounge", "lounge")
        else:
            person.join("lounge")
    return people


def test_a_moderator_leads_a_room(visitor: Visitors) -> None:
    ada, bob, eve = in_lounge(visitor, "ada", "bob", "eve")
    moderate(ada, bob, "Make moderator", "Now a moderator")
    expect(about_room(ada).get_by_role("button", name="bob moderator")).to_be_visible()

    # A moderator mutes: what is posted is refused, until the mute ends.
    dialog = about_person(bob, eve)
    dialog.get_by_role("button", name="Mute").click()
    question = bob.page.get_by_role("dialog", name="Mute eve?")
    question.get_by_label("For").select_option("1 day")
    question.get_by_role("button", name="Mute").click()
    expect(dialog.get_by_text("Muted until")).to_be_visible()
    eve.say("Am I heard?")
    expect(eve.page.locator(".pending .state")).to_contain_text("You are muted in this room until")
    expect(eve.page.locator(".limits")).to_contain_text("You are muted until")
    moderate(bob, eve, "Unmute", "No longer muted.")
    eve.page.get_by_role("button", name="Send again").click()
    ada.sees("Am I heard?")

    # A moderator bans and unbans, but not the owner.
    dialog = about_person(bob, eve)
    dialog.get_by_role("button", name="Ban", exact=True).click()
    bob.confirm("Ban eve?", "Ban")
    expect(dialog.get_by_text("Banned.")).to_be_visible()
    expect(eve.status).to_have_text("You are no longer a member of this room.")
    expect(eve.page.locator(".limits")).to_be_hidden()
    expect(about_room(bob).get_by_role("heading", name="Banned (1)")).to_be_visible()
    bob.page.get_by_role("list", name="Banned").get_by_role("button", name="eve").click()
    bob.page.get_by_role("button", name="Unban").click()
    expect(bob.page.get_by_text("Can join again.")).to_be_visible()
    dialog = about_person(bob, ada)
    expect(dialog.get_by_text("Owner of this room")).to_be_visible()
    expect(dialog.get_by_text("Moderators cannot act on the owner")).to_be_visible()
    for name in ("Mute", "Kick", "Ban"):
        expect(dialog.get_by_role("button", name=name, exact=True)).to_be_disabled()

    moderate(ada, bob, "Dismiss as moderator", "No longer a moderator.")
    expect(about_person(bob, ada).get_by_role("heading", name="In this room")).to_have_count(0)
    expect(about_room(bob).get_by_role("button", name="Audit log")).to_have_count(0)
    about_room(ada).get_by_role("button", name="Audit log").click()
    entries = ada.page.get_by_role("list", name="Audit log").get_by_role("listitem")
    expect(entries).to_have_count(9)
    assert [text.split("\n")[0] for text in entries.all_inner_texts()] == [
        "ada dismissed bob as a moderator",
        "bob unbanned eve",
        "bob banned eve",
        "bob unmuted eve",
        "bob muted eve for 1 day",
        "ada made bob a moderator",
        "eve joined",
        "bob joined",
        "ada created the room",
    ]


def test_slow_mode(visitor: Visitors) -> None:
    ada, bob = in_lounge(visitor, "ada", "bob")

    def set_slow_mode(text: str) -> None:
        about_room(ada).get_by_role("button", name="Edit").click()
        ada.page.get_by_label("Slow mode").select_option(text)
        ada.page.get_by_role("button", name="Save").click()
        expect(ada.page.get_by_role("dialog")).to_have_count(0)

    set_slow_mode("1 hour")
    bob.say("one")
    ada.sees("one")
    bob.say("two")
    waiting = bob.page.locator(".pending .state")
    expect(waiting).to_contain_text("Waiting until")
    expect(bob.page.locator(".limits")).to_have_text("Slow mode: 1 hour between two messages.")
    expect(about_room(bob).get_by_text("Slow mode: 1 hour between two messages")).to_be_visible()
    bob.page.keyboard.press("Escape")
    for text in ("I need not", "wait"):
        ada.say(text)
    ada.sees("one", "I need not", "wait")
    expect(ada.page.locator(".limits")).to_be_hidden()

    # The waiting message can be changed, and is sent at once when slow mode ends.
    set_slow_mode("Off")
    bob.page.get_by_role("button", name="Edit").click()
    expect(bob.composer).to_have_value("two")
    bob.say("two, changed")
    ada.sees("one", "I need not", "wait", "two, changed")
    about_room(bob)
    expect(bob.page.locator(".limits")).to_be_hidden()


def test_an_owner_transfers_a_room_and_leaves(visitor: Visitors) -> None:
    ada, bob, eve = in_lounge(visitor, "ada", "bob", "eve")
    about_room(ada).get_by_role("button", name="Leave").click()
    ada.confirm("Leave this room?", "Transfer first")
    ada.page.get_by_role("dialog", name="Transfer the room").get_by_role("button", name="bob").click()
    ada.confirm("Make bob the owner?", "Transfer")
    ada.confirm("Leave this room?", "Leave")
    expect(ada.page.get_by_text("No room open")).to_be_visible()

    # The new owner gives it to another one, and leaves without a transfer.
    dialog = about_person(bob, eve)
    dialog.get_by_role("button", name="Make owner").click()
    bob.confirm("Make eve the owner?", "Transfer")
    expect(dialog.get_by_text("Now the owner of this room. You are a member.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Kick")).to_be_disabled()
    expect(dialog.get_by_text("Moderators cannot act on the owner")).to_be_hidden()
    about_room(eve).get_by_role("button", name="Leave").click()
    eve.confirm("Leave this room?", "Leave")
    expect(eve.page.get_by_text("No room open")).to_be_visible()
    expect(about_room(bob).get_by_text("The owner has left this room.")).to_be_visible()
    bob.page.keyboard.press("Escape")
    eve.go("#/room/lounge")
    expect(eve.page.get_by_text("You have left this room, and still own it.")).to_be_visible()
    eve.page.get_by_role("button", name="Delete").click()
    eve.confirm("Delete this room?", "Delete permanently")
    expect(bob.status).to_have_text("This room has been deleted.")


def test_invitations_to_a_room(visitor: Visitors) -> None:
    ada, bob, eve = visitor("ada"), visitor("bob"), visitor("eve")
    ada.register()
    ada.make_room("Club", "club", password="swordfish")

    def new_link() -> str:
        dialog.get_by_role("button", name="Create link").click()
        expect(dialog.get_by_role("button", name="Delete")).to_have_count(1)
        return dialog.get_by_label("Link", exact=True).inner_text()

    about_room(ada).get_by_role("button", name="Leave").click()
    leaving = ada.page.get_by_role("dialog", name="Leave this room?")
    expect(leaving).to_contain_text("note its id, since no list has it then: club")
    leaving.get_by_role("button", name="Cancel").click()
    about_room(ada).get_by_role("button", name="Invite").click()
    dialog = ada.page.get_by_role("dialog", name="Invite people")
    expect(dialog.get_by_text("without its password")).to_be_visible()
    dialog.get_by_label("For", exact=True).select_option("5 people")
    dialog.get_by_label("Valid for").select_option("30 days")
    link = new_link()
    expect(dialog.get_by_role("list", name="Valid invitations")).to_contain_text("For 5, until")
    bob.register()
    bob.page.goto(link)
    bob.page.get_by_role("button", name="Join").click()
    bob.say("I am in")
    ada.sees("I am in")

    dialog.get_by_role("button", name="Delete").click()
    ada.confirm("Delete this invitation?", "Delete")
    expect(dialog.get_by_text("There are none.")).to_be_visible()
    eve.register()
    eve.page.goto(link)
    expect(eve.page.get_by_text("It is wrong, too old or used up.")).to_be_visible()


def test_a_direct_conversation_and_a_block(visitor: Visitors) -> None:
    ada, bob = in_lounge(visitor, "ada", "bob")
    about_person(bob, ada).get_by_role("button", name="Message").click()
    expect(bob.page.get_by_role("dialog")).to_have_count(0)
    expect(bob.page.get_by_role("heading", name="ada", exact=True)).to_be_visible()
    bob.say("Between us")

    ada.page.evaluate("() => window.dispatchEvent(new Event('focus'))")  # the user comes back to the page
    ada.page.get_by_role("link", name="bob (direct conversation)").click()
    ada.sees("Between us")
    ada.page.get_by_role("button", name="About this person").click()
    dialog = ada.page.get_by_role("dialog", name="bob", exact=True)
    dialog.get_by_role("button", name="Block").click()
    expect(dialog.get_by_text("Blocked: cannot write to you")).to_be_visible()
    bob.say("Hello?")
    expect(bob.page.locator(".pending .state")).to_contain_text("This user takes no messages from you")
    dialog.get_by_role("button", name="Unblock").click()
    expect(dialog.get_by_text("No longer blocked.")).to_be_visible()
    bob.page.get_by_role("button", name="Send again").click()
    ada.sees("Between us", "Hello?")

    # A user who has left can come back with the same button.
    dialog.get_by_role("button", name="Leave").click()
    ada.confirm("Leave this conversation?", "Leave")
    expect(ada.page.get_by_role("link", name="direct conversation")).to_have_count(0)
    ada.page.get_by_role("link", name="Lounge").first.click()
    about_person(ada, bob).get_by_role("button", name="Message").click()
    ada.sees("Between us", "Hello?")


def test_members_are_found_by_role_and_name(visitor: Visitors) -> None:
    (ada,) = in_lounge(visitor, "ada")
    roles = {"person3": "moderator", "person7": "owner"}
    members = [
        {
            "user_id": f"{number:024x}",
            "username": name,
            "role": roles.get(name, "member"),
            "joined_at": "2026-01-01T00:00:00Z",
        }
        for number, name in enumerate(["Zoe", "bob", *(f"person{number}" for number in range(12, 0, -1))])
    ]
    answer = json.dumps({"message": "ok", "members": members})
    ada.page.route("**/room/lounge/members?*", lambda route: route.fulfill(body=answer))
    dialog = about_room(ada)
    names = dialog.get_by_role("list", name="Members").locator("bdi")
    others = [f"person{number}" for number in range(1, 13) if number not in (3, 7)]
    expect(names).to_have_text(["person7", "person3", "bob", *others, "Zoe"])
    dialog.get_by_role("searchbox").fill("ZO")
    expect(names).to_have_text(["Zoe"])


def test_going_back_closes_dialogs(visitor: Visitors) -> None:
    (ada,) = in_lounge(visitor, "ada")
    ada.make_room("Club", "club")
    about_room(ada)
    ada.page.go_back()
    expect(ada.page.get_by_role("heading", name="Lounge")).to_be_visible()
    expect(ada.page.get_by_role("dialog")).to_have_count(0)


def test_a_room_with_many_members(visitor: Visitors) -> None:
    """The server's answers are made here, since thousands of users cannot register in a test."""
    (ada,) = in_lounge(visitor, "ada")
    everyone = [
        {
            "user_id": f"{number:024x}",
            "username": f"person{number}",
            "role": "member",
            "joined_at": "2026-01-01T00:00:00Z",
        }
        for number in range(1, 2500)
    ]
    asked: list[str] = []

    def members(route: Route) -> None:
        query = route.request.url.partition("?")[2]
        asked.append(query)
        fields = dict(field.split("=") for field in query.split("&"))
        behind = [person for person in everyone if person["user_id"] > fields["after"]]
        route.fulfill(body=json.dumps({"message": "ok", "members": behind[: int(fields["limit"])]}))

    ada.page.route("**/room/lounge/members?*", members)
    dialog = about_room(ada)
    rows = dialog.get_by_role("list", name="Members").get_by_role("listitem")
    expect(rows).to_have_count(50)
    dialog.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(100)
    dialog.get_by_role("searchbox").fill("person249")
    expect(rows).to_have_text([f"Pperson{number}" for number in (249, *range(2490, 2500))])
    assert len(asked) == 5
    dialog.get_by_role("searchbox").fill("someone else")
    expect(dialog.get_by_text("No one is found.")).to_be_visible()
