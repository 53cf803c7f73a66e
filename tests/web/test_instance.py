"""The name and the logo of an instance, and the client as an installed app."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import expect

from tests.doctor.nginx import BELOW, nginx
from tests.mail.server import MailServer
from tests.process import DaemonProcess
from tests.web.test_look import check
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

NAME = f"Ann's <b>café {'W' * 26}"
LOGO = Path(__file__).with_name("logo.svg")
"""It has a style, and a script that must not run."""

COLOUR_OF_ICON = """
async () => {
  const image = new Image();
  image.src = document.querySelector('link[rel="icon"]').href;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 64, 64);
  return [...context.getImageData(16, 32, 1, 1).data].slice(0, 3);
}
"""


def installable(person: Visitor) -> dict[str, object]:
    """The manifest as Chromium sees it, after Chromium has found nothing wrong."""
    devtools = person.context.new_cdp_session(person.page)
    found = devtools.send("Page.getAppManifest")
    assert found["errors"] == []
    problems = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Nothing installs a page into a private profile, which Playwright's profiles are.
    assert [problem["errorId"] for problem in problems if problem["errorId"] != "in-incognito"] == []
    fields = json.loads(found["data"])
    for icon in fields["icons"]:
        answer = httpx.get(urljoin(found["url"], icon["src"]), verify=False)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, icon["type"])
    return {"address": found["url"], **fields}


@pytest.mark.parametrize("daemon", [{"REICHATD_SERVER_TRUSTED_PROXIES": "127.0.0.1"}], indirect=True)
def test_the_client_can_be_installed_below_a_path(visitor: Visitors, daemon: DaemonProcess, tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", daemon.port, *BELOW) as proxy:
        ada = visitor("ada", url=f"{proxy.url}/chat/", ignore_certificates=True)
        ada.page.goto(ada.url)
        expect(ada.page.get_by_role("heading", name="Log in")).to_be_visible()
        manifest = installable(ada)
    assert manifest["address"] == f"{proxy.url}/chat/web/manifest.webmanifest"
    assert urljoin(str(manifest["address"]), str(manifest["start_url"])) == ada.url
    assert manifest["name"] == "reichatd"


@pytest.mark.parametrize("daemon", [{"REICHATD_WEB_NAME": NAME, "REICHATD_WEB_LOGO": str(LOGO)}], indirect=True)
def test_an_instance_has_its_own_name_and_logo(visitor: Visitors, mail_server: MailServer) -> None:
    ada = visitor("ada", phone=True)
    ada.page.goto(ada.url)
    expect(ada.page).to_have_title(NAME)
    expect(ada.page.locator(".card .brand")).to_have_text(NAME)
    check(ada, "phone-light-own-logo-login")
    ada.register()
    assert mail_server.messages[-1]["From"].addresses[0].display_name == NAME
    brand = ada.page.locator(".side .brand")
    expect(brand).to_have_text(NAME)
    assert brand.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    assert ada.measured(COLOUR_OF_ICON) == [0x7A, 0x3F, 0xB0]
    assert installable(ada)["name"] == NAME
    check(ada, "phone-light-own-logo")

    answer = ada.page.goto(str(brand.locator("img").get_attribute("src")))
    assert answer is not None
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert ada.measured("getComputedStyle(document.querySelector('circle')).fill") == "rgb(122, 63, 176)"
    assert ada.measured("document.documentElement.id") == ""
    assert any("sandboxed" in error for error in ada.errors)
    ada.errors.clear()
