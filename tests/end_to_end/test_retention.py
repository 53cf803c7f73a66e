"""Retention: what clients see of removed messages, and the commands for operators."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio
from pymongo import MongoClient

from reichatd.store import Post, Room
from reichatd.store.sqlite import open_store
from tests.cli.commands import Commands
from tests.client import SECONDS, Person, Talk, id_range, message_ids, open_room, plain, registered_users
from tests.end_to_end.conftest import FREE
from tests.process import PROGRAM, DaemonProcess, data_file, environment, run_command, running

COUNT = 120
MANY = 60_000
"""Messages whose removal takes several seconds."""
OFTEN = {"REICHATD_RETENTION_INTERVAL_MINUTES": "0.002"}
LONG_AGO = 1_000_000_000.0
"""2001, in seconds since 1970."""


class OldRoom:
    """A daemon with a room of COUNT old messages, its author, and a member who has read ten of them."""

    def __init__(
        self, daemon: DaemonProcess, storage: dict[str, str], room_id: str, author: Person, reader: Person
    ) -> None:
        self.daemon = daemon
        self.storage = storage
        self.room_id = room_id
        self.author = author
        self.reader = reader

    async def command(self, *arguments: str, status: int = 0) -> str:
        """Runs `reichatd retention …` while the daemon runs; returns what it prints."""
        done = await trio.to_thread.run_sync(run_command, self.daemon.directory, self.storage, "retention", *arguments)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    async def run(self, *arguments: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(await self.command("run", "--json", "--yes", *arguments))
        return report


def make_old(daemon: DaemonProcess, storage: dict[str, str]) -> None:
    """Sets the time of all messages to LONG_AGO."""
    if uri := storage.get("REICHATD_STORAGE_MONGODB_URI"):
        with MongoClient[dict[str, Any]](uri) as client:
            messages = client[storage["REICHATD_STORAGE_MONGODB_DATABASE"]].messages
            messages.update_many({}, {"$set": {"timestamp": LONG_AGO}})
    else:
        with closing(sqlite3.connect(data_file(daemon.directory))) as db, db:
            db.execute("UPDATE messages SET timestamp = ?", (LONG_AGO,))


@asynccontextmanager
async def old_room(directory: Path, storage: dict[str, str], **more: str) -> AsyncIterator[OldRoom]:
    settings = storage | FREE | OFTEN | more
    async with running(directory, **settings) as daemon, registered_users(daemon, 2) as (author, reader):
        room_id = await open_room(author, reader)
        async with author.talk(room_id) as talk:
            assert await talk.post_many(COUNT) == COUNT
        async with reader.talk(room_id) as talk:
            await talk.send("set_last_read", message_id=10)
            await talk.synchronise()
        await trio.to_thread.run_sync(make_old, daemon, storage)
        yield OldRoom(daemon, settings, room_id, author, reader)


async def begins(talk: Talk, first_id: int) -> None:
    """Waits until the log begins at this id."""
    with trio.fail_after(SECONDS):
        answer: dict[str, Any] = {}
        while answer.get("first_id") != first_id:
            await talk.send("fetch", from_id=1, to_id=1000)
            answer = await talk.receive("fetch_response")


async def test_answers_have_the_first_id(tmp_path: Path, storage: dict[str, str]) -> None:
    async with old_room(tmp_path, storage) as old, old.reader.talk(old.room_id) as talk:
        state = await talk.receive()
        assert set(plain(state)) == {"type", "last_read_id", "messages", "last_id"}
        assert (state["last_read_id"], message_ids(state["messages"])) == (10, id_range(1, 60))
        await talk.send("listen_latest")
        await old.command("set", old.room_id, "--keep-messages", "20")
        await begins(talk, 101)

        assert message_ids(await talk.fetch(1, 1000)) == id_range(101, 120)
        assert await talk.fetch(50, 90) == []
        # The read mark was 10: it moves to just before the first message.
        async with old.reader.talk(old.room_id) as again:
            state = await again.receive()
            assert (state["last_read_id"], state["first_id"]) == (100, 101)
            assert message_ids(state["messages"]) == id_range(101, 120)
            await again.send("set_last_read", message_id=50)
            await again.send("listen_latest", after_id=10)
            assert await again.latest_ids(20) == id_range(101, 120)
        room = (await old.reader.call("GET", f"/room/{old.room_id}"))["room"]
        assert room["first_id"] == 101
        assert [each["first_id"] for each in (await old.reader.call("GET", "/joined"))["rooms"]] == [101]


async def test_ids_continue_in_an_emptied_room(tmp_path: Path, storage: dict[str, str]) -> None:
    async with old_room(tmp_path, storage) as old, old.reader.talk(old.room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest", after_id=COUNT)
        await old.command("set", old.room_id, "--keep-days", "1")
        await begins(talk, COUNT + 1)
        async with old.author.talk(old.room_id) as writer:
            state = await writer.receive()
            assert (state["last_read_id"], state["messages"], state["first_id"]) == (COUNT, [], COUNT + 1)
            assert state["last_id"] == COUNT
            assert await writer.post("new", "text 0") == COUNT + 1
        (message,) = await talk.latest(1)
        assert (message["message_id"], message["content"]) == (COUNT + 1, "new")
        # Also after a restart.
        assert await old.daemon.stop() == 0
        await old.daemon.start()
        async with old.author.talk(old.room_id) as writer:
            assert message_ids((await writer.receive())["messages"]) == [COUNT + 1]
            assert await writer.post("newer", "n") == COUNT + 2


async def test_a_command_while_the_daemon_runs(tmp_path: Path, storage: dict[str, str]) -> None:
    """The command does not notify the daemon, which still tells its readers."""
    async with old_room(tmp_path, storage, REICHATD_RETENTION_INTERVAL_MINUTES="1000") as old:
        empty = await old.run()
        assert (empty["messages"], empty["rooms"]) == (0, [])
        await old.command("set", old.room_id, "--keep-messages", "50")
        dry = await old.run("--dry-run")
        assert dry["dry_run"]
        assert "freed" not in dry
        (row,) = dry["rooms"]
        assert row["bytes"] >= 70 * len("text 1")
        assert (row["room_id"], row["messages"], row["first_id"]) == (old.room_id, 70, 71)
        assert row["oldest"] == row["newest"] == "2001-09-09T01:46:40.000000+00:00"
        async with old.reader.talk(old.room_id) as talk:
            assert message_ids(await talk.fetch(1, 1000)) == id_range(1, 120)
            real = await old.run(*(["--compact"] if "REICHATD_STORAGE_BACKEND" in old.storage else []))
            assert (real["rooms"], real["messages"], real["bytes"]) == (dry["rooms"], dry["messages"], dry["bytes"])
            assert real["freed"] >= 0
            await begins(talk, 71)
            assert await old.run() == {"dry_run": False, "messages": 0, "bytes": 0, "rooms": [], "freed": 0}


async def test_limits_are_shown_and_set(tmp_path: Path) -> None:
    async with old_room(tmp_path, {}, REICHATD_RETENTION_INTERVAL_MINUTES="1000") as old:
        room = old.room_id

        async def shown(*arguments: str) -> Any:  # noqa: ANN401 - JSON
            return json.loads(await old.command("show", "--json", *arguments))

        forever = {"days": 0, "messages": 0}
        assert await shown() == {"default": forever, "rooms": {}}
        assert await shown(room) == {"default": forever, "rooms": {room: None}}
        for options, limits, words in (
            (["--keep-days", "30"], {"days": 30, "messages": 0}, "30 days"),
            (["--keep-messages", "5000"], {"days": 0, "messages": 5000}, "the last 5,000 messages"),
            (
                ["--keep-days", "1", "--keep-messages", "2"],
                {"days": 1, "messages": 2},
                "1 day, and of that the last 2 messages",
            ),
            (["--forever"], forever, "forever"),
        ):
            assert await old.command("set", room, *options) == ""
            assert (await shown(room))["rooms"] == (await shown())["rooms"] == {room: limits}
            assert f"{room}: {words}\n" in await old.command("show")
        await old.command("set", room, "--inherit")
        assert (await shown())["rooms"] == {}
        assert f"{room}: as all rooms\n" in await old.command("show", room)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["set", "nowhere", "--forever"], 67),
        (["show", "nowhere"], 67),
        (["set", "nowhere"], 2),
        (["set", "nowhere", "--forever", "--inherit"], 2),
        (["set", "nowhere", "--forever", "--keep-days", "1"], 2),
        (["set", "nowhere", "--keep-days", "0"], 2),
        (["set", "nowhere", "--keep-messages", "-1"], 2),
        (["run", "--dry-run", "--compact"], 2),
        (["run"], 2),
    ],
)
def test_refusals(data: Path, arguments: list[str], status: int) -> None:
    done = retention(data, *arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an empty store."""
    directory = tmp_path_factory.mktemp("data")
    with closing(sqlite3.connect(directory / "chat.sqlite3")):
        pass
    return directory


def retention(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"REICHATD_STORAGE_PATH": str(directory / "chat.sqlite3"), **settings}
    return run_command(directory, environ, "retention", *arguments)


def test_an_interrupted_run_reports_what_it_removed(tmp_path: Path) -> None:
    trio.run(_fill, tmp_path / "chat.sqlite3")
    environ = {"REICHATD_STORAGE_PATH": str(tmp_path / "chat.sqlite3"), "REICHATD_RETENTION_KEEP_DAYS": "1"}
    command = [*PROGRAM, "retention", "run", "--json", "--yes"]
    with subprocess.Popen(
        command, env=environment(tmp_path, environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as db:
            while db.execute("SELECT first_id FROM rooms").fetchone() == (1,):
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert 0 < json.loads(output)["messages"] < MANY
    assert "Traceback" not in errors
    again = retention(tmp_path, "run", "--json", "--yes", REICHATD_RETENTION_KEEP_DAYS="1")
    # The signal may come between the end of a step and its count.
    assert 0 <= MANY - json.loads(output)["messages"] - json.loads(again.stdout)["messages"] <= 200


async def _fill(path: Path) -> None:
    async with aclosing(await open_store(path)) as store:
        await store.rooms.create(Room("lobby", "", "", "ann", None, 1.0, ("ann",)))
        for _ in range(MANY // 1000):
            await store.messages.commit([Post("lobby", "ann", "text", 1.0)] * 1000, {})


def test_a_run_asks_before_it_removes(tmp_path: Path) -> None:
    trio.run(_fill, tmp_path / "chat.sqlite3")
    settings = {"REICHATD_STORAGE_PATH": str(tmp_path / "chat.sqlite3")}
    doomed = Commands(tmp_path, settings | {"REICHATD_RETENTION_KEEP_MESSAGES": str(MANY - 100)})
    status, screen = doomed.at_terminal("retention", "run", typed=[("[y/N]", "n\n")])
    assert (status, "Remove 100 messages in 1 room" in screen) == (1, True)
    with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as db:
        assert db.execute("SELECT first_id FROM rooms").fetchone() == (1,)
    assert Commands(tmp_path, settings).at_terminal("retention", "run")[0] == 0, (
        "there is nothing to remove, so it does not ask"
    )


def test_a_missing_store_is_not_created(tmp_path: Path) -> None:
    done = retention(tmp_path, "run", "--yes")
    assert done.returncode == 66
    assert str(tmp_path / "chat.sqlite3") in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "chat.sqlite3").write_text("Dear diary")
    done = retention(tmp_path, "run", "--yes")
    assert done.returncode == 69
    assert "Traceback" not in done.stderr


def test_report_in_words(data: Path) -> None:
    done = retention(data, "run", "--dry-run")
    assert done.stdout == "0 messages would be removed, about 0 bytes\n"
    assert os.listdir(data) == ["chat.sqlite3"]
