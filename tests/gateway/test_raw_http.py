"""HTTP as no good client speaks it, to a real daemon."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.gateway.house import House
from tests.gateway.raw import Wire, noise, request, upgrade

MEGABYTE = 1_000_000
LOGIN = b'{"email": "ada@example.org", "password": "wrong password"}'
CHUNKED = "Transfer-Encoding: chunked"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


@pytest.fixture
def wire(unharmed: House) -> Iterator[Wire]:
    with unharmed.wire() as wire:
        yield wire


# --- what is allowed


def test_requests_follow_each_other_on_one_connection(wire: Wire) -> None:
    assert wire.ask("GET", "/").status == 200
    assert wire.ask("HEAD", "/").body == b""
    assert wire.ask("POST", "/login", body=LOGIN).status == 400
    assert wire.ask("GET", "/nowhere").status == 404
    assert wire.ask("GET", "http://localhost/").status == 200


def test_a_request_that_cannot_be_read_is_answered_behind_any_other(wire: Wire) -> None:
    assert wire.ask("HEAD", "/").status == 200
    wire.send(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
    assert wire.final().json["code"] == "bad_request"


def test_requests_in_one_segment_are_answered_in_order(wire: Wire) -> None:
    wire.send(
        request("GET", "/nowhere")
        + request("POST", "/login", body=LOGIN)
        + request("POST", "/login", CHUNKED, body=chunks(LOGIN[:5], LOGIN[5:]))
        + request("HEAD", "/")
        + request("GET", "/user", "Connection: close")
    )
    has_body = (True, True, True, False, True)
    assert [wire.answer(has_body=each).status for each in has_body] == [404, 400, 400, 200, 401]
    assert wire.rest() == b""


def test_a_request_in_single_bytes(wire: Wire) -> None:
    for byte in request("POST", "/login", CHUNKED, body=chunks(LOGIN)):
        wire.send(bytes([byte]))
    assert wire.answer().status == 400


@pytest.mark.parametrize("waits", [True, False])
def test_a_client_may_ask_whether_to_go_on(wire: Wire, waits: bool) -> None:
    asking = request("POST", "/login", "Expect: 100-continue", f"Content-Length: {len(LOGIN)}")
    wire.send(asking if waits else asking + LOGIN)
    if waits:
        assert wire.answer().status == 100
        wire.send(LOGIN)
    assert wire.final().status == 400
    assert wire.ask("GET", "/").status == 200


@pytest.mark.parametrize(
    "goodbye", [request("GET", "/", "Connection: close"), request("GET", "/", version="1.0")], ids=["close", "1.0"]
)
def test_a_client_that_wants_no_more_gets_no_more(wire: Wire, goodbye: bytes) -> None:
    wire.send(goodbye + request("GET", "/"))
    assert wire.answer().status == 200
    assert wire.rest() == b""


def test_what_looks_like_a_request_in_a_body_is_none(wire: Wire) -> None:
    inner = request("GET", "/nowhere")
    wire.send(request("POST", "/login", body=inner) + request("POST", "/login", CHUNKED, body=chunks(inner)))
    assert [wire.answer().status for _ in range(2)] == [422, 422]
    assert wire.ask("GET", "/").status == 200


# --- what is not


@pytest.mark.parametrize("target", ["/ws/chat/lounge", "/ws/chat/no%00room?token=x", "/ws/doctor"])
def test_a_handshake_that_lost_its_upgrade_is_told(wire: Wire, target: str) -> None:
    for method in ("GET", "HEAD"):
        for headers in ((), ("Connection: Upgrade", "Sec-WebSocket-Version: 13")):
            wire.send(request(method, target, *headers))
            answer = wire.answer(has_body=method != "HEAD")
            assert (answer.status, answer.headers["upgrade"], answer.headers["connection"]) == (
                426,
                "websocket",
                "Upgrade",
            )
            if method == "GET":
                assert answer.json["code"] == "upgrade_required"
                assert "proxy" in answer.json["message"]
    other = wire.ask("POST", target)
    assert (other.status, other.headers["allow"]) == (405, "GET, HEAD")


def test_http_2_is_not_taken(wire: Wire) -> None:
    headers = ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__")
    assert wire.ask("GET", "/", *headers).json == {"message": "ok"}
    assert wire.ask("GET", "/").json == {"message": "ok"}
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert wire.answer().status == 505
    assert wire.rest() == b""


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
    "less than nothing": request("POST", "/login", "Content-Length: -3"),
    "more than anything": request("POST", "/login", "Content-Length: " + "9" * 30),
    "unknown coding": request("POST", "/login", "Transfer-Encoding: gzip, chunked", body=chunks(b"x")),
    "bad chunk": request("POST", "/login", CHUNKED, body=b"no number\r\n"),
    "TLS": b"\r\n\r\n\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    "nothing but noise": b"\xff" * 1000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("bad", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_what_is_no_request_is_refused(wire: Wire, bad: bytes) -> None:
    wire.send(bad)
    answer = wire.answer()
    assert answer.status in (400, 501)
    assert answer.headers["connection"] == "close"
    assert set(answer.json) == {"message", "code"}
    assert wire.rest() == b""


def test_a_bad_head_request_is_refused_without_a_body(wire: Wire) -> None:
    wire.send(request("HEAD", "?"))
    assert wire.answer(has_body=False).status == 400
    assert wire.rest() == b""


def test_noise(unharmed: House) -> None:
    for _ in range(50):
        with unharmed.wire() as wire:
            wire.send(noise(300) + b"\r\n\r\n")
            wire.rest()


# --- what is too large


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((), bytes(10 * MEGABYTE)),
        ((CHUNKED,), chunks(*[bytes(65_536)] * 160)),
        (("Expect: 100-continue",), bytes(10 * MEGABYTE)),
    ],
    ids=["with its length", "in chunks", "with leave"],
)
def test_a_large_body_is_refused_in_words_that_arrive(wire: Wire, headers: tuple[str, ...], body: bytes) -> None:
    wire.send(request("POST", "/login", *headers, body=body))
    answer = wire.final()
    assert answer.status == 413
    assert answer.json["code"] == "request_entity_too_large"
    assert wire.rest() == b""


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
def test_a_body_that_nobody_wants_does_no_harm(
    wire: Wire, method: str, target: str, headers: tuple[str, ...], status: int, coding: tuple[str, ...]
) -> None:
    body = chunks(*[bytes(65_536)] * 160) if coding else bytes(10 * MEGABYTE)
    wire.send(request(method, target, *headers, *coding, body=body))
    assert wire.answer().status == status
    wire.rest()


@pytest.mark.parametrize(
    "before", [b"", request("GET", "/"), request("POST", "/login", body=LOGIN)], ids=["first", "later", "behind a body"]
)
@pytest.mark.parametrize(
    "header",
    [b"X: " + b"x" * MEGABYTE, b"X: y\r\n" * (MEGABYTE // 6), b"x" * MEGABYTE],
    ids=["one", "many", "none"],
)
def test_a_large_head_is_refused_in_words_that_arrive(wire: Wire, before: bytes, header: bytes) -> None:
    wire.send(before + b"GET / HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n")
    if before:
        assert wire.answer().status in (200, 400)
    answer = wire.answer()
    assert answer.status == 431
    assert answer.json["code"] == "head_too_large"
    assert wire.rest() == b""


# --- what is too slow


def test_a_head_that_does_not_end_ends_the_connection(unharmed: House) -> None:
    begun = (b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n", upgrade("/ws/chat/room")[:-2])
    with ExitStack() as stack:
        first, later = ([stack.enter_context(unharmed.wire()) for _ in begun] for _ in range(2))
        for wire in later:
            assert wire.ask("GET", "/").status == 200
        for wire, data in zip(first + later, begun * 2, strict=True):
            wire.send(data)
        began = time.monotonic()
        for wire in first + later:
            assert wire.ended()
            assert 0.5 < time.monotonic() - began < 5


def test_a_head_that_dribbles_ends_the_connection(wire: Wire) -> None:
    wire.send(b"GET / HTTP/1.1\r\n")
    began = time.monotonic()
    while not ended_within(wire, seconds=0.1):
        assert time.monotonic() - began < 5
        wire.send(b"X: y\r\n")
    assert time.monotonic() - began > 0.5


def ended_within(wire: Wire, seconds: float) -> bool:
    wire.socket.settimeout(seconds)
    try:
        return wire.ended()
    except TimeoutError:
        return False


def test_a_body_that_dribbles_is_refused(unharmed: House) -> None:
    with unharmed.wire() as counted, unharmed.wire() as in_chunks:
        counted.send(request("POST", "/login", "Content-Length: 100"))
        in_chunks.send(request("POST", "/login", CHUNKED))
        for wire in (counted, in_chunks):
            wire.send(b"1\r\n{\r\n")
        for wire in (counted, in_chunks):
            assert wire.answer().status == 408
            assert wire.rest() == b""


# --- who leaves


def test_a_client_that_leaves_in_the_middle_leaves_no_half_room(unharmed: House) -> None:
    token = f"Authorization: Bearer {unharmed.ada.access_token}"
    names = [f"left{number}" for number in range(40)]
    for number, name in enumerate(names):
        with unharmed.wire() as wire:
            body = b'{"name": "Left", "description": "Behind", "room_id": "%b"}' % name.encode()
            wire.send(request("POST", "/room", token, body=body))
            time.sleep(number / 20_000)  # each leaves a little later in the course of its request
            wire.reset()
    answers = {name: unharmed.call("GET", f"/room/{name}", by=unharmed.ada) for name in names}
    # Asked for last: what was under way may still have become a room meanwhile, whole like the others.
    joined = {room["room_id"]: room for room in unharmed.call("GET", "/joined", by=unharmed.ada).json["rooms"]}
    assert {answer.status for answer in answers.values()} <= {200, 404}
    for name, answer in answers.items():
        if answer.status == 200:
            assert answer.json["room"]["users"] == joined[name]["users"] == [unharmed.ada.user_id]
    for name in joined.keys() & answers.keys():
        assert joined[name]["users"] == [unharmed.ada.user_id]


def half_close(wire: Wire) -> None:
    """Says that no more will come, and goes on listening."""
    wire.socket.shutdown(socket.SHUT_WR)


def test_a_client_that_will_say_no_more_is_answered(unharmed: House) -> None:
    token = f"Authorization: Bearer {unharmed.ada.access_token}"
    body = b'{"name": "Half", "description": "Closed", "room_id": "halfclosed"}'
    with unharmed.wire() as wire:
        wire.send(request("POST", "/room", token, body=body))
        half_close(wire)
        answer = wire.answer()
        assert (answer.status, answer.json["room_id"]) == (201, "halfclosed")
        assert wire.rest() == b""


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["at once", "a little later"])
def test_all_that_it_has_asked_before_is_answered(wire: Wire, pause: float) -> None:
    wire.send(
        request("GET", "/nowhere")
        + request("POST", "/login", body=LOGIN)
        + request("GET", "/")
        + request("POST", "/login", CHUNKED, body=chunks(LOGIN))
    )
    time.sleep(pause)
    half_close(wire)
    assert [wire.answer().status for _ in range(4)] == [404, 400, 200, 400]
    assert wire.rest() == b""


@pytest.mark.parametrize(
    "cut",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        request("POST", "/login", "Content-Length: 100", body=LOGIN),
        request("POST", "/login", CHUNKED, body=chunks(LOGIN)[:-1]),
        request("POST", "/login", "Expect: 100-continue", "Content-Length: 9"),
    ],
    ids=["head", "body", "chunks", "leave"],
)
@pytest.mark.parametrize("before", [b"", request("GET", "/")], ids=["first", "later"])
def test_a_request_that_will_never_be_whole_ends_the_connection(wire: Wire, before: bytes, cut: bytes) -> None:
    wire.send(before + cut)
    half_close(wire)
    began = time.monotonic()
    if before:
        assert wire.answer().status == 200
    assert wire.rest().partition(b"\r\n")[0] in (b"", b"HTTP/1.1 100 ")
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "said", [b"", b"G", b"GET / HTTP/1.1\r\n", request("POST", "/login", "Content-Length: 9")], ids=len
)
def test_a_client_may_vanish_at_any_point(unharmed: House, said: bytes) -> None:
    for _ in range(10):
        with unharmed.wire() as wire:
            wire.send(said)
            wire.reset()
