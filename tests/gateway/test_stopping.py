"""SIGTERM, whatever the clients do at that moment."""

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.gateway.house import House, house, wait_until
from tests.gateway.raw import CLOSE, PING, PONG, Wire, closing, frame, request, text, upgrade

HOUR = "3600"
PATIENT = {
    "REICHATD_LIMITS_REQUEST_SECONDS": HOUR,
    "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": HOUR,
    "REICHATD_LIMITS_HANDSHAKE_SECONDS": HOUR,
    "REICHATD_LIMITS_SLOW_READER_SECONDS": HOUR,
}
"""Nobody is thrown out before the stop."""


def test_sockets_are_told_and_those_who_wait_hold_nothing_up(tmp_path: Path) -> None:
    with house(tmp_path, **PATIENT, REICHATD_SERVER_DRAIN_SECONDS="30") as inhabited:
        room = inhabited.room()
        with (
            inhabited.wire(),  # says nothing
            inhabited.wire() as begun,
            inhabited.wire() as idle,
            inhabited.wire() as half_open,
            inhabited.talk(room) as ada,
            inhabited.talk(room, inhabited.bob) as bob,
        ):
            begun.send(b"GET / HTTP/1.1\r\n")
            half_open.send(upgrade("/ws/chat/room")[:-2])
            assert idle.ask("GET", "/").status == 200
            closer = threading.Thread(target=lambda: answer_closes(ada, bob))
            closer.start()
            seconds = inhabited.stop()
            closer.join()
            assert begun.ended()
            assert idle.ended()
            assert half_open.ended()
        assert seconds < 2


def answer_closes(*wires: Wire) -> None:
    for wire in wires:
        last = wire.frame()
        assert last.opcode == CLOSE
        assert last.close_code == 1001
        wire.send(closing(1001))
        assert wire.rest() == b""


def test_clients_that_hang_are_cut_off_when_the_time_is_up(tmp_path: Path) -> None:
    with house(tmp_path, **PATIENT, REICHATD_SERVER_DRAIN_SECONDS="2") as inhabited:
        room = inhabited.room()
        with (
            inhabited.talk(room) as ada,
            inhabited.talk(room, inhabited.bob, receive_buffer=4096, segment=1000) as deaf,
            inhabited.wire() as hanging,
            inhabited.wire(receive_buffer=4096, segment=1000) as slow,
        ):
            deaf.send(text("listen_latest") + frame(PING, b"?"))
            assert deaf.frame() == (PONG, b"?")
            for number in range(300):
                ada.send(text("message", content="x" * 5000, nonce=str(number)))
            while ada.next("ack")["message_id"] < 300:
                pass
            hanging.send(request("POST", "/login", "Content-Length: 9"))
            stop_reading(inhabited, slow)
            seconds = inhabited.stop()
            last = ada.frame()
            assert last.close_code == 1001
            assert last.payload[2:].startswith(b"The server is going down; retry-after-ms=")
            assert hanging.ended()
    assert 1 < seconds < 4


def stop_reading(inhabited: House, slow: Wire) -> None:
    """Asks for more than the buffers hold, and reads none of it: the daemon waits in the middle of an answer."""
    token = f"Authorization: Bearer {inhabited.ada.access_token}"
    for number in range(20):
        answer = inhabited.call(
            "POST", "/room", by=inhabited.ada, name="Large", description="x" * 1000, room_id=f"large{number}"
        )
        assert answer.status == 201
    slow.socket.settimeout(0.3)
    with suppress(TimeoutError):
        for _ in range(1000):
            slow.send(request("GET", "/public", token) * 100)
        pytest.fail("it has read all that")


def test_a_stop_in_a_storm_of_connections(tmp_path: Path) -> None:
    with house(tmp_path) as inhabited:
        over = threading.Event()
        connected: list[int] = []
        storm = [threading.Thread(target=connect, args=(inhabited, over, connected)) for _ in range(2)]
        for thread in storm:
            thread.start()
        wait_until(lambda: len(connected) > 50)
        seconds = inhabited.stop()
        over.set()
        for thread in storm:
            thread.join()
        assert seconds < 4


def connect(inhabited: House, over: threading.Event, connected: list[int]) -> None:
    """Opens connections, 300 at the most, and asks for something on some of them."""
    for number in range(300):
        if over.is_set():
            return
        try:
            with inhabited.wire() as wire:
                if number % 2:
                    wire.send(request("GET", "/"))
                connected.append(number)
        except OSError:
            time.sleep(0.01)


def test_a_second_signal_ends_the_waiting(tmp_path: Path) -> None:
    with (
        house(tmp_path, **PATIENT, REICHATD_SERVER_DRAIN_SECONDS="60") as inhabited,
        inhabited.wire() as hanging,
        inhabited.wire() as asking,
    ):
        hanging.send(request("POST", "/login", "Content-Length: 9"))
        assert asking.ask("GET", "/").status == 200  # so the other request has been begun
        inhabited.process.signal(signal.SIGTERM)
        wait_until(lambda: '"event": "stopping"' in inhabited.process.output)
        assert inhabited.process.poll() is None
        assert inhabited.stop() < 5
