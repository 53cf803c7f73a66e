"""The inner format of a backup: lines of JSON. Pure.

    {"type":"backup","version":1,"reichatd":"1.2.3","store":"sqlite","created_at":1764000000.5}
    {"type":"room","room_id":"lobby", …}
    …
    {"type":"end","counts":{"room":1, …}}

Between the first and the last line each line is one record, in the order of `reichatd.store.bulk`, which also defines the fields of
each type. A missing field has its default. An unknown field belongs to a newer reichatd, and is refused rather than lost. So a type
or a field can be added without a new version; the version counts changes that an older reader would misread.

The secret that signs tokens is not in the backup, since it is not in the store. Without it a restored store is complete, but all
users have to log in again, and verification codes that were sent are void.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from reichatd.archive.chunks import BadChunk
from reichatd.archive.errors import NewerArchive
from reichatd.store.bulk import Stored
from reichatd.store.records import Record

VERSION = 1


class Header(msgspec.Struct, frozen=True, tag_field="type", tag="backup"):
    """The first line. Only this line may have unknown fields, so that every later reader can read its version.

    Arguments:
        reichatd: the version of the program that wrote it.
        store: the kind of store it was read from.
        created_at: seconds since the epoch.
    """

    version: int
    reichatd: str
    store: str
    created_at: float


class End(Record, frozen=True):
    """The last line: how many records of each type came before."""

    counts: dict[str, int]


_encoder = msgspec.json.Encoder()
_head_decoder = msgspec.json.Decoder(Header)
_decoder = msgspec.json.Decoder(Stored | End)


def encode_head(head: Header) -> bytes:
    return _encoder.encode_lines([head])


def encode(lines: Sequence[Stored | End]) -> bytes:
    return _encoder.encode_lines(lines)


def decode_head(text: bytes) -> Header:
    """Raises BadChunk, NewerArchive."""
    try:
        head = _head_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadChunk(f"its first line is not that of a backup: {error}") from None
    if head.version > VERSION:
        raise NewerArchive(f"version {head.version} of the format by reichatd {head.reichatd}; known is {VERSION}")
    return head


def decode(text: bytes, head: Header) -> list[Stored | End]:
    """The records of a chunk. Raises BadChunk, NewerArchive."""
    try:
        return _decoder.decode_lines(text)
    except msgspec.ValidationError as error:
        # The checksum is right, so it was written like this.
        raise NewerArchive(f"reichatd {head.reichatd}: {error}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadChunk(f"its lines are not JSON: {error}") from None


def count(counts: Counter[str], records: Sequence[Stored]) -> None:
    """Adds records to the counts of their types."""
    counts.update(Counter(type_name(type(record)) for record in records))


def described(record: Stored | None) -> str:
    """Which record it is, for the operator; without texts that users wrote, and without hashes."""
    if record is None:
        return "nothing"
    keys = ("room_id", "message_id", "user_id", "session_id", "email")
    known = [f"{name} {getattr(record, name)!r}" for name in keys if hasattr(record, name)]
    return f"{type_name(type(record))} ({', '.join(known)})"


def type_name(kind: type[Stored]) -> str:
    """The name of a type of record in a backup."""
    return str(kind.__struct_config__.tag)
