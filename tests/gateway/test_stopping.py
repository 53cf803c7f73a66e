"""SIGTERM in all states of the clients."""

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.gateway.raw import CLOSE, PING, PONG, RawClient, closing, frame, request, text, upgrade
from tests.gateway.running_daemon import RunningDaemon, running_daemon, wait_until

HOUR = "3600"
LONG_LIMITS = {
    "REICHATD_LIMITS_REQUEST_SECONDS": HOUR,
    "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": HOUR,
    "REICHATD_LIMITS_HANDSHAKE_SECONDS": HOUR,
    "REICHATD_LIMITS_SLOW_READER_SECONDS": HOUR,
}
"""No client times out before the stop."""


def test_sockets_are_closed_and_waiting_clients_do_not_delay_the_stop(tmp_path: Path) -> None:
    with running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_DRAIN_SECONDS="30") as daemon:
        room = daemon.room()
        with (
            daemon.connect(),  # says nothing
            daemon.connect() as begun,
            daemon.connect() as idle,
            daemon.connect() as half_open,
            daemon.open_websocket(room) as ada,
            daemon.open_websocket(room, daemon.bob) as bob,
        ):
            begun.send(b"GET / HTTP/1.1\r\n")
            half_open.send(upgrade("/ws/chat/room")[:-2])
            assert idle.ask("GET", "/").status == 200
            closer = threading.Thread(target=lambda: answer_closes(ada, bob))
            closer.start()
            seconds = daemon.stop()
            closer.join()
            assert begun.ended()
            assert idle.ended()
            assert half_open.ended()
        assert seconds < 2


def answer_closes(*clients: RawClient) -> None:
    for client in clients:
        last = client.frame()
        assert last.opcode == CLOSE
        assert last.close_code == 1001
        client.send(closing(1001))
        assert client.rest() == b""


def test_clients_that_hang_are_cut_off_after_the_drain(tmp_path: Path) -> None:
    with running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_DRAIN_SECONDS="2") as daemon:
        room = daemon.room()
        with (
            daemon.open_websocket(room) as ada,
            daemon.open_websocket(room, daemon.bob, receive_buffer=4096, segment=1000) as stalled,
            daemon.connect() as hanging,
            daemon.connect(receive_buffer=4096, segment=1000) as slow,
        ):
            stalled.send(text("listen_latest") + frame(PING, b"?"))
            assert stalled.frame() == (PONG, b"?")
            for number in range(300):
                ada.send(text("message", content="x" * 5000, nonce=str(number)))
            while ada.next("ack")["message_id"] < 300:
                pass
            hanging.send(request("POST", "/login", "Content-Length: 9"))
            stop_reading(daemon, slow)
            seconds = daemon.stop()
            last = ada.frame()
            assert last.close_code == 1001
            assert last.payload[2:].startswith(b"The server is going down; retry-after-ms=")
            assert hanging.ended()
    assert 1 < seconds < 4


def stop_reading(daemon: RunningDaemon, slow: RawClient) -> None:
    """Requests more than the buffers hold, and reads none of it. The daemon waits in the middle of a response."""
    long_list = daemon.make_long_list()
    slow.socket.settimeout(0.3)
    with suppress(TimeoutError):
        for _ in range(1000):
            slow.send(long_list * 100)
        pytest.fail("the daemon has read all of it")


def test_a_stop_during_a_burst_of_connections(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        over = threading.Event()
        connected: list[int] = []
        burst = [threading.Thread(target=connect, args=(daemon, over, connected)) for _ in range(2)]
        for thread in burst:
            thread.start()
        wait_until(lambda: len(connected) > 50)
        seconds = daemon.stop()
        over.set()
        for thread in burst:
            thread.join()
        assert seconds < 4


def connect(daemon: RunningDaemon, over: threading.Event, connected: list[int]) -> None:
    """Opens up to 300 connections, and sends a request on half of them."""
    for number in range(300):
        if over.is_set():
            return
        try:
            with daemon.connect() as client:
                if number % 2:
                    client.send(request("GET", "/"))
                connected.append(number)
        except OSError:
            time.sleep(0.01)


def test_a_second_signal_ends_the_waiting(tmp_path: Path) -> None:
    with (
        running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_DRAIN_SECONDS="60") as daemon,
        daemon.connect() as hanging,
        daemon.connect() as asking,
    ):
        hanging.send(request("POST", "/login", "Content-Length: 9"))
        assert asking.ask("GET", "/").status == 200  # so the other request has been begun
        daemon.process.signal(signal.SIGTERM)
        wait_until(lambda: '"event": "stopping"' in daemon.process.output)
        assert daemon.process.poll() is None
        assert daemon.stop() < 5
