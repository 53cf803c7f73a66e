"""Backs up a running daemon and restores the backup for another one, on the same kind of store or on the other."""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio
from pymongo import MongoClient

from tests.archive import chatter
from tests.client import Person, Talk, id_range, message_ids, open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK, stored_in, stored_in_mongodb
from tests.held_room import HeldRoom
from tests.process import PROGRAM, data_file, environment, refusal, run_command, running

if TYPE_CHECKING:
    from pymongo.collection import Collection

MESSAGES = 60_000


@pytest.fixture(params=["sqlite", "mongod_replica", "mongod_standalone"])
def target(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings for a second empty store."""
    with stored_in(request, request.param) as settings:
        yield QUICK | settings


async def command(directory: Path, settings: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    return await trio.to_thread.run_sync(run_command, directory, settings, *words)


async def succeeds(directory: Path, settings: dict[str, str], *words: str | Path) -> None:
    done = await command(directory, settings, *words)
    assert (done.returncode, done.stderr) == (0, "")


async def test_backup_and_restore_of_a_running_daemon(
    tmp_path: Path, storage: dict[str, str], target: dict[str, str]
) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup"
    old.mkdir()
    new.mkdir()
    async with running(old, **storage, **FREE) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        closed = await open_room(ada, password="open sesame", room_id="closed")
        async with ada.talk(room_id) as talk, trio.open_nursery() as nursery:
            posted = [await talk.post(f"before {number}", f"n{number}") for number in range(100)]
            nursery.start_soon(succeeds, old, storage, "backup", file)
            while nursery.child_tasks and len(posted) < 1000:  # one fetch reads them all
                posted.append(await talk.post("during the backup", f"n{len(posted)}"))
        assert posted == list(range(1, len(posted) + 1))
    await succeeds(new, target, "backup", "verify", file)
    await succeeds(new, target, "restore", file)
    # Without this file everyone would have to log in again.
    secret = next(old.rglob("secret.key"))
    copy = new / secret.relative_to(old)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(secret.read_bytes())
    copy.chmod(0o600)
    async with running(new, **target) as daemon, Person(daemon.url, ada.name, ada.email) as again:
        again.access_token, again.user_id = ada.access_token, ada.user_id
        joined = (await again.call("GET", "/joined"))["rooms"]
        assert [one["room_id"] for one in joined] == [room_id, closed]
        assert joined[0]["users"] == [ada.user_id, bob.user_id]
        await check_log(again, room_id)
        await again.log_in()


async def check_log(person: Person, room_id: str) -> None:
    async with person.talk(room_id) as talk:
        state = await talk.receive("initial_state")
        log = await talk.fetch(1, 1000)
        assert message_ids(log) == id_range(1, len(log))
        assert [one["content"] for one in log[:100]] == [f"before {number}" for number in range(100)]
        assert {one["content"] for one in log[100:]} <= {"during the backup"}
        assert 100 <= state["last_read_id"] <= len(log)
        assert await talk.post("before 7", "n7") == 8, "the nonces are restored too"
        assert await talk.post("on", "new") == len(log) + 1


async def test_clients_resume_after_a_restore(tmp_path: Path, storage: dict[str, str]) -> None:
    """The log ends earlier than they know, and goes on with other messages: they are told, and read it anew."""
    settings = storage | FREE
    held = HeldRoom(knows_changes=True, dice=random.Random(1))
    async with running(tmp_path, **settings) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await talk.post_many(3)
            await resume(listener, held)
            await succeeds(tmp_path, settings, "backup", "backup")
            await edit(talk, 2, "after the backup")
            await talk.post_many(3)
            while held.last_id < 6 or held.change_id < 1:
                held.take(await listener.receive())
            assert await daemon.stop() == 0
            assert (await listener.closed())[0] == 1001
        await succeeds(tmp_path, settings, "restore", "--force", "--yes", "backup")
        await daemon.start()
        async with ada.talk(room_id) as talk:
            await edit(talk, 1, "after the restore")
            for number in (4, 5, 6, 7):
                assert await talk.post("after the restore", f"new {number}") == number
        async with bob.talk(room_id) as listener:
            refused = await resume(listener, held)
            assert (refused["type"], refused["code"]) == ("error", "other_log")
            held.forget()
        async with bob.talk(room_id) as listener:
            assert (await resume(listener, held))["type"] == "caught_up"
        page = await ada.call("GET", f"/room/{room_id}/messages?from_id=1&to_id=100")
        assert page["log"] == held.log == refused["log"]
        assert held.differences({each["message_id"]: each for each in page["messages"]}, page["change_id"]) == []


async def resume(talk: Talk, held: HeldRoom) -> dict[str, Any]:
    """Goes on from what is held, until everything has come; returns the last frame, which may be an error."""
    held.connected()
    while True:
        frame = await talk.receive()
        if (answer := held.take(frame)) is not None:
            await talk.send(**answer)
        if frame["type"] in ("caught_up", "error"):
            return frame


async def edit(talk: Talk, message_id: int, content: str) -> None:
    await talk.send("edit", message_id=message_id, content=content, nonce=content)
    while (await talk.receive("ack"))["nonce"] != content:
        pass


async def test_restore_is_refused_while_a_daemon_runs(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, registered_users(daemon, 1) as (ada,):
        await succeeds(tmp_path, {}, "backup", "backup")
        refused = await command(tmp_path, {}, "restore", "--force", "--yes", "backup")
        assert refused.returncode == 69
        assert "stop the daemon" in refused.stderr
        assert (await ada.call("GET", "/user"))["user_details"]["username"] == ada.name


async def test_a_killed_restore_into_mongodb(tmp_path: Path, mongod_replica: str) -> None:
    """No daemon starts on half a store; the same restore, run again, completes it."""
    await chatter.fill(data_file(tmp_path), MESSAGES)
    await succeeds(tmp_path, {}, "backup", "backup")
    with stored_in_mongodb(mongod_replica) as settings, MongoClient[dict[str, Any]](mongod_replica) as client:
        messages = client[settings["REICHATD_STORAGE_MONGODB_DATABASE"]].messages
        await trio.to_thread.run_sync(restore_and_kill, tmp_path, settings, messages)
        assert 0 < messages.count_documents({}) < MESSAGES
        refused = await trio.to_thread.run_sync(refusal, tmp_path, settings)
        assert refused.returncode == 69
        assert "half restored" in refused.stderr
        assert (await command(tmp_path, settings, "backup", "second")).returncode == 69
        await succeeds(tmp_path, settings, "restore", "backup")
        assert messages.count_documents({}) == MESSAGES
        await succeeds(tmp_path, settings, "backup", "second")
    await succeeds(tmp_path, {}, "backup", "verify", "second")


def restore_and_kill(directory: Path, settings: dict[str, str], messages: "Collection[dict[str, Any]]") -> None:
    """Starts a restore and kills it when the first messages are stored."""
    process = subprocess.Popen([*PROGRAM, "restore", "backup"], env=environment(directory, settings), cwd=directory)
    with process:
        while not messages.estimated_document_count():
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
