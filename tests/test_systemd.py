"""systemd's protocols, with real sockets and processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from reichatd.systemd import ServiceManager, take_manager, take_sockets


@pytest.fixture(params=["path", "abstract"])
def notify_socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address of a service manager's socket, as in NOTIFY_SOCKET, and the socket."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@reichatd-test-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address.replace("@", "\0"))
        sock.settimeout(10)
        yield address, sock


def received(sock: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in sock.recv(4096).decode().splitlines())


def test_what_is_sent_to_the_manager(notify_socket: tuple[str, socket.socket]) -> None:
    address, sock = notify_socket
    environ = {"NOTIFY_SOCKET": address, "OTHER": "stays"}
    manager = take_manager(environ)
    assert environ == {"OTHER": "stays"}
    assert manager
    manager.ready()
    assert received(sock) == {"READY": "1"}
    manager.status("two\nlines READY=1")
    assert received(sock) == {"STATUS": "two lines READY=1"}
    manager.feed_watchdog()
    assert received(sock) == {"WATCHDOG": "1"}
    manager.reloading()
    first = received(sock)
    manager.reloading()
    assert first["RELOADING"] == "1"
    assert 0 < int(first["MONOTONIC_USEC"]) <= int(received(sock)["MONOTONIC_USEC"])
    manager.stopping()
    assert received(sock) == {"STOPPING": "1"}


@pytest.mark.parametrize(
    "address", ["", "/nowhere/notify", "@nobody-listens-here", "relative", "/" * 200, "\0", "vsock:2:1"]
)
def test_no_manager_is_no_error(address: str) -> None:
    manager = ServiceManager(address)
    assert bool(manager) == bool(address)
    manager.ready()
    manager.status("fine")


def test_a_manager_that_does_not_read_blocks_nothing(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)
        manager = ServiceManager(address)
        for _ in range(5000):
            manager.feed_watchdog()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({}, None),
    ],
)
def test_the_watchdog_timeout(environ: dict[str, str], seconds: float | None) -> None:
    assert take_manager(environ).watchdog_seconds == seconds
    assert not environ


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"},
        {"LISTEN_PID": str(os.getpid())},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"},
        {"LISTEN_PID": "me", "LISTEN_FDS": "1"},
    ],
)
def test_nothing_was_passed_to_this_process(environ: dict[str, str]) -> None:
    assert take_sockets(environ) == []
    assert not environ


TAKE = """
import os, sys
from reichatd.systemd import UnusableSocket, take_sockets
try:
    for name, sock in take_sockets(os.environ):
        print(name, sock.getsockname() if sock.family == 1 else sock.getsockname()[1], os.get_inheritable(sock.fileno()))
except UnusableSocket as error:
    print(error)
print(*(name for name in os.environ if name.startswith("LISTEN")))
"""


def passed(*descriptors: int, names: str | None = None, count: int | None = None) -> list[str]:
    """The output of a process that gets these file descriptors, from 3 on."""
    count = len(descriptors) if count is None else count
    moves = " ".join(f"{number}<&{given}" for number, given in enumerate(descriptors, 3))
    names = "" if names is None else f"LISTEN_FDNAMES={names}"
    script = f'export LISTEN_PID=$$ LISTEN_FDS={count} {names}; exec "$@" {moves}'
    command = ["bash", "-c", script, "bash", sys.executable, "-c", TAKE]
    run = subprocess.run(command, pass_fds=descriptors, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Two listening sockets, also as file descriptors 50 and 51."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        for number, sock in enumerate((one, other)):
            # High numbers, so that bash can assign 3 and 4.
            os.dup2(sock.fileno(), 50 + number)
        try:
            yield [one, other]
        finally:
            os.close(50)
            os.close(51)


def test_sockets_are_passed_by_name(sockets: list[socket.socket]) -> None:
    ports = [sock.getsockname()[1] for sock in sockets]
    assert passed(50, 51, names="http:https") == [f"http {ports[0]} False", f"https {ports[1]} False", ""]
    assert passed(50, 51, names="http") == [f"http {ports[0]} False", f" {ports[1]} False", ""]
    assert passed(51) == [f" {ports[1]} False", ""]


def test_a_unix_socket_can_be_passed(sockets: list[socket.socket], tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(path)
        local.listen()
        os.dup2(local.fileno(), 52)
        assert passed(50, 52, names="http:local") == [
            f"http {sockets[0].getsockname()[1]} False",
            f"local {path} False",
            "",
        ]
        os.close(52)


def test_only_listening_stream_sockets_are_accepted(sockets: list[socket.socket], tmp_path: Path) -> None:
    with (
        (tmp_path / "file").open("w") as file,
        socket.socket() as idle,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as local,
    ):
        local.bind(str(tmp_path / "socket"))
        local.listen()
        for each, what in (
            (file, "no socket"),
            (idle, "no stream socket that listens"),
            (local, "no stream socket that listens"),
        ):
            os.dup2(each.fileno(), 52)
            assert passed(50, 52, names="http:other") == [f"file descriptor 4 (other) is {what}", ""]
            os.close(52)
        assert passed(50, count=2) == ["file descriptor 4 () is no socket", ""]
