"""Request heads."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from reichatd.gateway.head import HeadTooLarge, parse_head, read_head


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


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
async def test_a_head_in_pieces_is_read_whole_and_nothing_more(size: int) -> None:
    data = b"\r\n" + HEAD + b"the body"
    source = Pieces(*(data[at : at + size] for at in range(0, len(data), size)))
    assert await read_head(source, 1000) == HEAD
    assert b"".join(source.pieces) == b"the body"


async def test_what_was_begun_counts() -> None:
    assert await read_head(Pieces(HEAD[7:]), 1000, HEAD[:7]) == HEAD


async def test_a_head_may_end_with_bare_line_feeds() -> None:
    assert await read_head(Pieces(b"GET / HTTP/1.1\n\nrest"), 1000) == b"GET / HTTP/1.1\n\n"


async def test_no_whole_head_is_none() -> None:
    assert await read_head(Pieces(HEAD[:-1]), 1000) is None


async def test_a_head_has_its_limit() -> None:
    with pytest.raises(HeadTooLarge):
        await read_head(Pieces(*[b"x" * 100] * 11), 1000)


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
def test_who_asks_for_another_protocol(lines: str, protocol: str | None) -> None:
    head = parse_head(f"{lines}\r\n\r\n".encode())
    assert head is not None
    assert head.upgrades_to == protocol


def test_path_and_query() -> None:
    head = parse_head(b"GET /ws/chat/a%20b?x=1&token=t%2B1&token=2 HTTP/1.1\r\n\r\n")
    assert head is not None
    assert head.path == "/ws/chat/a b"
    assert head.query("token") == "t+1"
    assert head.query("y") is None


def test_a_query_of_too_many_fields_has_none() -> None:
    head = parse_head(b"GET /?" + b"a=1&" * 10_000 + b" HTTP/1.1\r\n\r\n")
    assert head is not None
    assert head.query("a") is None


@given(st.binary())
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    head = parse_head(data + b"\r\n\r\n")
    if head is not None:
        assert head.upgrades_to != ""
        assert isinstance(head.path, str)
        head.query("token")
