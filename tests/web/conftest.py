"""A daemon, a mail server and a real browser.

Playwright drives the system's Chromium, since it would have to download its own. While it runs, this thread has a running asyncio
loop: so the browser is closed after this package, and code that needs Trio runs in another thread.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.end_to_end.conftest import FREE, QUICK
from tests.mail.server import MailServer
from tests.process import DaemonProcess
from tests.web.visitor import Visitor, in_thread, smtp_settings

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",  # the tests read the English interface; those of other languages set a locale
]

expect.set_options(timeout=30_000)  # the machine may be busy


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def daemon(request: pytest.FixtureRequest, tmp_path: Path, mail_server: MailServer) -> Iterator[DaemonProcess]:
    """A running daemon that sends codes to the mail server; a test can add settings as a parameter."""
    process = DaemonProcess(tmp_path, QUICK | FREE | smtp_settings(mail_server) | getattr(request, "param", {}))
    try:
        in_thread(process.start)
        yield process
        assert in_thread(process.stop) == 0, process.output
        assert "Traceback" not in process.output
    finally:
        process.kill()


@pytest.fixture
def visitor(browser: Browser, daemon: DaemonProcess, mail_server: MailServer) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, each with a separate browser profile; at the end, no page may have had an error."""
    with ExitStack() as stack:

        def make(name: str, **options: Any) -> Visitor:  # noqa: ANN401 - those of Visitor
            return stack.enter_context(Visitor(browser, daemon, mail_server, name, **options))

        yield make
