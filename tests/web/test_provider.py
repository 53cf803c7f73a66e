"""Login by a provider: a small one of our own, over HTTPS."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.end_to_end.conftest import FREE, QUICK
from tests.mail.server import MailServer
from tests.oidc_provider import OidcProvider
from tests.process import DaemonProcess
from tests.web.test_entering import room_link
from tests.web.visitor import PASSWORD, Visitor, in_thread, smtp_settings

BUTTON = "Log in with Example accounts"

Visitors = Callable[..., Visitor]


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def daemon(
    request: pytest.FixtureRequest, tmp_path: Path, mail_server: MailServer, provider: OidcProvider
) -> Iterator[DaemonProcess]:
    """As the fixture of the package; its URL is known before it starts, since the provider needs it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        public_url = {"REICHATD_SERVER_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        settings = QUICK | FREE | smtp_settings(mail_server) | provider.environment(tmp_path) | public_url
        process = DaemonProcess(tmp_path, settings | getattr(request, "param", {}), listener=listener)
        try:
            in_thread(process.start)
            process.port = port
            yield process
            assert in_thread(process.stop) == 0, process.output
            assert "Traceback" not in process.output
        finally:
            process.kill()


def test_login_by_the_provider(visitor: Visitors, daemon: DaemonProcess, provider: OidcProvider) -> None:
    ada = visitor("ada", ignore_certificates=True)
    page = ada.page
    page.goto(f"{ada.url}/#/explore")
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
    expect(page.get_by_role("heading", name="Find rooms")).to_be_visible()  # back where the login began
    assert page.url == f"{ada.url}/#/explore"
    page.reload()
    expect(page.locator(".me-name")).to_have_text("ada")
    ada.log_out()
    assert ada.measured("localStorage.length + sessionStorage.length") == 0

    provider.refusal = "access_denied"
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_text("You have not been logged in: you or the provider stopped it.")).to_be_visible()
    provider.refusal = ""
    provider.person |= {"sub": "eve-1", "email": "eve@example.org", "email_verified": False}
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_text("The provider has not verified your e-mail address.")).to_be_visible()
    assert page.url == f"{ada.url}/#/"


def link(settings: Locator) -> None:
    settings.get_by_role("button", name="Link", exact=True).click()
    dialog = settings.page.get_by_role("dialog", name="Link Example accounts?")
    dialog.get_by_label("Your password").fill("wrong horse")
    dialog.get_by_role("button", name="Link").click()
    expect(dialog.get_by_role("alert")).to_have_text("Invalid password")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Link").click()


def test_an_account_is_linked(visitor: Visitors, provider: OidcProvider) -> None:
    """Also to an account of the provider with another address, which is not verified."""
    bob = visitor("bob", ignore_certificates=True)
    provider.person |= {"sub": "robert", "email": "robert@example.net", "email_verified": False}
    page = bob.page
    bob.register()
    settings = bob.open_settings("Security")
    expect(settings.get_by_text("You cannot log in yet by Example accounts.")).to_be_visible()
    link(settings)
    expect(settings.get_by_text("Now you can log in by the provider.")).to_be_visible()
    assert page.url.endswith("#/settings/security")
    bob.log_out()
    page.get_by_role("link", name=BUTTON).click()
    expect(page.locator(".me-name")).to_have_text("bob")
    settings = bob.open_settings("Security")
    settings.get_by_role("button", name="Unlink").click()
    bob.confirm("Unlink Example accounts?", "Unlink")
    expect(settings.get_by_text("You cannot log in yet by Example accounts.")).to_be_visible()
    provider.refusal = "access_denied"
    link(settings)
    expect(settings.get_by_text("you or the provider stopped it")).to_be_visible()
    bob.log_out()
    bob.log_in(PASSWORD)


@pytest.mark.parametrize("daemon", [{"REICHATD_AUTH_REGISTRATION": "invite"}], indirect=True)
def test_an_invitation_survives_the_way_to_the_provider(visitor: Visitors, daemon: DaemonProcess) -> None:
    bob = visitor("bob")
    first = re.search(r"http://\S+#/invite/\S+", daemon.output)
    assert first
    bob.page.goto(first[0])
    bob.page.get_by_role("button", name="Create an account").click()
    bob.fill_registration()
    bob.make_room("Club", "club", password="swordfish")

    ada = visitor("ada", ignore_certificates=True)
    ada.page.goto(ada.url)
    ada.page.get_by_role("link", name=BUTTON).click()
    expect(ada.page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(ada.page.locator(".lead")).to_contain_text("invit")
    ada.page.goto(room_link(daemon, "club"))
    ada.page.get_by_role("link", name=BUTTON).click()
    ada.say("I am in")
    bob.sees("I am in")
