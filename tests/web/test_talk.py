"""Two people chat while the network, the daemon or the page fails."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.process import DaemonProcess, run_command
from tests.web.cable import Cable
from tests.web.test_history import fill
from tests.web.visitor import Visitor, in_thread

Visitors = Callable[..., Visitor]


def pair(visitor: Visitors, **options: str) -> tuple[Visitor, Visitor]:
    """Two people in one room, created by the first one."""
    ada, bob = visitor("ada", **options), visitor("bob")
    ada.register()
    ada.make_room("Lounge", "lounge", "A first room")
    bob.register()
    bob.join("lounge")
    return ada, bob


def test_no_message_is_missed_when_the_network_or_the_daemon_fails(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        ada.say("one")
        bob.sees("one")
        bob.say("two")
        ada.sees("one", "two")

        cable.cut()
        expect(ada.status).to_contain_text("Your messages are saved")
        ada.say("three, offline")
        ada.say("four, offline")
        expect(ada.page.locator(".pending .state")).to_have_text(["Waiting"] * 2)
        ada.screenshot("offline")
        bob.say("five, meanwhile")
        bob.sees("one", "two", "five, meanwhile")

        assert in_thread(daemon.stop) == 0
        expect(bob.status).to_contain_text("Your messages are saved")
        bob.say("six, while it is down")
        in_thread(daemon.start)
        bob.reconnect()
        bob.sees("one", "two", "five, meanwhile", "six, while it is down")

        cable.repair()
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


def test_unsent_messages_survive_a_reload(visitor: Visitors, daemon: DaemonProcess) -> None:
    with Cable(daemon.port) as cable:
        ada, bob = pair(visitor, url=cable.url)
        cable.cut()
        expect(ada.status).to_be_visible()
        ada.say("written before the reload")
        expect(ada.page.locator(".pending .content")).to_have_text(["written before the reload"])
        cable.repair()
        ada.page.reload()
        ada.sees("written before the reload")
        bob.sees("written before the reload")


def test_a_silent_network_is_detected(visitor: Visitors) -> None:
    """The browser reports that it is offline, the socket reports nothing: the page checks the server."""
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
      this.addEventListener("open", () => Object.assign(socket, { isOpen: true }));
      this.addEventListener("close", ({ code, reason }) => Object.assign(socket, { code, reason, closed: performance.now() }));
    }
  };
"""


@pytest.mark.parametrize("daemon", [{"REICHATD_SERVER_RECONNECTS_PER_SECOND": "1"}], indirect=True)
def test_all_clients_reconnect_after_the_pause_that_a_restart_asks_for(
    visitor: Visitors, daemon: DaemonProcess
) -> None:
    tabs, sockets_of_a_tab = 4, 2  # the user's and the open room's
    ada = visitor("ada")
    ada.context.add_init_script(SOCKETS)
    ada.register()
    ada.make_room("Lounge", "lounge")
    pages = [ada.page, *(ada.context.new_page() for _ in range(tabs - 1))]
    for page in pages:
        page.goto(f"{ada.url}/#/room/lounge")
    are_open = "sockets.filter((each) => each.isOpen).length"
    ada.until(lambda: all(page.evaluate(are_open) == sockets_of_a_tab for page in pages))
    assert in_thread(daemon.stop) == 0
    in_thread(daemon.start)
    ada.until(lambda: all(page.evaluate("sockets.length") == 2 * sockets_of_a_tab for page in pages))
    pauses = []
    sockets = [{**each, "tab": tab} for tab, page in enumerate(pages) for each in page.evaluate("sockets")]
    for before in (each for each in sockets if "closed" in each):
        (after,) = (
            each
            for each in sockets
            if (each["tab"], each["room"]) == (before["tab"], before["room"]) and "closed" not in each
        )
        assert before["code"] == 1001
        asked = re.search(r"retry-after-ms=(\d+)", before["reason"])
        assert asked
        pauses.append(int(asked[1]))
        assert after["opened"] - before["closed"] >= pauses[-1] - 2  # timers are accurate to a millisecond
    assert len(pauses) == tabs * sockets_of_a_tab
    assert max(pauses) > 2_000  # long enough to differ from the daemon's start time


def test_unread_messages_are_counted_and_marked(visitor: Visitors) -> None:
    ada, bob = pair(visitor)
    bob.say("before")
    ada.sees("before")
    ada.go("#/explore")
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
    # The server stores the read mark: another browser starts after it.
    other = visitor("ada")
    other.page.goto(ada.url)
    other.log_in()
    other.enter("Lounge")
    other.sees("before", "first new one", "second new one")
    expect(other.page.locator(".new-line")).to_have_count(0)


def test_the_login_lasts_until_logout(visitor: Visitors) -> None:
    ada, _ = pair(visitor)
    ada.page.reload()
    expect(ada.composer).to_be_enabled()
    second = ada.context.new_page()
    second.goto(ada.url)
    expect(second.get_by_role("navigation", name="Rooms")).to_be_visible()
    ada.page.get_by_role("link", name="profile and settings").click()
    ada.page.get_by_role("button", name="Log out").click()
    expect(ada.page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(second.get_by_role("heading", name="Log in")).to_be_visible()
    assert ada.measured("localStorage.length + sessionStorage.length") == 0
    ada.log_in()
    ada.enter("Lounge")
    expect(ada.composer).to_be_enabled()


def test_no_url_contains_a_token(visitor: Visitors) -> None:
    ada = visitor("ada")
    addresses: list[str] = []
    ada.page.on("request", lambda request: addresses.append(request.url))
    ada.page.on("websocket", lambda socket: addresses.append(socket.url))
    ada.register_by_form()
    ada.make_room("Lounge", "lounge")
    ada.say("Hello")
    ada.sees("Hello")
    kept = ada.measured("localStorage.getItem('reichatd.refresh_token')")
    assert any("?ticket=" in address for address in addresses)
    assert not any("eyJ" in address or kept in address or "token=" in address for address in addresses)
    assert all(address.startswith((ada.url, ada.url.replace("http", "ws"))) for address in addresses)


def test_a_room_created_again_is_not_mistaken_for_the_old_one(visitor: Visitors, daemon: DaemonProcess) -> None:
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
        there.enter("Lounge")
        there.page.get_by_role("button", name="About this room").click()
        there.page.get_by_role("button", name="Delete").click()
        there.page.get_by_role("button", name="Delete permanently").click()
        expect(there.page.get_by_text("No room open")).to_be_visible()
        there.make_room("Lounge", "lounge")
        there.say("new one")
        there.sees("new one")
        cable.repair()
        here.reconnect()
        here.sees("new one")
        there.say("new two")
        here.sees("new one", "new two")


def test_an_open_page_shows_the_conversation_of_a_restored_backup(
    visitor: Visitors, daemon: DaemonProcess, tmp_path: Path
) -> None:
    """What was lost is gone from the page, too, and the next message, which has the same id, is shown."""

    def command(*words: str | Path) -> None:
        done = run_command(daemon.directory, daemon.settings, *words)
        assert done.returncode == 0, done.stderr

    ada, bob = pair(visitor)
    ada.say("kept")
    bob.sees("kept")
    command("backup", tmp_path / "backup")
    bob.say("lost")
    ada.sees("kept", "lost")
    assert in_thread(daemon.stop) == 0
    command("restore", "--force", "--yes", tmp_path / "backup")
    in_thread(daemon.start)
    for person in (ada, bob):
        person.reconnect()
        person.sees("kept")
    ada.say("new")
    bob.sees("kept", "new")
    ada.sees("kept", "new")


def test_a_restored_backup_is_detected_with_unread_messages(
    visitor: Visitors, daemon: DaemonProcess, tmp_path: Path
) -> None:
    """Not all of the former log had been fetched."""
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
        cable.repair()
        expect(bob.page).to_have_title("(61) reichatd", timeout=40_000)
        bob.page.get_by_role("link", name="Lounge").first.click()
        bob.page.get_by_role("region", name="Conversation").press("End")
        expect(bob.page.get_by_text("after the restore")).to_be_visible()
