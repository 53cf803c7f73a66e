"""`reichatd import reis-chatroom`: imports an old, inconsistent MongoDB of the older program, and runs a daemon on the result."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from pymongo import MongoClient
from pymongo.database import Database

from reichatd.store import sqlite
from tests.client import Person
from tests.process import data_file, run_command, running
from tests.store import samples

OLD_PASSWORD = "the old password"
# The parameters of the older program: its library's defaults, 64 MiB and four lanes.
HASH = PasswordHasher(time_cost=1, memory_cost=65_536, parallelism=4).hash(OLD_PASSWORD)
BEGIN = datetime(2024, 5, 17, 12, tzinfo=UTC)
LONG = 100_000


def when(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


def user(user_id: str, **fields: object) -> dict[str, Any]:
    usual = {"email": f"{user_id}@example.org", "hashed_password": HASH, "username": user_id, "created_at": when(0)}
    return {"user_id": user_id, **usual, "rooms": [], "refresh_token": "x", **fields}


def message(message_id: object, user_id: object, content: object, seconds: float = 0.0) -> dict[str, Any]:
    seconds = seconds or (float(message_id) if isinstance(message_id, int) else 0.0)
    return {"message_id": message_id, "user_id": user_id, "content": content, "timestamp": when(seconds)}


def room(room_id: object, *messages: dict[str, Any], **fields: object) -> dict[str, Any]:
    usual = {"name": f"Room {room_id}", "description": "", "password": None, "private": False, "owner": "ann"}
    return {"room_id": room_id, **usual, "created_at": when(0), "users": ["ann", "bob"], "banned_users": []} | {
        "messages": list(messages),
        "max_message_id": len(messages),
        **fields,
    }


def read_up_to(**marks: object) -> list[dict[str, object]]:
    return [{"room_id": room_id, "last_read_id": mark} for room_id, mark in marks.items()]


def fill(older: Database[dict[str, Any]]) -> None:
    older.users.insert_many(
        [
            user("ann", rooms=read_up_to(sound=3, raced=3)),
            user("bob", rooms=read_up_to(sound=1, raced=2, long=LONG - 1)),
            user("eve"),
            user("ann2", email="ANN@example.org", created_at=when(9)),
            user("nohash", hashed_password=None),
            user("nomail", email=None, username=None),
            {"email": "noid@example.org"},
        ]
    )
    older.room.insert_many(
        [
            room("sound", message(1, "ann", "a"), message(2, "bob", "b"), message(3, "gone", "c")),
            room(
                "raced",
                message(1, "ann", "a", 1),
                message(2, "ann", "c", 3),
                message(2, "bob", "b", 2),
                message(3, "ann", "d", 4),
            ),
            room("secret", password=HASH, private=True, users=["ann"], banned_users=["eve", "ann", "gone"]),
            room("my room!", message(1, "ann", "a"), users=["ann", "gone"], name="x" * 300),
            room(
                "dirty",
                message(1, "ann", {"text": "hi"}),
                message(2, None, None),
                {"message_id": 3, "user_id": "ann", "content": "when", "timestamp": "soon"},
            ),
            room("long", *({**message(n, "ann", f"message {n} " + "x" * 40)} for n in range(1, LONG + 1))),
            room("sound", message(1, "bob", "the other one"), created_at=when(5)),
            {"name": "no id"},
        ]
    )
    older.verification_queue.insert_one({"email": "late@example.org"})


@pytest.fixture
def older(mongod_standalone: str) -> Iterator[Database[dict[str, Any]]]:
    name = f"older-{uuid4().hex}"
    with MongoClient[dict[str, Any]](mongod_standalone) as client:
        fill(client[name])
        yield client[name]
        client.drop_database(name)


def import_all(
    directory: Path, settings: dict[str, str], older: Database[dict[str, Any]], *options: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Imports the older database.

    Arguments:
        stdin: if given, the command reads the URI from it; "{uri}" in it stands for the database's own.
    """
    host, port = older.client.address or ("", 0)
    uri = f"mongodb://{host}:{port}/{older.name}"
    source = "-" if stdin else uri
    return run_command(directory, settings, "import", "reis-chatroom", source, *options, stdin=stdin.format(uri=uri))


def collections(storage: dict[str, str]) -> list[str]:
    """The collections of a MongoDB store; none for SQLite."""
    if "REICHATD_STORAGE_MONGODB_URI" not in storage:
        return []
    with MongoClient[dict[str, Any]](storage["REICHATD_STORAGE_MONGODB_URI"]) as client:
        return client[storage["REICHATD_STORAGE_MONGODB_DATABASE"]].list_collection_names()


def report(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, int], str]:
    """The counts and the notes of an import with --json."""
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["counts"], "\n".join(f"{note['kind']} {note['id']} {note['text']}" for note in found["notes"])


async def test_import_into_an_empty_store(
    tmp_path: Path, storage: dict[str, str], older: Database[dict[str, Any]]
) -> None:
    before = list(older.users.find()), list(older.room.find({}, {"messages": 0}))
    announced = report(import_all(tmp_path, storage, older, "--dry-run", "--json"))
    assert not (tmp_path / "share").exists()
    assert not collections(storage)
    counts, notes = report(import_all(tmp_path, storage, older, "--json"))
    assert (counts, notes) == announced
    assert {name: count for name, count in counts.items() if count} == {
        "users": 6,
        "placeholders": 2,
        "rooms": 7,
        "messages": 3 + 4 + 1 + 3 + LONG + 1,
    }
    for expected in (
        "user ann2 the address ANN@example.org belongs to the older account ann",
        "user nohash has no argon2 password hash",
        "user nomail",
        "room my room! has the id myroom",
        "room my room! 1 members are no longer users",
        "room secret its owner is banned",
        "message raced their ids repeat",
        "message dirty without a time",
        "message dirty whose content is not text",
        "message dirty without an author",
        "room sound has the id sound",
        "it has no id",
        "registration verification_queue",
    ):
        assert expected in notes
    again, _ = report(import_all(tmp_path, storage, older, "--json"))
    assert {name: count for name, count in again.items() if count} == {"users there": 6, "rooms there": 7}
    assert (list(older.users.find()), list(older.room.find({}, {"messages": 0}))) == before
    async with (
        running(tmp_path, **storage) as daemon,
        Person(daemon.url, "ann", "ann@example.org") as ann,
        Person(daemon.url, "bob", "bob@example.org") as bob,
    ):
        await check_chat(ann, bob)


async def check_chat(ann: Person, bob: Person) -> None:
    for person in (ann, bob):
        await person.log_in(OLD_PASSWORD)
    assert (ann.user_id, bob.user_id) == ("ann", "bob")
    joined = {one["room_id"]: one for one in (await ann.call("GET", "/joined"))["rooms"]}
    derived = [room_id for room_id in joined if room_id.startswith("myroom")]
    assert set(joined) == {"sound", "raced", "secret", "dirty", "long", *derived, *other_rooms(joined)}
    assert joined["secret"]["private"]
    assert joined["secret"]["users"] == ["ann"]
    assert joined["sound"]["users"] == ["ann", "bob"]
    await bob.call("POST", "/room/secret/join", 400, password="wrong")
    await bob.call("POST", "/room/secret/join", password=OLD_PASSWORD)
    async with ann.talk("sound") as talk:
        state = await talk.receive("initial_state")
        assert state["last_read_id"] == 3
        assert [one["message_id"] for one in state["messages"]] == [1, 2, 3]
        assert [one["username"] for one in state["messages"]] == ["ann", "bob", "deleted"]
        assert state["messages"][0]["timestamp"] == "2024-05-17T12:00:01.000000+00:00"
        assert await talk.post("and on", "n") == 4
    async with bob.talk("raced") as talk:
        state = await talk.receive("initial_state")
        assert state["last_read_id"] == 3
        assert [one["content"] for one in state["messages"]] == ["a", "b", "c", "d"]
        assert [one["message_id"] for one in state["messages"]] == [1, 2, 3, 4]
    async with bob.talk("long") as talk:
        state = await talk.receive("initial_state")
        assert state["last_read_id"] == LONG - 1
        assert state["messages"][-1]["message_id"] == LONG
        assert (await talk.fetch(500, 500))[0]["content"].startswith("message 500 ")


def other_rooms(joined: dict[str, Any]) -> list[str]:
    """The second of two rooms with the same id, which got a new one."""
    return [room_id for room_id in joined if room_id.startswith("sound") and room_id != "sound"]


def test_report_in_words(tmp_path: Path, older: Database[dict[str, Any]]) -> None:
    done = import_all(tmp_path, {}, older, stdin="{uri}\n")
    assert done.returncode == 0, done.stderr
    assert "room raced: 4 messages: their ids repeat" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("imported: 6 users, 7 rooms, 100,012 messages; 2 placeholders")


async def test_existing_data_is_kept(tmp_path: Path, older: Database[dict[str, Any]]) -> None:
    path = data_file(tmp_path)
    store = await sqlite.open_store(path)
    await samples.add_user(store, "other", "bob@example.org")
    await store.rooms.create(samples.room("long", ["other"]))
    await store.aclose()
    announced = report(import_all(tmp_path, {}, older, "--dry-run", "--json"))
    counts, notes = report(import_all(tmp_path, {}, older, "--json"))
    assert (counts, notes) == announced
    assert counts["rooms"] == 7
    assert "user bob the address bob@example.org belongs to another user here" in notes
    assert "room long has the id long" in notes
    store = await sqlite.open_store(path)
    assert await store.messages.last_id("long") == 0
    found = await store.users.by_email("bob@example.org")
    assert found is not None
    assert found.user_id == "other"
    await store.aclose()
    again, _ = report(import_all(tmp_path, {}, older, "--json"))
    assert (again["users there"], again["rooms there"]) == (6, 7)


def test_unusable_sources_are_refused(tmp_path: Path, older: Database[dict[str, Any]]) -> None:
    host, port = older.client.address or ("", 0)

    def refused(stdin: str, *options: str) -> str:
        done = import_all(tmp_path, {"REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "1"}, older, *options, stdin=stdin)
        assert done.returncode == 69, done.stderr
        assert done.stderr.startswith("reichatd: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "not one of Reis-Chatroom" in refused("{uri}\n", "--database", "nothing-here")
    assert "does not answer" in refused("mongodb://127.0.0.1:1/x\n")
    assert "sesame" not in refused("nonsense://ann:sesame@127.0.0.1/x\n")
    assert "--database" in refused(f"mongodb://{host}:{port}\n")
    assert not (tmp_path / "share").exists()
