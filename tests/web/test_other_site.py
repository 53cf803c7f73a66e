"""A client on another site, in a real browser: it can use the API if that site is allowed."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Error

from tests.client import PASSWORD, open_room, registered_user
from tests.end_to_end.conftest import FREE, QUICK
from tests.process import DaemonProcess
from tests.web.visitor import in_thread

CLIENT = """async ([server, email, password]) => {
    const call = async (method, path, token, body) => {
        const headers = { "Content-Type": "application/json" };
        if (token) headers.Authorization = `Bearer ${token}`;
        const answer = await fetch(server + path, { method, headers, body: body && JSON.stringify(body) });
        return { status: answer.status, ...(await answer.json()) };
    };
    const { tokens } = await call("POST", "/login", null, { email, password });
    const refused = await call("PUT", "/user/username", "nonsense", { username: "ada" });
    const { ticket } = await call("POST", "/ws/ticket", tokens.access_token);
    const socket = new WebSocket(`${server.replace("http", "ws")}/ws/chat/lounge?ticket=${ticket}`);
    const frame = await new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => resolve(JSON.parse(data));
        socket.onerror = reject;
    });
    return [refused.code, frame.type];
}"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serves an empty page on another site; yields its origin."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>Another site</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, name="site")
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_client_of_another_site(browser: Browser, tmp_path: Path, site: str, is_allowed: bool) -> None:
    process = DaemonProcess(tmp_path, QUICK | FREE | ({"REICHATD_SERVER_ALLOWED_ORIGINS": site} if is_allowed else {}))
    try:
        in_thread(process.start)
        email = in_thread(partial(_make_account_and_room, process))
        page = browser.new_page()
        page.goto(site)
        try:
            found = page.evaluate(CLIENT, [process.url, email, PASSWORD])
        except Error as error:
            found = "Failed to fetch" in error.message
        assert found == (["unauthorized", "initial_state"] if is_allowed else True)
        page.close()
        assert in_thread(process.stop) == 0, process.output
    finally:
        process.kill()


async def _make_account_and_room(process: DaemonProcess) -> str:
    async with await registered_user(process, "ada") as ada:
        await open_room(ada, room_id="lounge")
        return ada.email
