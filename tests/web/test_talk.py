"""Two people talk, and the network, the daemon or the page fails them meanwhile."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess
from tests.web.cable import Cable
from tests.web.test_history import fill
from tests.web.visitor import Visitor, in_thread

Visitors = Callable[..., Visitor]


def pair(visitor: Visitors, **options: str) -> tuple[Visitor, Visitor]:
    """Two people in one room, which the first of them has made."""
    ada, bob = visitor("ada", **options), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge", "Where it begins")
    bob.register()
    bob.join("lounge")
    return ada, bob


def test_they_lose_the_network_and_the_daemon_and_miss_nothing(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        ada.say("one")
        bob.sees("one")
        bob.say("two")
        ada.sees("one", "two")

        cable.cut()
        expect(ada.status).to_contain_text("What you write is kept")
        ada.say("three, offline")
        ada.say("four, offline")
        expect(ada.page.locator(".pending .state")).to_have_text(["Waiting"] * 2)
        ada.picture("offline")
        bob.say("five, meanwhile")
        bob.sees("one", "two", "five, meanwhile")

        assert in_thread(daemon.stop) == 0
        expect(bob.status).to_contain_text("What you write is kept")
        bob.say("six, while it is down")
        in_thread(daemon.start)
        bob.reconnect()
        bob.sees("one", "two", "five, meanwhile", "six, while it is down")

        cable.mend()
        ada.reconnect()
        everything = ["one", "two", "five, meanwhile", "six, while it is down", "three, offline", "four, offline"]
        ada.sees(*everything)
        bob.sees(*everything)


def test_a_post_whose_ack_was_lost_is_stored_once(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        ada.page.evaluate(
            "() => { const real = WebSocket.prototype.send; window.lost = 0; WebSocket.prototype.send = function (text) {"
            " real.call(this, text); if (JSON.parse(text).type === 'message' && !window.lost++) this.close(); }; }"
        )
        ada.say("once")
        bob.sees("once")
        ada.sees("once")
        ada.say("twice")
        bob.sees("once", "twice")
        assert ada.measured("window.lost") >= 2


def test_messages_on_their_way_outlive_the_page(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        cable.cut()
        expect(ada.status).to_be_visible()
        ada.say("written before the reload")
        expect(ada.page.locator(".pending .content")).to_have_text(["written before the reload"])
        cable.mend()
        ada.page.reload()
        ada.sees("written before the reload")
        bob.sees("written before the reload")


def test_a_network_that_is_silent_is_noticed(visitor: Visitors) -> None:
    """The browser says that it is offline and the socket says nothing: then the server is asked."""
    ada, bob = pair(visitor)
    ada.say("one")
    bob.sees("one")
    ada.context.set_offline(True)
    expect(ada.status).to_contain_text("Offline", timeout=10_000)
    bob.say("two")
    ada.context.set_offline(False)
    ada.sees("one", "two")


SOCKETS = """
  window.sockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(address) {
      super(address);
      const socket = { room: new URL(address).pathname, opened: performance.now() };
      sockets.push(socket);
      this.addEventListener("close", ({ code, reason }) => Object.assign(socket, { code, reason, closed: performance.now() }));
    }
  };
"""


@pytest.mark.parametrize("daemon", [{"REICHATD_SERVER_RECONNECTS_PER_SECOND": "1"}], indirect=True)
def test_all_stay_away_for_the_pause_that_a_restart_asks_for(visitor: Visitors, daemon: DaemonProcess) -> None:
    rooms = 8
    ada = visitor("ada")
    ada.context.add_init_script(SOCKETS)
    ada.register()
    for number in range(rooms):
        ada.make_room(f"Room {number}", f"room{number}")
    ada.until(lambda: ada.measured("sockets.length") == rooms)
    assert in_thread(daemon.stop) == 0
    in_thread(daemon.start)
    ada.until(lambda: ada.measured("sockets.length") == 2 * rooms)
    sockets = ada.measured("sockets")
    pauses = []
    for before in sockets[:rooms]:
        (after,) = (each for each in sockets[rooms:] if each["room"] == before["room"])
        assert before["code"] == 1001
        asked = re.search(r"retry-after-ms=(\d+)", before["reason"])
        assert asked
        pauses.append(int(asked[1]))
        assert after["opened"] - before["closed"] >= pauses[-1] - 2  # timers are as exact as a millisecond
    assert max(pauses) > 2_000  # or the daemon would have asked for nothing that could be told from its own start


def test_what_is_unread_is_counted_and_marked(visitor: Visitors) -> None:
    ada, bob = pair(visitor)
    bob.say("before")
    ada.sees("before")
    ada.page.goto(f"{ada.url}/#/explore")
    bob.say("first new one")
    bob.say("second new one")
    count = ada.page.get_by_role("navigation").locator(".count")
    expect(count).to_have_text("2 unread")
    expect(ada.page).to_have_title(re.compile(r"^\(2\) "))
    ada.page.get_by_role("link", name="Lounge").first.click()
    new = ada.page.locator(".message", has=ada.page.locator(".new-line"))
    expect(new.locator(".content")).to_have_text("first new one")
    expect(count).to_have_count(0)
    ada.until_sent("set_last_read", message_id=3)
    # The mark is at the server: another browser begins behind it.
    other = visitor("ada")
    other.page.goto(ada.url)
    other.log_in()
    other.page.get_by_role("link", name="Lounge").first.click()
    other.sees("before", "first new one", "second new one")
    expect(other.page.locator(".new-line")).to_have_count(0)


def test_one_stays_logged_in_until_one_logs_out(visitor: Visitors) -> None:
    ada, _ = pair(visitor)
    ada.page.reload()
    expect(ada.composer).to_be_enabled()
    second = ada.context.new_page()
    second.goto(ada.url)
    expect(second.get_by_role("navigation", name="Rooms")).to_be_visible()
    ada.page.get_by_role("button", name="profile").click()
    ada.page.get_by_role("button", name="Log out").click()
    expect(ada.page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(second.get_by_role("heading", name="Log in")).to_be_visible()
    assert ada.measured("localStorage.length + sessionStorage.length") == 0
    ada.log_in()
    ada.page.get_by_role("link", name="Lounge").first.click()
    expect(ada.composer).to_be_enabled()


def test_no_token_is_in_an_address(visitor: Visitors) -> None:
    ada = visitor("ada")
    addresses: list[str] = []
    ada.page.on("request", lambda request: addresses.append(request.url))
    ada.page.on("websocket", lambda socket: addresses.append(socket.url))
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.say("Hello")
    ada.sees("Hello")
    kept = ada.measured("localStorage.getItem('reichatd.refresh_token')")
    assert any("?ticket=" in address for address in addresses)
    assert not any("eyJ" in address or kept in address or "token=" in address for address in addresses)
    assert all(address.startswith((ada.url, ada.url.replace("http", "ws"))) for address in addresses)


def test_a_room_that_was_made_anew_is_not_taken_for_the_old_one(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        here, there = visitor("ada", url=cable.url), visitor("ada")
        here.register()
        here.make_room("Lounge", "lounge")
        here.say("old one")
        here.say("old two")
        here.sees("old one", "old two")
        cable.cut()
        expect(here.status).to_be_visible()
        there.page.goto(there.url)
        there.log_in()
        there.page.get_by_role("link", name="Lounge").first.click()
        there.page.get_by_role("button", name="About this room").click()
        there.page.get_by_role("button", name="Delete").click()
        there.page.get_by_role("button", name="Delete for ever").click()
        expect(there.page.get_by_text("Nothing open")).to_be_visible()
        there.make_room("Lounge", "lounge")
        there.say("new one")
        there.sees("new one")
        cable.mend()
        here.reconnect()
        here.sees("new one")
        there.say("new two")
        here.sees("new one", "new two")


def test_a_backup_that_was_restored_is_noticed_where_not_all_had_been_read(
    visitor: Visitors, daemon: DaemonProcess, tmp_path: Path
) -> None:
    """The end of the former log was beyond what had been fetched of it."""
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor)
        bob.page.goto(cable.url)
        bob.log_in()
        bob.page.goto("about:blank")
        in_thread(daemon.stop)
        in_thread(lambda: fill(daemon, "lounge", ada.email, 60))
        (file,) = daemon.directory.rglob("*.sqlite3")
        shutil.copy(file, tmp_path / "backup")
        in_thread(lambda: fill(daemon, "lounge", ada.email, 40))
        in_thread(daemon.start)
        bob.page.goto(cable.url)
        expect(bob.page).to_have_title("(100) reichatd")
        cable.cut()
        in_thread(daemon.stop)
        shutil.copy(tmp_path / "backup", file)
        in_thread(daemon.start)
        ada.reconnect()
        ada.say("after the restore")
        cable.mend()
        expect(bob.page).to_have_title("(61) reichatd", timeout=40_000)
        bob.page.get_by_role("link", name="Lounge").first.click()
        bob.page.get_by_role("region", name="Conversation").press("End")
        expect(bob.page.get_by_text("after the restore")).to_be_visible()
