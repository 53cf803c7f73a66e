"""A daemon under a service manager: notifications, watchdog, passed sockets, and reloads of the settings."""

import json
import os
import pty
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client import PASSWORD, open_room, registered_user, registered_users
from tests.end_to_end.conftest import QUICK
from tests.gateway.test_tls import trusted
from tests.mail.server import MailServer, until
from tests.process import COMMAND, DaemonProcess, environment, running, started

WATCHDOG_SECONDS = 2.0
"""The daemon notifies three times in it. Long enough for the daemon to get a core on a busy machine."""


class Manager:
    """The part of systemd that receives notifications; see sd_notify(3)."""

    def __init__(self, address: Path) -> None:
        self.received: list[dict[str, str]] = []
        self.environ = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6))}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def listen(self) -> list[dict[str, str]]:
        """Returns all notifications so far."""
        try:
            while True:
                lines = self._socket.recv(4096).decode().splitlines()
                self.received.append(dict(line.split("=", 1) for line in lines))
        except BlockingIOError:
            return self.received

    def states(self) -> list[str]:
        """Returns the changes of state in them."""
        states = ("READY", "RELOADING", "STOPPING")
        return [name for notification in self.listen() for name in notification if name in states]

    def watchdogs(self) -> int:
        """Returns how many watchdog notifications there were."""
        return sum("WATCHDOG" in notification for notification in self.listen())

    def has_status(self, text: str) -> bool:
        """Whether any status had this text in it."""
        return any(text in notification.get("STATUS", "") for notification in self.listen())


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "reichatd.toml"
    file.touch()
    return file


def events(daemon: DaemonProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in daemon.output.splitlines() if line.startswith("{")]


async def reload(daemon: DaemonProcess, file: Path, text: str) -> list[dict[str, Any]]:
    """Writes the settings file and reloads it; returns the log events of the reload."""
    before = len(events(daemon))
    await trio.Path(file).write_text(text)
    daemon.signal(signal.SIGHUP)
    await until(lambda: any("reloaded" in event["event"] for event in events(daemon)[before:]))
    # On a busy machine a daemon may lose the lease of the housekeeping at any time, and take it again.
    return [event for event in events(daemon)[before:] if "housekeeping" not in event["event"]]


async def test_notifications_from_start_to_stop(tmp_path: Path, file: Path, manager: Manager) -> None:
    daemon = DaemonProcess(tmp_path, QUICK | manager.environ | {"REICHATD_CONFIG": str(file)})
    try:
        daemon.spawn()
        await until(manager.states)
        await until(lambda: "listens on" in daemon.output)
        daemon.port = int(re.findall(r"listens on \S+:(\d+)", daemon.output)[0])
        async with registered_users(daemon, 1) as (ada,), ada.talk(await open_room(ada)) as talk:
            await talk.receive("initial_state")
            await until(lambda: manager.has_status("1 connections in"))
            await reload(daemon, file, "")
            await until(lambda: manager.states() == ["READY", "RELOADING", "READY"])
            await reload(daemon, file, "nonsense")
            await until(lambda: manager.has_status("could not be reloaded"))
            assert await daemon.stop() == 0
        assert manager.states() == ["READY", *["RELOADING", "READY"] * 2, "STOPPING"]
    finally:
        daemon.kill()


async def test_a_store_that_is_locked_does_not_trip_the_watchdog(tmp_path: Path, manager: Manager) -> None:
    data = tmp_path / "data"
    async with (
        running(tmp_path, **QUICK, **manager.environ, REICHATD_STORAGE_PATH=str(data)) as daemon,
        registered_users(daemon, 1) as (ada,),
        ada.talk(await open_room(ada)) as talk,
    ):
        locker = sqlite3.connect(data, isolation_level=None)
        try:
            locker.execute("BEGIN IMMEDIATE")
            await talk.send("message", content="held up", nonce="n")
            await until(lambda: manager.has_status("has not answered"))
            before = manager.watchdogs()
            await until(lambda: manager.watchdogs() >= before + 3, seconds=2 * WATCHDOG_SECONDS)
            locker.execute("ROLLBACK")
        finally:
            locker.close()
        assert (await talk.receive("ack"))["nonce"] == "n"


async def test_a_reload_logs_the_outcome_for_each_key(tmp_path: Path, file: Path) -> None:
    async with (
        running(tmp_path, **QUICK, REICHATD_CONFIG=str(file)) as daemon,
        registered_users(daemon, 1) as (ada,),
        ada.talk(await open_room(ada)) as talk,
    ):
        changed = await reload(
            daemon,
            file,
            "[server]\nport = 9\n[limits]\nmessage_chars = 3\nclose_seconds = 1\n"
            f'[auth]\nsecret_key = "{"hunter2" * 8}"\n[log]\nlevel = "debug"\n',
        )
        outcomes = {event["key"]: event["outcome"] for event in changed if event["event"] == "setting changed"}
        assert outcomes == {
            "auth.secret_key": "needs a restart",
            "limits.message_chars": "applied",
            "limits.close_seconds": "applied to new connections",
            "log.level": "applied",
        }, "the port is from the environment here"
        assert "hunter2" not in daemon.output
        await talk.send("message", content="four", nonce="n")
        assert (await talk.receive("error"))["message"] == "A message has 1 to 3 characters"

        rejected = await reload(daemon, file, "[limits]\nmessage_chars = 0\nnonce_chars = 1\nnonsense = 1\n")
        keys = [event["key"] for event in rejected if event["event"] == "setting rejected"]
        assert sorted(keys) == ["limits.message_chars", "limits.nonsense"]
        assert "message_chars: found 0; allowed: a whole number from 1" in daemon.output
        assert await talk.post("abc", "nonce") == 1, "no key of the rejected file is applied"

        changed = await reload(daemon, file, "")
        assert "limits.message_chars" in {event.get("key") for event in changed}
        assert await talk.post("four", "n") == 2


async def test_a_missing_file_does_not_mean_the_defaults(tmp_path: Path) -> None:
    found = trio.Path(tmp_path / "config" / "reichatd" / "reichatd.toml")
    await found.parent.mkdir(parents=True)
    await found.write_text("[limits]\nmessage_chars = 3\n")
    async with running(tmp_path, **QUICK) as daemon:
        await found.unlink()
        daemon.signal(signal.SIGHUP)
        await until(lambda: "not reloaded" in daemon.output)
        assert "nothing to read (No such file or directory)" in daemon.output


async def test_a_reload_changes_the_mail_server(tmp_path: Path, file: Path) -> None:
    server = MailServer()
    server.start()
    try:
        async with (
            running(tmp_path, **QUICK, REICHATD_CONFIG=str(file)) as daemon,
            await registered_user(daemon, "ada") as ada,
        ):
            missing = '[mail]\nbackend = "smtp"\nusername = "a"\npassword_file = "/nowhere"\n'
            rejected = await reload(daemon, file, missing)
            assert [event.get("key") for event in rejected] == ["mail.password_file", None]
            smtp = f'[mail]\nbackend = "smtp"\ntls = "none"\nhost = "127.0.0.1"\nport = {server.port}\n'
            await reload(daemon, file, smtp + 'sender = "chat@example.org"\n')
            body = {"email": "bob@example.org", "password": PASSWORD, "username": "bob"}
            answer = await ada.http.post("/register", json=body)
            assert answer.status_code == 201
            await until(lambda: server.messages)
            assert server.messages[0]["From"] == "reichatd <chat@example.org>"
    finally:
        server.stop()


async def test_a_reload_takes_a_renewed_certificate(tmp_path: Path, file: Path) -> None:
    old, environ = trusted(tmp_path)
    async with running(tmp_path, **QUICK, **environ, REICHATD_CONFIG=str(file)) as daemon:
        before = await trio.open_ssl_over_tcp_stream("localhost", daemon.port, ssl_context=old)
        async with before:
            await before.do_handshake()
            certificate = trio.Path(tmp_path / "cert.pem")
            await certificate.write_text("no certificate")
            rejected = await reload(daemon, file, "")
            assert rejected[0]["key"] == "server.tls_cert"
            await certificate.unlink()
            new, _ = trusted(tmp_path)
            await reload(daemon, file, "")
            for context, accepted in ((new, True), (old, False)):
                assert await shakes_hands(context, daemon.port) == accepted
            await before.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await before.receive_some()).startswith(b"HTTP/1.1 200")


async def shakes_hands(context: ssl.SSLContext, port: int) -> bool:
    stream = await trio.open_ssl_over_tcp_stream("localhost", port, ssl_context=context)
    async with stream:
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:
            return False
        return True


def test_a_closed_terminal_stops_the_daemon(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *COMMAND],
        env=environment(tmp_path, QUICK | {"REICHATD_SERVER_PORT": "0"}),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        os.close(theirs)
        assert process.stdout is not None
        with process.stdout:
            assert b"listens on" in process.stdout.readline()
            os.close(ours)
            assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


async def test_a_passed_socket_on_all_addresses_needs_insecure(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        daemon = DaemonProcess(tmp_path, dict(QUICK), listener=everywhere)
        daemon.spawn()
        assert await daemon.wait() == 78
        assert 'a socket that was passed: server.host: found "0.0.0.0"' in daemon.output
        insecure = QUICK | {"REICHATD_SERVER_INSECURE": "true"}
        async with started(DaemonProcess(tmp_path, insecure, listener=everywhere)):
            pass


async def test_a_passed_socket_must_listen(tmp_path: Path) -> None:
    with socket.socket() as idle:
        daemon = DaemonProcess(tmp_path, dict(QUICK), listener=idle)
        daemon.spawn()
        assert await daemon.wait() == 71
        assert "file descriptor 3 () is no stream socket that listens" in daemon.output
