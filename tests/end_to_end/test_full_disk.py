"""A disk that is really full: what was acknowledged stays, who posts hears of it, and space is all it takes to go on."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from reichatd.cli import exit_status
from tests.archive import chatter
from tests.client import PASSWORD, Person, Talk, crowd, open_room
from tests.disk import Disk, small_disk
from tests.end_to_end.conftest import FREE, QUICK
from tests.end_to_end.test_refusals import refused_in_a_line
from tests.process import DaemonProcess, environment, running

MEGABYTE = 1024 * 1024
UNAVAILABLE = "unavailable"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    directory = tmp_path / "disk"
    directory.mkdir()
    with small_disk(directory, 16 * MEGABYTE) as disk:
        yield disk


def data_on(disk: Disk) -> dict[str, str]:
    """The store alone: the secret is given."""
    return {"REICHATD_STORAGE_PATH": str(disk.directory / "reichatd.sqlite3"), "REICHATD_AUTH_SECRET_KEY": "s" * 32}


def command(disk: Disk, home: Path, status: int, *words: str | Path, **settings: str) -> str:
    """Runs `reichatd` with its data in `home`; what it says, which is a line on standard error if it fails."""
    done = subprocess.run(
        [*disk.inside, sys.executable, "-W", "error", "-m", "reichatd", *map(str, words)],
        env=environment(home, settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    if status:
        assert done.stdout == ""
        assert done.stderr.startswith("reichatd: ")
        assert done.stderr.count("\n") == 1
    return done.stdout + done.stderr


async def answer_to(talk: Talk, content: str, nonce: str) -> dict[str, Any]:
    await talk.send("message", content=content, nonce=nonce)
    while (frame := await talk.receive()).get("nonce") != nonce:
        pass
    return frame


async def post_until_refused(talk: Talk, acknowledged: list[str]) -> str:
    """Posts until a message is not taken; its nonce. The contents of those that were go to `acknowledged`."""
    while True:
        nonce = f"n{len(acknowledged)}"
        content = nonce + "x" * 2000
        answer = await answer_to(talk, content, nonce)
        if answer["type"] == "error":
            assert answer["code"] == UNAVAILABLE
            return nonce
        acknowledged.append(content)
        assert answer["message_id"] == len(acknowledged)


async def log_in_until_refused(person: Person) -> None:
    """Where a message did not fit there may be room for some sessions yet."""
    for _ in range(1000):
        answer = await person.http.post("/login", json={"email": person.email, "password": PASSWORD})
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["code"]) == (503, UNAVAILABLE)
            return
    raise AssertionError("there is space without end")


async def test_posting_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    async with (
        running(tmp_path, disk.inside, **data_on(disk), **QUICK, **FREE) as daemon,
        crowd(daemon, 2) as (ada, bob),
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
                answer = await answer_to(writer, "at last", refused)
                kept.append("at last")
                assert (answer["type"], answer["message_id"]) == ("ack", len(kept))
                await ada.log_in()
            seen = await reader.latest(len(kept))
        disk.fill()
    # It was told to stop on a full disk, did, and starts again.
    disk.free()
    assert [one["content"] for one in seen] == kept
    assert "disk is full" in daemon.output
    assert "Traceback" not in daemon.output
    await daemon.start()
    async with ada.talk(room_id) as again:
        await again.send("listen_latest", after_id=0)
        assert [one["content"] for one in await again.latest(len(kept))] == kept
    await daemon.stop()


async def test_kill_9_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    daemon = DaemonProcess(tmp_path, data_on(disk) | QUICK | FREE, inside=disk.inside)
    await daemon.start()
    try:
        async with crowd(daemon, 1) as (ada,):
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
                assert [one["content"] for one in await again.latest(len(kept))] == kept
        assert await daemon.stop() == 0
    finally:
        daemon.kill()


def test_a_first_start(tmp_path: Path, disk: Disk) -> None:
    disk.fill()
    with_its_secret, without = data_on(disk), data_on(disk)
    del without["REICHATD_AUTH_SECRET_KEY"]
    assert "No space left" in refused_in_a_line(tmp_path, exit_status.CANNOT_CREATE, disk.inside, **without)
    assert "disk is full" in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, disk.inside, **with_its_secret)
    # What is left of the attempts is in nobody's way.
    disk.free()
    daemon = DaemonProcess(tmp_path, without, inside=disk.inside)
    trio.run(daemon.start)
    assert trio.run(daemon.stop) == 0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a store of some megabytes, not on the disk."""
    directory = tmp_path / "home"
    trio.run(chatter.fill, directory / "share" / "reichatd" / "reichatd.sqlite3", 60_000)
    return directory


def test_a_backup(home: Path, disk: Disk) -> None:
    disk.fill(leave=MEGABYTE)
    target = disk.directory / "backup"
    assert "No space left" in command(disk, home, exit_status.CANNOT_CREATE, "backup", target)
    assert not (disk.from_here / "backup").exists()
    assert [path.name for path in disk.from_here.iterdir()] == ["ballast"]
    disk.free()
    command(disk, home, 0, "backup", target)
    earlier = (disk.from_here / "backup").read_bytes()
    disk.fill(leave=MEGABYTE)
    command(disk, home, exit_status.CANNOT_CREATE, "backup", "--force", target)
    assert (disk.from_here / "backup").read_bytes() == earlier


def test_a_restore(tmp_path: Path, home: Path, disk: Disk) -> None:
    store, backup = disk.from_here / "reichatd.sqlite3", tmp_path / "backup"
    command(disk, home, 0, "backup", backup)
    disk.fill(leave=MEGABYTE)
    assert "full" in command(disk, home, exit_status.STORE_UNAVAILABLE, "restore", backup, **data_on(disk))
    assert [path.name for path in disk.from_here.iterdir()] == ["ballast"]
    disk.free()
    command(disk, home, 0, "restore", backup, **data_on(disk))
    earlier = store.read_bytes()
    disk.fill(leave=MEGABYTE)
    command(disk, home, exit_status.STORE_UNAVAILABLE, "restore", "--force", "--yes", backup, **data_on(disk))
    # There may be another journal mode in the header; what is in it is what counts.
    assert sorted(path.name for path in disk.from_here.iterdir()) == ["ballast", "reichatd.sqlite3"]
    assert store.read_bytes() == earlier


def test_the_scratch_store_of_a_verification(tmp_path: Path, home: Path, disk: Disk) -> None:
    command(disk, home, 0, "backup", tmp_path / "backup")
    disk.fill(leave=MEGABYTE)
    command(
        disk, home, exit_status.STORE_UNAVAILABLE, "backup", "verify", tmp_path / "backup", TMPDIR=str(disk.directory)
    )
    assert [path.name for path in disk.from_here.iterdir()] == ["ballast"]


def test_a_disk_that_became_read_only(tmp_path: Path, home: Path, disk: Disk) -> None:
    command(disk, home, 0, "backup", tmp_path / "backup")
    command(disk, home, 0, "restore", tmp_path / "backup", **data_on(disk))
    disk.read_only()
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, disk.inside, **data_on(disk))
    assert str(disk.directory) in line
    command(disk, home, exit_status.CANNOT_CREATE, "backup", disk.directory / "backup")
