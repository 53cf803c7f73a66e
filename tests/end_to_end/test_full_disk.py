"""A disk that is really full: acknowledged messages stay, posts are refused, and the daemon goes on once there is space."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from reichatd.cli import exit_status
from tests.archive import chatter
from tests.client import Person, Talk, open_room, registered_users
from tests.disk import Disk, small_disk
from tests.end_to_end.conftest import FREE, QUICK
from tests.end_to_end.failed_starts import refused_in_a_line
from tests.process import data_file, run_command, running

MEGABYTE = 1024 * 1024
UNAVAILABLE = "unavailable"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    directory = tmp_path / "disk"
    directory.mkdir()
    with small_disk(directory, 16 * MEGABYTE) as disk:
        yield disk


def data_on(disk: Disk) -> dict[str, str]:
    """Settings with the store on the disk until it is full, and the secret not in a file."""
    return {
        "REICHATD_STORAGE_PATH": str(disk.directory / "reichatd.sqlite3"),
        "REICHATD_STORAGE_MIN_FREE_BYTES": "0",
        "REICHATD_AUTH_SECRET_KEY": "s" * 32,
    }


def command(disk: Disk, home: Path, status: int, *words: str | Path, **settings: str) -> str:
    """Runs `reichatd` with its data in `home`; returns its output, which is one line on standard error if it fails."""
    done = run_command(home, settings, *words, prefix=disk.prefix)
    assert done.returncode == status, (done.stdout, done.stderr)
    if status:
        assert done.stdout == ""
        assert done.stderr.startswith("reichatd: ")
        assert done.stderr.count("\n") == 1
    return done.stdout + done.stderr


async def contents(talk: Talk, count: int) -> list[str]:
    """The contents of the next `count` messages."""
    return [message["content"] for message in await talk.latest(count)]


async def post_until_refused(talk: Talk, acknowledged: list[str]) -> str:
    """Posts until a message is refused; returns its nonce. The contents of the others go to `acknowledged`."""
    while True:
        nonce = f"n{len(acknowledged)}"
        content = nonce + "x" * 2000
        answer = await talk.submit(content, nonce)
        if answer["type"] == "error":
            assert answer["code"] == UNAVAILABLE
            return nonce
        acknowledged.append(content)
        assert answer["message_id"] == len(acknowledged)


async def log_in_until_refused(person: Person) -> None:
    """A few sessions may still fit where a message did not."""
    for _ in range(1000):
        answer = await person.try_login()
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["code"]) == (503, UNAVAILABLE)
            return
    raise AssertionError("the disk never became full")


async def test_posting_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    async with (
        running(tmp_path, disk.prefix, **data_on(disk), **QUICK, **FREE) as daemon,
        registered_users(daemon, 2) as (ada, bob),
    ):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as writer, bob.talk(room_id) as reader:
            await reader.send("listen_latest", after_id=0)
            kept: list[str] = []
            for _ in range(2):
                disk.fill(leave=MEGABYTE)
                refused = await post_until_refused(writer, kept)
                assert len(kept) > 10
                assert [one["content"] for one in await writer.fetch(1, 10)] == kept[:10], "reading goes on"
                await log_in_until_refused(ada)
                disk.free()
                answer = await writer.submit("at last", refused)
                kept.append("at last")
                assert (answer["type"], answer["message_id"]) == ("ack", len(kept))
                await ada.log_in()
            assert await contents(reader, len(kept)) == kept
        disk.fill()
    # It has stopped on the full disk with status 0.
    disk.free()
    assert "disk is full" in daemon.output
    assert "Traceback" not in daemon.output
    await daemon.start()
    async with ada.talk(room_id) as again:
        await again.send("listen_latest", after_id=0)
        assert await contents(again, len(kept)) == kept
    await daemon.stop()


async def test_posts_stop_before_the_disk_is_full(tmp_path: Path, disk: Disk) -> None:
    settings = data_on(disk) | {"REICHATD_STORAGE_MIN_FREE_BYTES": str(4 * MEGABYTE)}
    async with (
        running(tmp_path, disk.prefix, **settings, **QUICK, **FREE) as daemon,
        registered_users(daemon, 1) as (ada,),
    ):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            for number in range(2):
                kept = await talk.post("before", f"before {number}")
                disk.fill(leave=3 * MEGABYTE)
                refused = await answered_with(talk, "error")
                assert refused["code"] == UNAVAILABLE
                assert "disk is almost full" in refused["message"]
                assert len(await talk.fetch(1, 1000)) >= kept, "reading goes on"
                await ada.log_in()
                answer = await ada.http.get("/readyz")
                assert (answer.status_code, answer.json()["checks"]["scribe"]) == (200, "the disk is almost full")
                report = run_command(tmp_path, settings, "doctor", prefix=disk.prefix).stdout
                assert "less than storage.min_free_bytes (4 MiB)" in report
                disk.free()
                await answered_with(talk, "ack")
                assert (await ada.http.get("/readyz")).status_code == 200
    assert daemon.output.count("disk almost full, posts refused") == 2
    assert daemon.output.count("disk has space again, posts accepted") == 2


async def answered_with(talk: Talk, type: str) -> dict[str, Any]:
    """Posts until the answer is an ack or an error, as wanted; returns it. The daemon looks at the disk every two seconds."""
    with trio.fail_after(30):
        while (answer := await talk.submit("x", secrets.token_hex(8)))["type"] != type:  # noqa: ASYNC110 - a disk sends no notifications
            await trio.sleep(0.1)
        return answer


async def test_kill_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    async with (
        running(tmp_path, disk.prefix, **data_on(disk), **QUICK, **FREE) as daemon,
        registered_users(daemon, 1) as (ada,),
    ):
        room_id = await open_room(ada)
        kept: list[str] = []
        async with ada.talk(room_id) as writer:
            disk.fill(leave=MEGABYTE)
            await post_until_refused(writer, kept)
            daemon.kill()
        disk.fill()
        await daemon.start()
        async with ada.talk(room_id) as again:
            await again.send("listen_latest", after_id=0)
            assert await contents(again, len(kept)) == kept


async def test_first_start(tmp_path: Path, disk: Disk) -> None:
    disk.fill()
    with_secret, without = data_on(disk), data_on(disk)
    del without["REICHATD_AUTH_SECRET_KEY"]
    assert "No space left" in refused_in_a_line(tmp_path, exit_status.CANNOT_CREATE, disk.prefix, **without)
    assert "disk is full" in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, disk.prefix, **with_secret)
    # What the failed starts leave behind does not prevent a start.
    disk.free()
    async with running(tmp_path, disk.prefix, **without):
        pass


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a store of some megabytes, outside the disk."""
    directory = tmp_path / "home"
    trio.run(chatter.fill, data_file(directory), 60_000)
    return directory


def test_backup(home: Path, disk: Disk) -> None:
    disk.fill(leave=MEGABYTE)
    target = disk.directory / "backup"
    assert "No space left" in command(disk, home, exit_status.CANNOT_CREATE, "backup", target)
    assert not (disk.outside / "backup").exists()
    assert [path.name for path in disk.outside.iterdir()] == ["ballast"]
    disk.free()
    command(disk, home, 0, "backup", target)
    earlier = (disk.outside / "backup").read_bytes()
    disk.fill(leave=MEGABYTE)
    command(disk, home, exit_status.CANNOT_CREATE, "backup", "--force", target)
    assert (disk.outside / "backup").read_bytes() == earlier


def test_restore(tmp_path: Path, home: Path, disk: Disk) -> None:
    store, backup = disk.outside / "reichatd.sqlite3", tmp_path / "backup"
    command(disk, home, 0, "backup", backup)
    disk.fill(leave=MEGABYTE)
    assert "full" in command(disk, home, exit_status.STORE_UNAVAILABLE, "restore", backup, **data_on(disk))
    assert [path.name for path in disk.outside.iterdir()] == ["ballast"]
    disk.free()
    command(disk, home, 0, "restore", backup, **data_on(disk))
    earlier = store.read_bytes()
    disk.fill(leave=MEGABYTE)
    command(disk, home, exit_status.STORE_UNAVAILABLE, "restore", "--force", "--yes", backup, **data_on(disk))
    # No other file is left; the store is unchanged.
    assert sorted(path.name for path in disk.outside.iterdir()) == ["ballast", "reichatd.sqlite3"]
    assert store.read_bytes() == earlier


def test_backup_verify_without_space_for_its_scratch_store(tmp_path: Path, home: Path, disk: Disk) -> None:
    command(disk, home, 0, "backup", tmp_path / "backup")
    disk.fill(leave=MEGABYTE)
    command(
        disk, home, exit_status.STORE_UNAVAILABLE, "backup", "verify", tmp_path / "backup", TMPDIR=str(disk.directory)
    )
    assert [path.name for path in disk.outside.iterdir()] == ["ballast"]


def test_read_only_disk(tmp_path: Path, home: Path, disk: Disk) -> None:
    command(disk, home, 0, "backup", tmp_path / "backup")
    command(disk, home, 0, "restore", tmp_path / "backup", **data_on(disk))
    disk.read_only()
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, disk.prefix, **data_on(disk))
    assert str(disk.directory) in line
    command(disk, home, exit_status.CANNOT_CREATE, "backup", disk.directory / "backup")
