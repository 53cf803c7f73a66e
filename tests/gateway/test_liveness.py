"""Dead peers: pings, clients that have vanished, clients that read nothing."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from reichatd.accounts.keys import Keys
from tests.gateway.raw import PING, PONG, TEXT, RawClient, closing, frame, text
from tests.gateway.running_daemon import RunningDaemon, running_daemon, wait_until

PING_SECONDS = 0.4
SMALL_BUFFERS = {"receive_buffer": 4096, "segment": 1000}
"""A client with small buffers for bytes that it does not read."""


@pytest.fixture(scope="module")
def shared_strict_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with short timeouts for silent and slow clients."""
    with running_daemon(
        tmp_path_factory.mktemp("strict_daemon"),
        REICHATD_LIMITS_PING_SECONDS=str(PING_SECONDS),
        REICHATD_LIMITS_PONG_SECONDS="0.4",
        REICHATD_LIMITS_SLOW_READER_SECONDS="1",
    ) as daemon:
        yield daemon


@pytest.fixture
def strict_daemon(shared_strict_daemon: RunningDaemon) -> Iterator[RunningDaemon]:
    yield shared_strict_daemon
    shared_strict_daemon.check()


def test_a_client_that_only_answers_pings_stays_connected(strict_daemon: RunningDaemon) -> None:
    with strict_daemon.open_websocket(strict_daemon.room()) as client:
        for _ in range(4):
            assert client.frame() == (PING, b"")
            client.send(frame(PONG))
        client.send(text("message", content="here", nonce="n"))
        assert client.next("ack")["message_id"] == 1


def test_a_client_that_sends_gets_no_pings(strict_daemon: RunningDaemon) -> None:
    with strict_daemon.open_websocket(strict_daemon.room()) as client:
        until = time.monotonic() + 3 * PING_SECONDS
        while time.monotonic() < until:
            client.send(frame(PONG))
            client.socket.settimeout(PING_SECONDS / 4)
            with pytest.raises(TimeoutError):
                client.frame()


def test_the_operator_may_open_a_socket_that_is_in_no_room(strict_daemon: RunningDaemon) -> None:
    secret = (strict_daemon.process.directory / "share" / "reichatd" / "secret.key").read_bytes().strip()
    with strict_daemon.connect() as client:
        client.upgrade("/ws/doctor", f"Authorization: Bearer {Keys(secret).proof(time.time())}")
        client.send(text("message", content="is not delivered"))
        for _ in range(3):
            assert client.frame() == (PING, b"")
            client.send(frame(PONG))
    with strict_daemon.connect() as stranger:
        stranger.upgrade("/ws/doctor", f"Authorization: Bearer {strict_daemon.ada.access_token}")
        assert stranger.frame().close_code == 4001


def test_a_socket_in_no_room_does_not_delay_a_stop(tmp_path: Path) -> None:
    with running_daemon(tmp_path / "daemon") as daemon, daemon.connect() as client:
        secret = (daemon.process.directory / "share" / "reichatd" / "secret.key").read_bytes().strip()
        client.upgrade("/ws/doctor", f"Authorization: Bearer {Keys(secret).proof(time.time())}")
        daemon.process.signal(signal.SIGTERM)
        assert client.frame().close_code == 1001
        client.send(closing(1001))
        # Only waits: a second signal would have another meaning.
        assert trio.run(daemon.process.wait, 3.0) == 0


def test_vanished_clients_are_disconnected(strict_daemon: RunningDaemon) -> None:
    room = strict_daemon.room()
    with (
        strict_daemon.open_websocket(room) as silent,
        strict_daemon.open_websocket(room) as listening,
        strict_daemon.open_websocket(room) as in_the_middle,
    ):
        listening.send(text("listen_latest"))
        in_the_middle.send(frame(TEXT, b"x" * 1000)[:500])
        for client in (silent, listening, in_the_middle):
            assert client.frame() == (PING, b"")
        began = time.monotonic()
        for client in (silent, listening, in_the_middle):
            assert client.ended()
        assert time.monotonic() - began < 5


def test_a_client_that_reads_no_response_is_disconnected(strict_daemon: RunningDaemon) -> None:
    long_list = strict_daemon.make_long_list()
    with strict_daemon.connect(**SMALL_BUFFERS) as client:
        ask_without_reading(client, long_list * 20)
        assert strict_daemon.is_connected_to(client)
        wait_until(lambda: not strict_daemon.is_connected_to(client))


def ask_without_reading(client: RawClient, data: bytes) -> None:
    """Sends repeatedly, until the daemon waits for its responses to be read, or closes the connection."""
    client.socket.settimeout(0.3)
    with suppress(TimeoutError, ConnectionError):
        for _ in range(10_000):
            client.send(data)
        pytest.fail("the daemon has read all of it")


@pytest.mark.parametrize(
    "greedy", [frame(PING, b"x" * 125), text("fetch", from_id=1, to_id=1000)], ids=["pings", "log"]
)
def test_a_client_that_requests_more_than_it_reads_is_disconnected(strict_daemon: RunningDaemon, greedy: bytes) -> None:
    room = strict_daemon.room()
    with strict_daemon.open_websocket(room) as ada:
        for number in range(100):
            ada.send(text("message", content="x" * 5000, nonce=str(number)))
        while ada.next("ack")["message_id"] < 100:
            pass
    with strict_daemon.open_websocket(room, strict_daemon.bob, **SMALL_BUFFERS) as client:
        ask_without_reading(client, greedy * 20)
        assert strict_daemon.is_connected_to(client)
        wait_until(lambda: not strict_daemon.is_connected_to(client))
