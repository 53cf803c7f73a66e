"""The web client below a path of its host, behind a real nginx that strips the path."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.doctor.nginx import BELOW, nginx
from tests.process import DaemonProcess
from tests.web.visitor import Visitor


@pytest.mark.parametrize("daemon", [{"REICHATD_SERVER_TRUSTED_PROXIES": "127.0.0.1"}], indirect=True)
def test_all_requests_are_below_the_path(
    visitor: Callable[..., Visitor], daemon: DaemonProcess, tmp_path: Path
) -> None:
    with nginx(tmp_path / "nginx", daemon.port, *BELOW) as proxy:
        ada = visitor("ada", url=f"{proxy.url}/chat", ignore_certificates=True)
        requested: list[str] = []
        ada.page.on("request", lambda request: requested.append(request.url))
        ada.page.on("websocket", lambda socket: requested.append(socket.url.replace("wss:", "https:")))
        ada.register_by_form()
        assert ada.page.url.startswith(f"{proxy.url}/chat/")
        ada.make_room("Lounge", "lounge")
        ada.say("Below a path")
        ada.sees("Below a path")
        expect(ada.page.locator(".pending")).to_have_count(0)
        ada.page.reload()
        ada.sees("Below a path")
        first, *others = requested
        assert first == f"{proxy.url}/chat"
        assert [url for url in others if not url.startswith(f"{proxy.url}/chat/")] == []
        assert any("/chat/ws/chat/lounge?" in url for url in others)

        assert ada.measured("Object.keys(localStorage)") == ["reichatd.refresh_token@/chat/"]
        ada.page.goto(f"{proxy.url}/other/")
        expect(
            ada.page.get_by_role("button", name="Log in")
        ).to_be_visible()  # it does not share the login with another path

        ada.page.goto(f"{proxy.url}/chat/docs")
        for link in ("the WebSocket", "the REST interface", "WebSocket", "REST"):
            with ada.page.expect_navigation():  # and all that the page loads
                ada.page.get_by_role("link", name=link, exact=True).click()
            assert ada.page.url.startswith(f"{proxy.url}/chat/docs")
            expect(ada.page.get_by_role("heading", level=1)).to_contain_text("reichatd")
            assert ada.measured("document.styleSheets[0].cssRules.length > 0")
