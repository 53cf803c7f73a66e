"""Too many connections, too few files."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

from tests.gateway.house import House, house
from tests.gateway.raw import Wire, request, text

PATIENT = {"REICHATD_LIMITS_REQUEST_SECONDS": "60", "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": "60"}


def waits(wire: Wire) -> bool:
    """Whether no answer comes yet."""
    wire.socket.settimeout(0.3)
    try:
        wire.take(1)
    except TimeoutError:
        wire.socket.settimeout(15)
        return True
    return False


def test_beyond_max_connections_new_ones_wait_their_turn(tmp_path: Path) -> None:
    with house(tmp_path, **PATIENT, REICHATD_SERVER_MAX_CONNECTIONS="3") as inhabited:
        room = inhabited.room()
        with inhabited.talk(room) as talk, inhabited.wire() as silent, inhabited.wire() as idle:
            assert idle.ask("GET", "/").status == 200
            with inhabited.wire() as first, inhabited.wire() as second:
                for wire in (first, second):
                    wire.send(request("GET", "/"))
                assert waits(first)
                talk.send(text("message", content="as if nothing was", nonce="n"))
                assert talk.next("ack")["message_id"] == 1
                silent.socket.close()
                assert first.answer().status == 200
                assert waits(second)
                idle.reset()
                assert second.answer().status == 200
        inhabited.check()


def leave_files(inhabited: House, count: int) -> None:
    """Takes all further file descriptors but so many from a running daemon."""
    pid = inhabited.process.pid
    most = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1 + count
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))


def test_without_file_descriptors_new_ones_wait_their_turn(tmp_path: Path) -> None:
    with house(tmp_path, **PATIENT) as inhabited:
        room = inhabited.room()
        with inhabited.talk(room) as talk:
            leave_files(inhabited, 10)
            with ExitStack() as stack:
                wires = [stack.enter_context(inhabited.wire()) for _ in range(60)]
                for wire in wires[::2]:
                    wire.send(request("GET", "/"))
                assert waits(wires[-1])
                talk.send(text("message", content="as if nothing was", nonce="n"))
                assert talk.next("ack")["message_id"] == 1
            with inhabited.wire() as wire:
                assert wire.ask("GET", "/").status == 200
        inhabited.check()
        assert inhabited.process.output.count("accepting paused") < 10


def test_a_stop_without_file_descriptors(tmp_path: Path) -> None:
    with house(tmp_path, **PATIENT) as inhabited, ExitStack() as stack:
        leave_files(inhabited, 5)
        wires = [stack.enter_context(inhabited.wire()) for _ in range(30)]
        assert waits(wires[-1])
        assert inhabited.stop() < 4
