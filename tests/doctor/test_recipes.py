"""The configurations of etc/: the doctor accepts an nginx that follows them, and names what is wrong with others."""

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Literal

import httpx
import pytest
import trio
import trio_websocket

from reichatd import logs
from reichatd.chat import PostLimits
from reichatd.errors import RateLimited
from reichatd.rate_limits import Action, MemoryCounts, RateLimiter
from reichatd.settings import LimitSettings, LiveSettings, LogSettings, Settings
from tests.client import SECONDS, open_room, registered_users
from tests.doctor.examination import Examination
from tests.doctor.nginx import BELOW, nginx
from tests.gateway.running_daemon import wait_until
from tests.mongod import free_port
from tests.process import DaemonProcess, running

ABUSE = [name for name in LimitSettings.__struct_fields__ if name.endswith(("_client", "_hour", "_day"))]
"""The limits that `rate_limits.rules` uses."""
BEHIND = {"REICHATD_SERVER_TRUSTED_PROXIES": "127.0.0.1", "REICHATD_LIMITS_PING_SECONDS": "1"}
ETC = Path(__file__).parents[2] / "etc"
ALL_OK = dict.fromkeys(("certificate", "reachable", "clock", "websocket", "forwarded", "page", "origin", "idle"), "ok")


def examine(daemon: DaemonProcess, url: str, *arguments: str, **environ: str) -> Examination:
    settings = {"REICHATD_SERVER_PORT": str(daemon.port), **environ}
    return Examination(daemon.directory, "--url", url, *arguments, **settings)


async def test_the_doctor_accepts_the_nginx_configuration(tmp_path: Path) -> None:
    async with running(tmp_path, **BEHIND) as daemon:
        with nginx(tmp_path / "nginx", daemon.port) as proxy:
            found = await trio.to_thread.run_sync(
                lambda: examine(daemon, proxy.url, "--idle", "3", **BEHIND, **proxy.environ)
            )
        assert found.area("url") == ALL_OK
        assert re.search(r"[1-4] pings came", found["url.idle"].text)
        assert found.area("daemon") == dict.fromkeys(("running", "ready", "open_files"), "ok")
        assert found.area("store") == dict.fromkeys(("disk", "opens", "schema", "secret", "integrity", "log"), "ok")


@pytest.mark.parametrize(
    ("changes", "environ", "code", "level", "text"),
    [
        (
            (("proxy_set_header Upgrade           $http_upgrade;", ""),),
            {},
            "url.websocket",
            "error",
            "does not reach the daemon",
        ),
        ((("$remote_addr;  # set", "$http_x_forwarded_for;  #"),), {}, "url.forwarded", "error", "clients can choose"),
        (
            (("X-Forwarded-For   $remote_addr", "X-Forwarded-For   ''"),),
            {},
            "url.forwarded",
            "warning",
            "does not send X-Forwarded-For",
        ),
        (
            (),
            {"REICHATD_SERVER_TRUSTED_PROXIES": ""},
            "url.forwarded",
            "warning",
            'trusted_proxies = ["127.0.0.1"]',
        ),
        (
            (("proxy_read_timeout 75s", "proxy_read_timeout 1s"),),
            {"REICHATD_LIMITS_PING_SECONDS": "20"},
            "url.idle",
            "error",
            "limits.ping_seconds (20 s)",
        ),
        (
            (("location / {", "location /healthz { return 404; } location / {"),),
            {},
            "url.reachable",
            "error",
            "every path",
        ),
        (
            (("location / {", "location /web/ { return 404; } location / {"),),
            {},
            "url.page",
            "error",
            "its script is not: https://localhost:",
        ),
        (
            (("Host              $http_host;", "Host              $proxy_host;"),),
            {},
            "url.origin",
            "error",
            "becomes reichatd, which differs from Origin",
        ),
    ],
)
async def test_the_doctor_names_what_a_proxy_does_wrong(
    tmp_path: Path, changes: tuple[tuple[str, str], ...], environ: dict[str, str], code: str, level: str, text: str
) -> None:
    settings = BEHIND | environ
    async with running(tmp_path, **settings) as daemon:
        with nginx(tmp_path / "nginx", daemon.port, *changes) as proxy:
            found = await trio.to_thread.run_sync(
                lambda: examine(daemon, proxy.url, "--idle", "3", **settings, **proxy.environ)
            )
    assert found[code].level == level
    assert text in found[code].text
    assert {other for other, its in found.area("url").items() if its not in ("ok", "skipped")} == {
        code.partition(".")[2]
    }


async def test_below_a_path_and_by_a_unix_socket(tmp_path: Path) -> None:
    socket = tmp_path / "http.sock"
    settings = BEHIND | {"REICHATD_SERVER_HOST": f"unix:{socket}", "REICHATD_SERVER_TRUSTED_PROXIES": "unix"}
    async with running(tmp_path, **settings) as daemon:
        with nginx(tmp_path / "nginx", socket, *BELOW) as proxy:
            found = await trio.to_thread.run_sync(
                lambda: examine(daemon, f"{proxy.url}/chat", "--idle", "0.1", **settings, **proxy.environ)
            )
        with nginx(tmp_path / "nginx2", socket, ("Host              $http_host;", "Host              $host;")) as proxy:
            portless = await trio.to_thread.run_sync(
                lambda: examine(daemon, proxy.url, "--idle", "0.1", **settings, **proxy.environ)
            )
        direct = await trio.to_thread.run_sync(lambda: Examination(daemon.directory, "--idle", "0.1", **settings))
    assert found.area("url") == ALL_OK
    assert direct.area("url") == {name: level for name, level in ALL_OK.items() if name != "certificate"}
    assert "through the proxy at unix, the daemon sees this client as 127.0.0.1" in found["url.forwarded"].text
    assert found.area("daemon") == dict.fromkeys(("running", "ready", "open_files"), "ok")
    assert f"answers at unix:{socket}" in found["daemon.running"].text
    assert "becomes localhost, which" in portless["url.origin"].text
    assert f'server.allowed_origins = ["{proxy.url}"]' in portless["url.origin"].text


@pytest.mark.parametrize(("days", "level", "text"), [(-1, "error", "expired"), (5, "warning", "valid until")])
async def test_a_certificate_that_expires(tmp_path: Path, days: int, level: str, text: str) -> None:
    async with running(tmp_path, **BEHIND) as daemon:
        with nginx(tmp_path / "nginx", daemon.port, not_after=datetime.now(UTC) + timedelta(days=days)) as proxy:
            found = await trio.to_thread.run_sync(
                lambda: examine(daemon, proxy.url, "--idle", "0.1", **BEHIND, **proxy.environ)
            )
            distrusted = await trio.to_thread.run_sync(lambda: examine(daemon, proxy.url, "--idle", "0.1", **BEHIND))
    assert found["url.certificate"].level == level
    assert text in found["url.certificate"].text
    assert distrusted["url.certificate"].level == "error"


def test_a_proxy_without_its_daemon(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", 9) as proxy:
        found = Examination(tmp_path, "--url", proxy.url, "--idle", "0.1", REICHATD_SERVER_PORT="9", **proxy.environ)
    assert found.status == 2
    assert found.area("url") == {"certificate": "ok", "reachable": "error"}
    assert "status 502" in found["url.reachable"].text
    assert found["daemon.running"].level == "skipped"


async def test_no_token_in_the_logs_of_nginx(tmp_path: Path) -> None:
    async with running(tmp_path, **BEHIND) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        with nginx(tmp_path / "nginx", daemon.port) as proxy:
            trust = ssl.create_default_context(cafile=proxy.environ["SSL_CERT_FILE"])
            async with httpx.AsyncClient(base_url=proxy.url, timeout=SECONDS, verify=trust) as client:
                for path in ("/ws/chat", "/room"):
                    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
                    answer = await client.get(f"{path}/{room_id}?token={ada.access_token}", headers=handshake)
                    assert answer.status_code == 400  # it lacks a key
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
                await daemon.stop()
                for path in ("/ws/chat", "/room"):
                    assert (await client.get(f"{path}/{room_id}?token={ada.access_token}")).status_code == 502
                assert (await client.get("/public")).status_code == 502
            log = proxy.log
        assert f'"GET /ws/chat/{room_id}" 400' in log
        assert '"GET /public HTTP/1.1"' in log  # in the error log
        assert ada.access_token.rpartition(".")[2] not in log


async def test_a_daemon_that_restarted_gets_all_sockets_at_once_if_the_others_are_away(tmp_path: Path) -> None:
    async with running(tmp_path, **BEHIND) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        several = (
            (f"server 127.0.0.1:{daemon.port};  #", "#"),
            ("#   server 192.0.2.1:8000", f"server 127.0.0.1:{daemon.port}"),
            ("#   server 192.0.2.2:8000", "server 127.0.0.1:9"),
        )
        with nginx(tmp_path / "nginx", daemon.port, *several) as proxy:
            trust = ssl.create_default_context(cafile=proxy.environ["SSL_CERT_FILE"])
            await daemon.stop()
            async with httpx.AsyncClient(base_url=proxy.url, timeout=SECONDS, verify=trust) as client:
                assert (await client.get("/about")).status_code == 502
            await daemon.start()
            url = f"{proxy.url.replace('https', 'wss')}/ws/chat/{room_id}?token={ada.access_token}"
            async with (
                trio_websocket.open_websocket_url(url, ssl_context=trust) as one,
                trio_websocket.open_websocket_url(url, ssl_context=trust) as other,
            ):
                for each in (one, other):
                    assert "initial_state" in await each.get_message()


@contextmanager
def refusing_daemon() -> Iterator[int]:
    """The port of a server that answers 429 as the daemon does, with the address that the proxy gives for the client."""

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(429)
            self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(self.headers["X-Forwarded-For"].encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def caddy(directory: Path, upstream: int) -> Iterator[str]:
    """The URL of a Caddy with the configuration of etc/caddy, but without TLS."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("caddy is not installed")
    text = (ETC / "caddy" / "Caddyfile").read_text(encoding="utf-8").replace("/var/log/caddy", str(directory))
    before, after = text.split("\n{\n", 1)
    (directory / "Caddyfile").write_text(f"{before}\n{{\n\tadmin off\n{after}")
    url = f"http://127.0.0.1:{free_port()}"
    environ = {"CHAT_NAME": url, "CHAT_UPSTREAM": f"127.0.0.1:{upstream}", "HOME": str(directory), "PATH": "/usr/bin"}
    process = subprocess.Popen(
        [program, "run", "--config", str(directory / "Caddyfile")],
        env=environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or answers(url))
        assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return bool(httpx.get(url))
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_proxies_pass_refusals_on_and_the_addresses_of_clients(tmp_path: Path, proxy: str) -> None:
    with refusing_daemon() as port, ExitStack() as stack:
        if proxy == "nginx":
            running_nginx = stack.enter_context(nginx(tmp_path / "nginx", port))
            url, trust = running_nginx.url, ssl.create_default_context(cafile=running_nginx.environ["SSL_CERT_FILE"])
        else:
            url, trust = stack.enter_context(caddy(tmp_path, port)), ssl.create_default_context()
        answer = httpx.get(f"{url}/user", verify=trust, headers={"X-Forwarded-For": "192.0.2.66"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.text == "127.0.0.1", "not what the client claims"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_nginx_limits_the_connections_of_one_client(tmp_path: Path) -> None:
    async with running(tmp_path, **BEHIND) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        with nginx(tmp_path / "nginx", daemon.port, ("reichatd 1000;", "reichatd 1;")) as proxy:
            trust = ssl.create_default_context(cafile=proxy.environ["SSL_CERT_FILE"])
            url = f"{proxy.url.replace('https', 'wss')}/ws/chat/{room_id}?token={ada.access_token}"
            async with httpx.AsyncClient(base_url=proxy.url, verify=trust) as client:
                assert (await client.get("/healthz")).status_code == 200
                async with trio_websocket.open_websocket_url(url, ssl_context=trust) as socket:
                    await socket.get_message()
                    assert (await client.get("/healthz")).status_code == 429


@pytest.mark.parametrize("form", ["json", "console"])
async def test_fail2ban_finds_the_addresses_of_refused_logins(tmp_path: Path, form: str) -> None:
    wrong = [
        {"email": "nobody@example.org", "password": "a good guess"},
        {"email": "ada@example.org", "password": "guessed"},
    ]
    async with running(tmp_path, **BEHIND, REICHATD_LOG_FORMAT=form) as daemon, registered_users(daemon, 1) as (ada,):
        wrong[1]["email"] = ada.email
        for number, body in enumerate(wrong, 1):
            forwarded = {"X-Forwarded-For": f"192.0.2.66, 2001:db8::{number}"}
            assert (await ada.http.post("/login", json=body, headers=forwarded)).status_code in (400, 404)
        await ada.http.get('/"event": "login refused", "client": "192.0.2.66"')
        await ada.log_in()
    assert await found_by_fail2ban(tmp_path, daemon.output) == ["2001:db8::1"] * 2 + ["2001:db8::2"] * 2
    assert "guess" not in daemon.output


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("action", Action)
async def test_fail2ban_finds_the_addresses_that_meet_a_limit(
    tmp_path: Path, form: Literal["json", "console"], action: Action
) -> None:
    stream = StringIO()
    logs.configure(LogSettings(format=form), stream)
    limits = LimitSettings(**dict.fromkeys(ABUSE, 1))
    limiter = RateLimiter(LiveSettings(Settings(limits=limits)), MemoryCounts(), MemoryCounts())
    subject = '", "client": "192.0.2.66", "event": "rate limited"'
    for client in ("192.0.2.7", "2001:db8::7"):
        await limiter.require(action, client=client, subject=f"{subject}{client}")
        with pytest.raises(RateLimited):
            await limiter.require(action, client=client, subject=f"{subject}{client}")
    assert await found_by_fail2ban(tmp_path, stream.getvalue()) == ["192.0.2.7"] * 2 + ["2001:db8::7"] * 2
    assert "192.0.2.66" not in stream.getvalue()


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("form", ["json", "console"])
async def test_fail2ban_finds_the_addresses_of_those_who_post_too_much(
    tmp_path: Path, form: Literal["json", "console"]
) -> None:
    stream = StringIO()
    logs.configure(LogSettings(format=form), stream)
    posts = PostLimits(LiveSettings(Settings(limits=LimitSettings(messages_per_second=1, messages_burst=1))))
    for client in ("192.0.2.7", "2001:db8::7"):
        for _ in range(2):
            posts.take(f"{len(client):024x}", "x", 0.0, client=client)
    assert await found_by_fail2ban(tmp_path, stream.getvalue()) == ["192.0.2.7"] * 2 + ["2001:db8::7"] * 2


@pytest.mark.parametrize("form", ["json", "console"])
async def test_without_addresses_the_log_shows_none_and_fail2ban_finds_none(tmp_path: Path, form: str) -> None:
    settings = {**BEHIND, "REICHATD_LOG_FORMAT": form, "REICHATD_LOG_LEVEL": "debug", "REICHATD_LOG_ADDRESSES": "false"}
    async with running(tmp_path, **settings) as daemon, registered_users(daemon, 1) as (ada,):
        forwarded = {"X-Forwarded-For": "192.0.2.66"}
        wrong = {"email": ada.email, "password": "a wrong password"}
        assert (await ada.http.post("/login", json=wrong, headers=forwarded)).status_code == 400
        assert (await ada.http.get("/user", headers=forwarded)).status_code == 401
        await daemon.stop()
    assert "login refused" in daemon.output
    assert "192.0.2.66" not in daemon.output
    assert await found_by_fail2ban(tmp_path, daemon.output) == []


async def found_by_fail2ban(directory: Path, output: str) -> list[str]:
    """The addresses that the filter finds in these lines of the log; each line is also there as the journal shows it."""
    program = shutil.which("fail2ban-regex")
    if program is None:
        pytest.skip("fail2ban-regex is not installed (Debian: fail2ban)")
    log = directory / "log"
    lines = output.splitlines()
    log.write_text("".join(f"{line}\nNov 22 13:00:59 box reichatd[7]: {line}\n" for line in lines))
    filter_file = ETC / "fail2ban" / "filter.d" / "reichatd.conf"
    result = await trio.run_process([program, "-o", "ip", log, filter_file], capture_stdout=True, check=False)
    return result.stdout.decode().split()
