"""A login by a provider: a real daemon, a real provider over HTTPS, and a client that follows redirects and keeps cookies."""

import socket
from pathlib import Path

import httpx

from tests.client import SECONDS, bearer
from tests.end_to_end.conftest import QUICK
from tests.oidc_provider import CLIENT_SECRET, OidcProvider
from tests.process import DaemonProcess


async def test_a_login_by_a_provider(tmp_path: Path, storage: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, OidcProvider() as provider:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = QUICK | storage | provider.environment(tmp_path) | {"REICHATD_SERVER_PUBLIC_URL": url}
        daemon = DaemonProcess(tmp_path, {**settings, "REICHATD_LOG_LEVEL": "debug"}, listener=listener)
        try:
            await daemon.start()
            async with httpx.AsyncClient(
                base_url=url, verify=provider.client.tls, timeout=SECONDS, follow_redirects=True
            ) as browser:
                page = await browser.get("/oidc/login")
                assert page.json() == {"message": "ok"}  # the root, for a client that prefers no HTML
                _, place, code = page.url.fragment.split("/")
                assert place == "oidc"
                # With another daemon process: nothing was in memory.
                assert await daemon.stop() == 0
                await daemon.start()
                redeemed = (await browser.post("/oidc/redeem", json={"code": code})).json()
                headers = bearer(redeemed["tokens"]["access_token"])
                oneself = (await browser.get("/user", headers=headers)).json()
                assert oneself["user_details"] == {"email": "ada@example.org", "username": "ada"}
                assert (await browser.post("/oidc/redeem", json={"code": code})).status_code == 400
            assert await daemon.stop() == 0
        finally:
            daemon.kill()
    [state] = {answer.url.params["state"] for answer in page.history if "state" in answer.url.params}
    for secret in (code, state, CLIENT_SECRET, redeemed["tokens"]["refresh_token"]):
        assert secret not in daemon.output
