"""Proofs for the keys of the process: stopping, mail, the log."""

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
import trio

from reichatd import logs
from reichatd.daemon import _Daemon
from reichatd.mail.sender import parse_sender
from reichatd.parts import Configuration
from reichatd.settings import LogSettings
from reichatd.settings.keys import KEYS
from reichatd.stdio import QueuedStream, QueuedWriter
from reichatd.systemd import ServiceManager
from tests.chat.doubles import FakeSocket, connect
from tests.reload.proofs import proves
from tests.reload.running_parts import ROOM, running_parts

# --- stopping


def never() -> Configuration:
    raise NotImplementedError


@proves("server.drain_seconds", "server.goodbyes_per_second", "server.reconnects_per_second")
async def the_stop(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        running.reload(key, {"server.drain_seconds": 50.0, "server.goodbyes_per_second": 400}.get(key, 1))
        connections = [connect(FakeSocket(), session_id=str(number)) for number in range(200)]
        for connection in connections:
            await running.parts.hub.enter(ROOM, connection)
        daemon = _Daemon(running.parts, [], None, ServiceManager(), never, lambda invitation: None)
        began = trio.current_time()
        await daemon._stop()
        took = trio.current_time() - began
        delays = [int(reason[1].rpartition("=")[2]) for each in connections if (reason := each.closing)]
        assert len(delays) == 200
        assert (daemon._serving.deadline - began > 40) == (key == "server.drain_seconds")
        assert (took >= 0.45) == (key == "server.goodbyes_per_second")
        assert (max(delays) > 10_000) == (key == "server.reconnects_per_second")


# --- mail and log


@proves(*(key for key in KEYS if key.startswith("mail.")))
async def mail(directory: Path, key: str) -> None:
    """The outbox reads all of these settings for each mail (see tests/mail) and keeps no other copy."""
    new: dict[str, Any] = {
        "mail.backend": "smtp",
        "mail.tls": "none",
        "mail.sender": "Chat <chat@example.org>",
        "mail.ehlo": "relay.example.org",
        "mail.host": "mail.example.org",
        "mail.username": "chat",
        "mail.password_file": "/etc/password",
    }
    async with running_parts(directory) as running:
        outbox = running.parts.outbox
        route = outbox._route
        running.reload(key, new.get(key, 77), mail_password="hunter2")
        in_force = running.parts.settings.mail
        assert outbox._mail == in_force
        assert outbox._route is not route
        assert (outbox._route._mail, outbox._route._password) == (in_force, "hunter2")
        assert outbox.sender == parse_sender(in_force.sender, "reichatd")


@proves("log.level", "log.format")
async def the_log(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        stream, sys_stderr = StringIO(), sys.stderr
        sys.stderr = stream
        try:
            logs.configure(LogSettings(), stream)
            log = structlog.get_logger()
            log.debug("before")
            log.info("before")
            running.reload(key, "debug" if key == "log.level" else "console")
            log.debug("after")
            log.info("after")
        finally:
            sys.stderr = sys_stderr
        before, after = stream.getvalue().split("setting changed")
        assert before.count('"before"') == 1
        assert after.count("after") == (2 if key == "log.level" else 1)
        assert ('"after"' in after) == (key == "log.level")


@proves("log.addresses")
async def the_addresses_in_the_log(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        stream, sys_stderr = StringIO(), sys.stderr
        sys.stderr = stream
        try:
            running.reload(key, False)
            structlog.get_logger().info("login refused", client="192.0.2.1")
        finally:
            sys.stderr = sys_stderr
        assert "login refused" in stream.getvalue()
        assert "192.0.2.1" not in stream.getvalue()


@proves("log.queue_lines")
async def the_queue_of_the_log(directory: Path, key: str) -> None:
    reading, writing = os.pipe()
    stream, before = QueuedStream(QueuedWriter(5000), writing), sys.stderr
    sys.stderr = cast("TextIO", stream)
    try:
        async with running_parts(directory) as running:
            running.reload(key, 7)
            assert stream.writer.limit == 7
    finally:
        sys.stderr = before
        assert stream.writer.drain(10)
        os.close(writing)
        os.close(reading)
