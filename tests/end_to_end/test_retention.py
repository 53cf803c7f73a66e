"""Messages that are no longer kept: what clients see of it, and what an operator does about it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
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
from tests.client import Person, Talk, crowd, open_room
from tests.end_to_end.conftest import FREE
from tests.end_to_end.test_reading import ids, span, write
from tests.process import DaemonProcess, environment, running

COUNT = 120
MANY = 20_000
"""Messages that take a second or two to remove."""
OFTEN = {"REICHATD_RETENTION_INTERVAL_MINUTES": "0.002"}
LONG_AGO = 1_000_000_000.0


class House:
    """A daemon, a room with COUNT messages of long ago in it, and a member who has read ten of them."""

    def __init__(
        self, daemon: DaemonProcess, storage: dict[str, str], room_id: str, author: Person, reader: Person
    ) -> None:
        self.daemon = daemon
        self.storage = storage
        self.room_id = room_id
        self.author = author
        self.reader = reader

    async def command(self, *arguments: str, status: int = 0) -> str:
        """`reichatd retention …` beside the daemon; what it prints."""
        done = await trio.run_process(
            [sys.executable, "-W", "error", "-m", "reichatd", "retention", *arguments],
            env=environment(self.daemon.directory, self.storage),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert done.returncode == status, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return done.stdout.decode()

    async def run(self, *arguments: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(await self.command("run", "--json", "--yes", *arguments))
        return report


def age(daemon: DaemonProcess, storage: dict[str, str]) -> None:
    """Has all messages posted long ago."""
    if uri := storage.get("REICHATD_STORAGE_MONGODB_URI"):
        with MongoClient[dict[str, Any]](uri) as client:
            messages = client[storage["REICHATD_STORAGE_MONGODB_DATABASE"]].messages
            messages.update_many({}, {"$set": {"timestamp": LONG_AGO}})
    else:
        path = daemon.directory / "share" / "reichatd" / "reichatd.sqlite3"
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE messages SET timestamp = ?", (LONG_AGO,))


@asynccontextmanager
async def house(directory: Path, storage: dict[str, str], **more: str) -> AsyncIterator[House]:
    settings = storage | FREE | OFTEN | more
    async with running(directory, **settings) as daemon, crowd(daemon, 2) as (author, reader):
        room_id = await open_room(author, reader)
        async with author.talk(room_id) as talk:
            assert await write(talk, COUNT) == COUNT
        async with reader.talk(room_id) as talk:
            await talk.send("set_last_read", message_id=10)
            await talk.fetch(1, 0)
        await trio.to_thread.run_sync(age, daemon, storage)
        yield House(daemon, settings, room_id, author, reader)


async def begins(talk: Talk, first_id: int) -> None:
    """Waits until the daemon says that the log begins there."""
    with trio.fail_after(20):
        answer: dict[str, Any] = {}
        while answer.get("first_id") != first_id:
            await talk.send("fetch", from_id=1, to_id=1000)
            answer = await talk.receive("fetch_response")


async def test_readers_are_told_where_the_log_begins(tmp_path: Path, storage: dict[str, str]) -> None:
    async with house(tmp_path, storage) as home, home.reader.talk(home.room_id) as talk:
        state = await talk.receive()
        assert set(state) == {"type", "last_read_id", "messages", "last_id"}
        assert (state["last_read_id"], ids(state["messages"])) == (10, span(1, 60))
        await talk.send("listen_latest")
        await home.command("set", home.room_id, "--keep-messages", "20")
        await begins(talk, 101)

        assert ids(await talk.fetch(1, 1000)) == span(101, 120)
        assert await talk.fetch(50, 90) == []
        # Who has read to 10 is taken to where there is something to read.
        async with home.reader.talk(home.room_id) as again:
            state = await again.receive()
            assert (state["last_read_id"], state["first_id"]) == (100, 101)
            assert ids(state["messages"]) == span(101, 120)
            await again.send("set_last_read", message_id=50)
            await again.send("listen_latest", after_id=10)
            assert [message["message_id"] for message in await again.latest(20)] == span(101, 120)
        room = (await home.reader.call("GET", f"/room/{home.room_id}"))["room"]
        assert room["first_id"] == 101
        assert [each["first_id"] for each in (await home.reader.call("GET", "/joined"))["rooms"]] == [101]


async def test_an_emptied_room_goes_on(tmp_path: Path, storage: dict[str, str]) -> None:
    async with house(tmp_path, storage) as home, home.reader.talk(home.room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest", after_id=COUNT)
        await home.command("set", home.room_id, "--keep-days", "1")
        await begins(talk, COUNT + 1)
        async with home.author.talk(home.room_id) as writer:
            state = await writer.receive()
            assert (state["last_read_id"], state["messages"], state["first_id"]) == (COUNT, [], COUNT + 1)
            assert state["last_id"] == COUNT
            assert await writer.post("new", "text 0") == COUNT + 1
        (message,) = await talk.latest(1)
        assert (message["message_id"], message["content"]) == (COUNT + 1, "new")
        # Also for a daemon that remembers nothing.
        assert await home.daemon.stop() == 0
        await home.daemon.start()
        async with home.author.talk(home.room_id) as writer:
            assert ids((await writer.receive())["messages"]) == [COUNT + 1]
            assert await writer.post("newer", "n") == COUNT + 2


async def test_a_command_beside_the_daemon(tmp_path: Path, storage: dict[str, str]) -> None:
    """The daemon is told by nobody, and its readers hear of it all the same."""
    async with house(tmp_path, storage, REICHATD_RETENTION_INTERVAL_MINUTES="1000") as home:
        empty = await home.run()
        assert (empty["messages"], empty["rooms"]) == (0, [])
        await home.command("set", home.room_id, "--keep-messages", "50")
        dry = await home.run("--dry-run")
        assert dry["dry_run"]
        assert "freed" not in dry
        (row,) = dry["rooms"]
        assert row["bytes"] >= 70 * len("text 1")
        assert (row["room_id"], row["messages"], row["first_id"]) == (home.room_id, 70, 71)
        assert row["oldest"] == row["newest"] == "2001-09-09T01:46:40.000000+00:00"
        async with home.reader.talk(home.room_id) as talk:
            assert ids(await talk.fetch(1, 1000)) == span(1, 120)
            real = await home.run(*(["--compact"] if "REICHATD_STORAGE_BACKEND" in home.storage else []))
            assert (real["rooms"], real["messages"], real["bytes"]) == (dry["rooms"], dry["messages"], dry["bytes"])
            assert real["freed"] >= 0
            await begins(talk, 71)
            assert await home.run() == {"dry_run": False, "messages": 0, "bytes": 0, "rooms": [], "freed": 0}


async def test_limits_are_shown_and_set(tmp_path: Path) -> None:
    async with house(tmp_path, {}, REICHATD_RETENTION_INTERVAL_MINUTES="1000") as home:
        room = home.room_id

        async def shown(*arguments: str) -> Any:  # noqa: ANN401 - JSON
            return json.loads(await home.command("show", "--json", *arguments))

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
            assert await home.command("set", room, *options) == ""
            assert (await shown(room))["rooms"] == (await shown())["rooms"] == {room: limits}
            assert f"{room}: {words}\n" in await home.command("show")
        await home.command("set", room, "--inherit")
        assert (await shown())["rooms"] == {}
        assert f"{room}: as all rooms\n" in await home.command("show", room)


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
def test_what_cannot_be_done_is_said(data: Path, arguments: list[str], status: int) -> None:
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
    return subprocess.run(
        [sys.executable, "-m", "reichatd", "retention", *arguments],
        env=environment(directory, environ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_interrupted_it_says_what_is_done(tmp_path: Path) -> None:
    trio.run(_fill, tmp_path / "chat.sqlite3")
    environ = {"REICHATD_STORAGE_PATH": str(tmp_path / "chat.sqlite3"), "REICHATD_RETENTION_KEEP_DAYS": "1"}
    command = [sys.executable, "-m", "reichatd", "retention", "run", "--json", "--yes"]
    with subprocess.Popen(
        command, env=environment(tmp_path, environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as db:
            while db.execute("SELECT first_id FROM rooms").fetchone() == (1,):
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert 0 < json.loads(output)["messages"] < MANY
    assert "Traceback" not in errors
    again = retention(tmp_path, "run", "--json", "--yes", REICHATD_RETENTION_KEEP_DAYS="1")
    # Python may be interrupted between the end of a step and its being told.
    assert 0 <= MANY - json.loads(output)["messages"] - json.loads(again.stdout)["messages"] <= 200


async def _fill(path: Path) -> None:
    async with aclosing(await open_store(path)) as store:
        await store.rooms.create(Room("lobby", "", "", "ann", None, 1.0, ("ann",)))
        for _ in range(MANY // 1000):
            await store.messages.append([Post("lobby", "ann", "text", 1.0)] * 1000, {})


def test_it_asks_before_it_removes(tmp_path: Path) -> None:
    trio.run(_fill, tmp_path / "chat.sqlite3")
    settings = {"REICHATD_STORAGE_PATH": str(tmp_path / "chat.sqlite3")}
    doomed = Commands(tmp_path, settings | {"REICHATD_RETENTION_KEEP_MESSAGES": str(MANY - 100)})
    status, screen = doomed.at_terminal("retention", "run", typed=[("[y/N]", "n\n")])
    assert (status, "Remove 100 messages in 1 room" in screen) == (1, True)
    with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as db:
        assert db.execute("SELECT first_id FROM rooms").fetchone() == (1,)
    assert Commands(tmp_path, settings).at_terminal("retention", "run")[0] == 0, "nothing to ask"


def test_without_data_none_is_made(tmp_path: Path) -> None:
    done = retention(tmp_path, "run", "--yes")
    assert done.returncode == 66
    assert str(tmp_path / "chat.sqlite3") in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_store_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "chat.sqlite3").write_text("Dear diary")
    done = retention(tmp_path, "run", "--yes")
    assert done.returncode == 69
    assert "Traceback" not in done.stderr


def test_a_table_for_people(data: Path) -> None:
    done = retention(data, "run", "--dry-run")
    assert done.stdout == "0 messages would be removed, about 0 bytes\n"
    assert os.listdir(data) == ["chat.sqlite3"]
