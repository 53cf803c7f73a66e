"""What only the SQLite store has: a file, its errors, its crashes. The tests for all stores are test_contract_*."""

# ruff: noqa: ASYNC240 - a test has its event loop for itself

import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Self

import msgspec
import pytest
import trio

from reichatd.store import (
    Change,
    ChangeOutcome,
    Cutoff,
    LogHead,
    Message,
    NewerSchema,
    Outcome,
    Pin,
    React,
    Room,
    Store,
    StoreError,
    StoreUnavailable,
)
from reichatd.store.sqlite import connections, dumping, open_store, schema
from tests.store import storm
from tests.store.samples import (
    contents,
    post,
    read_mark,
    registration,
    room,
    stored,
    use_what_the_fifth_schema_had,
    user,
)
from tests.unprivileged import unprivileged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reichatd.sqlite3"


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[Store]:
    store = await open_store(path)
    yield store
    await store.aclose()


async def fill(path: Path) -> None:
    """Creates a store with one message, and closes it."""
    store = await open_store(path)
    await store.rooms.create(room())
    await store.messages.commit([post("kept")], {})
    await store.aclose()


async def refused(path: Path) -> StoreError:
    """The error that opening raises: one line that names the path."""
    with pytest.raises(StoreError) as caught:
        await open_store(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def pragma(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        value: int = db.execute(f"PRAGMA {name}").fetchone()[0]
        return value


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "chat.sqlite3"
    store = await open_store(path)
    await store.rooms.create(room())
    assert mode(path.parent) == 0o700
    assert {file.name: mode(file) for file in path.parent.iterdir()} == {
        name: 0o600 for name in ("chat.sqlite3", "chat.sqlite3-wal", "chat.sqlite3-shm")
    }
    await store.aclose()
    assert [file.name for file in path.parent.iterdir()] == ["chat.sqlite3"]


async def test_a_cancelled_close_still_leaves_one_file(path: Path) -> None:
    store = await open_store(path)
    await store.rooms.create(room())
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.aclose()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_existing_files_keep_their_mode(path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    path.parent.chmod(0o750)
    await fill(path)
    assert (mode(path), mode(path.parent)) == (0o640, 0o750)


@pytest.mark.parametrize("name", ["a b.db", "50%41?mode=memory#x", "'quoted\".db", "chät 🎈", ":memory:"])
async def test_any_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    await fill(Path(name))
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert pragma(tmp_path / name, "application_id") == schema.APPLICATION_ID


async def test_a_directory_that_cannot_be_created(path: Path) -> None:
    path.touch()
    assert "Not a directory" in str(await refused(path / "data" / "chat.sqlite3"))


async def test_a_directory_with_the_name_of_the_file(tmp_path: Path) -> None:
    await refused(tmp_path)


@pytest.mark.parametrize("content", [b"Dear diary,\n" * 1000, b"xy", b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_that_is_not_a_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    await refused(path)
    assert path.read_bytes() == content


async def test_a_damaged_file(path: Path) -> None:
    await fill(path)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    await refused(path)


@pytest.mark.parametrize(
    "trace", ["CREATE TABLE songs (title)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
async def test_a_database_of_another_program(path: Path, trace: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(trace)
    before = path.read_bytes()
    assert "another program" in str(await refused(path))
    assert path.read_bytes() == before


async def test_a_read_only_file() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "chat.sqlite3"
        await fill(path)
        path.parent.chmod(0o777)
        path.chmod(0o444)
        with unprivileged():
            fault = await refused(path)
    assert "readonly" in str(fault)


async def test_a_newer_schema_is_not_changed(path: Path) -> None:
    await fill(path)
    newer = len(schema.MIGRATIONS) + 1
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {newer}")
    before = path.read_bytes()
    fault = await refused(path)
    assert isinstance(fault, NewerSchema)
    assert str(newer) in str(fault)
    assert path.read_bytes() == before


async def test_migration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(path)
    version = pragma(path, "user_version")
    assert version == len(schema.MIGRATIONS)
    steps = [
        ("CREATE TABLE shelves (id INTEGER PRIMARY KEY)", "INSERT INTO shelves SELECT id FROM messages"),
        ("DROP TABLE shelves",),
    ]
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, *steps])
    store = await open_store(path)
    assert await contents(store) == ["kept"]
    await store.aclose()
    assert pragma(path, "user_version") == version + 2


async def test_a_migration_that_fails_leaves_the_version_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(path)
    version = pragma(path, "user_version")
    steps = [("CREATE TABLE shelves (id)",), ("DELETE FROM messages", "INSERT INTO shelves VALUES (1, 2)")]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, *steps])
        await refused(path)
        assert pragma(path, "user_version") == version + 1
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
        store = await open_store(path)
        assert await contents(store) == ["kept"]
        await store.aclose()


async def test_another_process_that_holds_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    store = await open_store(path)
    await store.rooms.create(room())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=str(path)):
            await store.messages.commit([post()], {})
        assert await contents(store) == []
        other.execute("ROLLBACK")
    assert (await store.messages.commit([post()], {})).posts == stored(1)
    await store.aclose()


class Hog:
    """Another connection that holds the lock nearly all the time, until the end of the `with` block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = threading.Event()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _hold(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=60)) as db:
            while not self._enough.wait(0.0001):
                db.execute("BEGIN IMMEDIATE")
                self._begun.set()
                time.sleep(0.02)
                db.execute("ROLLBACK")


async def test_a_write_gets_the_lock_beside_a_process_that_releases_it_for_moments_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 1.0)
    store = await open_store(path)
    with Hog(path):
        for _ in range(20):
            await store.messages.probe()
    await store.aclose()


async def test_a_full_disk(sqlite: Store, path: Path) -> None:
    await sqlite.rooms.create(room())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept: list[str] = []

    async def fill_up() -> None:
        for number in range(100):
            batch = [post(f"{number} {n} {'x' * 500}") for n in range(10)]
            await sqlite.messages.commit(batch, {})
            kept.extend(one.content for one in batch)

    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    try:
        with pytest.raises(StoreUnavailable, match=str(path)):
            await fill_up()
        assert kept
        assert await contents(sqlite) == kept
        with pytest.raises(StoreUnavailable, match=str(path)):
            await sqlite.messages.probe()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await sqlite.messages.probe()
    assert (await sqlite.messages.commit([post("again")], {})).posts == stored(len(kept) + 1)
    assert await contents(sqlite) == [*kept, "again"]


async def test_invalid_unicode_is_refused_without_harm(sqlite: Store) -> None:
    await sqlite.rooms.create(room())
    with pytest.raises(StoreError, match="surrogate"):
        await sqlite.messages.commit([post("fine"), post("\ud800")], {})
    assert (await sqlite.messages.commit([post("fine")], {})).posts == stored(1)


async def test_a_full_log_does_not_continue_in_the_next_one(path: Path) -> None:
    store = await open_store(path)
    for room_id in ("lobby", "den"):
        await store.rooms.create(room(room_id))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO messages (id, user_id, content, timestamp) VALUES ((1 << 32) + 4294967294, 'ann', '', 1.0)"
        )
    assert (await store.messages.commit([post()], {})).posts == stored(2**32 - 1)
    with pytest.raises(StoreError, match="full"):
        await store.messages.commit([post()], {})
    assert (await store.messages.commit([post(room_id="den")], {})).posts == stored(1)
    await store.aclose()


async def test_nothing_of_a_deleted_room_remains(path: Path) -> None:
    store = await open_store(path)
    await store.rooms.create(room())
    await store.rooms.ban("lobby", "eve")
    mention = msgspec.structs.replace(post(), mentions=("bob",))
    changes: list[Change] = [React("lobby", "bob", 1, "👍", True, 1.0), Pin("lobby", "ann", 1, True, 1.0)]
    await store.messages.commit([mention], {}, changes)
    await store.rooms.delete("lobby")
    await store.messages.sweep(10)
    await store.aclose()
    with closing(sqlite3.connect(path)) as db:
        for table in ("rooms", "members", "bans", "messages", "reactions", "mentions", "pins", "deleted_rooms"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


async def test_a_batch_that_changes_nothing_costs_no_write(sqlite: Store, path: Path) -> None:
    await sqlite.rooms.create(room())
    await sqlite.messages.commit([post(nonce="n")], {})
    log = path.with_name(path.name + "-wal")
    before = log.read_bytes()
    batch = [post(nonce="n"), post(room_id="den"), post(user_id="eve")]
    answers = (await sqlite.messages.commit(batch, {("lobby", "ann"): 1, ("lobby", "bob"): 0})).posts
    assert [answer.outcome for answer in answers] == [Outcome.REPEATED, Outcome.NO_ROOM, Outcome.NO_MEMBER]
    assert await sqlite.messages.sweep(10) == 0
    assert log.read_bytes() == before


async def fill_with(path: Path, count: int) -> None:
    """Creates a store with this many messages of 1 kB, and closes it."""
    store = await open_store(path)
    await store.rooms.create(room())
    for _ in range(count // 100):
        await store.messages.commit([post("x" * 1000)] * 100, {})
    await store.aclose()


async def empty(store: Store) -> int:
    """Removes all messages and returns their space to the disk; returns how many bytes."""
    while (await store.messages.expire("lobby", Cutoff(keep=0), 500)).messages:
        pass
    given_back = [await store.reclaim()]
    while given_back[-1]:
        given_back.append(await store.reclaim())
    return sum(given_back)


async def test_the_file_shrinks(path: Path) -> None:
    await fill_with(path, 2000)
    before = path.stat().st_size
    store = await open_store(path)
    given_back = await empty(store)
    # While the store is open: no daemon has to be stopped.
    assert path.stat().st_size == before - given_back < before / 10
    assert (await store.messages.commit([post()], {})).posts == stored(2001)
    await store.aclose()
    assert pragma(path, "freelist_count") == 0


async def test_the_file_shrinks_beside_a_reading_process(path: Path) -> None:
    await fill_with(path, 2000)
    before = path.stat().st_size
    store = await open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (2000,)
        given_back = await empty(store)
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (2000,)
        other.execute("ROLLBACK")
    await store.aclose()
    assert path.stat().st_size == before - given_back < before / 10


def made_unshrinkable(path: Path) -> None:
    """Makes the file one that cannot shrink, as older versions created it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
        db.execute("PRAGMA journal_mode = WAL")
    assert pragma(path, "auto_vacuum") == 0


async def test_an_old_file_becomes_shrinkable(path: Path) -> None:
    await fill_with(path, 1000)
    made_unshrinkable(path)
    store = await open_store(path)
    assert len(await contents(store)) == 1000
    assert await empty(store) > 1_000_000
    await store.aclose()


async def test_an_old_file_in_use_becomes_shrinkable_at_a_later_start(path: Path) -> None:
    await fill_with(path, 1000)
    made_unshrinkable(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("SELECT count(*) FROM messages").fetchone()
        start = trio.current_time()
        store = await open_store(path)
        assert trio.current_time() - start < 1
    assert await empty(store) == 0
    assert (await store.messages.commit([post()], {})).posts == stored(1001)
    await store.aclose()
    await (await open_store(path)).aclose()
    assert pragma(path, "auto_vacuum") == 2


async def test_migration_from_the_first_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            schema.migrate(db, str(path))
            db.execute("INSERT INTO rooms VALUES (1, 'lobby', 'Lobby', '', 'ann', NULL, 1.0)")
            db.execute("INSERT INTO members VALUES (1, 'ann', 1, 1.0, 0)")
            db.execute("INSERT INTO messages VALUES ((1 << 32) + 1, 'ann', 'kept', 1.0, NULL)")
    store = await open_store(path)
    assert await contents(store) == ["kept"]
    assert await store.rooms.get("lobby") == Room("lobby", "Lobby", "", "ann", None, 1.0, ("ann",))
    assert (await store.messages.commit([post("new")], {})).posts == stored(2)
    await store.aclose()


async def test_migration_from_the_third_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = registration(tries_left=3)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            while schema.migrate(db, str(path)):
                pass
            db.execute("INSERT INTO registrations VALUES (?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(waiting)[:6])
            for number, room_id in enumerate(("lounge", "Lounge", "LOUNGE")):
                db.execute(
                    "INSERT INTO rooms (room_id, name, description, owner, created_at) VALUES (?, '', '', 'ann', ?)",
                    (room_id, number),
                )
    async with dumping(path) as pages:
        records = [record async for page in pages for record in page]
    assert waiting in records, "a store of an older schema is read as it is"
    store = await open_store(path)
    for room_id in ("lounge", "Lounge", "LOUNGE"):
        assert (await store.rooms.head(room_id)) is not None
        assert not await store.rooms.create(room("lOUNGE"))
        await store.rooms.delete(room_id)
    assert await store.rooms.create(room("lOUNGE"))
    assert await store.users.pending("ann@example.org") == [waiting]
    assert await store.users.confirm(waiting, user()) == user()
    await store.aclose()


async def test_migration_from_the_fifth_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = registration("eve@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:5])
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            while schema.migrate(db, str(path)):
                pass
            for statement in (
                "INSERT INTO users VALUES ('ann', 'ann@example.org', 'Ann', 'password', 1.5, 0, 'code', 100.0)",
                "INSERT INTO sessions VALUES ('laptop', 'ann', 'refresh of laptop', 1.5, 100.0, 'net')",
                "INSERT INTO rooms VALUES (1, 'lobby', 'The lobby', 'Come in', 'ann', NULL, 1.5, 1, 7, 0)",
                "INSERT INTO members VALUES (1, 'ann', 1, 1.5, 1)",
                "INSERT INTO bans VALUES (1, 'bob')",
                "INSERT INTO messages VALUES ((1 << 32) + 1, 'ann', 'kept', 1.0, 'n')",
                "INSERT INTO registrations VALUES (1, 'eve@example.org', 'ann', 'password', 'code', 5, 100.0)",
            ):
                db.execute(statement)
    async with dumping(path) as pages:
        before = [record async for page in pages for record in page]
    assert waiting in before, "a store of an older schema is read as it is"
    store = await open_store(path)
    async with dumping(path) as pages:
        assert [record async for page in pages for record in page] == before
    await use_what_the_fifth_schema_had(store, waiting)
    await store.aclose()


async def test_migration_from_the_sixth_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:6])
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            while schema.migrate(db, str(path)):
                pass
            for room_id in ("lobby", "den"):
                db.execute(
                    "INSERT INTO rooms (room_id, name, description, owner, created_at) VALUES (?, '', '', 'ann', 1.5)",
                    (room_id,),
                )
            for statement in (
                "INSERT INTO users VALUES ('ann', 'ann@example.org', 'Ann', 'password', 1.5, 0, 'code', 100.0)",
                "INSERT INTO members (room, user_id, place, joined_at) VALUES (1, 'ann', 1, 1.5)",
                "INSERT INTO members (room, user_id, place, joined_at) VALUES (1, 'bob', 2, 1.5)",
                "INSERT INTO messages VALUES ((1 << 32) + 1, 'ann', 'first', 1.0, 'n')",
                "INSERT INTO messages VALUES ((1 << 32) + 2, 'bob', 'second', 2.0, NULL)",
            ):
                db.execute(statement)
    async with dumping(path) as pages:
        before = [record async for page in pages for record in page]
    store = await open_store(path)
    async with dumping(path) as pages:
        assert [record async for page in pages for record in page] == before
    assert await store.messages.range("lobby", 1, 9) == [
        Message(1, "ann", "Ann", "ann@example.org", "first", 1.0),
        Message(2, "bob", "", "", "second", 2.0),
    ]
    heads = [await store.messages.head(room_id) for room_id in ("lobby", "den")]
    tokens = {head.token for head in heads if head is not None}
    assert heads[0] == LogHead(1, 2, 0, heads[0].token if heads[0] else "")
    assert {len(token) for token in tokens} == {8}
    assert len(tokens) == 2
    mention = msgspec.structs.replace(post("third", "bob"), names=("ANN",), reply_to=1)
    changes: list[Change] = [React("lobby", "bob", 1, "👍", True, 3.0), Pin("lobby", "ann", 2, True, 3.0)]
    committed = await store.messages.commit([mention, post("first", nonce="n")], {}, changes)
    assert [each.message_id for each in committed.posts] == [3, 1]
    assert [each.outcome for each in committed.changes] == [ChangeOutcome.CHANGED] * 2
    assert [each.mentions for each in await store.rooms.progress("ann")] == [1]
    await store.aclose()
    assert await opened_head(path) == await opened_head(path), "the token of a log stays"


async def opened_head(path: Path) -> LogHead | None:
    store = await open_store(path)
    head = await store.messages.head("lobby")
    await store.aclose()
    return head


def storm_and_kill(path: Path, lines: int, *options: str) -> list[str]:
    """Lets a process append until it has printed this many lines, kills it, and returns all that it printed."""
    command = [sys.executable, storm.__file__, str(path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        acknowledged += process.stdout.readlines()
    return [line.removesuffix("\n") for line in acknowledged if line.endswith("\n")]


async def test_kill_9_while_appending(path: Path) -> None:
    acknowledged: list[str] = []
    for lines in (1000, 300, 2000):
        acknowledged += await trio.to_thread.run_sync(storm_and_kill, path, lines)
        store = await open_store(path)
        logs = {room_id: await contents(store, room_id) for room_id in storm.ROOMS}
        for room_id, log in logs.items():
            assert await store.messages.last_id(room_id) == await read_mark(store, room_id=room_id) == len(log)
        await store.aclose()
        for line in acknowledged:
            room_id, message_id, content = line.split(" ", 2)
            assert logs[room_id][int(message_id) - 1] == content
    assert len(acknowledged) >= 3300


async def test_kill_9_while_cutting(path: Path) -> None:
    acknowledged: list[str] = []
    for lines in (1000, 300, 2000):
        acknowledged += await trio.to_thread.run_sync(storm_and_kill, path, lines, "40")
        store = await open_store(path)
        logs = {room_id: await store.messages.range(room_id, 1, 10**6) for room_id in storm.ROOMS}
        for (room_id, log), first_id in zip(logs.items(), await store.messages.first_ids(storm.ROOMS), strict=True):
            last_id = await store.messages.last_id(room_id)
            assert first_id is not None
            assert last_id is not None
            assert [message.message_id for message in log] == list(range(first_id, last_id + 1))
            assert last_id > 60 > len(log) >= 40
        await store.aclose()
        for line in acknowledged:
            room_id, message_id, content = line.split(" ", 2)
            behind = int(message_id) - logs[room_id][0].message_id
            assert behind < 0 or logs[room_id][behind].content == content
