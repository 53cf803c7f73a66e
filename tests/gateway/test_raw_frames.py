"""Frames as no good client sends them, to a real daemon."""

import time
from contextlib import ExitStack

import pytest

from tests.gateway.house import House
from tests.gateway.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Wire, closing, frame, noise, text

MOST = 65_536
"""limits.frame_bytes"""
LISTEN = text("listen_latest")


def goes_on(wire: Wire) -> bool:
    wire.send(frame(PING, b"?"))
    return wire.frame() == (PONG, b"?")


# --- what is allowed


def test_fragments_with_pings_between_them_are_one_message(unharmed: House) -> None:
    message = text("message", content="ü" * 100, nonce="n")[8:]
    pieces = [message[at : at + 3] for at in range(0, len(message), 3)]
    sent = b"".join(
        frame(CONTINUATION if number else TEXT, piece, fin=False) + frame(PING, bytes([number]))
        for number, piece in enumerate(pieces)
    )
    with unharmed.talk(unharmed.room()) as wire:
        wire.send(sent + frame(CONTINUATION))
        for number in range(len(pieces)):
            assert wire.frame() == (PONG, bytes([number]))
        assert wire.frame().json == {"type": "ack", "nonce": "n", "message_id": 1}


def test_a_ping_is_answered_with_what_it_holds(unharmed: House) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        for payload in (b"", b"x" * 125, bytes(125)):
            wire.send(frame(PONG, payload) + frame(PING, payload))
            assert wire.frame() == (PONG, payload)


@pytest.mark.parametrize("payload", [b"x" * MOST, "ü".encode() * (MOST // 2), "😀".encode() * (MOST // 4)], ids=len)
def test_a_message_of_exactly_the_limit_is_read(unharmed: House, payload: bytes) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        wire.send(frame(TEXT, payload))
        assert wire.frame().json["code"] == "bad_frame"
        assert goes_on(wire)


@pytest.mark.parametrize(
    "bad",
    [frame(TEXT), frame(BINARY), frame(BINARY, b"\xff\0"), frame(TEXT, b"[]"), frame(TEXT, b"[" * 60_000)],
    ids=len,
)
def test_what_is_no_frame_of_the_chat_is_answered_with_an_error(unharmed: House, bad: bytes) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        wire.send(bad)
        assert wire.frame().json["code"] == "bad_frame"
        assert goes_on(wire)


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xf3bye", b"\x0b\xb8", b"\x13\x87" + b"x" * 123], ids=len)
def test_a_close_is_answered_and_nothing_follows(unharmed: House, payload: bytes) -> None:
    room = unharmed.room()
    for more in (b"", frame(PING), frame(CLOSE), LISTEN, b"\xff", frame(PING) * 1000):
        with unharmed.talk(room) as wire:
            wire.send(frame(CLOSE, payload) + more)
            answer = wire.frame()
            assert answer.opcode == CLOSE
            assert answer.payload[:2] == payload[:2]
            assert wire.ended()


# --- what is not

BREACHES = {
    "not masked": (1002, frame(TEXT, b"x", masked=False)),
    "reserved bit": (1002, frame(TEXT, b"x", reserved=0b100)),
    "other reserved bits": (1002, frame(TEXT, b"x", reserved=0b011)),
    "unknown opcode": (1002, frame(3, b"x")),
    "unknown control opcode": (1002, frame(11, b"x")),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "ping in pieces": (1002, frame(PING, b"x", fin=False)),
    "continues nothing": (1002, frame(CONTINUATION, b"x")),
    "message in a message": (1002, frame(TEXT, b"x", fin=False) + frame(TEXT, b"x")),
    "length in too many bytes": (1002, b"\x81\xfe\0\1\0\0\0\0x"),
    "length of 2**64": (1002, b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0"),
    "no UTF-8": (1007, frame(TEXT, b"\xff")),
    "half a character": (1007, frame(TEXT, b"\xc3")),
    "a surrogate": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "close of a byte": (1002, frame(CLOSE, b"\x03")),
    "long close": (1002, closing(1000, b"x" * 124)),
    "close without UTF-8": (1007, closing(1000, b"\xff")),
    **{f"close {code}": (1002, closing(code)) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)},
}
MORE = {"alone": b"", "ping": frame(PING), "text": LISTEN, "much": bytes(1_000_000)}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_a_breach_of_the_protocol_is_named_and_ends_the_connection(unharmed: House, more: bytes) -> None:
    room = unharmed.room()
    for name, (code, bad) in BREACHES.items():
        with unharmed.talk(room) as wire:
            wire.send(bad + more)
            assert wire.frame() == (CLOSE, code.to_bytes(2, "big")), name
            assert wire.rest() == b"", name


@pytest.mark.parametrize(
    "more",
    [b"", frame(PING), LISTEN, frame(BINARY, bytes(MOST)) * 20, closing(1000)],
    ids=["alone", "ping", "text", "much", "close"],
)
@pytest.mark.parametrize(
    "large",
    [
        frame(TEXT, b"x" * (MOST + 1)),
        frame(BINARY, b"x" * (MOST + 1)),
        frame(TEXT, "ü".encode() * (MOST // 2) + b"x"),
        frame(TEXT, "😀".encode() * (MOST // 4 + 1)),
        frame(TEXT, b"x" * 10_000_000),
        frame(TEXT, b"x" * 1000, fin=False) + frame(CONTINUATION, b"x" * 1000, fin=False) * 65,
    ],
    ids=["text", "binary", "two bytes each", "four bytes each", "10 MB", "fragments"],
)
def test_a_message_over_the_limit_is_refused_in_words_that_arrive(unharmed: House, large: bytes, more: bytes) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        wire.send(large)
        if more:
            wire.send(more)
        codes = [each.close_code for each in wire.frames() if each.opcode != PONG]
        assert codes == [1009] or (codes == [1000] and more == closing(1000))
        if not more.startswith(b"\x88"):
            wire.send(closing(1009))
        assert wire.rest() == b""


HEAD_OF_1_MORE = b"\x81\xff" + (MOST + 1).to_bytes(8, "big")
HEAD_OF_EVERYTHING = b"\xff" + (2**63 - 1).to_bytes(8, "big")


@pytest.mark.parametrize(
    ("code", "head"),
    [
        (1009, HEAD_OF_1_MORE),
        (1009, b"\x81" + HEAD_OF_EVERYTHING),
        (1009, b"\x82" + HEAD_OF_EVERYTHING + b"\0\0\0\0half"),
        (1009, b"\x01" + HEAD_OF_EVERYTHING),
        (1009, frame(TEXT, b"x" * 40_000, fin=False) + frame(CONTINUATION, b"x" * 40_000)[:4]),
        (
            1009,
            frame(TEXT, b"x", fin=False)
            + frame(PING)
            + frame(CONTINUATION, b"", fin=False)
            + b"\x80"
            + HEAD_OF_EVERYTHING,
        ),
        (1002, b"\x81\xff" + (2**63).to_bytes(8, "big")),
        (1002, frame(BINARY, b"x", fin=False) + b"\x80\xff\x80" + bytes(7)),
    ],
    ids=["one more", "2**63 - 1", "binary", "fragment", "sum", "sum with a ping", "2**63", "2**63 in a fragment"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in single bytes"])
def test_a_length_is_refused_before_what_is_announced_comes(
    unharmed: House, head: bytes, code: int, at_once: bool
) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        if at_once:
            wire.send(head)
        else:
            wire.send(head[:-40])
            for byte in head[-40:]:
                wire.send(bytes([byte]))
        began = time.monotonic()
        closes = [each for each in wire.frames() if each.opcode != PONG]
        assert closes == [(CLOSE, code.to_bytes(2, "big"))]
        assert time.monotonic() - began < 0.9
        wire.send(closing(code))
        assert wire.rest() == b""


def test_what_came_before_a_message_that_is_too_big_is_taken(unharmed: House) -> None:
    room = unharmed.room()
    with unharmed.talk(room) as other, unharmed.talk(room) as wire:
        other.send(LISTEN)
        posts = [text("message", content=content, nonce=content) for content in ("plain", "in pieces")]
        wire.send(posts[0] + frame(TEXT, posts[1][6:], fin=False) + frame(CONTINUATION) + HEAD_OF_1_MORE)
        assert wire.close_code() == 1009
        heard = [other.next("latest_message")["message"]["content"] for _ in posts]
        assert heard == ["plain", "in pieces"]


def test_noise(unharmed: House) -> None:
    room = unharmed.room()
    for _ in range(50):
        with unharmed.talk(room) as wire:
            wire.send(noise(300))
            wire.socket.settimeout(0.02)
            try:
                wire.ended()
            except TimeoutError:  # it may look like the beginning of something
                wire.reset()


# --- who does not play along


def test_a_close_that_nobody_answers_ends_in_time(unharmed: House) -> None:
    room = unharmed.room()
    with unharmed.talk(room, unharmed.bob) as wire:
        began = time.monotonic()
        assert unharmed.call("POST", f"/room/{room}/kick/{unharmed.bob.user_id}", by=unharmed.ada).status == 200
        assert wire.frame().close_code == 1008
        assert wire.rest() == b""
        assert 0.5 < time.monotonic() - began < 5


def test_what_comes_instead_of_an_answer_to_a_close(unharmed: House) -> None:
    instead = (frame(PING), frame(PING) * 100, LISTEN * 200, frame(TEXT, b"x" * MOST) * 3, noise(1000))
    rooms = [unharmed.room() for _ in instead]
    with ExitStack() as stack:
        wires = [stack.enter_context(unharmed.talk(room, unharmed.bob)) for room in rooms]
        for room in rooms:
            assert unharmed.call("POST", f"/room/{room}/kick/{unharmed.bob.user_id}", by=unharmed.ada).status == 200
        for wire, more in zip(wires, instead, strict=True):
            assert wire.frame().close_code == 1008
            wire.send(more)
        for wire in wires:
            assert wire.rest() == b""


@pytest.mark.parametrize("times", range(5))
def test_no_frame_follows_the_close_frame_in_a_storm(unharmed: House, times: int) -> None:
    room = unharmed.room()
    storm = b"".join(text("message", content="x" * 50) for _ in range(1500))
    with unharmed.talk(room) as ada, unharmed.talk(room, unharmed.bob) as bob:
        bob.send(LISTEN)
        assert goes_on(bob)
        ada.send(storm)
        bob.next("latest_message")
        time.sleep(times / 100)
        assert unharmed.call("POST", f"/room/{room}/kick/{unharmed.bob.user_id}", by=unharmed.ada).status == 200
        *messages, last = bob.frames()
        ids = [each.json["message"]["message_id"] for each in messages]
        assert ids == list(range(2, len(ids) + 2))
        assert last.close_code == 1008
        bob.send(closing(1008))
        assert bob.rest() == b""


GREED = {
    "bad frames": frame(TEXT, b"x"),
    "pings": frame(PING, b"x" * 125),
    "fetches": text("fetch", from_id=1, to_id=1000),
    "refused fetches": text("fetch", from_id=1, to_id=100_000),
    "messages": text("message", content="x", nonce="always the same"),
    "marks": text("set_last_read", message_id=1),
    "listening": text("listen_latest", after_id=0),
}


@pytest.mark.parametrize("greedy", GREED.values(), ids=GREED)
def test_a_client_that_writes_much_and_reads_nothing_disturbs_nobody(unharmed: House, greedy: bytes) -> None:
    room = unharmed.room()
    with unharmed.talk(room) as other, unharmed.talk(room, receive_buffer=4096, segment=1000) as wire:
        for _ in range(100):
            other.send(text("message", content="x" * 5000))
        wire.socket.settimeout(0.2)
        try:
            for _ in range(100):
                wire.send(greedy * 100)
        except (TimeoutError, ConnectionError):
            pass  # it is read no further
        other.send(LISTEN + text("message", content="heard", nonce="other"))
        assert other.next("ack")["nonce"] == "other"
        assert unharmed.call("GET", "/").status == 200
        wire.reset()


def test_a_flood_of_bad_frames_ends_the_conversation(unharmed: House) -> None:
    with unharmed.talk(unharmed.room()) as wire:
        wire.send(frame(TEXT, b"x") * 1000)
        *errors, last = wire.frames()
        assert {each.json["code"] for each in errors} == {"bad_frame"}
        assert last == Frame(CLOSE, b"\x03\xf0Too many bad frames")
        wire.send(closing(1008))
        assert wire.rest() == b""
