"""Backup and restore of an SQLite file: other processes that use it, crashes, older and newer schemas."""

# ruff: noqa: ASYNC220, ASYNC240 - a test has its event loop for itself

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from reichatd.store import NewerSchema, StoreError, StoreUnavailable, sqlite
from reichatd.store.bulk import LogEntry, Member, Stored, StoredRoom
from reichatd.store.errors import StoreNotEmpty
from reichatd.store.sqlite import dump, schema
from tests.store.samples import post, room, user

NOT_IN_A_BACKUP = {
    "rooms": {"pk", "log_token"},
    "members": {"room", "place"},
    "bans": {"room"},
    "standings": {"room"},
    "invites": {"room"},
    "erasures": {"next"},
    "messages": {"id"},
    "reactions": {"id"},
    "mentions": {"user_id", "id"},
    "pins": {"id"},
    "secret": {"fingerprint"},
    "deleted_rooms": {"pk"},
    "registrations": {"pk"},
    "tries": {"email", "taken", "ends_at"},
    "users": {"code_hash", "code_expires_at"},
}
"""Columns and tables that a restored store does not copy: keys, the order of records, and data that is valid for minutes only."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reichatd.sqlite3"


async def contents(path: Path) -> list[Stored]:
    async with sqlite.dumping(path) as pages:
        return [record async for page in pages for record in page]


async def restore(path: Path, *records: Stored, replace: bool = False) -> None:
    async with sqlite.restoring(path, replace=replace) as loader:
        await loader.load(records)


async def test_every_column_is_in_a_backup(path: Path) -> None:
    """Each new column needs a field of the same name in the record, with a default."""
    await (await sqlite.open_store(path)).aclose()
    kinds = {table: kind.__struct_fields__ for kind, table, *_ in dump._SOURCES}
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if not table.startswith("sqlite_"):
                columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
                assert columns - NOT_IN_A_BACKUP.get(table, set()) <= set(kinds.get(table, ())), table


async def test_a_file_of_an_older_schema_is_read_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in schema.MIGRATIONS[0]:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO users VALUES ('ann', 'ann@example.org', 'Ann', 'password', 1.5)")
    before = path.read_bytes()
    assert await contents(path) == [user("ann")]
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await restore(path, user("ann"))
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerSchema):
        await contents(path)
    with pytest.raises(NewerSchema):
        await restore(path, replace=True)
    assert path.read_bytes() == before


async def test_a_backup_creates_no_store(path: Path) -> None:
    with pytest.raises(StoreError, match=str(path)):
        await contents(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(StoreError, match="no store"):
        await contents(path)
    assert path.read_bytes() == b""


async def test_a_restore_is_refused_while_a_daemon_runs(path: Path) -> None:
    store = await sqlite.open_store(path)
    with pytest.raises(StoreUnavailable, match="stop the daemon"):
        await restore(path)
    with pytest.raises(StoreUnavailable, match="stop the daemon"):
        await restore(path, replace=True)
    await store.rooms.create(room())
    await store.aclose()


async def test_a_daemon_does_not_start_during_a_restore(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.store.sqlite.connections.BUSY_SECONDS", 0.05)
    await restore(path, user("ann"))
    async with sqlite.restoring(path, replace=True) as loader:
        await loader.load([user("bob")])
        with pytest.raises(StoreUnavailable):
            await sqlite.open_store(path)
        with pytest.raises(StoreUnavailable):
            await contents(path)
    assert await contents(path) == [user("bob")]


async def test_a_failed_restore_leaves_no_new_file(path: Path) -> None:
    with pytest.raises(StoreError):
        await restore(path, user("ann"), user("ann"))
    assert list(path.parent.iterdir()) == []
    await restore(path, user("ann"))
    with pytest.raises(StoreError):
        await restore(path, user("bob"), Member("nowhere", "bob", 1.0, 0), replace=True)
    assert await contents(path) == [user("ann")]
    with pytest.raises(StoreNotEmpty):
        await restore(path, user("bob"))
    assert await contents(path) == [user("ann")]


@pytest.mark.parametrize("message_id", [0, -1, 2**32])
async def test_ids_that_would_be_in_another_log(path: Path, message_id: int) -> None:
    lobby = StoredRoom("lobby", "", "", "ann", None, 1.0)
    with pytest.raises(StoreError, match="out of range"):
        await restore(path, lobby, LogEntry("lobby", message_id, "ann", "", 1.0))


async def test_a_restore_that_is_killed(path: Path) -> None:
    await restore(path, user("ann"))
    script = f"""
import sys, trio
from pathlib import Path
from reichatd.store import sqlite
from reichatd.store.bulk import LogEntry, StoredRoom

async def main():
    async with sqlite.restoring(Path({str(path)!r}), replace=True) as loader:
        await loader.load([StoredRoom("lobby", "", "", "ann", None, 1.0)])
        for number in range(200):
            await loader.load([LogEntry("lobby", number * 1000 + n, "ann", "x" * 500, 1.0) for n in range(1, 1001)])
        print("now", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await trio.to_thread.run_sync(process.stdout.readline) == b"now\n"
        process.kill()
    assert path.stat().st_size > 50_000_000, "it was in the middle of it"
    assert await contents(path) == [user("ann")]
    await restore(path, user("bob"), replace=True)
    store = await sqlite.open_store(path)
    assert await store.users.by_id("bob") == user("bob")
    await store.rooms.create(room())
    await store.messages.commit([post()], {})
    await store.aclose()
