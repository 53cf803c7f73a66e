"""The reader of plain frames, compared with the library's parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from reichatd.gateway.plain_frames import PlainFrames

MAX_BYTES = 70_000


def client(*events: Event) -> bytes:
    """The bytes that a client sends, with the library's random masks."""
    connection = Connection(ConnectionType.CLIENT)
    return b"".join(connection.send(event) for event in events)


def server(data: bytes) -> list[object]:
    """The texts that the library reads, and the types of other events."""
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(data)
    return [event.data if isinstance(event, TextMessage) else type(event) for event in connection.events()]


def in_pieces(data: bytes, size: int) -> tuple[list[str], bytes]:
    """The texts and the rest that PlainFrames finds in data that comes in pieces."""
    plain = PlainFrames(MAX_BYTES)
    texts: list[str] = []
    rest = b""
    for at in range(0, len(data), size):
        more = plain.feed(data[at : at + size])
        texts += more.texts
        rest += more.rest
    return texts, rest


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["", "x" * 125, "x" * 126, "x" * 65_536])
    ),
    st.sampled_from([1, 2, 3, 7, 1000, 1_000_000]),
)
def test_plain_texts_are_read_as_by_the_library(texts: list[str], size: int) -> None:
    data = client(*(TextMessage(text) for text in texts))
    size = max(size, len(data) // 2000)
    assert in_pieces(data, size) == (texts, b"")
    assert server(data) == texts


@pytest.mark.parametrize("size", [1, 3, 1000, 100_000])
def test_a_frame_counts_once_however_it_comes(size: int) -> None:
    data = client(TextMessage("a"), Ping(b""), TextMessage("x" * 200), Pong(b""), TextMessage("x" * 66_000))
    plain = PlainFrames(MAX_BYTES)
    frames = 0
    for at in range(0, len(data), size):
        plain.feed(data[at : at + size])
        frames += plain.frames
    assert frames == 5


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_pings_are_answered_as_by_the_library(size: int) -> None:
    pings = [Ping(b"p" * 125), Ping(b""), Ping(b"\0\xff")]
    data = client(TextMessage("a"), pings[0], TextMessage("b"), Pong(b"unasked"), *pings[1:], TextMessage("c"))
    plain = PlainFrames(MAX_BYTES)
    found = [plain.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [text for each in found for text in each.texts] == ["a", "b", "c"]
    assert not any(each.rest for each in found)
    library = Connection(ConnectionType.SERVER)
    assert b"".join(each.pongs for each in found) == b"".join(library.send(ping.response()) for ping in pings)


def test_the_library_gets_a_frame_that_has_begun() -> None:
    data = client(TextMessage("a"), TextMessage("b"))
    plain = PlainFrames(MAX_BYTES)
    assert plain.feed(data[:10]) == (["a"], b"", b"")
    assert plain.end() == data[7:10]
    assert plain.feed(data[10:]) == ([], b"", data[10:])


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(BytesMessage(b"b"), id="binary"),
        pytest.param(TextMessage("b", message_finished=False), id="fragment"),
        pytest.param(CloseConnection(1000), id="close"),
    ],
)
def test_the_library_gets_everything_from_the_first_other_frame_on(event: Event, size: int) -> None:
    head = client(TextMessage("a"))
    connection = Connection(ConnectionType.CLIENT)
    tail = connection.send(event)
    if isinstance(event, TextMessage):
        tail += connection.send(TextMessage("c"))
    assert in_pieces(head + tail, size) == (["a"], tail)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\x81\x01a", id="not masked"),
        pytest.param(b"\xc1\x81\0\0\0\0a", id="a reserved bit"),
        pytest.param(b"\x83\x81\0\0\0\0a", id="a reserved opcode"),
        pytest.param(b"\x81\x82\0\0\0\0\xff\xfe", id="not UTF-8"),
        pytest.param(b"\x81\xfe\0\x01\0\0\0\0a", id="a short length in two bytes"),
        pytest.param(b"\x81\xff\0\0\0\0\0\0\0\x7e\0\0\0\0" + b"a" * 126, id="a short length in eight bytes"),
        pytest.param(b"\x81\xff\x80\0\0\0\0\0\0\x01\0\0\0\0a", id="a negative length"),
        pytest.param(b"\x81\xff\0\0\0\0\0\x01\x11\x71\0\0\0\0a", id="one byte too long"),
        pytest.param(b"\x89\xfe\0\x7e\0\0\0\0" + b"a" * 126, id="a ping too long"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_the_library_gets_invalid_frames(frame: bytes, size: int) -> None:
    data = client(TextMessage("a")) + frame + client(TextMessage("b"))
    texts, rest = in_pieces(data, size)
    assert texts == ["a"]
    assert rest == frame + data[-7:]


PLAIN = client(TextMessage("a"))
FRAMES = st.sampled_from(
    [PLAIN, client(Ping(b"p")), client(BytesMessage(b"b")), b"\x81\x01a", b"\x81\x82\0\0\0\0\xff\xfe"]
)


@given(st.lists(FRAMES | st.binary(max_size=8)).map(b"".join), st.integers(1, 10))
def test_the_size_of_the_pieces_does_not_matter_and_nothing_is_lost(data: bytes, size: int) -> None:
    texts, rest = in_pieces(data, size)
    assert (texts, rest) == in_pieces(data, len(data) + 1)
    plain = PlainFrames(MAX_BYTES)
    plain.feed(data)
    if plain.ended:
        assert data.endswith(rest), "all in one piece"
        assert plain.feed(b"more") == ([], b"", b"more")
