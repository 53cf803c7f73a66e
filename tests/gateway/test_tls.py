"""TLS that the daemon speaks itself, with clients that do and clients that do not."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme

from tests.gateway.house import House, house, wait_until
from tests.gateway.raw import BINARY, CLOSE, PING, PONG, SECONDS, Wire, closing, frame, noise, request, text, upgrade

SLOW_SECONDS = 1.0
LISTEN = text("listen_latest")


def trusted(directory: Path) -> tuple[ssl.SSLContext, dict[str, str]]:
    """A client's context, and the settings of a daemon that it trusts."""
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
def secure_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("secure")
    context, environ = trusted(directory)
    with house(
        directory,
        context,
        **environ,
        REICHATD_LIMITS_PING_SECONDS="2",
        REICHATD_LIMITS_PONG_SECONDS="1",
        REICHATD_LIMITS_SLOW_READER_SECONDS=str(SLOW_SECONDS),
    ) as inhabited:
        yield inhabited


@pytest.fixture
def secure(secure_house: House) -> Iterator[House]:
    yield secure_house
    secure_house.check()


def goes_on(wire: Wire) -> bool:
    wire.send(frame(PING, b"?"))
    return wire.frame() == (PONG, b"?")


def test_requests_and_a_conversation_on_one_connection(secure: House) -> None:
    with secure.wire() as wire:
        assert wire.ask("GET", "/").json == {"message": "ok"}
        wire.send(request("POST", "/login", body=b"{}") + request("HEAD", "/"))
        assert [wire.answer().status, wire.answer(has_body=False).status] == [422, 200]
        assert wire.upgrade(secure.target(secure.room())).frame().json["type"] == "initial_state"
        assert goes_on(wire)


def test_clients_of_our_own_host_may_come_by_any_scheme(secure: House) -> None:
    target = secure.target(secure.room())
    for origin, status in (("https://localhost", 101), ("wss://localhost:443", 101), ("http://localhost", 101)):
        with secure.wire() as wire:
            wire.send(upgrade(target, f"Origin: {origin}"))
            assert wire.answer().status == status


@pytest.mark.parametrize(
    ("host", "promised"),
    [
        ("chat.example.org", True),
        ("CHAT.example.org:8443", True),
        ("127.0.0.1:8000", False),
        ("[::1]", False),
        ("localhost:8000", False),
        ("chat.localhost", False),
    ],
)
def test_browsers_are_told_to_come_by_tls_only(secure: House, host: str, promised: bool) -> None:
    with secure.wire() as wire:
        for head in (request("GET", "/"), request("GET", "/", "Accept: text/html"), request("GET", "/user")):
            wire.send(head.replace(b"Host: localhost", f"Host: {host}".encode()))
            promise = wire.answer().headers.get("strict-transport-security")
            assert promise == ("max-age=31536000" if promised else None)


def test_the_end_of_a_connection_is_told(secure: House) -> None:
    with secure.wire() as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)
        wire.socket.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        began = time.monotonic()
        assert wire.ask("GET", "/", "Connection: close").status == 200
        assert wire.rest() == b""
        assert time.monotonic() - began < 0.9, "no linger without a word"


def test_a_large_body_is_refused_in_words_that_arrive(secure: House) -> None:
    with secure.wire() as wire:
        wire.send(request("POST", "/login", body=bytes(10_000_000)))
        assert wire.answer().status == 413
        assert wire.rest() == b""


def test_a_message_over_the_limit_is_refused_in_words_that_arrive(secure: House) -> None:
    with secure.talk(secure.room()) as wire:
        wire.send(frame(BINARY, bytes(1_000_000)))
        assert wire.frame().close_code == 1009
        assert wire.rest() == b""


def test_a_client_that_will_say_no_more_is_answered(secure: House) -> None:
    assert secure.tls is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = secure.tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with Wire(secure.process.port) as plain:

        def when_it_can(do: Callable[[], object]) -> object:
            while True:
                try:
                    return do()
                except ssl.SSLWantReadError:
                    plain.send(outgoing.read())
                    incoming.write(plain.socket.recv(65_536))

        when_it_can(client.do_handshake)
        login = b'{"email": "ada@example.org", "password": "wrong password"}'
        client.write(request("POST", "/login", body=login) * 2)
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()  # says close_notify, and would wait for the other one
        plain.send(outgoing.read())
        answers: list[object] = []
        with suppress(ssl.SSLZeroReturnError):
            while True:
                answers.append(when_it_can(lambda: client.read(65_536)))
        assert str(answers).count("invalid_password") == 2


def test_everybody_gets_every_message_in_order(secure: House) -> None:
    room = secure.room()
    with secure.talk(room) as ada, secure.talk(room, secure.bob) as bob, secure.talk(room) as third:
        for wire in (ada, bob, third):
            wire.send(LISTEN)
            assert goes_on(wire)
        for writer in (ada, bob):
            writer.send(b"".join(text("message", content=f"{number} {'x' * 500}") for number in range(1000)))
        for wire in (ada, bob, third):
            ids = [wire.next("latest_message")["message"]["message_id"] for _ in range(2000)]
            assert ids == list(range(1, 2001))


@pytest.mark.parametrize("times", range(5))
def test_a_kick_in_a_storm_closes_with_its_code(secure: House, times: int) -> None:
    room = secure.room()
    storm = b"".join(text("message", content="x" * 50) for _ in range(1500))
    with secure.talk(room) as ada, secure.talk(room, secure.bob) as bob:
        bob.send(LISTEN)
        assert goes_on(bob)
        ada.send(storm)
        bob.next("latest_message")
        time.sleep(times / 100)
        assert secure.call("POST", f"/room/{room}/kick/{secure.bob.user_id}", by=secure.ada).status == 200
        *messages, last = bob.frames()
        ids = [each.json["message"]["message_id"] for each in messages]
        assert ids == list(range(2, len(ids) + 2))
        assert last.close_code == 1008
        bob.send(closing(1008))
        assert bob.rest() == b""


def test_a_slow_reader_gets_all_that_was_begun_and_is_told_why_it_ends(secure: House) -> None:
    room = secure.room()
    with secure.talk(room) as ada, secure.talk(room, secure.bob, receive_buffer=4096, segment=1000) as slow:
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
"""So many answers of /openapi.json are more than the kernel keeps for a reader with little space."""


def test_answers_may_take_as_long_as_they_are_read(secure: House) -> None:
    with secure.wire(receive_buffer=4096, segment=1000) as wire:
        wire.send(request("GET", "/openapi.json") * DOCUMENTS)
        began = time.monotonic()
        while time.monotonic() - began < 4 * SLOW_SECONDS:  # and 4 times SHORT's request_seconds
            wire.unread += wire.socket.recv(2000)
            time.sleep(0.1)
        assert len({wire.answer().body for _ in range(DOCUMENTS)}) == 1


def test_an_answer_of_which_nothing_is_read_ends_the_connection(secure: House) -> None:
    with secure.wire(receive_buffer=4096, segment=1000) as wire:
        wire.send(request("GET", "/openapi.json") * DOCUMENTS)
        wait_until(lambda: not secure.holds(wire))


def test_a_slow_reader_that_reads_again_in_time_loses_nothing(secure: House) -> None:
    room = secure.room()
    with secure.talk(room) as ada, secure.talk(room, secure.bob, receive_buffer=4096, segment=1000) as slow:
        slow.send(LISTEN)
        assert goes_on(slow)
        for number in range(200):
            ada.send(text("message", content="x" * 5000, nonce=str(number)))
        while ada.next("ack")["message_id"] < 200:
            pass
        ids = [slow.next("latest_message")["message"]["message_id"] for _ in range(200)]
        assert ids == list(range(1, 201))


def test_a_peer_that_has_vanished_is_given_up(secure: House) -> None:
    with secure.talk(secure.room()) as wire:
        assert wire.frame() == (PING, b"")
        assert wire.ended()


def test_who_speaks_no_tls_or_says_nothing_is_let_go(secure: House) -> None:
    spoken = (b"", request("GET", "/"), b"\x16\x03\x01", b"\x16\x03\x01\2\0\1\0\1\xfc\3\3" + noise(600), bytes(100_000))
    port = secure.process.port
    with ExitStack() as stack:
        shaken = stack.enter_context(secure.wire())
        plain = [stack.enter_context(Wire(port)) for _ in spoken]
        began = time.monotonic()
        for wire, data in zip(plain, spoken, strict=True):
            with suppress(ConnectionError):
                wire.send(data)
        assert shaken.ended()
        assert time.monotonic() - began > 0.5
        for wire in plain:
            wire.ended()  # perhaps with an alert before
        assert time.monotonic() - began < 5


def test_a_client_may_vanish_at_any_point(secure: House) -> None:
    assert secure.tls is not None
    hello, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        secure.tls.wrap_bio(incoming, hello, server_hostname="localhost").do_handshake()
    begin = hello.read()
    for size in (0, 1, len(begin) - 1, len(begin)):
        with Wire(secure.process.port) as plain:
            plain.send(begin[:size])
            plain.reset()
    for said in (b"", b"GET", request("GET", "/"), request("POST", "/login", "Content-Length: 9")):
        with secure.wire() as wire:
            wire.send(said)
            wire.reset()
    with secure.talk(secure.room()) as wire:
        wire.reset()


def test_garbage_in_the_middle_ends_the_connection(secure: House) -> None:
    with secure.talk(secure.room()) as wire:
        wire.socket = socket.socket(fileno=wire.socket.detach())
        wire.socket.settimeout(SECONDS)
        wire.send(noise(1000))
        wire.ended()


def test_sockets_are_told_of_a_stop(tmp_path: Path) -> None:
    context, environ = trusted(tmp_path)
    with (
        house(tmp_path, context, **environ) as inhabited,
        inhabited.talk(inhabited.room()) as wire,
        Wire(inhabited.process.port),  # says nothing
        inhabited.wire() as idle,
    ):
        assert idle.ask("GET", "/").status == 200
        codes: list[int] = []
        closer = threading.Thread(target=lambda: codes.append(wire.close_code()))
        closer.start()
        seconds = inhabited.stop()
        closer.join()
        assert codes == [1001]
        assert seconds < 2
