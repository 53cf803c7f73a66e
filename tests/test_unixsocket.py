"""Listening Unix sockets and their paths."""

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Barrier

import pytest

from reichatd.control import open_socket
from reichatd.unixsocket import Occupied, UnixSocket, address


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client, address(path) as socket_address:
        client.connect(socket_address)


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened = open_socket(tmp_path / "run" / "control.sock")
    finally:
        os.umask(before)
    mode = (tmp_path / "run" / "control.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    connect(tmp_path / "run" / "control.sock")
    opened.close()
    assert list((tmp_path / "run").iterdir()) == []
    opened.close()


def test_the_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    open_socket(path).listener.close()
    assert path.exists()
    with pytest.raises(ConnectionRefusedError):
        connect(path)
    opened = open_socket(path)
    connect(path)
    opened.close()


def test_the_socket_of_a_running_daemon_stays(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    opened = open_socket(path)
    with pytest.raises(Occupied):
        open_socket(path)
    connect(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["control.sock"]
    opened.close()


def test_a_socket_with_a_full_backlog_stays(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    opened = open_socket(path)
    with ExitStack() as clients:
        with suppress(BlockingIOError):  # the backlog is full
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))
        with pytest.raises(Occupied):
            open_socket(path)
    assert path.exists()
    opened.close()


def test_a_file_that_is_not_a_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(FileExistsError, match="not a socket"):
        open_socket(path)
    assert path.read_text() == "data"


def test_close_does_not_remove_the_socket_of_another_daemon(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    old = open_socket(path)
    old.listener.close()
    new = open_socket(path)
    old.close()
    connect(path)
    new.close()


def test_a_path_may_be_longer_than_a_socket_address(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 200) / "control.sock"
    opened = open_socket(path)
    connect(path)
    with pytest.raises(Occupied):
        open_socket(path)
    opened.close()
    assert list(path.parent.iterdir()) == []


def test_a_directory_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        open_socket(tmp_path / "file" / "control.sock")


def test_of_several_daemons_that_start_at_once_one_listens(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    barrier = Barrier(8)

    def start(_: int) -> UnixSocket | None:
        barrier.wait()
        try:
            return open_socket(path)
        except Occupied:
            return None

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            open_socket(path).listener.close()  # as a killed daemon does
            (winner,) = filter(None, pool.map(start, range(8)))
            connect(path)
            winner.close()
