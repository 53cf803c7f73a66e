"""Reading and parsing the heads of requests."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from reichatd.gateway.head import HeadTooLarge, RequestHead, parse_head, read_head


class Pieces:
    """A source that gives its pieces one by one."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return self.pieces.pop(0) if self.pieces else b""

    def unread(self, data: bytes) -> None:
        self.pieces.insert(0, data)


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PARSED = RequestHead(HEAD, "GET", "/", "HTTP/1.1", (("host", "a"),))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
async def test_a_head_in_pieces_is_read_whole_and_nothing_more(size: int) -> None:
    data = b"\r\n" + HEAD + b"the body"
    source = Pieces(*(data[at : at + size] for at in range(0, len(data), size)))
    assert await read_head(source, 1000) == PARSED
    assert b"".join(source.pieces) == b"the body"


async def test_bytes_received_before_belong_to_the_head() -> None:
    assert await read_head(Pieces(HEAD[7:]), 1000, HEAD[:7]) == PARSED


async def test_a_head_may_end_with_bare_line_feeds() -> None:
    head = await read_head(Pieces(b"GET / HTTP/1.1\n\nrest"), 1000)
    assert head == RequestHead(b"GET / HTTP/1.1\n\n", "GET", "/", "HTTP/1.1")


async def test_an_incomplete_head_is_none() -> None:
    assert await read_head(Pieces(HEAD[:-1]), 1000) is None


async def test_a_head_has_a_limit() -> None:
    with pytest.raises(HeadTooLarge):
        await read_head(Pieces(*[b"x" * 100] * 11), 1000)


@pytest.mark.parametrize(
    "raw", [b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / a HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n"]
)
def test_a_malformed_head_has_its_bytes_only(raw: bytes) -> None:
    assert parse_head(raw) == RequestHead(raw)
    assert not parse_head(raw).asks_for_websocket


def test_values_keep_their_bytes() -> None:
    head = parse_head(b"GET / HTTP/1.1\r\nX: \x85\xff\x0b y\t \r\nZ:\r\n\r\n")
    assert head.headers == (("x", "\x85\xff\x0b y"), ("z", ""))


def test_a_name_keeps_its_spaces_so_that_it_can_be_refused() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nUpgrade : websocket\r\n\r\n").headers == (("upgrade ", "websocket"),)


def test_a_folded_line_is_one_line() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nX: a\r\n  b\n\tc\r\n\r\n").headers == (("x", "a b c"),)


@pytest.mark.parametrize(
    ("lines", "protocol"),
    [
        ("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade", "websocket"),
        ("GET /ws HTTP/1.1\r\nupgrade: WebSocket \r\nconnection: keep-alive, upgrade", "websocket"),
        ("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade", "websocket"),
        ("GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", "h2c"),
        ("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive", None),
        ("POST /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade", None),
        ("GET /ws HTTP/1.1\r\nConnection: Upgrade", None),
    ],
)
def test_the_protocol_that_a_request_asks_to_upgrade_to(lines: str, protocol: str | None) -> None:
    head = parse_head(f"{lines}\r\n\r\n".encode())
    assert head.upgrades_to == protocol
    assert head.asks_for_websocket == (protocol == "websocket")


def test_path_and_query() -> None:
    head = parse_head(b"GET /ws/chat/a%20b?x=1&token=t%2B1&token=2 HTTP/1.1\r\n\r\n")
    assert head.path == "/ws/chat/a b"
    assert head.query("token") == "t+1"
    assert head.query("y") is None


def test_a_query_of_too_many_fields_has_none() -> None:
    head = parse_head(b"GET /?" + b"a=1&" * 10_000 + b" HTTP/1.1\r\n\r\n")
    assert head.query("a") is None


@given(st.binary())
def test_any_bytes_can_be_parsed(data: bytes) -> None:
    head = parse_head(data + b"\r\n\r\n")
    assert head.upgrades_to != ""
    assert isinstance(head.path, str)
    head.query("token")
