"""A closed community, run with the web client alone after the first account."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess
from tests.web.test_entering import LINK
from tests.web.test_people import about_person, about_room, moderate
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]


@pytest.mark.parametrize("daemon", [{"REICHATD_AUTH_REGISTRATION": "invite"}], indirect=True)
def test_a_newcomer_runs_a_closed_community(visitor: Visitors, daemon: DaemonProcess) -> None:
    ada, bob, eve = visitor("ada"), visitor("bob"), visitor("eve", phone=True)
    first = LINK.search(daemon.output)
    assert first
    ada.page.goto(first[0])
    ada.page.get_by_role("button", name="Create an account").click()
    ada.fill_registration()
    ada.make_room("Choir", "choir", "Rehearsals on Tuesday", password="swordfish")

    # One link for all, who need neither an account nor the room's password.
    about_room(ada).get_by_role("button", name="Invite").click()
    dialog = ada.page.get_by_role("dialog", name="Invite people")
    dialog.get_by_label("For", exact=True).select_option("25 people")
    dialog.get_by_role("button", name="Create link").click()
    link = dialog.get_by_label("Link", exact=True).inner_text()
    ada.screenshot("community-invite")
    for person in (bob, eve):
        person.page.goto(link)
        expect(person.page.get_by_text("to the room Choir.")).to_be_visible()
        person.page.get_by_role("button", name="Create an account").click()
        person.fill_registration()
        expect(person.composer).to_be_enabled()
    bob.say("When do we begin?")
    eve.sees("When do we begin?")

    # Others lead it too, and those who only disturb have to go, for good.
    moderate(ada, bob, "Make moderator", "Now a moderator")
    about_person(bob, eve).get_by_role("button", name="Ban", exact=True).click()
    bob.confirm("Ban eve?", "Ban")
    expect(eve.page.get_by_text("You are no longer a member of this room.")).to_be_visible()
    eve.page.goto("about:blank")
    eve.page.goto(link)
    eve.page.get_by_role("button", name="Join").click()
    expect(eve.page.get_by_role("alert")).to_have_text("You are banned from this room")

    # The invitation is deleted: its link admits no one any more.
    about_room(ada).get_by_role("button", name="Invite").click()
    dialog.get_by_role("list", name="Valid invitations").get_by_role("button").click()
    ada.confirm("Delete this invitation?", "Delete")
    expect(dialog.get_by_text("There are none.")).to_be_visible()
    late = visitor("late")
    late.page.goto(link)
    expect(late.page.get_by_text("It is wrong, too old or used up.")).to_be_visible()
    about_room(ada).get_by_role("button", name="Audit log").click()
    expect(ada.page.get_by_role("list", name="Audit log")).to_contain_text("bob banned eve")
    ada.screenshot("community-audit")
