"""Backup files: damage is found and located, and a file is complete or does not exist."""

import gzip
import json
import math
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reichatd.archive.chunks import HEADER_BYTES, Chunks
from reichatd.archive.errors import BadArchive, BadRecord, Damaged, NewerArchive, NotAnArchive
from reichatd.archive.files import BackupReader, reading, writing
from reichatd.archive.format import VERSION, End, Header, encode, encode_head, type_name
from reichatd.store.bounds import FIRST_MOMENT, LAST_MOMENT, problem
from reichatd.store.bulk import Ban, LogEntry, Member, Stored, StoredReaction, StoredRoom
from reichatd.store.records import Extras, Pinned, Reaction
from reichatd.timestamps import isoformat
from tests.store.samples import registration, session, user
from tests.unprivileged import unprivileged

HEAD = Header(version=VERSION, reichatd="1.2.3", store="sqlite", created_at=1.5)
PAGES: list[list[Stored]] = [
    [StoredRoom("lobby", "Lobby", "", "ann", None, 1.0), Member("lobby", "ann", 1.0, 2), Ban("lobby", "eve")],
    [LogEntry("lobby", 1, "ann", "one", 1.25, "n"), LogEntry("lobby", 2, "ann", "\0 \u2028 🎈\n", 0.1)],
    [registration(), user("ann"), session()],
]
CHANGED: list[Stored] = [
    StoredReaction("lobby", 2, "👍", "ann", 1.5),
    StoredRoom("attic", "Attic", "", "ann", None, 1.0, change_id=7),
    LogEntry(
        *("attic", 1, "ann", "text", 1.25),
        change_id=7,
        extras=Extras(1.5, None, 1, ("ann",), True, (Reaction("👍", 7, ("ann", "bob")),), Pinned("ann", 2.5)),
    ),
    LogEntry("attic", 2, "ann", "(deleted)", 1.25, change_id=3, extras=Extras(deleted="erased")),
]


def write(path: Path, *, replace: bool = False) -> None:
    with writing(path, HEAD, replace=replace) as writer:
        for page in PAGES:
            writer.add(page)


def read(path: Path) -> list[list[Stored]]:
    with reading(path) as reader:
        assert reader.head == HEAD
        return list(reader.pages())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "backup"
    write(path)
    return path.read_bytes()


def read_bytes(tmp: Path, content: bytes) -> list[list[Stored]]:
    tmp.write_bytes(content)
    return read(tmp)


IMPOSSIBLE: list[Stored] = [
    StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, first_id=2**33 + 1),
    StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, first_id=0),
    StoredRoom("lobby", "Lobby", "", "ann", None, 1e300),
    StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, keep_days=-1, keep_messages=0),
    StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, keep_days=0, keep_messages=2**64),
    Member("lobby", "ann", -1e12, 0),
    Member("lobby", "ann", 1.0, 2**32),
    Member("lobby", "ann", 1.0, -1),
    LogEntry("lobby", 0, "ann", "one", 1.0),
    LogEntry("lobby", 2**32, "ann", "one", 1.0),
    LogEntry("lobby", 1, "ann", "one", 1e300),
    LogEntry("lobby", 1, "ann", "one", 253_402_300_800.0),
    msgspec.structs.replace(registration(), expires_at=1e18),
    registration(tries_left=-1),
    msgspec.structs.replace(user("ann"), created_at=-1e300),
    session(expires_at=1e300),
    StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, change_id=-1),
    LogEntry("lobby", 1, "ann", "", 1.0, change_id=2**53),
    LogEntry("lobby", 1, "ann", "", 1.0, extras=Extras(edited_at=1e300)),
    LogEntry("lobby", 1, "ann", "", 1.0, extras=Extras(reply_to=2**32)),
    LogEntry("lobby", 1, "ann", "", 1.0, extras=Extras(reactions=(Reaction("👍", 0, ()),))),
    LogEntry("lobby", 1, "ann", "", 1.0, extras=Extras(pinned=Pinned("ann", 1e300))),
    StoredReaction("lobby", 0, "👍", "ann", 1.0),
    StoredReaction("lobby", 1, "👍", "ann", -1e300),
]


@pytest.mark.parametrize("record", IMPOSSIBLE)
def test_a_record_that_no_store_can_keep(tmp_path: Path, record: Stored) -> None:
    path = tmp_path / "backup"
    with writing(path, HEAD, replace=False) as writer:
        writer.add(PAGES[0])
        writer.add([record])
    with pytest.raises(BadRecord, match=rf"{type_name(type(record))} \(") as caught:
        read(path)
    assert "which has to be from" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ids", [[1, 3], [1, 1], [2], [1, 2, 4_294_967_295]])
def test_a_log_with_a_gap(tmp_path: Path, ids: list[int]) -> None:
    path = tmp_path / "backup"
    room = StoredRoom("attic", "Attic", "", "ann", None, 1.0)
    with writing(path, HEAD, replace=False) as writer:
        writer.add([room])
        writer.add([LogEntry("attic", number, "ann", "one", 1.0) for number in ids])
    with pytest.raises(BadRecord, match="a log has no gap"):
        read(path)


def test_a_log_begins_with_the_first_id_of_its_room(tmp_path: Path) -> None:
    room = StoredRoom("attic", "Attic", "", "ann", None, 1.0, first_id=7)
    log = [LogEntry("attic", number, "ann", "one", 1.0) for number in (7, 8)]
    for name, entries in (("good", log), ("bad", log[1:])):
        with writing(tmp_path / name, HEAD, replace=False) as writer:
            writer.add([room])
            writer.add(entries)
    read(tmp_path / "good")
    with pytest.raises(BadRecord, match="message_id is 8, which has to be 7"):
        read(tmp_path / "bad")


def test_a_message_of_a_missing_room(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with writing(path, HEAD, replace=False) as writer:
        writer.add([LogEntry("attic", 1, "ann", "one", 1.0)])
    with pytest.raises(BadRecord, match="its room is not there"):
        read(path)


@pytest.mark.parametrize("message_id", [3, 2**32 - 1])
def test_a_reaction_without_its_message(tmp_path: Path, message_id: int) -> None:
    path = tmp_path / "backup"
    for room_id, last_id in (("lobby", message_id), ("attic", 1)):
        with writing(path, HEAD, replace=True) as writer:
            for page in PAGES[:2]:
                writer.add(page)
            writer.add(
                [StoredReaction("lobby", 2, "👍", "ann", 1.0), StoredReaction(room_id, last_id, "👍", "ann", 1.0)]
            )
        with pytest.raises(BadRecord, match="its message is not there"):
            read(path)


def test_the_first_and_the_last_moment_can_be_formatted() -> None:
    for moment in (FIRST_MOMENT, LAST_MOMENT):
        entry = LogEntry("lobby", 1, "ann", "one", moment)
        assert problem(entry) is None
        assert isoformat(moment)[:4] in {"0001", "9999"}
    assert problem(LogEntry("lobby", 1, "ann", "one", math.nan)) is not None


def starts(content: bytes) -> list[int]:
    """The offsets of the chunks, and of the end."""
    offsets, chunks = [0], Chunks()
    while offsets[-1] < len(content):
        header = content[offsets[-1] : offsets[-1] + HEADER_BYTES]
        offsets.append(offsets[-1] + HEADER_BYTES + chunks.body_length(header))
    return offsets


# -------------------------------------------------------------------------------------------------------------- what is written


def test_a_backup_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "backup")
    assert read(tmp_path / "backup") == PAGES
    assert [file.name for file in tmp_path.iterdir()] == ["backup"]
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600


def test_changes_and_reactions_are_read_as_they_were_written(tmp_path: Path) -> None:
    with writing(tmp_path / "backup", HEAD, replace=False) as writer:
        for page in [*PAGES[:2], CHANGED]:
            writer.add(page)
    assert read(tmp_path / "backup") == [*PAGES[:2], CHANGED]


def test_zcat_can_read_it(good: bytes) -> None:
    lines = [json.loads(line) for line in gzip.decompress(good).splitlines()]
    types = ["backup", "room", "member", "ban", "message", "message", "registration", "user", "session", "end"]
    assert [line["type"] for line in lines] == types
    expected = {"type": "message", "room_id": "lobby", "message_id": 1, "user_id": "ann"}
    assert lines[4] == expected | {"content": "one", "timestamp": 1.25, "nonce": "n"}


def test_a_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write(path)
    assert path.read_text() == "mine"
    write(path, replace=True)
    assert read(path) == PAGES


@pytest.mark.parametrize("kind", ["directory", "fifo", "broken link"])
def test_only_regular_files_are_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "backup"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        write(path, replace=True)
    assert [file.name for file in tmp_path.iterdir()] == ["backup"]


def test_a_file_that_appeared_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with pytest.raises(FileExistsError), writing(path, HEAD, replace=False):
        path.write_text("mine")
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["backup"]


def test_a_failed_backup_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("mine")
    with pytest.raises(ZeroDivisionError), writing(path, HEAD, replace=True) as writer:
        writer.add([PAGES[0][1 // 0]])
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["backup"]


def test_leftovers_of_a_killed_backup_are_overwritten(tmp_path: Path) -> None:
    part = tmp_path / "backup.part"
    part.write_bytes(b"x" * 100_000)
    part.chmod(0o644)
    write(tmp_path / "backup")
    assert read(tmp_path / "backup") == PAGES
    assert [file.name for file in tmp_path.iterdir()] == ["backup"]
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600


def test_a_link_in_place_of_the_unfinished_file_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "backup.part").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"):
        write(tmp_path / "backup")
    assert precious.read_text() == "mine"


def test_a_directory_that_is_not_writable() -> None:
    # Not below tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o555)
        with unprivileged(), pytest.raises(PermissionError):
            write(Path(directory) / "backup")
        assert list(Path(directory).iterdir()) == []


def test_two_backups_to_one_path(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with writing(path, HEAD, replace=False) as writer:
        with pytest.raises(BlockingIOError, match="is running"):
            write(path)
        writer.add(PAGES[0])
    assert read(path) == PAGES[:1]


# ------------------------------------------------------------------------------------------------------------------- damage


def test_every_changed_bit_is_noticed(tmp_path: Path, good: bytes) -> None:
    begins = starts(good)
    for offset in range(len(good)):
        chunk = sum(begin <= offset for begin in begins)
        for bit in range(8):
            bad = bytearray(good)
            bad[offset] ^= 1 << bit
            with pytest.raises(BadArchive) as caught:
                read_bytes(tmp_path / "bad", bytes(bad))
            if isinstance(caught.value, Damaged):
                assert (caught.value.chunk, caught.value.offset) == (chunk, begins[chunk - 1])
                assert f"chunk {chunk}," in str(caught.value)
            else:
                assert offset < HEADER_BYTES, "only where the file begins it may be taken for something else"


def test_cut_off_anywhere(tmp_path: Path, good: bytes) -> None:
    begins = starts(good)
    for length in range(len(good)):
        with pytest.raises(BadArchive) as caught:
            read_bytes(tmp_path / "bad", good[:length])
        if isinstance(caught.value, Damaged):
            assert "cut off" in str(caught.value)
            assert caught.value.offset == max(begin for begin in begins if begin <= length)
        else:
            assert length < HEADER_BYTES


@given(st.data())
@settings(deadline=None)
def test_any_damage(tmp_path_factory: pytest.TempPathFactory, good: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    bad = good[:start] + data.draw(st.binary(max_size=100)) + good[end:]
    with suppress(BadArchive):
        assert read_bytes(tmp_path_factory.getbasetemp() / "damaged", bad) == PAGES
        assert bad == good


@pytest.mark.parametrize("content", [b"", b"Dear diary", b"SQLite format 3\0", gzip.compress(b"{}", mtime=0)])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotAnArchive):
        read_bytes(tmp_path / "bad", content)


def test_data_after_the_end(tmp_path: Path, good: bytes) -> None:
    with pytest.raises(Damaged, match="follows the end"):
        read_bytes(tmp_path / "bad", good + b"\n")


# ------------------------------------------------------------------------------------------ what another version may have written


def archive(*texts: bytes) -> bytes:
    chunks = Chunks()
    return b"".join(chunks.make(text) for text in texts)


def end(**counts: int) -> bytes:
    return encode([End(counts)])


def test_a_newer_version(tmp_path: Path) -> None:
    head = json.dumps(
        {"type": "backup", "version": VERSION + 1, "reichatd": "9.9", "store": "?", "created_at": 1, "new": 2}
    )
    with pytest.raises(NewerArchive, match=r"9\.9"):
        read_bytes(tmp_path / "bad", archive(head.encode(), b"who knows"))


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"pin","room_id":"lobby"}',
        b'{"type":"ban","room_id":"lobby","user_id":"ann","until":5}',
        b'{"type":"ban","room_id":"lobby"}',
    ],
)
def test_unknown_lines_and_fields_are_refused(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(NewerArchive, match=r"or changed since \(reichatd 1\.2\.3"):
        read_bytes(tmp_path / "bad", archive(encode_head(HEAD), line, end(ban=1)))


@pytest.mark.parametrize(
    "texts",
    [
        [b"{}"],
        [b"[1, 2"],
        [b"\xff"],
        [encode_head(HEAD), b"{", end()],
        [encode_head(HEAD), b'"\xff"', end()],
        [encode_head(HEAD), end(ban=1)],
        [encode_head(HEAD), encode(PAGES[0][2:]), end()],
        [encode_head(HEAD), end(), encode(PAGES[0]), end(room=1, member=1, ban=1)],
        [encode_head(HEAD)],
    ],
)
def test_meaningless_content(tmp_path: Path, texts: list[bytes]) -> None:
    with pytest.raises((Damaged, NewerArchive)):
        read_bytes(tmp_path / "bad", archive(*texts))


def test_a_chunk_without_a_record(tmp_path: Path) -> None:
    content = archive(encode_head(HEAD), b"", encode(PAGES[0]), b"", end(room=1, member=1, ban=1))
    assert read_bytes(tmp_path / "odd", content) == PAGES[:1]


def test_the_position_in_the_file(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "backup").write_bytes(good)
    with (tmp_path / "backup").open("rb") as file:
        reader = BackupReader(file)
        places = [reader.bytes for _ in reader.pages()]
        assert places == starts(good)[2:5]
        assert reader.bytes == len(good)
        assert reader.counts == {
            "room": 1,
            "member": 1,
            "ban": 1,
            "message": 2,
            "registration": 1,
            "user": 1,
            "session": 1,
        }
