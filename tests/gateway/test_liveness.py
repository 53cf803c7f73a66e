"""Who is still there? Pings, peers that have vanished, peers that read nothing."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from reichatd.accounts.keys import Keys
from tests.gateway.house import House, house, wait_until
from tests.gateway.raw import PING, PONG, TEXT, Wire, closing, frame, request, text

PING_SECONDS = 0.4
TIGHT = {"receive_buffer": 4096, "segment": 1000}
"""A client with little room for what it does not read."""


@pytest.fixture(scope="module")
def alert_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A daemon that loses patience quickly."""
    with house(
        tmp_path_factory.mktemp("alert"),
        REICHATD_LIMITS_PING_SECONDS=str(PING_SECONDS),
        REICHATD_LIMITS_PONG_SECONDS="0.4",
        REICHATD_LIMITS_SLOW_READER_SECONDS="1",
    ) as inhabited:
        yield inhabited


@pytest.fixture
def alert(alert_house: House) -> Iterator[House]:
    yield alert_house
    alert_house.check()


def test_a_peer_that_answers_pings_and_nothing_else_stays(alert: House) -> None:
    with alert.talk(alert.room()) as wire:
        for _ in range(4):
            assert wire.frame() == (PING, b"")
            wire.send(frame(PONG))
        wire.send(text("message", content="here", nonce="n"))
        assert wire.next("ack")["message_id"] == 1


def test_a_peer_that_speaks_need_not_be_asked(alert: House) -> None:
    with alert.talk(alert.room()) as wire:
        until = time.monotonic() + 3 * PING_SECONDS
        while time.monotonic() < until:
            wire.send(frame(PONG))
            wire.socket.settimeout(PING_SECONDS / 4)
            with pytest.raises(TimeoutError):
                wire.frame()


def test_the_operator_may_hold_a_socket_that_is_in_no_room(alert: House) -> None:
    secret = (alert.process.directory / "share" / "reichatd" / "secret.key").read_bytes().strip()
    with alert.wire() as wire:
        wire.upgrade("/ws/doctor", f"Authorization: Bearer {Keys(secret).proof(time.time())}")
        wire.send(text("message", content="nobody hears this"))
        for _ in range(3):
            assert wire.frame() == (PING, b"")
            wire.send(frame(PONG))
    with alert.wire() as stranger:
        stranger.upgrade("/ws/doctor", f"Authorization: Bearer {alert.ada.access_token}")
        assert stranger.frame().close_code == 4001


def test_a_held_socket_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with house(tmp_path / "house") as inhabited, inhabited.wire() as wire:
        secret = (inhabited.process.directory / "share" / "reichatd" / "secret.key").read_bytes().strip()
        wire.upgrade("/ws/doctor", f"Authorization: Bearer {Keys(secret).proof(time.time())}")
        inhabited.process.signal(signal.SIGTERM)
        assert wire.frame().close_code == 1001
        wire.send(closing(1001))
        # Not told again: a second signal means another thing.
        assert trio.run(inhabited.process.wait, 3.0) == 0


def test_peers_that_have_vanished_are_given_up(alert: House) -> None:
    room = alert.room()
    with alert.talk(room) as silent, alert.talk(room) as listening, alert.talk(room) as in_the_middle:
        listening.send(text("listen_latest"))
        in_the_middle.send(frame(TEXT, b"x" * 1000)[:500])
        for wire in (silent, listening, in_the_middle):
            assert wire.frame() == (PING, b"")
        began = time.monotonic()
        for wire in (silent, listening, in_the_middle):
            assert wire.ended()
        assert time.monotonic() - began < 5


def test_a_peer_that_reads_no_answer_is_given_up(alert: House) -> None:
    token = f"Authorization: Bearer {alert.ada.access_token}"
    for number in range(20):
        room = f"large{number}"
        answer = alert.call("POST", "/room", by=alert.ada, name="Large", description="x" * 1000, room_id=room)
        assert answer.status == 201
    with alert.wire(**TIGHT) as wire:
        ask_without_reading(wire, request("GET", "/public", token) * 20)
        assert alert.holds(wire)
        wait_until(lambda: not alert.holds(wire))


def ask_without_reading(wire: Wire, data: bytes) -> None:
    """Sends again and again, until the daemon is stuck in its answers or has given up."""
    wire.socket.settimeout(0.3)
    with suppress(TimeoutError, ConnectionError):
        for _ in range(10_000):
            wire.send(data)
        pytest.fail("it has taken all that")


@pytest.mark.parametrize(
    "greedy", [frame(PING, b"x" * 125), text("fetch", from_id=1, to_id=1000)], ids=["pings", "log"]
)
def test_a_peer_that_asks_for_more_than_it_reads_is_given_up(alert: House, greedy: bytes) -> None:
    room = alert.room()
    with alert.talk(room) as ada:
        for number in range(100):
            ada.send(text("message", content="x" * 5000, nonce=str(number)))
        while ada.next("ack")["message_id"] < 100:
            pass
    with alert.talk(room, alert.bob, **TIGHT) as wire:
        ask_without_reading(wire, greedy * 20)
        assert alert.holds(wire)
        wait_until(lambda: not alert.holds(wire))
