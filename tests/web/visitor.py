"""A person with a browser."""

import json
import re
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import trio
from playwright.sync_api import Browser, Locator, Page, TimeoutError, ViewportSize, expect

from tests.mail.server import MailServer
from tests.process import DaemonProcess

PASSWORD = "a good password"
PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
DESK = ViewportSize(width=1180, height=760)
PHONE = ViewportSize(width=390, height=800)
_CODE = re.compile(r"^ +(\d{6})\r?$", re.MULTILINE)
_ENTER = """
([token, url]) => {
  localStorage.setItem("reichatd.refresh_token", token);
  location.replace(url);
}
"""
_GO = """
(place) => new Promise((done) => {
  if (location.hash === place) return done();
  addEventListener("hashchange", () => done(), { once: true });  // after the client, which was listening before
  location.hash = place;
})
"""

Result = TypeVar("Result")


def in_thread(act: Callable[[], Awaitable[Result]]) -> Result:
    """Runs this in Trio in a thread, and waits for the result."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(trio.run, act).result()


def smtp_settings(server: MailServer) -> dict[str, str]:
    return {
        "REICHATD_MAIL_BACKEND": "smtp",
        "REICHATD_MAIL_HOST": "127.0.0.1",
        "REICHATD_MAIL_PORT": str(server.port),
        "REICHATD_MAIL_TLS": "none",
    }


class Visitor:
    """A person with a separate browser profile.

    Arguments:
        name: of the account to register.
        dark: whether the system prefers the dark colour scheme.
        phone: whether it has a narrow touch screen.
        url: the URL to visit; by default the daemon's.
        ignore_certificates: whether any certificate is accepted.
        locale: of the browser.
    """

    def __init__(
        self,
        browser: Browser,
        daemon: DaemonProcess,
        mail_server: MailServer,
        name: str,
        *,
        dark: bool = False,
        phone: bool = False,
        url: str = "",
        ignore_certificates: bool = False,
        locale: str = "en-GB",
    ) -> None:
        self.name = name
        self.email = f"{name}@example.org"
        self.url = url or daemon.url
        self.phone = phone
        self._mail_server = mail_server
        self.context = browser.new_context(
            viewport=PHONE if phone else DESK,
            has_touch=phone,
            is_mobile=phone,
            device_scale_factor=2 if phone else 1,
            color_scheme="dark" if dark else "light",
            locale=locale,
            timezone_id="Europe/Berlin",
            ignore_https_errors=ignore_certificates,
        )
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.sent: list[str] = []
        self.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: self.sent.append(str(frame))))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        is_network_error = "Failed to load resource" in text or "WebSocket connection to" in text
        if kind in ("error", "warning") and not is_network_error:
            self.errors.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.errors == [], self.errors

    # --- actions

    def register(self) -> None:
        """Registers by REST, and opens the page of a user who is logged in. Tests of its forms use `register_by_form`."""
        self._call("register", username=self.name, password=PASSWORD)
        self._call("verify", code=self.code())
        token = self._call("login", password=PASSWORD)["tokens"]["refresh_token"]
        blank = f"{self.url}/blank"  # of the same origin, whose localStorage is there before the client runs
        self.page.route(blank, lambda route: route.fulfill(body="", content_type="text/html"))
        self.page.goto(blank)
        self.page.unroute(blank)
        self.page.evaluate(_ENTER, [token, self.url])
        expect(self.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    def _call(self, path: str, **fields: str) -> Any:  # noqa: ANN401 - JSON
        answer = self.context.request.post(f"{self.url}/{path}", data={"email": self.email, **fields})
        assert answer.ok, answer.text()
        return answer.json()

    def register_by_form(self) -> None:
        """Registers in the page with the code from the mail, which also logs in."""
        self.page.goto(self.url)
        self.page.get_by_role("button", name="Create an account").click()
        self.fill_registration()
        expect(self.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    def fill_registration(self) -> None:
        """Completes the registration whose form is shown."""
        page = self.page
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.get_by_label("Code").fill(self.code())
        page.get_by_role("button", name="Verify").click()

    def code(self) -> str:
        """The code in the mail to this person."""
        return self.mailed(_CODE)

    def mailed(self, pattern: re.Pattern[str], to: str = "") -> str:
        """Waits for a mail to this person, or to another address, whose text has this pattern; returns its first group."""
        deadline = threading.Event()
        for _ in range(3000):
            for message in self._mail_server.messages:
                body = message.get_body(("plain",))
                if message["To"] == (to or self.email) and body and (match := pattern.search(body.get_content())):
                    return match[1]
            deadline.wait(0.01)
        raise AssertionError(f"no mail to {to or self.email}")

    def log_in(self, password: str = PASSWORD) -> None:
        self.fill_login(password)
        expect(self.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    def fill_login(self, password: str = PASSWORD) -> None:
        page = self.page
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()

    def open_settings(self, part: str) -> Locator:
        """Opens a part of the settings; returns the view."""
        self.page.get_by_role("link", name="profile and settings").click()
        self.page.get_by_role("navigation", name="Settings").get_by_role("link", name=part).click()
        return self.page.locator(".settings")

    def go(self, place: str) -> None:
        """Goes to a place of the client, such as `#/explore`, and waits until the client has handled that: what it shows is new."""
        self.page.evaluate(_GO, place)

    def enter(self, name: str) -> None:
        """Opens a room from the list. A page that is just showing its home after a login may miss a click: it is clicked again."""
        link = self.page.get_by_role("link", name=name).first

        def is_open() -> bool:
            if self.page.get_by_text("No room open").is_visible():
                link.click()
            return self.composer.is_visible()

        self.until(is_open)

    def make_room(self, name: str, room_id: str, description: str = "", password: str = "") -> None:
        page = self.page
        page.get_by_role("button", name="New room").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_label("Description").fill(description)
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_label("Id", exact=True).fill(room_id)
        dialog.get_by_role("button", name="Create room").click()
        expect(page.locator(f"[href='#/room/{room_id}'][aria-current=page]")).to_have_count(1)
        expect(self.composer).to_be_enabled()

    def join(self, room_id: str, password: str = "") -> None:
        self.page.goto(f"{self.url}/#/room/{room_id}")
        if password:
            self.page.get_by_label("Password of the room").fill(password)
        self.page.get_by_role("button", name="Join").click()
        expect(self.composer).to_be_enabled()

    def say(self, text: str) -> None:
        self.composer.fill(text)
        if self.phone:  # where Enter starts a new line
            self.page.get_by_role("button", name="Send").click()
        else:
            self.composer.press("Enter")

    def confirm(self, question: str, answer: str) -> None:
        """Confirms a question. Its button is disabled at first; Playwright waits for it."""
        self.page.get_by_role("dialog", name=question).get_by_role("button", name=answer, exact=True).click()

    def log_out(self) -> None:
        self.page.get_by_role("link", name="profile and settings").click()
        self.page.get_by_role("button", name="Log out").click()
        expect(self.page.get_by_role("heading", name="Log in")).to_be_visible()

    def reconnect(self) -> None:
        """Makes the page connect now. It may connect on its own at any moment, which hides the button."""
        button = self.page.get_by_role("button", name="Try now")
        for _ in range(60):
            if self.status.is_hidden():
                break
            with suppress(TimeoutError):
                button.click(timeout=500)
        expect(self.status).to_be_hidden()

    def screenshot(self, name: str) -> None:
        """Saves a screenshot for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def until_sent(self, type: str, **fields: object) -> None:
        """Waits until the page has sent this frame."""
        self.until(lambda: {"type": type, **fields} in map(json.loads, self.sent))

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits at most a minute for a condition that no element shows."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.sent
            self.page.wait_for_timeout(10)  # lets Playwright process events

    # --- what the page shows

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def status(self) -> Locator:
        return self.page.locator(".room .status")

    def texts(self) -> list[str]:
        """The messages in the page, in order, then the unsent ones."""
        return self.page.locator(".message .content").all_inner_texts()

    def log_texts(self) -> list[str]:
        """The messages of the log that are in the page, in order."""
        return self.page.locator(".feed .content").all_inner_texts()

    def sees(self, *texts: str) -> None:
        """Waits until the rows of the log have exactly these texts."""
        expect(self.page.locator(".feed .content")).to_have_text(list(texts))
        expect(self.page.locator(".pending-list .content")).to_have_count(0)

    def measured(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page says
        return self.page.evaluate(expression)
