"""Clients that take more than their share: of connections, of sockets, of frames. Each test is one attack, and an honest client."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from threading import Event, Thread

from tests.gateway.raw import CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame, request, text, upgrade
from tests.gateway.running_daemon import LONG_CLOSE, LONG_LIMITS, RunningDaemon, running_daemon, wait_until

PATIENT = {"REICHATD_LIMITS_REQUEST_SECONDS": "60", "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": "60"}
ATTACKER, HONEST = "127.0.0.66", "127.0.0.1"


def still_open(daemon: RunningDaemon, clients: list[RawClient]) -> int:
    return sum(daemon.is_connected_to(client) for client in clients)


def refusal_lines(daemon: RunningDaemon, limit: str) -> int:
    return daemon.process.output.count(f'"action": "{limit}"')


def as_ada(daemon: RunningDaemon, path: str = "/joined") -> bytes:
    return request("GET", path, f"Authorization: Bearer {daemon.ada.access_token}")


def test_silent_connections_of_one_address(tmp_path: Path) -> None:
    with (
        running_daemon(tmp_path, **PATIENT, REICHATD_LIMITS_STRANGERS_PER_ADDRESS="20") as daemon,
        ExitStack() as stack,
    ):
        silent = [stack.enter_context(daemon.connect(source=ATTACKER)) for _ in range(100)]
        wait_until(lambda: still_open(daemon, silent) <= 20)
        assert still_open(daemon, silent[-20:]) == 20, "the longest idle ones are closed"
        # Neither another address nor a neighbour behind the same one is locked out.
        for source in (HONEST, ATTACKER):
            with daemon.connect(source=source) as client:
                client.send(as_ada(daemon))
                assert client.answer().status == 200
        assert refusal_lines(daemon, "strangers_per_address") == 1
        daemon.check()


def test_connections_of_one_address_that_are_all_in_use(tmp_path: Path) -> None:
    with (
        running_daemon(tmp_path, **PATIENT, REICHATD_LIMITS_CONNECTIONS_PER_ADDRESS="10") as daemon,
        ExitStack() as stack,
    ):
        room = daemon.room()
        sockets = [stack.enter_context(daemon.open_websocket(room, source=ATTACKER)) for _ in range(10)]
        with daemon.connect(source=ATTACKER) as refused:
            answer = refused.answer()  # without a request: the daemon does not wait for one
        assert answer.status == 429
        assert answer.json["code"] == "rate_limited"
        assert int(answer.headers["retry-after"]) > 0
        with daemon.open_websocket(room, source=HONEST):
            pass
        sockets.pop().socket.close()
        wait_until(lambda: answers(daemon, ATTACKER))


def answers(daemon: RunningDaemon, source: str) -> bool:
    with daemon.connect(source=source) as client, suppress(ConnectionError, EOFError):
        client.send(request("GET", "/"))
        return client.answer().status == 200
    return False


@contextmanager
def silent_flood(port: int, sources: list[str], held: int) -> Iterator[Callable[[], int]]:
    """Opens connections that say nothing, as fast as it can, and holds the last `held` of them. Yields their number so far."""
    ended, opened = Event(), 0

    def flood() -> None:
        nonlocal opened
        mine: list[socket.socket] = []
        while not ended.is_set():
            sock = socket.socket()
            sock.setblocking(False)
            sock.bind((sources[opened % len(sources)], 0))
            sock.connect_ex(("127.0.0.1", port))
            mine.append(sock)
            opened += 1
            if len(mine) > held:
                mine.pop(0).close()
            time.sleep(0.001)
        for sock in mine:
            sock.close()

    thread = Thread(target=flood)
    thread.start()
    try:
        yield lambda: opened
    finally:
        ended.set()
        thread.join()


def test_an_honest_client_gets_in_while_silent_ones_fill_the_daemon(tmp_path: Path) -> None:
    sources = [f"127.0.1.{number}" for number in range(1, 21)]
    with running_daemon(tmp_path, **PATIENT, REICHATD_SERVER_MAX_CONNECTIONS="200") as daemon:
        room = daemon.room()
        with daemon.open_websocket(room) as chatting, silent_flood(daemon.process.port, sources, 600) as opened:
            wait_until(lambda: opened() > 400)
            waits = []
            for number in range(20):
                began = time.monotonic()
                with daemon.connect() as client:
                    client.send(as_ada(daemon))
                    assert client.answer().status == 200
                waits.append(time.monotonic() - began)
                chatting.send(text("message", content="still chatting", nonce=str(number)))
                assert chatting.next("ack")["message_id"] == number + 1
        assert median(waits) < 1
        daemon.check()
        assert daemon.process.output.count("connections full") == 1


def test_clients_that_send_and_do_not_read_are_idle(tmp_path: Path) -> None:
    """Their requests stay unread while the first responses wait for them: that must not look like a client at work."""
    with running_daemon(tmp_path, **LONG_LIMITS, REICHATD_SERVER_MAX_CONNECTIONS="20") as daemon, ExitStack() as stack:
        pipelined = request("GET", "/openapi.json") * 1000
        for _ in range(20):
            client = stack.enter_context(daemon.connect(source=ATTACKER, receive_buffer=4096))
            client.socket.setblocking(False)
            with suppress(BlockingIOError):
                client.send(pipelined)
        time.sleep(0.5)
        for _ in range(3):
            assert answers(daemon, HONEST)
        daemon.check()


def test_answers_that_are_held_back_are_idle(tmp_path: Path) -> None:
    settings = {"REICHATD_LIMITS_REFUSAL_SECONDS": "60", "REICHATD_LIMITS_GUESSES_PER_CLIENT": "1"}
    with (
        running_daemon(tmp_path, **LONG_LIMITS, **settings, REICHATD_SERVER_MAX_CONNECTIONS="4") as daemon,
        ExitStack() as stack,
    ):
        body = b'{"email": "ada@example.org", "password": "a wrong guess"}'
        with daemon.connect(source=ATTACKER) as first:
            assert first.ask("POST", "/login", body=body).status == 400
        for _ in range(4):
            stack.enter_context(daemon.connect(source=ATTACKER)).send(request("POST", "/login", body=body))
        wait_until(lambda: refusal_lines(daemon, "login") == 4)
        for _ in range(3):
            assert answers(daemon, HONEST)


def test_sockets_without_a_login_are_idle_while_they_close(tmp_path: Path) -> None:
    with (
        running_daemon(tmp_path, **{**LONG_LIMITS, **LONG_CLOSE}, REICHATD_SERVER_MAX_CONNECTIONS="4") as daemon,
        ExitStack() as stack,
    ):
        for _ in range(4):
            client = stack.enter_context(daemon.connect(source=ATTACKER))
            assert client.upgrade("/ws/chat/room").frame().close_code == 4001
        for _ in range(3):
            assert answers(daemon, HONEST)


def test_a_request_that_never_ends_is_idle_too(tmp_path: Path) -> None:
    with running_daemon(tmp_path, **PATIENT, REICHATD_SERVER_MAX_CONNECTIONS="4") as daemon, ExitStack() as stack:
        head, body, handshake = (stack.enter_context(daemon.connect()) for _ in range(3))
        head.send(b"GET / HT")
        body.send(request("POST", "/login", "Content-Length: 1000", body=b"{"))
        handshake.send(upgrade("/ws/chat/room")[:-2])
        wait_until(lambda: still_open(daemon, [head, body, handshake]) == 3)
        time.sleep(0.2)  # until all of it is read
        clients = [stack.enter_context(daemon.connect()) for _ in range(4)]
        for client in clients:
            client.send(as_ada(daemon))
            assert client.answer().status == 200
        assert still_open(daemon, [head, body, handshake]) == 0
        assert still_open(daemon, clients) == 4


def test_the_clients_of_a_proxy_are_told_apart(tmp_path: Path) -> None:
    settings = {"REICHATD_SERVER_TRUSTED_PROXIES": HONEST, "REICHATD_LIMITS_CONNECTIONS_PER_ADDRESS": "3"}
    with running_daemon(tmp_path, **PATIENT, **settings) as daemon, ExitStack() as stack:
        room = daemon.room()

        def open_for(client: str) -> int:
            through = stack.enter_context(daemon.connect())
            through.send(upgrade(daemon.target(room), f"X-Forwarded-For: {client}"))
            return through.answer().status

        assert [open_for("203.0.113.7") for _ in range(5)] == [101, 101, 101, 429, 429]
        assert open_for("203.0.113.8") == 101
        # One of the proxy's connections carries requests of many clients, one after the other.
        with daemon.connect() as through:
            for client in ("203.0.113.8", "203.0.113.9", "203.0.113.8"):
                assert through.ask("GET", "/", f"X-Forwarded-For: {client}").status == 200
            assert through.ask("GET", "/", "X-Forwarded-For: 203.0.113.7").status == 429
        assert '"client": "203.0.113.7"' in daemon.process.output


def test_sockets_of_one_user(tmp_path: Path) -> None:
    with running_daemon(tmp_path, REICHATD_LIMITS_SOCKETS_PER_USER="3") as daemon, ExitStack() as stack:
        rooms = [daemon.room(), daemon.room()]
        sockets = [stack.enter_context(daemon.open_websocket(room)) for room in (*rooms, rooms[0])]
        with daemon.connect() as refused:
            refused.upgrade(daemon.target(rooms[0]))
            last = refused.frame()
            assert (last.opcode, last.close_code, last.payload[2:]) == (CLOSE, 1013, b"Too many open sockets")
        stack.enter_context(daemon.open_websocket(rooms[0], daemon.bob))
        assert refusal_lines(daemon, "sockets_per_user") == 1
        sockets[0].reset()
        wait_until(lambda: opens(daemon, rooms[1]))


def opens(daemon: RunningDaemon, room: str) -> bool:
    with daemon.connect() as client:
        return client.upgrade(daemon.target(room)).frame().opcode == TEXT


RATE, BURST, SECONDS = 50, 100, 2.0


def test_frames_over_the_budget_wait(tmp_path: Path) -> None:
    """The budget bounds how many pings of a flood are answered, and the chat goes on."""
    settings = {"REICHATD_LIMITS_FRAMES_PER_SECOND": str(RATE), "REICHATD_LIMITS_FRAMES_BURST": str(BURST)}
    with running_daemon(tmp_path, **settings) as daemon:
        room = daemon.room()
        fragments = frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 10_000
        with daemon.open_websocket(room) as pings, daemon.open_websocket(room, daemon.bob) as library:
            began = time.monotonic()
            pings.send(frame(PING) * 5000)
            library.send(fragments)
            library.send(frame(PING, b"behind the fragments"))
            with daemon.open_websocket(room) as honest:
                honest.send(text("message", content="calm", nonce="n"))
                assert honest.next("ack")["message_id"] == 1
            pongs = 0
            while time.monotonic() - began < SECONDS:
                assert pings.frame() == (PONG, b"")
                pongs += 1
            spent = time.monotonic() - began
            assert pongs <= BURST + RATE * spent + 2 * 64, "more frames are read than the budget allows"
            assert pongs >= BURST
            assert daemon.is_connected_to(pings)
            assert daemon.is_connected_to(library)
            library.socket.settimeout(0.1)
            with suppress(TimeoutError):
                raise AssertionError(library.frame())
        assert refusal_lines(daemon, "frames_per_second") == 1, "one line per address and minute"
        daemon.check()


def test_nothing_is_lost_over_the_budget(tmp_path: Path) -> None:
    settings = {"REICHATD_LIMITS_FRAMES_PER_SECOND": "100", "REICHATD_LIMITS_FRAMES_BURST": "20"}
    with running_daemon(tmp_path, **settings) as daemon, daemon.open_websocket(daemon.room()) as client:
        began = time.monotonic()
        client.send(b"".join(text("message", content="x", nonce=str(number)) for number in range(150)))
        assert [client.next("ack")["message_id"] for _ in range(150)] == list(range(1, 151))
        assert time.monotonic() - began > 0.5


def test_bytes_over_the_budget_wait(tmp_path: Path) -> None:
    settings = {"REICHATD_LIMITS_FRAME_BYTES_PER_SECOND": "20000", "REICHATD_LIMITS_FRAME_BYTES_BURST": "20000"}
    with running_daemon(tmp_path, **settings) as daemon, daemon.open_websocket(daemon.room()) as client:
        began = time.monotonic()
        client.send(b"".join(text("message", content="x" * 5000, nonce=str(number)) for number in range(15)))
        assert [client.next("ack")["message_id"] for _ in range(15)] == list(range(1, 16))
        assert time.monotonic() - began > 1.5
