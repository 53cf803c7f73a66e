"""More connections than max_connections, or than file descriptors."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

from tests.gateway.raw import SECONDS, RawClient, request, text
from tests.gateway.running_daemon import LONG_LIMITS, RunningDaemon, running_daemon


def waits(client: RawClient) -> bool:
    """Whether there is no response yet."""
    client.socket.settimeout(0.3)
    try:
        client.take(1)
    except TimeoutError:
        client.socket.settimeout(SECONDS)
        return True
    return False


def test_over_max_connections_new_ones_wait(tmp_path: Path) -> None:
    with running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_MAX_CONNECTIONS="3") as daemon:
        room = daemon.room()
        with daemon.open_websocket(room) as socket, daemon.connect() as silent, daemon.connect() as idle:
            # All of them have logged in, so that none is closed for a new one.
            rooms = request("GET", "/joined", f"Authorization: Bearer {daemon.ada.access_token}")
            for client in (silent, idle):
                client.send(rooms)
                assert client.answer().status == 200
            with daemon.connect() as first, daemon.connect() as second:
                for client in (first, second):
                    client.send(rooms)
                assert waits(first)
                socket.send(text("message", content="still chatting", nonce="n"))
                assert socket.next("ack")["message_id"] == 1
                silent.socket.close()
                assert first.answer().status == 200
                assert waits(second)
                idle.reset()
                assert second.answer().status == 200
        daemon.check()


def leave_files(daemon: RunningDaemon, count: int) -> None:
    """Limits the running daemon to `count` more file descriptors."""
    pid = daemon.process.pid
    most = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1 + count
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))


def test_without_file_descriptors_new_connections_wait(tmp_path: Path) -> None:
    with running_daemon(tmp_path, **LONG_LIMITS) as daemon:
        room = daemon.room()
        with daemon.open_websocket(room) as socket:
            leave_files(daemon, 10)
            with ExitStack() as stack:
                clients = [stack.enter_context(daemon.connect()) for _ in range(60)]
                for client in clients[::2]:
                    client.send(request("GET", "/"))
                assert waits(clients[-2])
                socket.send(text("message", content="still chatting", nonce="n"))
                assert socket.next("ack")["message_id"] == 1
            with daemon.connect() as client:
                assert client.ask("GET", "/").status == 200
        daemon.check()
        assert daemon.process.output.count("accepting paused") < 10


def test_a_stop_without_file_descriptors(tmp_path: Path) -> None:
    with (
        running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_DRAIN_SECONDS="60") as daemon,
        ExitStack() as stack,
    ):
        leave_files(daemon, 5)
        clients = [stack.enter_context(daemon.connect()) for _ in range(30)]
        assert waits(clients[-1])
        assert daemon.stop() < 20
