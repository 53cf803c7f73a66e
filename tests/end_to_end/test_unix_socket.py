"""A daemon that listens at a Unix socket, beside TCP or alone."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import trio
from trio_websocket import wrap_client_stream

from tests.client import Talk, crowd, open_room
from tests.end_to_end.conftest import QUICK
from tests.mail.server import until
from tests.process import DaemonProcess, refusal, running

NOBODY = {"email": "nobody@example.org", "password": "a good password"}


@asynccontextmanager
async def by_unix(path: Path | str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://chat") as client:
        yield client


async def test_one_conversation_by_all_ways(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    hosts = f"127.0.0.1,127.0.0.2,unix:{path}"
    async with (
        running(tmp_path, **QUICK, REICHATD_SERVER_HOST=hosts) as daemon,
        crowd(daemon, 1) as (ada,),
        by_unix(path) as local,
        httpx.AsyncClient(base_url=f"http://127.0.0.2:{daemon.port}") as other,
    ):
        listening = f"listens on http://127.0.0.1:{daemon.port} and http://127.0.0.2:{daemon.port} and unix:{path}\n"
        assert listening in daemon.output
        assert path.stat().st_mode & 0o777 == 0o660
        assert (await other.get("/readyz")).status_code == 200
        room_id = await open_room(ada)
        me = await local.get("/user", headers={"Authorization": f"Bearer {ada.access_token}"})
        assert me.json()["user_details"]["username"] == ada.name
        stream = await trio.open_unix_socket(str(path))
        async with stream, trio.open_nursery() as nursery:
            target = f"/ws/chat/{room_id}?token={ada.access_token}"
            talk = Talk(await wrap_client_stream(nursery, stream, "chat", target))
            await talk.receive("initial_state")
            await talk.send("listen_latest")
            assert await talk.post("by a file", "n") == 1
            async with ada.talk(room_id) as by_tcp:
                assert (await by_tcp.receive("initial_state"))["messages"][0]["content"] == "by a file"
                assert await by_tcp.post("by TCP", "m") == 2
            assert [each["content"] for each in await talk.latest(2)] == ["by a file", "by TCP"]
            nursery.cancel_scope.cancel()
    assert not path.exists()


async def test_who_comes_by_it_is_believed_if_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    for trusted, seen in (("127.0.0.1,::1", "unix"), ("unix", "203.0.113.9")):
        settings = QUICK | {"REICHATD_SERVER_HOST": f"unix:{path}", "REICHATD_SERVER_TRUSTED_PROXIES": trusted}
        async with (
            running(tmp_path, **settings, REICHATD_SERVER_UNIX_MODE="600", REICHATD_LOG_FORMAT="json") as daemon,
            by_unix(path) as local,
        ):
            assert path.stat().st_mode & 0o777 == 0o600
            forwarded = {"X-Forwarded-For": "203.0.113.9"}
            assert (await local.post("/login", json=NOBODY, headers=forwarded)).status_code == 404
            line = f'"client": "{seen}"'
            await until(partial(_has_written, daemon, line))


def _has_written(daemon: DaemonProcess, line: str) -> bool:
    return line in daemon.output


async def test_what_is_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    settings = {"REICHATD_SERVER_HOST": f"unix:{path}", "REICHATD_SERVER_CONTROL_SOCKET": ""}
    killed = DaemonProcess(tmp_path, QUICK | settings)
    await killed.start()
    second = await trio.to_thread.run_sync(refusal, tmp_path, settings)
    assert second.returncode == 71
    assert f"server.host, server.port: cannot listen on unix:{path}: another daemon listens there" in second.stderr
    killed.signal(signal.SIGKILL)
    await killed.wait()
    assert path.is_socket()
    async with running(tmp_path, **QUICK, **settings), by_unix(path) as local:
        assert (await local.get("/healthz")).status_code == 200
    assert not path.exists()
    path.write_text("precious")
    third = await trio.to_thread.run_sync(refusal, tmp_path, settings)
    assert third.returncode == 71
    assert "the file there is not a socket" in third.stderr
    assert path.read_text() == "precious"


async def test_a_start_that_fails_later_leaves_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        metrics = {"REICHATD_METRICS_ENABLED": "1", "REICHATD_METRICS_PORT": str(other.getsockname()[1])}
        failed = await trio.to_thread.run_sync(refusal, tmp_path, {"REICHATD_SERVER_HOST": f"unix:{path}", **metrics})
    assert failed.returncode == 71
    assert "metrics.host, metrics.port: cannot listen on 127.0.0.1:" in failed.stderr
    assert not path.exists()


async def test_one_that_a_service_manager_has_passed_stays(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(path))
        passed.listen()
        # No word is asked for: others cannot reach it. What the settings say of hosts does not count.
        daemon = DaemonProcess(
            tmp_path, QUICK | {"REICHATD_SERVER_HOST": "::", "REICHATD_SERVER_TRUSTED_PROXIES": "::1"}, listener=passed
        )
        try:
            await daemon.start()
            async with by_unix(path) as local:
                assert (await local.get("/healthz")).status_code == 200
            assert await daemon.stop() == 0
        finally:
            daemon.kill()
    assert path.is_socket()
    os.unlink(path)


async def test_an_abstract_one_that_a_service_manager_has_passed(tmp_path: Path) -> None:
    name = f"reichatd-test-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(f"\0{name}")
        passed.listen()
        daemon = DaemonProcess(tmp_path, QUICK, listener=passed)
        try:
            await daemon.start()
            assert f"listens on unix:@{name}\n" in daemon.output
            async with by_unix(f"\0{name}") as local:
                assert (await local.get("/healthz")).status_code == 200
            assert await daemon.stop() == 0
        finally:
            daemon.kill()
