"""Answers to opening handshakes, without sockets. tests/gateway/test_raw_handshake.py has them over real ones."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.gateway.handshake import answer_handshake
from reichatd.gateway.head import parse_head
from reichatd.gateway.lingering_close import GatewayRefusal
from tests.gateway.raw import upgrade

GOOD = upgrade("/ws/chat/room")


def answer(raw: bytes) -> bytes | GatewayRefusal:
    return answer_handshake(parse_head(raw))


def test_the_example_of_rfc_6455() -> None:
    response = answer(GOOD)
    assert isinstance(response, bytes)
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" in response


@pytest.mark.parametrize("header", ["Content-Length: 0", "Content-Length: 0, 0", "X: \xff", "X: a\r\n b", "X:"])
def test_headers_that_do_no_harm(header: str) -> None:
    assert isinstance(answer(upgrade("/ws/chat/room", header)), bytes)


@pytest.mark.parametrize(
    "header", ["X : a", "X\x00: a", "X: a\x00", "X: a\r", "X: a\x0bb", "Content-Length: 1", "Content-Length: x", ": a"]
)
def test_what_http_forbids_is_refused(header: str) -> None:
    refusal = answer(upgrade("/ws/chat/room", header))
    assert isinstance(refusal, GatewayRefusal)
    assert (refusal.status, refusal.code) == (400, "bad_handshake")


HEADERS = st.text(st.sampled_from("aZ-:, \t\r\n\x00\x0b\x7f\x85\xff=0"), max_size=20)


@given(HEADERS, st.sampled_from(["/", "/ws/chat/room?token=a", "/\x7f", "/\xff", "/a\tb"]))
def test_nothing_is_accepted_that_h11_would_refuse(header: str, target: str) -> None:
    """h11 is the parser of all other requests, so it is the measure."""
    raw = upgrade(target, header)
    if not isinstance(answer(raw), bytes):
        return
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(raw)
    request = parser.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"GET", target.encode("latin-1"))
    sent = {name: value for name, value in request.headers if name == b"sec-websocket-key"}
    assert sent == {b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ=="}
