"""The outer format of a backup: a gzip file of chunks that are verified one by one. Pure.

Each chunk is one gzip member (RFC 1952), so `zcat` shows the whole backup on any machine. The format's extra field (FEXTRA) holds
the length of the chunk, and the hash of everything up to its end:

    1f 8b 08 04  00 00 00 00  00 ff     gzip, deflate, FEXTRA, no time, no flags, unknown system
    28 00                               40 bytes of extra fields:
    52 65  24 00                        one field, "Re", of 36 bytes:
    length                              of the body after the header, 4 bytes, little-endian
    digest                              SHA-256 of: the digest of the previous chunk (nothing for the first), length, body
    …                                   the body: deflated text; CRC-32; size

The digests are a chain: the last one is a checksum of the whole file, and a chunk that is lost, moved or changed breaks the chain
at that chunk.
"""

import gzip
import hashlib
import struct
import zlib

_FIXED = bytes.fromhex("1f8b0804 00000000 00ff 2800 5265 2400")
_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = hashlib.sha256().digest_size
_LEVEL = 6

HEADER_BYTES = len(_FIXED) + _LENGTH.size + _DIGEST_BYTES
MOST_BYTES = 64 * 1024 * 1024
"""The maximum of a chunk and of its text, so that a broken file cannot fill the memory."""

_GZIP_HEADER = bytes.fromhex("1f8b0800 00000000 00ff")
"""The beginning of a gzip member without extra fields."""


class BadChunk(ValueError):
    """The chunk is not as it was written; the text says how."""


def is_archive(beginning: bytes) -> bool:
    """Whether a file with this beginning is meant to be a backup."""
    return beginning.startswith(_FIXED)


class Chunks:
    """Writes or reads a sequence of chunks; keeps the digest of the previous chunk."""

    def __init__(self) -> None:
        self._digest = b""

    def make(self, text: bytes) -> bytes:
        """The next chunk. `text` has at most `MOST_BYTES`."""
        if len(text) > MOST_BYTES:
            raise ValueError(f"a chunk of {len(text)} bytes")
        body = gzip.compress(text, _LEVEL, mtime=0)[len(_GZIP_HEADER) :]
        length = _LENGTH.pack(len(body))
        self._digest = self._next_digest(length, body)
        return _FIXED + length + self._digest + body

    def body_length(self, header: bytes) -> int:
        """How many bytes follow this header. Raises BadChunk."""
        if len(header) < HEADER_BYTES:
            raise BadChunk("it is cut off")
        if not header.startswith(_FIXED):
            raise BadChunk("its first bytes are not those of a chunk")
        (length,) = _LENGTH.unpack_from(header, len(_FIXED))
        if length > MOST_BYTES:
            raise BadChunk("its length is impossible")
        return int(length)

    def read(self, header: bytes, body: bytes) -> bytes:
        """The text of the next chunk. Raises BadChunk."""
        if len(body) < self.body_length(header):
            raise BadChunk("it is cut off")
        digest = self._next_digest(header[len(_FIXED) : -_DIGEST_BYTES], body)
        if digest != header[-_DIGEST_BYTES:]:
            raise BadChunk("its checksum is not that of its contents")
        self._digest = digest
        return _inflated(_GZIP_HEADER + body)

    def _next_digest(self, length: bytes, body: bytes) -> bytes:
        return hashlib.sha256(self._digest + length + body).digest()


def _inflated(member: bytes) -> bytes:
    # The digest proves that it is what was written, but anyone can write a file with right digests.
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = inflater.decompress(member, MOST_BYTES + 1)
    except zlib.error as error:
        raise BadChunk(f"it cannot be unpacked: {error}") from None
    if not inflater.eof or inflater.unused_data or len(text) > MOST_BYTES:
        raise BadChunk("it is not one whole gzip member")
    return text
