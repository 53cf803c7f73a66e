"""TLS spoken by the daemon itself, with clients that speak it well, badly or not at all."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme

from tests.gateway.raw import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    SECONDS,
    RawClient,
    closing,
    frame,
    noise,
    request,
    text,
    upgrade,
)
from tests.gateway.running_daemon import RunningDaemon, running_daemon, wait_until

SLOW_SECONDS = 1.0
LISTEN = text("listen_latest")


def trusted(directory: Path) -> tuple[ssl.SSLContext, dict[str, str]]:
    """The context of a client, and the settings of a daemon whose certificate it trusts."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(directory / "cert.pem", append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context, {
        "REICHATD_SERVER_TLS_CERT": str(directory / "cert.pem"),
        "REICHATD_SERVER_TLS_KEY": str(directory / "key.pem"),
    }


@pytest.fixture(scope="module")
def shared_tls_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    directory = tmp_path_factory.mktemp("tls_daemon")
    context, environ = trusted(directory)
    with running_daemon(
        directory,
        context,
        **environ,
        REICHATD_LIMITS_PING_SECONDS="2",
        REICHATD_LIMITS_PONG_SECONDS="1",
        REICHATD_LIMITS_SLOW_READER_SECONDS=str(SLOW_SECONDS),
    ) as daemon:
        yield daemon


@pytest.fixture
def tls_daemon(shared_tls_daemon: RunningDaemon) -> Iterator[RunningDaemon]:
    yield shared_tls_daemon
    shared_tls_daemon.check()


def goes_on(client: RawClient) -> bool:
    client.send(frame(PING, b"?"))
    return client.frame() == (PONG, b"?")


def test_requests_and_a_conversation_on_one_connection(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.connect() as client:
        assert client.ask("GET", "/").json == {"message": "ok"}
        client.send(request("POST", "/login", body=b"{}") + request("HEAD", "/"))
        assert [client.answer().status, client.answer(has_body=False).status] == [422, 200]
        assert client.upgrade(tls_daemon.target(tls_daemon.room())).frame().json["type"] == "initial_state"
        assert goes_on(client)


def test_clients_of_our_own_host_may_use_any_scheme(tls_daemon: RunningDaemon) -> None:
    target = tls_daemon.target(tls_daemon.room())
    for origin, status in (("https://localhost", 101), ("wss://localhost:443", 101), ("http://localhost", 101)):
        with tls_daemon.connect() as client:
            client.send(upgrade(target, f"Origin: {origin}"))
            assert client.answer().status == status


@pytest.mark.parametrize(
    ("host", "is_sent"),
    [
        ("chat.example.org", True),
        ("CHAT.example.org:8443", True),
        ("127.0.0.1:8000", False),
        ("[::1]", False),
        ("localhost:8000", False),
        ("chat.localhost", False),
    ],
)
def test_hsts_is_sent_for_public_names(tls_daemon: RunningDaemon, host: str, is_sent: bool) -> None:
    with tls_daemon.connect() as client:
        for head in (request("GET", "/"), request("GET", "/", "Accept: text/html"), request("GET", "/user")):
            client.send(head.replace(b"Host: localhost", f"Host: {host}".encode()))
            hsts = client.answer().headers.get("strict-transport-security")
            assert hsts == ("max-age=31536000" if is_sent else None)


def test_a_connection_ends_with_close_notify(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.connect() as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        client.socket.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        began = time.monotonic()
        assert client.ask("GET", "/", "Connection: close").status == 200
        assert client.rest() == b""
        assert time.monotonic() - began < 0.9, "close_notify comes before the lingering close"


def test_a_large_body_is_refused_and_the_response_arrives(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.connect() as client:
        client.send(request("POST", "/login", body=bytes(10_000_000)))
        assert client.answer().status == 413
        assert client.rest() == b""


def test_a_message_over_the_limit_is_refused_and_the_close_frame_arrives(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.open_websocket(tls_daemon.room()) as client:
        client.send(frame(BINARY, bytes(1_000_000)))
        assert client.frame().close_code == 1009
        assert client.rest() == b""


def test_a_half_closed_client_is_answered(tls_daemon: RunningDaemon) -> None:
    assert tls_daemon.tls is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_daemon.tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with RawClient(tls_daemon.process.port) as plain:

        def retried(do: Callable[[], object]) -> object:
            """Calls `do` again as long as TLS needs more bytes."""
            while True:
                try:
                    return do()
                except ssl.SSLWantReadError:
                    plain.send(outgoing.read())
                    incoming.write(plain.socket.recv(65_536))

        retried(client.do_handshake)
        login = b'{"email": "ada@example.org", "password": "wrong password"}'
        client.write(request("POST", "/login", body=login) * 2)
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()  # sends close_notify, and cannot go on without the daemon's
        plain.send(outgoing.read())
        answers: list[object] = []
        with suppress(ssl.SSLZeroReturnError):
            while True:
                answers.append(retried(lambda: client.read(65_536)))
        assert str(answers).count("invalid_password") == 2


def test_all_clients_get_all_messages_in_order(tls_daemon: RunningDaemon) -> None:
    room = tls_daemon.room()
    with (
        tls_daemon.open_websocket(room) as ada,
        tls_daemon.open_websocket(room, tls_daemon.bob) as bob,
        tls_daemon.open_websocket(room) as third,
    ):
        for client in (ada, bob, third):
            client.send(LISTEN)
            assert goes_on(client)
        for writer in (ada, bob):
            writer.send(b"".join(text("message", content=f"{number} {'x' * 500}") for number in range(1000)))
        for client in (ada, bob, third):
            ids = [client.next("latest_message")["message"]["message_id"] for _ in range(2000)]
            assert ids == list(range(1, 2001))


@pytest.mark.parametrize("times", range(5))
def test_a_kick_in_a_burst_closes_with_its_code(tls_daemon: RunningDaemon, times: int) -> None:
    room = tls_daemon.room()
    burst = b"".join(text("message", content="x" * 50) for _ in range(1500))
    with tls_daemon.open_websocket(room) as ada, tls_daemon.open_websocket(room, tls_daemon.bob) as bob:
        bob.send(LISTEN)
        assert goes_on(bob)
        ada.send(burst)
        bob.next("latest_message")
        time.sleep(times / 100)
        assert tls_daemon.call("POST", f"/room/{room}/kick/{tls_daemon.bob.user_id}", by=tls_daemon.ada).status == 200
        *messages, last = bob.frames()
        ids = [each.json["message"]["message_id"] for each in messages]
        assert ids == list(range(2, len(ids) + 2))
        assert last.close_code == 1008
        bob.send(closing(1008))
        assert bob.rest() == b""


def test_a_slow_reader_gets_all_frames_that_were_begun_and_the_reason(tls_daemon: RunningDaemon) -> None:
    room = tls_daemon.room()
    with (
        tls_daemon.open_websocket(room) as ada,
        tls_daemon.open_websocket(room, tls_daemon.bob, receive_buffer=4096, segment=1000) as slow,
    ):
        slow.send(LISTEN)
        assert goes_on(slow)
        for number in range(200):
            ada.send(text("message", content="x" * 5000, nonce=str(number)))
        while ada.next("ack")["message_id"] < 200:
            pass
        time.sleep(1.5 * SLOW_SECONDS)
        *messages, last = slow.frames()
        ids = [each.json["message"]["message_id"] for each in messages if each.opcode != PING]
        assert 0 < len(ids) < 200
        assert ids == list(range(1, len(ids) + 1))
        assert last == (CLOSE, b"\x03\xf5Reader too slow for too long")


DOCUMENTS = 30
"""So many responses of /openapi.json are more than the kernel buffers for a client with small buffers."""


def test_a_response_may_take_as_long_as_the_client_reads(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.connect(receive_buffer=4096, segment=1000) as client:
        client.send(request("GET", "/openapi.json") * DOCUMENTS)
        began = time.monotonic()
        while time.monotonic() - began < 4 * SLOW_SECONDS:  # and 4 times SHORT_LIMITS's request_seconds
            client.unread += client.socket.recv(2000)
            time.sleep(0.1)
        assert len({client.answer().body for _ in range(DOCUMENTS)}) == 1


def test_a_response_that_is_not_read_ends_the_connection(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.connect(receive_buffer=4096, segment=1000) as client:
        client.send(request("GET", "/openapi.json") * DOCUMENTS)
        wait_until(lambda: not tls_daemon.is_connected_to(client))


def test_a_slow_reader_that_goes_on_in_time_loses_nothing(tls_daemon: RunningDaemon) -> None:
    room = tls_daemon.room()
    with (
        tls_daemon.open_websocket(room) as ada,
        tls_daemon.open_websocket(room, tls_daemon.bob, receive_buffer=4096, segment=1000) as slow,
    ):
        slow.send(LISTEN)
        assert goes_on(slow)
        for number in range(200):
            ada.send(text("message", content="x" * 5000, nonce=str(number)))
        while ada.next("ack")["message_id"] < 200:
            pass
        ids = [slow.next("latest_message")["message"]["message_id"] for _ in range(200)]
        assert ids == list(range(1, 201))


def test_a_vanished_client_is_disconnected(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.open_websocket(tls_daemon.room()) as client:
        assert client.frame() == (PING, b"")
        assert client.ended()


def test_clients_without_tls_and_silent_clients_are_disconnected(tls_daemon: RunningDaemon) -> None:
    spoken = (b"", request("GET", "/"), b"\x16\x03\x01", b"\x16\x03\x01\2\0\1\0\1\xfc\3\3" + noise(600), bytes(100_000))
    port = tls_daemon.process.port
    with ExitStack() as stack:
        connected = stack.enter_context(tls_daemon.connect())
        plain = [stack.enter_context(RawClient(port)) for _ in spoken]
        began = time.monotonic()
        for client, data in zip(plain, spoken, strict=True):
            with suppress(ConnectionError):
                client.send(data)
        assert connected.ended()
        assert time.monotonic() - began > 0.5
        for client in plain:
            client.ended()  # perhaps with a TLS alert before
        assert time.monotonic() - began < 5


def test_a_client_may_vanish_at_any_point(tls_daemon: RunningDaemon) -> None:
    assert tls_daemon.tls is not None
    hello, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls_daemon.tls.wrap_bio(incoming, hello, server_hostname="localhost").do_handshake()
    begin = hello.read()
    for size in (0, 1, len(begin) - 1, len(begin)):
        with RawClient(tls_daemon.process.port) as plain:
            plain.send(begin[:size])
            plain.reset()
    for said in (b"", b"GET", request("GET", "/"), request("POST", "/login", "Content-Length: 9")):
        with tls_daemon.connect() as client:
            client.send(said)
            client.reset()
    with tls_daemon.open_websocket(tls_daemon.room()) as client:
        client.reset()


def test_noise_between_tls_records_ends_the_connection(tls_daemon: RunningDaemon) -> None:
    with tls_daemon.open_websocket(tls_daemon.room()) as client:
        client.socket = socket.socket(fileno=client.socket.detach())
        client.socket.settimeout(SECONDS)
        client.send(noise(1000))
        client.ended()


def test_a_stop_closes_sockets_with_a_code(tmp_path: Path) -> None:
    context, environ = trusted(tmp_path)
    with (
        running_daemon(tmp_path, context, **environ) as daemon,
        daemon.open_websocket(daemon.room()) as client,
        RawClient(daemon.process.port),  # says nothing
        daemon.connect() as idle,
    ):
        assert idle.ask("GET", "/").status == 200
        codes: list[int] = []
        closer = threading.Thread(target=lambda: codes.append(client.close_code()))
        closer.start()
        seconds = daemon.stop()
        closer.join()
        assert codes == [1001]
        assert seconds < 2
