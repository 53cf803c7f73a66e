"""A daemon that listens on a Unix socket, with or without TCP."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import trio
from trio_websocket import wrap_client_stream

from tests.client import SECONDS, Talk, bearer, http_client, open_room, registered_users
from tests.end_to_end.conftest import QUICK
from tests.mail.server import until
from tests.process import DaemonProcess, refusal, running, started

UNKNOWN_LOGIN = {"email": "nobody@example.org", "password": "a good password"}


@asynccontextmanager
async def by_unix(path: Path | str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat", timeout=SECONDS) as client:
        yield client


async def test_one_conversation_by_tcp_and_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    hosts = f"127.0.0.1,127.0.0.2,unix:{path}"
    async with (
        running(tmp_path, **QUICK, REICHATD_SERVER_HOST=hosts) as daemon,
        registered_users(daemon, 1) as (ada,),
        by_unix(path) as local,
        http_client(f"http://127.0.0.2:{daemon.port}") as other,
    ):
        listening = f"listens on http://127.0.0.1:{daemon.port} and http://127.0.0.2:{daemon.port} and unix:{path}\n"
        assert listening in daemon.output
        assert path.stat().st_mode & 0o777 == 0o660
        assert (await other.get("/readyz")).status_code == 200
        room_id = await open_room(ada)
        me = await local.get("/user", headers=bearer(ada.access_token))
        assert me.json()["user_details"]["username"] == ada.name
        stream = await trio.open_unix_socket(str(path))
        async with stream, trio.open_nursery() as nursery:
            target = f"/ws/chat/{room_id}?token={ada.access_token}"
            talk = Talk(await wrap_client_stream(nursery, stream, "chat", target))
            await talk.start_listening()
            assert await talk.post("by Unix socket", "n") == 1
            async with ada.talk(room_id) as by_tcp:
                assert (await by_tcp.receive("initial_state"))["messages"][0]["content"] == "by Unix socket"
                assert await by_tcp.post("by TCP", "m") == 2
            assert [each["content"] for each in await talk.latest(2)] == ["by Unix socket", "by TCP"]
            nursery.cancel_scope.cancel()
    assert not path.exists()


async def test_forwarded_headers_count_where_unix_is_a_trusted_proxy(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    for trusted, seen in (("127.0.0.1,::1", "unix"), ("unix", "203.0.113.9")):
        settings = QUICK | {"REICHATD_SERVER_HOST": f"unix:{path}", "REICHATD_SERVER_TRUSTED_PROXIES": trusted}
        async with (
            running(tmp_path, **settings, REICHATD_SERVER_UNIX_MODE="600", REICHATD_LOG_FORMAT="json") as daemon,
            by_unix(path) as local,
        ):
            assert path.stat().st_mode & 0o777 == 0o600
            forwarded = {"X-Forwarded-For": "203.0.113.9"}
            assert (await local.post("/login", json=UNKNOWN_LOGIN, headers=forwarded)).status_code == 404
            line = f'"client": "{seen}"'
            await until(partial(_has_written, daemon, line))


def _has_written(daemon: DaemonProcess, line: str) -> bool:
    return line in daemon.output


async def test_what_is_found_at_the_path(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    settings = {"REICHATD_SERVER_HOST": f"unix:{path}", "REICHATD_SERVER_CONTROL_SOCKET": ""}
    killed = DaemonProcess(tmp_path, QUICK | settings)
    await killed.start()
    second = await trio.to_thread.run_sync(refusal, tmp_path, settings)
    assert second.returncode == 71
    assert f"server.host, server.port: cannot listen on unix:{path}: another daemon listens there" in second.stderr
    killed.kill()
    assert path.is_socket()
    async with running(tmp_path, **QUICK, **settings), by_unix(path) as local:
        assert (await local.get("/healthz")).status_code == 200
    assert not path.exists()
    path.write_text("precious")
    third = await trio.to_thread.run_sync(refusal, tmp_path, settings)
    assert third.returncode == 71
    assert "the file there is not a socket" in third.stderr
    assert path.read_text() == "precious"


async def test_a_failed_start_removes_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        metrics = {"REICHATD_METRICS_ENABLED": "1", "REICHATD_METRICS_PORT": str(other.getsockname()[1])}
        failed = await trio.to_thread.run_sync(refusal, tmp_path, {"REICHATD_SERVER_HOST": f"unix:{path}", **metrics})
    assert failed.returncode == 71
    assert "metrics.host, metrics.port: cannot listen on 127.0.0.1:" in failed.stderr
    assert not path.exists()


async def test_a_passed_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(path))
        passed.listen()
        # server.insecure is not needed: other machines cannot reach the socket. server.host does not count.
        settings = QUICK | {"REICHATD_SERVER_HOST": "::", "REICHATD_SERVER_TRUSTED_PROXIES": "::1"}
        async with started(DaemonProcess(tmp_path, settings, listener=passed)), by_unix(path) as local:
            assert (await local.get("/healthz")).status_code == 200
    assert path.is_socket()
    os.unlink(path)


async def test_a_passed_abstract_socket(tmp_path: Path) -> None:
    name = f"reichatd-test-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(f"\0{name}")
        passed.listen()
        daemon = DaemonProcess(tmp_path, QUICK, listener=passed)
        async with started(daemon), by_unix(f"\0{name}") as local:
            assert f"listens on unix:@{name}\n" in daemon.output
            assert (await local.get("/healthz")).status_code == 200
