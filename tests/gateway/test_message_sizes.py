"""The sizes of messages, read from the heads of their frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.gateway.message_sizes import MessageSizes
from tests.gateway.raw import BINARY, CONTINUATION, PING, TEXT, frame

MAX_BYTES = 70_000
HUGE = b"\x81\xff" + (2**63 - 1).to_bytes(8, "big")
NEGATIVE = b"\x81\xff" + (2**63).to_bytes(8, "big")

FRAMES = st.builds(
    frame,
    st.sampled_from([CONTINUATION, CONTINUATION, TEXT, BINARY, PING]),
    st.sampled_from([0, 1, 125, 126, 1000, 65_535, 65_536, MAX_BYTES, MAX_BYTES + 1]).map(bytes),
    fin=st.booleans(),
    masked=st.booleans(),
)


def too_big_at(frames: list[bytes]) -> int | None:
    """The offset of the frame that makes its message too long, found by adding up payloads."""
    at = message = 0
    for each in frames:
        masked = each[1] >> 7
        payload = len(each) - 4 * masked - {126: 4, 127: 10}.get(each[1] & 127, 2)
        opcode = each[0] & 15
        if opcode != PING:
            message = payload + (message if opcode == CONTINUATION else 0)
            if message > MAX_BYTES:
                return at
        at += len(each)
    return None


def found_at(data: bytes, size: int) -> int | None:
    """The offset that MessageSizes finds in data that comes in pieces of this size."""
    sizes = MessageSizes(MAX_BYTES)
    for at in range(0, len(data), size):
        begin = sizes.feed(data[at : at + size])
        if begin is not None:
            return at + begin
    return None


@given(st.lists(FRAMES, max_size=8), st.sampled_from([1000, 4096, 10_000_000]))
def test_the_frame_is_found_that_makes_a_message_too_long(frames: list[bytes], size: int) -> None:
    data, expected = b"".join(frames), too_big_at(frames)
    found = found_at(data, size)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert expected <= found < expected + 10, (
            "a frame whose head was cut counts from the piece in which its head ends"
        )
        assert found == expected or found % size == 0


@pytest.mark.parametrize(
    "before", [b"", frame(TEXT, b"x" * 300), frame(TEXT, bytes(MAX_BYTES), fin=False)[: MAX_BYTES + 14]]
)
def test_the_head_of_a_frame_is_enough_in_pieces_of_any_size(before: bytes) -> None:
    for size in (1, 2, 3, 1_000_000):
        assert found_at(before + HUGE[:-1], size) is None
        found = found_at(before + HUGE, size)
        assert found is not None
        assert (found == len(before)) == (size > len(HUGE))


def test_an_invalid_length_is_ignored() -> None:
    assert found_at(NEGATIVE + bytes(1_000_000), 65_536) is None
