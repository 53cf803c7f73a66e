"""The list of rooms, which one socket of each device keeps up to date."""

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.test_look import check
from tests.web.test_settings import access_token, call
from tests.web.test_talk import SOCKETS
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

OPEN_SOCKETS = "sockets.filter(({ closed }) => closed === undefined).map(({ room }) => room)"

OLDER_DAEMON = """
  window.WebSocket = class extends WebSocket {
    constructor(address) {
      super(String(address).replace("/ws/user", "/ws/unknown"));
    }
  };
"""
"""The daemon knows no socket for all rooms."""


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
        bob.context.add_init_script(OLDER_DAEMON)
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
        expect(link(bob, "Garden")).to_have_attribute("aria-current", "page")
        bob.say("three")
        expect(link(ada, "Garden").locator(".count")).to_have_text("1 unread")
        expect(phone.page.locator(".rooms .count")).to_have_count(0)
        ada.say("four")
        bob.page.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(link(bob, "Lounge").locator(".count")).to_have_text("1 unread")  # by requests for the list
        cable.repair()
        expect(link(phone, "Garden").locator(".count")).to_have_text("1 unread")

        token = access_token(bob)
        changed = call(bob, "PUT", "/room/club", token, name="<b>Club</b> of Bob", description="")
        assert changed.status_code == 200, changed.text
        for device in (ada, phone):
            expect(link(device, "<b>Club</b>")).to_be_visible()
        ada_id = call(ada, "GET", "/user", access_token(ada)).json()["user_id"]
        assert call(bob, "POST", f"/room/club/kick/{ada_id}", token).status_code == 200
        for device in (ada, phone):
            said = device.page.locator(".removal")
            expect(said).to_contain_text("You have been removed from the room <b>Club</b>")
            expect(link(device, "<b>Club</b>")).to_have_count(0)
            said.get_by_role("button", name="Close").click()
            expect(said).to_be_empty()


def test_the_list_is_put_in_order_and_searched(visitor: Visitors) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.register()
    for name in ("Garden", "Kitchen", "Lounge", "Pantry"):
        ada.make_room(name, name.lower())
    bob.register()
    for room in ("garden", "lounge"):
        bob.join(room)
        bob.say("Hello")
        bob.sees("Hello")
    names = ada.page.locator(".rooms .room-name")
    counts = ada.page.locator(".rooms .count")
    expect(counts).to_have_count(2)
    ada.page.get_by_role("button", name="Mark all as read").click()
    expect(counts).to_have_count(0)
    expect(ada.page.get_by_role("button", name="Mark all as read")).to_have_count(0)

    ada.page.get_by_role("button", name="Favourite").click()  # of the pantry, which is open
    expect(names).to_have_text(["Pantry", "Garden", "Kitchen", "Lounge"])
    link(ada, "Kitchen").press("Alt+Shift+ArrowDown")
    expect(names).to_have_text(["Pantry", "Garden", "Lounge", "Kitchen"])
    expect(link(ada, "Kitchen")).to_be_focused()
    link(ada, "Kitchen").press("Alt+Shift+ArrowUp")
    link(ada, "Kitchen").press("Alt+Shift+ArrowUp")
    link(ada, "Kitchen").press("Alt+Shift+ArrowUp")  # the favourites stay on top
    expect(names).to_have_text(["Pantry", "Kitchen", "Garden", "Lounge"])
    link(ada, "Lounge").drag_to(link(ada, "Kitchen"))
    expect(names).to_have_text(["Pantry", "Lounge", "Kitchen", "Garden"])
    ada.page.reload()
    expect(names).to_have_text(["Pantry", "Lounge", "Kitchen", "Garden"])

    link(ada, "Garden").click()
    expect(ada.page.get_by_role("heading", name="Garden")).to_be_visible()
    ada.composer.press("Control+k")
    switcher = ada.page.get_by_role("combobox", name="Go to a room or a person")
    options = ada.page.locator(".switcher").get_by_role("option")
    expect(switcher).to_be_focused()
    expect(options).to_have_text(["#Pantry", "#Lounge", "#Kitchen", "#Garden"])  # the open one last
    switcher.fill("ln")
    expect(options).to_have_text(["#Lounge"])
    switcher.fill("nothing")
    expect(ada.page.get_by_text("Nothing matches.")).to_be_visible()
    switcher.fill("bo")
    expect(options).to_have_text(["Bbobperson"])
    check(ada, "desk-light-switcher")
    switcher.press("Enter")
    expect(ada.page.get_by_role("heading", name="bob")).to_be_visible()
    expect(ada.composer).to_be_focused()
