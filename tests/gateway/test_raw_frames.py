"""Unusual and invalid frames, sent to a real daemon."""

import time
from contextlib import ExitStack

import pytest

from tests.gateway.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    RawClient,
    closing,
    frame,
    noise,
    text,
)
from tests.gateway.running_daemon import RunningDaemon

MAX_BYTES = 65_536
"""limits.frame_bytes"""
LISTEN = text("listen_latest")


def goes_on(client: RawClient) -> bool:
    client.send(frame(PING, b"?"))
    return client.frame() == (PONG, b"?")


# --- valid


def test_fragments_with_pings_in_between_are_one_message(daemon: RunningDaemon) -> None:
    message = text("message", content="ü" * 100, nonce="n")[8:]
    pieces = [message[at : at + 3] for at in range(0, len(message), 3)]
    sent = b"".join(
        frame(CONTINUATION if number else TEXT, piece, fin=False) + frame(PING, bytes([number]))
        for number, piece in enumerate(pieces)
    )
    with daemon.open_websocket(daemon.room()) as client:
        client.send(sent + frame(CONTINUATION))
        for number in range(len(pieces)):
            assert client.frame() == (PONG, bytes([number]))
        assert client.frame().json == {"type": "ack", "nonce": "n", "message_id": 1}


def test_a_ping_is_answered_with_its_payload(daemon: RunningDaemon) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        for payload in (b"", b"x" * 125, bytes(125)):
            client.send(frame(PONG, payload) + frame(PING, payload))
            assert client.frame() == (PONG, payload)


@pytest.mark.parametrize(
    "payload", [b"x" * MAX_BYTES, "ü".encode() * (MAX_BYTES // 2), "😀".encode() * (MAX_BYTES // 4)], ids=len
)
def test_a_message_of_exactly_the_limit_is_read(daemon: RunningDaemon, payload: bytes) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        client.send(frame(TEXT, payload))
        assert client.frame().json["code"] == "bad_frame"
        assert goes_on(client)


@pytest.mark.parametrize(
    "bad",
    [frame(TEXT), frame(BINARY), frame(BINARY, b"\xff\0"), frame(TEXT, b"[]"), frame(TEXT, b"[" * 60_000)],
    ids=len,
)
def test_a_message_outside_the_protocol_is_answered_with_an_error(daemon: RunningDaemon, bad: bytes) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        client.send(bad)
        assert client.frame().json["code"] == "bad_frame"
        assert goes_on(client)


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xf3bye", b"\x0b\xb8", b"\x13\x87" + b"x" * 123], ids=len)
def test_a_close_is_answered_and_nothing_follows(daemon: RunningDaemon, payload: bytes) -> None:
    room = daemon.room()
    for more in (b"", frame(PING), frame(CLOSE), LISTEN, b"\xff", frame(PING) * 1000):
        with daemon.open_websocket(room) as client:
            client.send(frame(CLOSE, payload) + more)
            answer = client.frame()
            assert answer.opcode == CLOSE
            assert answer.payload[:2] == payload[:2]
            assert client.ended()


# --- invalid

BREACHES = {
    "not masked": (1002, frame(TEXT, b"x", masked=False)),
    "reserved bit": (1002, frame(TEXT, b"x", reserved=0b100)),
    "other reserved bits": (1002, frame(TEXT, b"x", reserved=0b011)),
    "unknown opcode": (1002, frame(3, b"x")),
    "unknown control opcode": (1002, frame(11, b"x")),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "fragmented ping": (1002, frame(PING, b"x", fin=False)),
    "continuation without a beginning": (1002, frame(CONTINUATION, b"x")),
    "message within a message": (1002, frame(TEXT, b"x", fin=False) + frame(TEXT, b"x")),
    "length in too many bytes": (1002, b"\x81\xfe\0\1\0\0\0\0x"),
    "length of 2**64": (1002, b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0"),
    "not UTF-8": (1007, frame(TEXT, b"\xff")),
    "half a character": (1007, frame(TEXT, b"\xc3")),
    "a surrogate": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "close with one byte": (1002, frame(CLOSE, b"\x03")),
    "long close": (1002, closing(1000, b"x" * 124)),
    "close without UTF-8": (1007, closing(1000, b"\xff")),
    **{f"close {code}": (1002, closing(code)) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)},
}
MORE = {"alone": b"", "ping": frame(PING), "text": LISTEN, "much": bytes(1_000_000)}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_a_protocol_error_ends_the_connection_with_its_code(daemon: RunningDaemon, more: bytes) -> None:
    room = daemon.room()
    for name, (code, bad) in BREACHES.items():
        with daemon.open_websocket(room) as client:
            client.send(bad + more)
            assert client.frame() == (CLOSE, code.to_bytes(2, "big")), name
            assert client.rest() == b"", name


@pytest.mark.parametrize(
    "more",
    [b"", frame(PING), LISTEN, frame(BINARY, bytes(MAX_BYTES)) * 20, closing(1000)],
    ids=["alone", "ping", "text", "much", "close"],
)
@pytest.mark.parametrize(
    "large",
    [
        frame(TEXT, b"x" * (MAX_BYTES + 1)),
        frame(BINARY, b"x" * (MAX_BYTES + 1)),
        frame(TEXT, "ü".encode() * (MAX_BYTES // 2) + b"x"),
        frame(TEXT, "😀".encode() * (MAX_BYTES // 4 + 1)),
        frame(TEXT, b"x" * 10_000_000),
        frame(TEXT, b"x" * 1000, fin=False) + frame(CONTINUATION, b"x" * 1000, fin=False) * 65,
    ],
    ids=["text", "binary", "two bytes each", "four bytes each", "10 MB", "fragments"],
)
def test_a_message_over_the_limit_is_refused_and_the_close_frame_arrives(
    daemon: RunningDaemon, large: bytes, more: bytes
) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        client.send(large)
        if more:
            client.send(more)
        codes = [each.close_code for each in client.frames() if each.opcode != PONG]
        assert codes == [1009] or (codes == [1000] and more == closing(1000))
        if not more.startswith(b"\x88"):
            client.send(closing(1009))
        assert client.rest() == b""


HEAD_OVER_LIMIT = b"\x81\xff" + (MAX_BYTES + 1).to_bytes(8, "big")
MAX_LENGTH = b"\xff" + (2**63 - 1).to_bytes(8, "big")


@pytest.mark.parametrize(
    ("code", "head"),
    [
        (1009, HEAD_OVER_LIMIT),
        (1009, b"\x81" + MAX_LENGTH),
        (1009, b"\x82" + MAX_LENGTH + b"\0\0\0\0half"),
        (1009, b"\x01" + MAX_LENGTH),
        (1009, frame(TEXT, b"x" * 40_000, fin=False) + frame(CONTINUATION, b"x" * 40_000)[:4]),
        (
            1009,
            frame(TEXT, b"x", fin=False) + frame(PING) + frame(CONTINUATION, b"", fin=False) + b"\x80" + MAX_LENGTH,
        ),
        (1002, b"\x81\xff" + (2**63).to_bytes(8, "big")),
        (1002, frame(BINARY, b"x", fin=False) + b"\x80\xff\x80" + bytes(7)),
    ],
    ids=["one byte over", "2**63 - 1", "binary", "fragment", "sum", "sum with a ping", "2**63", "2**63 in a fragment"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in single bytes"])
def test_a_length_is_refused_before_the_payload_comes(
    daemon: RunningDaemon, head: bytes, code: int, at_once: bool
) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        if at_once:
            client.send(head)
        else:
            client.send(head[:-40])
            for byte in head[-40:]:
                client.send(bytes([byte]))
        began = time.monotonic()
        closes = [each for each in client.frames() if each.opcode != PONG]
        assert closes == [(CLOSE, code.to_bytes(2, "big"))]
        assert time.monotonic() - began < 0.9
        client.send(closing(code))
        assert client.rest() == b""


def test_messages_before_one_that_is_too_big_are_delivered(daemon: RunningDaemon) -> None:
    room = daemon.room()
    with daemon.open_websocket(room) as other, daemon.open_websocket(room) as client:
        other.send(LISTEN)
        posts = [text("message", content=content, nonce=content) for content in ("plain", "in pieces")]
        client.send(posts[0] + frame(TEXT, posts[1][6:], fin=False) + frame(CONTINUATION) + HEAD_OVER_LIMIT)
        assert client.close_code() == 1009
        heard = [other.next("latest_message")["message"]["content"] for _ in posts]
        assert heard == ["plain", "in pieces"]


def test_noise(daemon: RunningDaemon) -> None:
    room = daemon.room()
    for _ in range(50):
        with daemon.open_websocket(room) as client:
            client.send(noise(300))
            client.socket.settimeout(0.02)
            try:
                client.ended()
            except TimeoutError:  # it may look like the beginning of a frame
                client.reset()


# --- clients that do not cooperate


def test_a_close_frame_without_an_answer_times_out(daemon: RunningDaemon) -> None:
    room = daemon.room()
    with daemon.open_websocket(room, daemon.bob) as client:
        began = time.monotonic()
        assert daemon.call("POST", f"/room/{room}/kick/{daemon.bob.user_id}", by=daemon.ada).status == 200
        assert client.frame().close_code == 1008
        assert client.rest() == b""
        assert 0.5 < time.monotonic() - began < 5


def test_other_bytes_instead_of_an_answer_to_a_close_frame(daemon: RunningDaemon) -> None:
    instead = (frame(PING), frame(PING) * 100, LISTEN * 200, frame(TEXT, b"x" * MAX_BYTES) * 3, noise(1000))
    rooms = [daemon.room() for _ in instead]
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.open_websocket(room, daemon.bob)) for room in rooms]
        for room in rooms:
            assert daemon.call("POST", f"/room/{room}/kick/{daemon.bob.user_id}", by=daemon.ada).status == 200
        for client, more in zip(clients, instead, strict=True):
            assert client.frame().close_code == 1008
            client.send(more)
        for client in clients:
            assert client.rest() == b""


@pytest.mark.parametrize("times", range(5))
def test_no_frame_follows_the_close_frame_in_a_burst(daemon: RunningDaemon, times: int) -> None:
    room = daemon.room()
    burst = b"".join(text("message", content="x" * 50) for _ in range(1500))
    with daemon.open_websocket(room) as ada, daemon.open_websocket(room, daemon.bob) as bob:
        bob.send(LISTEN)
        assert goes_on(bob)
        ada.send(burst)
        bob.next("latest_message")
        time.sleep(times / 100)
        assert daemon.call("POST", f"/room/{room}/kick/{daemon.bob.user_id}", by=daemon.ada).status == 200
        *messages, last = bob.frames()
        ids = [each.json["message"]["message_id"] for each in messages]
        assert ids == list(range(2, len(ids) + 2))
        assert last.close_code == 1008
        bob.send(closing(1008))
        assert bob.rest() == b""


FLOODS = {
    "bad frames": frame(TEXT, b"x"),
    "pings": frame(PING, b"x" * 125),
    "fetches": text("fetch", from_id=1, to_id=1000),
    "refused fetches": text("fetch", from_id=1, to_id=100_000),
    "messages": text("message", content="x", nonce="always the same"),
    "marks": text("set_last_read", message_id=1),
    "listening": text("listen_latest", after_id=0),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_client_that_sends_much_and_reads_nothing_does_not_disturb_others(
    daemon: RunningDaemon, flood: bytes
) -> None:
    room = daemon.room()
    with daemon.open_websocket(room) as other, daemon.open_websocket(room, receive_buffer=4096, segment=1000) as client:
        for _ in range(100):
            other.send(text("message", content="x" * 5000))
        client.socket.settimeout(0.2)
        try:
            for _ in range(100):
                client.send(flood * 100)
        except (TimeoutError, ConnectionError):
            pass  # the daemon has stopped reading
        other.send(LISTEN + text("message", content="heard", nonce="other"))
        assert other.next("ack")["nonce"] == "other"
        assert daemon.call("GET", "/").status == 200
        client.reset()


def test_a_flood_of_bad_frames_ends_the_conversation(daemon: RunningDaemon) -> None:
    with daemon.open_websocket(daemon.room()) as client:
        client.send(frame(TEXT, b"x") * 1000)
        *errors, last = client.frames()
        assert {each.json["code"] for each in errors} == {"bad_frame"}
        assert last == Frame(CLOSE, b"\x03\xf0Too many bad frames")
        client.send(closing(1008))
        assert client.rest() == b""
