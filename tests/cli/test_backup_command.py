"""`reichatd backup`, `backup verify` and `restore`, with real processes and files."""

import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import aclosing, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from reichatd.archive.files import writing
from reichatd.archive.format import VERSION, Header
from reichatd.settings import MongoDBSettings, StorageSettings
from reichatd.store import StoreError, backend_for, sqlite
from reichatd.store.bulk import Stored, StoredRoom
from reichatd.store.sqlite import schema
from tests.archive import chatter
from tests.cli.commands import Commands
from tests.process import environment
from tests.unprivileged import UNPRIVILEGED_ID, unprivileged

MESSAGES = 3000


def command(directory: Path, *words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs `reichatd` with its files in a directory."""
    return Commands(directory, settings).call(*map(str, words))


def data_file(directory: Path) -> Path:
    return directory / "share" / "reichatd" / "reichatd.sqlite3"


def contents(path: Path) -> list[Stored]:
    async def read() -> list[Stored]:
        async with sqlite.dumping(path) as pages:
            return [record async for page in pages for record in page]

    return trio.run(read)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with a store."""
    directory = tmp_path / "home"
    directory.mkdir()
    trio.run(chatter.fill, data_file(directory), MESSAGES)
    return directory


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An empty home directory."""
    directory = tmp_path / "other"
    directory.mkdir()
    return directory


@pytest.fixture
def backup(home: Path) -> Path:
    done = command(home, "backup", "backup")
    assert done.returncode == 0, done.stderr
    return home / "backup"


def test_a_restored_backup_has_the_same_content(home: Path, other: Path, backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    done = command(home, "backup", "verify", backup)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good" in done.stdout
    assert f"{MESSAGES:,} messages" in done.stdout
    done = command(other, "restore", backup)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(data_file(other)) == contents(data_file(home))
    assert not list(home.glob("*.part"))


def test_it_prints_the_counts_and_where_the_secret_is(home: Path) -> None:
    done = command(home, "backup", "backup")
    assert f"{MESSAGES:,} messages" in done.stdout
    assert "secret.key" in done.stdout
    done = command(home, "backup", "second", REICHATD_AUTH_SECRET_KEY="x" * 32)
    assert "secret" not in done.stdout


def test_the_help_names_the_file() -> None:
    for words in (["backup", "--help"], ["backup", "verify", "--help"], ["restore", "--help"], ["backup"]):
        done = command(Path.cwd(), *words)
        assert done.returncode in (0, 2)
        assert "FILE" in done.stdout + done.stderr


# Refusals


def refused(status: int, directory: Path, *words: str | Path, **settings: str) -> str:
    """Runs a command that must fail with this status. Returns its one line on standard error."""
    done = command(directory, *words, **settings)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("reichatd: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_an_existing_file_is_replaced_only_with_force(home: Path, backup: Path) -> None:
    backup.write_text("mine")
    assert "--force" in refused(73, home, "backup", backup)
    assert backup.read_text() == "mine"
    assert command(home, "backup", "--force", backup).returncode == 0
    assert command(home, "backup", "verify", backup).returncode == 0


def test_a_directory_that_does_not_exist(home: Path) -> None:
    assert "missing/backup: the directory missing does not exist" in refused(73, home, "backup", "missing/backup")


def test_a_store_that_does_not_exist(other: Path) -> None:
    assert "reichatd.sqlite3" in refused(69, other, "backup", "backup")
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("words", [["restore"], ["restore", "--force"], ["backup", "verify"]])
def test_a_backup_that_does_not_exist(other: Path, words: list[str]) -> None:
    assert "No such file" in refused(66, other, *words, "backup")


@pytest.mark.parametrize("words", [["restore"], ["backup", "verify"]])
def test_a_flipped_bit_is_found(other: Path, backup: Path, words: list[str]) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 4
    backup.write_bytes(content)
    message = refused(65, other, *words, backup)
    assert "damaged in chunk" in message
    assert str(backup) in message
    assert not data_file(other).exists()


def test_a_damaged_backup_does_not_change_the_store(home: Path, backup: Path) -> None:
    before = contents(data_file(home))
    backup.write_bytes(backup.read_bytes()[:-1])
    assert "cut off" in refused(65, home, "restore", "--force", "--yes", backup)
    assert contents(data_file(home)) == before


@pytest.mark.parametrize("words", [["restore", "--force", "--yes"], ["backup", "verify"]])
def test_a_number_that_no_store_can_hold(home: Path, backup: Path, words: list[str]) -> None:
    before = contents(data_file(home))
    with writing(backup, Header(VERSION, "1.2.3", "sqlite", 1.5), replace=True) as writer:
        writer.add([StoredRoom("lobby", "Lobby", "", "ann", None, 1.0, first_id=2**33 + 1)])
    message = refused(65, home, *words, backup)
    assert "room (room_id 'lobby'): first_id is 8589934593" in message
    assert contents(data_file(home)) == before


def test_a_store_with_content_is_replaced_only_with_force(home: Path, backup: Path) -> None:
    before = contents(data_file(home))
    assert "--force" in refused(73, home, "restore", backup)
    assert contents(data_file(home)) == before
    assert command(home, "restore", "--force", "--yes", backup).returncode == 0
    assert contents(data_file(home)) == before


def test_a_restore_into_a_store_with_content_asks(home: Path, other: Path, backup: Path) -> None:
    before = contents(data_file(home))
    done = command(home, "restore", "--force", backup)
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    at_home = Commands(home)
    status, screen = at_home.at_terminal("restore", "--force", str(backup), typed=[("[y/N]", "n\n")])
    assert status == 1
    assert str(data_file(home)) in screen
    assert f"{MESSAGES:,} messages" in screen
    assert "nothing was changed" in screen
    assert contents(data_file(home)) == before
    status, screen = at_home.at_terminal("restore", "--force", str(backup), typed=[("[y/N]", "y\n")])
    assert (status, "restored" in screen) == (0, True)
    # An empty store needs no question.
    assert Commands(other).at_terminal("restore", "--force", str(backup))[0] == 0
    with data_file(other).open("r+b") as raw:
        raw.write(b"x" * 100)
    status, screen = Commands(other).at_terminal("restore", "--force", str(backup), typed=[("[y/N]", "n\n")])
    assert (status, "cannot be read" in screen) == (1, True)


async def test_the_question_names_the_mongodb_database(mongod_standalone: str, tmp_path: Path) -> None:
    """The restore would empty the database that the URI names."""
    uri = f"{mongod_standalone.rstrip('/')}/held-{tmp_path.name}"
    storage = StorageSettings(backend="mongodb", mongodb=MongoDBSettings(uri=uri))
    backend = backend_for(storage, tmp_path / "none")
    assert await backend.contents() == ""
    async with aclosing(await backend.open()):
        assert f"the MongoDB database held-{tmp_path.name}" in await backend.contents()


def test_a_file_that_root_restores_belongs_to_the_owner_of_the_directory(backup: Path) -> None:
    """As for the data of a service, in /var/lib/reichatd."""
    owner = UNPRIVILEGED_ID if os.geteuid() == 0 else os.getuid()
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        data = Path(directory, "data")
        data.mkdir()
        os.chown(data, owner, -1)
        file = data / "reichatd.sqlite3"
        settings = {"REICHATD_STORAGE_PATH": str(file), "HOME": directory}
        for more in ([], ["--force", "--yes"]):
            done = command(Path(directory), "restore", *more, backup, **settings)
            assert done.returncode == 0, done.stderr
            assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (owner, 0o600)
        # So do the files that SQLite creates beside it, whichever user opened it first.
        done = command(Path(directory), "user", "disable", "--yes", "nobody@example.org", **settings)
        assert done.returncode == 67, done.stderr
        assert {each.stat().st_uid for each in data.iterdir()} == {owner}
        with unprivileged():
            trio.run(reopen, file)


async def reopen(file: Path) -> None:
    async with aclosing(await sqlite.open_store(file)) as store:
        await store.messages.probe()
        owners = {each.stat().st_uid for each in file.parent.iterdir()}
        assert owners == {os.geteuid()}


def test_a_file_whose_owner_cannot_be_changed_is_removed(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, UNPRIVILEGED_ID, -1)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(StoreError, match="run this as that user"):
        trio.run(sqlite.open_store, tmp_path / "new.sqlite3")
    assert not (tmp_path / "new.sqlite3").exists()


def test_a_store_with_a_newer_schema_is_refused(home: Path, backup: Path) -> None:
    with closing(sqlite3.connect(data_file(home))) as db:
        db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    assert "newer reichatd" in refused(69, home, "backup", "second")
    assert "newer reichatd" in refused(69, home, "restore", "--force", "--yes", backup)
    assert not (home / "second").exists()


def test_invalid_settings(home: Path) -> None:
    done = command(home, "backup", "backup", REICHATD_SERVER_PORT="x")
    assert done.returncode == 78


def test_a_full_disk(home: Path, other: Path, backup: Path) -> None:
    """A limit on the size of files stands for the full disk: the same system calls fail."""

    def limited(directory: Path, size: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reichatd", *map(str, words)],
            env=environment(directory, {}),
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )

    done = limited(home, 50_000, "backup", "second")
    assert done.returncode == 73, done.stderr
    assert "second" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in home.iterdir()} == {"share", "backup"}
    done = limited(other, 100_000, "restore", backup)
    assert done.returncode == 69, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(data_file(other).parent.iterdir())
    before = contents(data_file(home))
    size = data_file(home).stat().st_size
    done = limited(home, size // 2, "restore", "--force", "--yes", backup)
    assert done.returncode == 69, done.stderr
    assert contents(data_file(home)) == before


def test_an_interrupted_backup_leaves_no_file(home: Path) -> None:
    data_file(home).unlink()
    trio.run(chatter.fill, data_file(home), 100_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "reichatd", "backup", "backup"],
        env=environment(home, {}),
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        # Before the first write, an interrupted backup may leave an empty file, which the next one replaces.
        while not any(part.stat().st_size for part in home.glob("backup.part")):
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == "reichatd: interrupted; run it again from the beginning\n"
    assert [path.name for path in home.iterdir()] == ["share"]
    assert command(home, "backup", "backup").returncode == 0


def test_zcat_shows_the_backup_as_lines_of_json(backup: Path) -> None:
    lines = subprocess.run(
        ["zcat", backup], capture_output=True, check=True, stdin=subprocess.DEVNULL
    ).stdout.splitlines()
    assert json.loads(lines[0])["type"] == "backup"
    assert json.loads(lines[-1])["counts"]["message"] == MESSAGES
