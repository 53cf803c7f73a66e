"""Unusual and invalid HTTP, sent to a real daemon."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.gateway.raw import RawClient, noise, request, upgrade
from tests.gateway.running_daemon import RunningDaemon

MEGABYTE = 1_000_000
LOGIN = b'{"email": "ada@example.org", "password": "wrong password"}'
CHUNKED = "Transfer-Encoding: chunked"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


@pytest.fixture
def client(daemon: RunningDaemon) -> Iterator[RawClient]:
    with daemon.connect() as client:
        yield client


# --- valid


def test_one_connection_serves_several_requests(client: RawClient) -> None:
    assert client.ask("GET", "/").status == 200
    assert client.ask("HEAD", "/").body == b""
    assert client.ask("POST", "/login", body=LOGIN).status == 400
    assert client.ask("GET", "/nowhere").status == 404
    assert client.ask("GET", "http://localhost/").status == 200


def test_an_invalid_request_is_answered_after_valid_ones(client: RawClient) -> None:
    assert client.ask("HEAD", "/").status == 200
    client.send(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
    assert client.final().json["code"] == "bad_request"


def test_requests_in_one_segment_are_answered_in_order(client: RawClient) -> None:
    client.send(
        request("GET", "/nowhere")
        + request("POST", "/login", body=LOGIN)
        + request("POST", "/login", CHUNKED, body=chunks(LOGIN[:5], LOGIN[5:]))
        + request("HEAD", "/")
        + request("GET", "/user", "Connection: close")
    )
    has_body = (True, True, True, False, True)
    assert [client.answer(has_body=each).status for each in has_body] == [404, 400, 400, 200, 401]
    assert client.rest() == b""


def test_a_request_in_single_bytes(client: RawClient) -> None:
    for byte in request("POST", "/login", CHUNKED, body=chunks(LOGIN)):
        client.send(bytes([byte]))
    assert client.answer().status == 400


@pytest.mark.parametrize("waits", [True, False])
def test_a_client_may_wait_for_100_continue(client: RawClient, waits: bool) -> None:
    asking = request("POST", "/login", "Expect: 100-continue", f"Content-Length: {len(LOGIN)}")
    client.send(asking if waits else asking + LOGIN)
    if waits:
        assert client.answer().status == 100
        client.send(LOGIN)
    assert client.final().status == 400
    assert client.ask("GET", "/").status == 200


@pytest.mark.parametrize(
    "last", [request("GET", "/", "Connection: close"), request("GET", "/", version="1.0")], ids=["close", "1.0"]
)
def test_nothing_is_answered_after_the_last_request(client: RawClient, last: bytes) -> None:
    client.send(last + request("GET", "/"))
    assert client.answer().status == 200
    assert client.rest() == b""


def test_a_request_in_a_body_is_ignored(client: RawClient) -> None:
    inner = request("GET", "/nowhere")
    client.send(request("POST", "/login", body=inner) + request("POST", "/login", CHUNKED, body=chunks(inner)))
    assert [client.answer().status for _ in range(2)] == [422, 422]
    assert client.ask("GET", "/").status == 200


# --- invalid


@pytest.mark.parametrize("target", ["/ws/chat/lounge", "/ws/chat/no%00room?token=x", "/ws/doctor"])
def test_a_handshake_without_upgrade_is_answered_with_426(client: RawClient, target: str) -> None:
    for method in ("GET", "HEAD"):
        for headers in ((), ("Connection: Upgrade", "Sec-WebSocket-Version: 13")):
            client.send(request(method, target, *headers))
            answer = client.answer(has_body=method != "HEAD")
            assert (answer.status, answer.headers["upgrade"], answer.headers["connection"]) == (
                426,
                "websocket",
                "Upgrade",
            )
            if method == "GET":
                assert answer.json["code"] == "upgrade_required"
                assert "proxy" in answer.json["message"]
    other = client.ask("POST", target)
    assert (other.status, other.headers["allow"]) == (405, "GET, HEAD")


def test_http_2_is_not_served(client: RawClient) -> None:
    headers = ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__")
    assert client.ask("GET", "/", *headers).json == {"message": "ok"}
    assert client.ask("GET", "/").json == {"message": "ok"}
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert client.answer().status == 505
    assert client.rest() == b""


BAD_REQUESTS = {
    "no version": b"GET /\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "bad name": b"GET / HTTP/1.1\r\nHost: a\r\nName with spaces: b\r\n\r\n",
    "bad value": b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "no path": request("GET", "?no=path"),
    "no URL": request("GET", "http://["),
    "two lengths": request("POST", "/login", "Content-Length: 3", "Content-Length: 4", body=b"abcd"),
    "length and chunks": request(
        "POST", "/login", CHUNKED, "Content-Length: 3", body=chunks(b"{}") + request("GET", "/")
    ),
    "chunks and length": request("POST", "/login", "Content-Length: 9", CHUNKED, body=chunks(b"{}")),
    "negative length": request("POST", "/login", "Content-Length: -3"),
    "huge length": request("POST", "/login", "Content-Length: " + "9" * 30),
    "unknown coding": request("POST", "/login", "Transfer-Encoding: gzip, chunked", body=chunks(b"x")),
    "bad chunk": request("POST", "/login", CHUNKED, body=b"no number\r\n"),
    "TLS": b"\r\n\r\n\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    "noise": b"\xff" * 1000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("bad", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_an_invalid_request_is_refused(client: RawClient, bad: bytes) -> None:
    client.send(bad)
    answer = client.answer()
    assert answer.status in (400, 501)
    assert answer.headers["connection"] == "close"
    assert set(answer.json) == {"message", "code"}
    assert client.rest() == b""


def test_a_bad_head_request_is_refused_without_a_body(client: RawClient) -> None:
    client.send(request("HEAD", "?"))
    assert client.answer(has_body=False).status == 400
    assert client.rest() == b""


def test_noise(daemon: RunningDaemon) -> None:
    for _ in range(50):
        with daemon.connect() as client:
            client.send(noise(300) + b"\r\n\r\n")
            client.rest()


# --- too large


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((), bytes(10 * MEGABYTE)),
        ((CHUNKED,), chunks(*[bytes(65_536)] * 160)),
        (("Expect: 100-continue",), bytes(10 * MEGABYTE)),
    ],
    ids=["with its length", "in chunks", "with 100-continue"],
)
def test_a_large_body_is_refused_and_the_response_arrives(
    client: RawClient, headers: tuple[str, ...], body: bytes
) -> None:
    client.send(request("POST", "/login", *headers, body=body))
    answer = client.final()
    assert answer.status == 413
    assert answer.json["code"] == "request_entity_too_large"
    assert client.rest() == b""


@pytest.mark.parametrize("coding", [(), (CHUNKED,)], ids=["with its length", "in chunks"])
@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/", (), 200),
        ("GET", "/ws/chat/lounge", (), 426),
        ("POST", "/ws/chat/lounge", (), 405),
        ("OPTIONS", "/", ("Origin: https://friend.example.org", "Access-Control-Request-Method: PUT"), 204),
    ],
)
def test_an_unexpected_body_does_no_harm(
    client: RawClient, method: str, target: str, headers: tuple[str, ...], status: int, coding: tuple[str, ...]
) -> None:
    body = chunks(*[bytes(65_536)] * 160) if coding else bytes(10 * MEGABYTE)
    client.send(request(method, target, *headers, *coding, body=body))
    assert client.answer().status == status
    client.rest()


@pytest.mark.parametrize(
    "before", [b"", request("GET", "/"), request("POST", "/login", body=LOGIN)], ids=["first", "later", "behind a body"]
)
@pytest.mark.parametrize(
    "header",
    [b"X: " + b"x" * MEGABYTE, b"X: y\r\n" * (MEGABYTE // 6), b"x" * MEGABYTE],
    ids=["one", "many", "none"],
)
def test_a_large_head_is_refused_and_the_response_arrives(client: RawClient, before: bytes, header: bytes) -> None:
    client.send(before + b"GET / HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n")
    if before:
        assert client.answer().status in (200, 400)
    answer = client.answer()
    assert answer.status == 431
    assert answer.json["code"] == "head_too_large"
    assert client.rest() == b""


# --- too slow


def test_an_incomplete_head_ends_the_connection(daemon: RunningDaemon) -> None:
    begun = (b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n", upgrade("/ws/chat/room")[:-2])
    with ExitStack() as stack:
        first, later = ([stack.enter_context(daemon.connect()) for _ in begun] for _ in range(2))
        for client in later:
            assert client.ask("GET", "/").status == 200
        for client, data in zip(first + later, begun * 2, strict=True):
            client.send(data)
        began = time.monotonic()
        for client in first + later:
            assert client.ended()
            assert 0.5 < time.monotonic() - began < 5


def test_a_head_that_comes_slowly_ends_the_connection(client: RawClient) -> None:
    client.send(b"GET / HTTP/1.1\r\n")
    began = time.monotonic()
    while not ended_within(client, seconds=0.1):
        assert time.monotonic() - began < 5
        client.send(b"X: y\r\n")
    assert time.monotonic() - began > 0.5


def ended_within(client: RawClient, seconds: float) -> bool:
    client.socket.settimeout(seconds)
    try:
        return client.ended()
    except TimeoutError:
        return False


def test_a_body_that_comes_slowly_is_refused(daemon: RunningDaemon) -> None:
    with daemon.connect() as counted, daemon.connect() as in_chunks:
        counted.send(request("POST", "/login", "Content-Length: 100"))
        in_chunks.send(request("POST", "/login", CHUNKED))
        for client in (counted, in_chunks):
            client.send(b"1\r\n{\r\n")
        for client in (counted, in_chunks):
            assert client.answer().status == 408
            assert client.rest() == b""


# --- clients that leave


def test_a_client_that_leaves_during_its_request_leaves_no_incomplete_room(daemon: RunningDaemon) -> None:
    token = f"Authorization: Bearer {daemon.ada.access_token}"
    names = [f"left{number}" for number in range(40)]
    for number, name in enumerate(names):
        with daemon.connect() as client:
            body = b'{"name": "Left", "description": "Behind", "room_id": "%b"}' % name.encode()
            client.send(request("POST", "/room", token, body=body))
            time.sleep(number / 20_000)  # each leaves a little later during its request
            client.reset()
    answers = {name: daemon.call("GET", f"/room/{name}", by=daemon.ada) for name in names}
    # Last: a request that was still running may have made its room meanwhile, complete like the others.
    joined = {room["room_id"]: room for room in daemon.call("GET", "/joined", by=daemon.ada).json["rooms"]}
    assert {answer.status for answer in answers.values()} <= {200, 404}
    for name, answer in answers.items():
        if answer.status == 200:
            assert answer.json["room"]["users"] == joined[name]["users"] == [daemon.ada.user_id]
    for name in joined.keys() & answers.keys():
        assert joined[name]["users"] == [daemon.ada.user_id]


def half_close(client: RawClient) -> None:
    """Shuts down the sending side; receiving goes on."""
    client.socket.shutdown(socket.SHUT_WR)


def test_a_half_closed_client_is_answered(daemon: RunningDaemon) -> None:
    token = f"Authorization: Bearer {daemon.ada.access_token}"
    body = b'{"name": "Half", "description": "Closed", "room_id": "halfclosed"}'
    with daemon.connect() as client:
        client.send(request("POST", "/room", token, body=body))
        half_close(client)
        answer = client.answer()
        assert (answer.status, answer.json["room_id"]) == (201, "halfclosed")
        assert client.rest() == b""


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["at once", "a little later"])
def test_a_half_closed_client_gets_all_responses(client: RawClient, pause: float) -> None:
    client.send(
        request("GET", "/nowhere")
        + request("POST", "/login", body=LOGIN)
        + request("GET", "/")
        + request("POST", "/login", CHUNKED, body=chunks(LOGIN))
    )
    time.sleep(pause)
    half_close(client)
    assert [client.answer().status for _ in range(4)] == [404, 400, 200, 400]
    assert client.rest() == b""


@pytest.mark.parametrize(
    "cut",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        request("POST", "/login", "Content-Length: 100", body=LOGIN),
        request("POST", "/login", CHUNKED, body=chunks(LOGIN)[:-1]),
        request("POST", "/login", "Expect: 100-continue", "Content-Length: 9"),
    ],
    ids=["head", "body", "chunks", "100-continue"],
)
@pytest.mark.parametrize("before", [b"", request("GET", "/")], ids=["first", "later"])
def test_a_request_that_cannot_be_completed_ends_the_connection(client: RawClient, before: bytes, cut: bytes) -> None:
    client.send(before + cut)
    half_close(client)
    began = time.monotonic()
    if before:
        assert client.answer().status == 200
    assert client.rest().partition(b"\r\n")[0] in (b"", b"HTTP/1.1 100 ")
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "said", [b"", b"G", b"GET / HTTP/1.1\r\n", request("POST", "/login", "Content-Length: 9")], ids=len
)
def test_a_client_may_vanish_at_any_point(daemon: RunningDaemon, said: bytes) -> None:
    for _ in range(10):
        with daemon.connect() as client:
            client.send(said)
            client.reset()
