"""The list of rooms, which one socket of each device keeps up to date."""

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.test_settings import access_token, call
from tests.web.test_talk import SOCKETS
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

OPEN_SOCKETS = "sockets.filter(({ closed }) => closed === undefined).map(({ room }) => room)"


def link(person: Visitor, room: str) -> Locator:
    return person.page.locator(".rooms .room-link", has_text=room)


def test_two_devices_know_all_rooms_by_one_socket(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob, phone = visitor("ada"), visitor("bob"), visitor("ada", phone=True, url=cable.url)
        ada.context.add_init_script(SOCKETS)
        ada.register()
        for name in ("Garden", "Kitchen", "Lounge"):
            ada.make_room(name, name.lower())
        phone.page.goto(phone.url)
        phone.log_in()
        bob.register()
        bob.make_room("Club", "club")
        for room in ("garden", "lounge"):
            bob.join(room)
        ada.join("club")
        expect(link(phone, "Club")).to_be_visible()  # at once
        ada.page.get_by_role("link", name="Find rooms").click()
        ada.until(lambda: ada.measured(OPEN_SOCKETS) == ["/ws/user"])

        bob.say("one")
        bob.say("and @ada, two")
        for device in (ada, phone):
            expect(link(device, "Lounge")).to_have_accessible_name("Lounge @ 1 mention, 2 unread")
        link(ada, "Lounge").click()
        ada.sees("one", "and @ada, two")
        for device in (ada, phone):
            expect(device.page.locator(".rooms .count, .rooms .mentions")).to_have_count(0)
        ada.until(lambda: sorted(ada.measured(OPEN_SOCKETS)) == ["/ws/chat/lounge", "/ws/user"])

        cable.cut()
        link(bob, "Garden").click()
        bob.say("three")
        expect(link(ada, "Garden").locator(".count")).to_have_text("1 unread")
        expect(phone.page.locator(".rooms .count")).to_have_count(0)
        cable.repair()
        expect(link(phone, "Garden").locator(".count")).to_have_text("1 unread")

        token = access_token(bob)
        changed = call(bob, "PUT", "/room/club", token, name="<b>Club</b> of Bob", description="")
        assert changed.status_code == 200, changed.text
        expect(link(ada, "<b>Club</b>")).to_be_visible()
        ada_id = call(ada, "GET", "/user", access_token(ada)).json()["user_id"]
        assert call(bob, "POST", f"/room/club/kick/{ada_id}", token).status_code == 200
        for device in (ada, phone):
            said = device.page.locator(".removal")
            expect(said).to_contain_text("You have been removed from the room <b>Club</b>")
            expect(link(device, "<b>Club</b>")).to_have_count(0)
            said.get_by_role("button", name="Close").click()
            expect(said).to_be_empty()
