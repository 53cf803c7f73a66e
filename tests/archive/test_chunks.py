"""The outer format of a backup: any change of its bytes is noticed and located."""

import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.archive import chunks
from reichatd.archive.chunks import HEADER_BYTES, BadChunk, Chunks


def made(*texts: bytes) -> list[bytes]:
    maker = Chunks()
    return [maker.make(text) for text in texts]


def read(*members: bytes) -> list[bytes]:
    reader = Chunks()
    return [reader.read(member[:HEADER_BYTES], member[HEADER_BYTES:]) for member in members]


@given(st.lists(st.binary(max_size=300)))
def test_chunks_are_read_as_they_were_made(texts: list[bytes]) -> None:
    assert read(*made(*texts)) == texts


def test_gzip_can_read_it() -> None:
    texts = [b"one\n", b"", b"two\n" * 1000]
    assert gzip.decompress(b"".join(made(*texts))) == b"".join(texts)


def test_the_output_is_deterministic() -> None:
    assert made(b"one", b"two") == made(b"one", b"two")


@pytest.mark.parametrize("order", [(1,), (0, 2), (1, 0), (0, 0), (0, 1, 1)])
def test_chunks_in_another_order(order: tuple[int, ...]) -> None:
    members = made(b"one", b"two", b"three")
    assert len(read(*members)) == 3
    with pytest.raises(BadChunk, match="checksum"):
        read(*(members[place] for place in order))


def test_a_chunk_that_inflates_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    members = made(b"x" * 5000)
    monkeypatch.setattr(chunks, "MOST_BYTES", 4999)
    with pytest.raises(BadChunk, match="one whole"):
        read(*members)
    with pytest.raises(ValueError, match="5000"):
        made(b"x" * 5000)


def forged(body: bytes) -> bytes:
    """A chunk with a right digest, which anyone can make."""
    maker = Chunks()
    length = struct.pack("<I", len(body))
    return chunks._FIXED + length + maker._next_digest(length, body) + body


@pytest.mark.parametrize(
    "body", [b"", b"\xff" * 20, made(b"one")[0][HEADER_BYTES:] + b"more", made(b"one")[0][HEADER_BYTES:-3]]
)
def test_a_forged_chunk(body: bytes) -> None:
    with pytest.raises(BadChunk):
        read(forged(body))


def test_an_impossible_length() -> None:
    header = bytearray(made(b"one")[0][:HEADER_BYTES])
    struct.pack_into("<I", header, len(chunks._FIXED), chunks.MOST_BYTES + 1)
    with pytest.raises(BadChunk, match="length"):
        Chunks().body_length(bytes(header))
