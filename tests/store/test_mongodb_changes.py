"""Changes of messages in MongoDB: several daemons at once, crashes, plans. The tests for all stores are test_contract_*."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from itertools import pairwise
from threading import Thread
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import trio
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from reichatd.settings import MongoDBSettings
from reichatd.store import (
    Change,
    Changed,
    ChangeOutcome,
    Delete,
    Edit,
    Message,
    Pin,
    React,
    Reaction,
    Store,
    StoreUnavailable,
)
from reichatd.store.mongodb import open_store, schema
from reichatd.store.mongodb.server import Document, MongoDatabase, Write, client_for
from tests.mongod import Mongod
from tests.store.conftest import drop
from tests.store.samples import add_user, at_once, contents, post, room

ALL = 2**31


@pytest.fixture(params=["mongod_standalone", "mongod_replica"])
def settings(request: pytest.FixtureRequest) -> Iterator[MongoDBSettings]:
    """A fresh database."""
    settings = fresh(request.getfixturevalue(request.param))
    yield settings
    drop(settings)


@pytest.fixture
def replicated(mongod_replica: str) -> Iterator[MongoDBSettings]:
    """A fresh database on a replica set."""
    settings = fresh(mongod_replica)
    yield settings
    drop(settings)


def fresh(uri: str) -> MongoDBSettings:
    return MongoDBSettings(uri=uri, database=f"test-{uuid4().hex}", timeout_seconds=30.0)


@pytest.fixture
async def mongodb(settings: MongoDBSettings) -> AsyncIterator[Store]:
    async with aclosing(await open_store(settings)) as store:
        yield store


@pytest.fixture
def raw(settings: MongoDBSettings) -> Iterator[Database[dict[str, Any]]]:
    """The same database, without the store."""
    with MongoClient[dict[str, Any]](settings.uri) as client:
        yield client[settings.database]


def edit(message_id: int, content: str, user_id: str = "ann") -> Edit:
    return Edit("lobby", user_id, message_id, content, at=5.0)


def react(user_id: str, message_id: int = 1, emoji: str = "👍", *, is_set: bool = True, at: float = 5.0) -> React:
    return React("lobby", user_id, message_id, emoji, is_set, at)


async def change(store: Store, *changes: Change) -> list[Changed]:
    return (await store.messages.commit([], {}, changes)).changes


async def lobby(store: Store, messages: int, users: Sequence[str] = ("ann", "bob")) -> None:
    await store.rooms.create(room(users=users))
    await store.messages.commit([post(str(n)) for n in range(1, messages + 1)], {})


async def head(store: Store) -> int:
    found = await store.messages.head("lobby")
    assert found is not None
    return found.change_id


# ----------------------------------------------------------------------------------------------------- two daemons at once


async def test_what_two_daemons_change_at_once_is_read_in_order(replicated: MongoDBSettings) -> None:
    """A reader that follows the numbers sees the last state of every message, and every number is given once."""
    stores = [await open_store(replicated) for _ in range(3)]
    here, there, reader = stores
    await lobby(here, 8)
    numbers: list[int] = []
    seen: dict[int, Message] = {}
    done = trio.Event()

    async def write(name: str, store: Store) -> None:
        for n in range(25):
            content = f"{name} {n}"
            found = await store.messages.commit(
                [],
                {},
                [
                    edit(n % 8 + 1, content),
                    edit((n + 3) % 8 + 1, content),
                    react("bob", n % 5 + 1, emoji=name, is_set=n % 2 == 0),
                ],
            )
            assert {answer.outcome for answer in found.changes} <= {ChangeOutcome.CHANGED, ChangeOutcome.UNCHANGED}
            numbers.extend(each.message.change_id for each in found.changed)

    async def follow() -> None:
        cursor = 0
        while True:
            is_last = done.is_set()
            page = await reader.messages.changed("lobby", cursor, 1, ALL, 3)
            for message in page:
                assert message.change_id > cursor
                cursor = message.change_id
                seen[message.message_id] = message
            if is_last and not page:
                return

    async with trio.open_nursery() as outer:
        outer.start_soon(follow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, "here", here)
            nursery.start_soon(write, "there", there)
        done.set()
    stored = await reader.messages.range("lobby", 1, ALL)
    assert seen == {message.message_id: message for message in stored}
    assert len(numbers) == len(set(numbers))
    assert await head(reader) == max(numbers)
    for message in stored:
        assert {each.emoji for each in message.extras.reactions} == set(
            (await reader.messages.own_reactions("bob", "lobby", [message.message_id])).get(message.message_id, ())
        )
    for store in stores:
        await store.aclose()


async def test_a_daemon_that_stalls_takes_no_number_behind_the_readers(
    replicated: MongoDBSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Number 1 becomes free again while it stalls: the message that had it changes once more."""
    async with aclosing(await open_store(replicated)) as slow, aclosing(await open_store(replicated)) as other:
        await lobby(slow, 2)
        token = trio.lowlevel.current_trio_token()
        write_all = MongoDatabase.write_all
        stalls = iter([True])

        async def change_twice() -> None:
            for content in ("b", "c"):
                await change(other, edit(2, content))

        def stall(db: MongoDatabase, to: Collection[Document], writes: Sequence[Write], **options: bool) -> None:
            if next(stalls, False):
                # In a thread of its own, which knows nothing of the transaction.
                meanwhile = Thread(target=partial(trio.from_thread.run, change_twice, trio_token=token))
                meanwhile.start()
                meanwhile.join()
            write_all(db, to, writes, **options)

        monkeypatch.setattr(MongoDatabase, "write_all", stall)
        assert await change(slow, edit(1, "a")) == [Changed(ChangeOutcome.CHANGED, 3)]
        found = await other.messages.changed("lobby", 0, 1, ALL, 9)
        assert [(message.content, message.change_id) for message in found] == [("c", 2), ("a", 3)]


async def test_a_transaction_that_a_killed_daemon_has_left_is_ended(replicated: MongoDBSettings) -> None:
    """The server would keep it for a minute."""
    short = msgspec.structs.replace(replicated, timeout_seconds=1.0)
    killed = client_for(replicated.uri, 30.0)
    async with aclosing(await open_store(replicated)) as setup, aclosing(await open_store(short)) as store:
        await lobby(setup, 1)
        with killed, killed.start_session() as session:
            session.start_transaction()
            killed[replicated.store_database].rooms.update_one({}, {"$set": {"last_change": 7}}, session=session)
            with pytest.raises(StoreUnavailable):
                await change(store, edit(1, "a"))
            answers: list[Changed] = []
            with trio.fail_after(30):
                while not answers:
                    with suppress(StoreUnavailable):
                        answers = await change(store, edit(1, "a"))
            # UNCHANGED if an attempt was made whose answer came too late.
            assert [answer.change_id for answer in answers] == [1]


async def test_the_same_change_by_two_daemons_is_made_once(replicated: MongoDBSettings) -> None:
    async with aclosing(await open_store(replicated)) as here, aclosing(await open_store(replicated)) as there:
        await lobby(here, 1)
        same: list[tuple[Change, Change]] = [
            (edit(1, "new"), edit(1, "new")),
            (react("bob"), react("bob")),
            (Delete("lobby", "ann", (1,), 6.0), Delete("lobby", "ann", (1,), 6.0)),
        ]
        for number, (one, other) in enumerate(same, 1):
            answers = await at_once([partial(change, here, one), partial(change, there, other)])
            outcomes = sorted((answer.outcome for (answer,) in answers), key=lambda outcome: outcome.value)
            assert outcomes == [ChangeOutcome.CHANGED, ChangeOutcome.UNCHANGED]
            assert {answer.change_id for (answer,) in answers} == {number}


async def test_two_users_who_react_at_once_both_count(replicated: MongoDBSettings) -> None:
    async with aclosing(await open_store(replicated)) as here, aclosing(await open_store(replicated)) as there:
        await lobby(here, 1)
        for number in range(10):
            emoji = chr(0x1F600 + number)
            await at_once(
                [
                    partial(change, here, react("ann", emoji=emoji, at=1.0)),
                    partial(change, there, react("bob", emoji=emoji, at=2.0)),
                ]
            )
            (message,) = await here.messages.by_ids("lobby", [1])
            assert message.extras.reactions[-1] == Reaction(emoji, 2, ("ann", "bob"))


# ----------------------------------------------------------------------------------------- a server that fails in between


class Failure:
    """Lets the writes to one collection fail, before or after they are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, collection: str, *, after: bool = False) -> None:
        self.is_armed = True
        write_all = MongoDatabase.write_all

        def fail(db: MongoDatabase, to: Collection[Document], writes: Sequence[Write], **options: bool) -> None:
            fails = self.is_armed and to.name == collection
            if after or not fails:
                write_all(db, to, writes, **options)
            if fails:
                raise StoreUnavailable("the connection is gone")

        monkeypatch.setattr(MongoDatabase, "write_all", fail)


async def test_a_failed_commit_on_a_replica_set_changes_nothing(
    replicated: MongoDBSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aclosing(await open_store(replicated)) as store:
        await lobby(store, 1)
        failure = Failure(monkeypatch, "messages", after=True)
        with pytest.raises(StoreUnavailable):
            await change(store, edit(1, "new"), react("bob"))
        assert await contents(store) == ["1"]
        assert await store.messages.reactors("lobby", 1, "👍", "", 5) == []
        assert await head(store) == 0
        failure.is_armed = False
        assert await change(store, edit(1, "new")) == [Changed(ChangeOutcome.CHANGED, 1)]


async def test_a_standalone_server_that_fails_between_two_writes(
    mongod_standalone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = fresh(mongod_standalone)
    async with aclosing(await open_store(settings)) as store:
        await lobby(store, 2)
        failure = Failure(monkeypatch, "messages")
        with pytest.raises(StoreUnavailable):
            await change(store, edit(1, "lost"))
        assert await contents(store) == ["1", "2"]
        assert await head(store) == 0
        failure.is_armed = False
        assert await change(store, edit(1, "new")) == [Changed(ChangeOutcome.CHANGED, 2)], "the first number is lost"
        failure = Failure(monkeypatch, "messages", after=True)
        with pytest.raises(StoreUnavailable):
            await change(store, edit(2, "newer"))
        assert await head(store) == 2
        assert [message.change_id for message in await store.messages.changed("lobby", 0, 1, ALL, 9)] == [2]
        failure.is_armed = False
        assert await change(store, edit(2, "newer")) == [Changed(ChangeOutcome.UNCHANGED, 3)]
        assert await head(store) == 3, "what is acknowledged can be read"
        assert [message.change_id for message in await store.messages.changed("lobby", 2, 1, ALL, 9)] == [3]
    drop(settings)


async def test_a_standalone_server_says_that_it_allows_one_daemon(mongod_standalone: str, mongod_replica: str) -> None:
    for uri, caution in ((mongod_standalone, "run one daemon only"), (mongod_replica, "")):
        settings = fresh(uri)
        async with aclosing(await open_store(settings)) as store:
            assert caution in store.caution
            assert bool(store.caution) == bool(caution)
        drop(settings)


@pytest.mark.parametrize("replica_set", [False, True], ids=["standalone", "replica"])
async def test_acknowledged_changes_survive_kill_9(replica_set: bool) -> None:
    with Mongod(replica_set=replica_set) as mongod:
        settings = MongoDBSettings(uri=mongod.uri, timeout_seconds=30.0)
        async with aclosing(await open_store(settings)) as store:
            await lobby(store, 5)
            acknowledged = 0
            enough, killed = trio.Event(), trio.Event()

            async def change_until_it_fails(impatient: Store) -> None:
                nonlocal acknowledged
                for number in range(1_000_000):
                    try:
                        answers = await change(impatient, *(edit(n, str(number)) for n in range(1, 6)))
                    except StoreUnavailable:
                        if killed.is_set():
                            return
                        continue
                    assert {answer.outcome for answer in answers} == {ChangeOutcome.CHANGED}
                    acknowledged = number
                    if number >= 20:
                        enough.set()

            impatient = await open_store(msgspec.structs.replace(settings, timeout_seconds=3.0))
            async with aclosing(impatient), trio.open_nursery() as nursery:
                nursery.start_soon(change_until_it_fails, impatient)
                await enough.wait()
                killed.set()
                mongod.kill()
            await trio.to_thread.run_sync(mongod.restart)
            assert all(int(content) >= acknowledged for content in await contents(store))
            before = await head(store)
            assert await change(store, edit(1, "after")) == [Changed(ChangeOutcome.CHANGED, await head(store))]
            assert await head(store) > before


# ------------------------------------------------------------------------------------------------------------------- plans


async def documents_read(
    raw: Database[dict[str, Any]], collection: str, call: Callable[[], Any], command: str = "find"
) -> int:
    """How many documents and index entries of a collection a call reads at most in one command."""
    raw.command("profile", 2)
    await call()
    raw.command("profile", 0)
    entries = list(raw["system.profile"].find({"ns": raw[collection].full_name, f"command.{command}": collection}))
    raw.drop_collection("system.profile")
    assert entries
    return int(max(max(entry["docsExamined"], entry["keysExamined"]) for entry in entries))


async def test_reading_changes_costs_no_more_than_what_is_asked_for(
    mongodb: Store, raw: Database[dict[str, Any]]
) -> None:
    await lobby(mongodb, 2000)
    for first in range(1, 2001, 500):
        await change(mongodb, *(edit(n, f"new {n}") for n in range(first, first + 500)))
    messages = mongodb.messages
    by_number = partial(messages.changed, "lobby", 1900, 1, ALL, 20)
    assert [message.change_id for message in await by_number()] == list(range(1901, 1921))
    assert await documents_read(raw, "messages", by_number) <= 21
    by_range = partial(messages.changed, "lobby", 0, 1951, 1990, 100)
    assert [message.message_id for message in await by_range()] == list(range(1951, 1991))
    assert await documents_read(raw, "messages", by_range) <= 41
    for after, last in pairwise(range(0, 2001, 500)):
        assert [m.change_id for m in await messages.changed("lobby", after, 1, ALL, 500)] == list(
            range(after + 1, last + 1)
        )
    await change(mongodb, *(Pin("lobby", "ann", n, True, 1.0) for n in (7, 1900, 300)))
    assert [message.message_id for message in await messages.pinned("lobby")] == [7, 300, 1900]
    assert await documents_read(raw, "messages", partial(messages.pinned, "lobby")) <= 4


async def test_a_reaction_reads_no_other_messages_reactions(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await lobby(mongodb, 2)
    await change(mongodb, react("bob", 1), react("bob", 2))
    row = raw.reactions.find_one({"_id.id": 1})
    assert row is not None
    crowd = [{**row, "_id": {**row["_id"], "id": n, "user": f"user{m:03}"}} for n in (1, 2) for m in range(300)]
    raw.reactions.insert_many(crowd)
    messages = mongodb.messages
    assert await documents_read(raw, "reactions", partial(change, mongodb, react("ann", 1)), "aggregate") <= 303
    (message,) = await messages.by_ids("lobby", [1])
    assert message.extras.reactions == (Reaction("👍", 302, ("ann", "bob", "user000", "user001", "user002")),)
    page = partial(messages.reactors, "lobby", 1, "👍", "user100", 5)
    assert [reactor.user_id for reactor in await page()] == [f"user{n}" for n in range(101, 106)]
    assert await documents_read(raw, "reactions", page) <= 6
    own = partial(messages.own_reactions, "ann", "lobby", [1, 2])
    assert await own() == {1: ["👍"]}
    assert await documents_read(raw, "reactions", own) <= 3


async def test_names_and_mentions_are_found_by_an_index(mongodb: Store, raw: Database[dict[str, Any]]) -> None:
    await add_user(mongodb)
    ann = raw.users.find_one({"_id": "ann"})
    assert ann is not None
    raw.users.insert_many(
        {**ann, "_id": f"user{n:03}", "email_key": f"user{n}", "username": "ÉVE", "name_key": "éve"} for n in range(500)
    )
    await lobby(mongodb, 10, ["ann", "user150", "user499"])
    named = msgspec.structs.replace(post("@Éve @nobody", "user499"), names=("Éve", "nobody"))

    async def mention() -> None:
        (answer,) = (await mongodb.messages.commit([named], {})).posts
        assert answer.mentions == ("user150",), "names are not unique: the first 200 users are looked at"

    assert await documents_read(raw, "users", mention, "aggregate") <= 201
    (by_id,) = (
        await mongodb.messages.commit([msgspec.structs.replace(post(), mentions=("user499", "user001", "ann"))], {})
    ).posts
    assert by_id.mentions == ("user499", "ann")
    message = raw.messages.find_one({"mentioned": "user150"})
    assert message is not None
    raw.messages.insert_many(
        {**message, "_id": {**message["_id"], "id": n}} for n in range(13, 400)
    )  # more mentions than are shown
    progress = partial(mongodb.rooms.progress, "user150")
    assert [one.mentions for one in await progress()] == [99]
    raw.command("profile", 2)
    await progress()
    raw.command("profile", 0)
    counted = [
        entry
        for entry in raw["system.profile"].find({"command.aggregate": "messages"})
        if entry.get("planSummary", "").find("mentioned") > 0
    ]
    assert counted
    assert max(entry["keysExamined"] for entry in counted) <= 100


# --------------------------------------------------------------------------------------------------------------- migration


async def test_migration_from_the_sixth_schema(settings: MongoDBSettings, raw: Database[dict[str, Any]]) -> None:
    async with aclosing(await open_store(settings)) as store:
        await add_user(store)
        await store.users.rename("ann", "Ännchen")
        await lobby(store, 2)
    raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 6}})
    raw.reactions.drop()
    for name in (schema.BY_CHANGE, schema.PINNED, schema.MENTIONED):
        raw.messages.drop_index(name)
    raw.users.drop_index("name_key_1__id_1")
    raw.users.update_many({}, {"$unset": {"name_key": ""}})
    raw.rooms.update_many({}, {"$unset": {"log": "", "last_change": ""}})
    tokens = set()
    for _ in range(2):
        async with aclosing(await open_store(settings)) as store:
            found = await store.messages.head("lobby")
            assert found is not None
            assert (found.first_id, found.last_id, found.change_id, len(found.token)) == (1, 2, 0, 8)
            tokens.add(found.token)
        raw.meta.update_one({"_id": "schema"}, {"$set": {"version": 6}})  # as if it had been interrupted at its end
    assert len(tokens) == 1
    async with aclosing(await open_store(settings)) as store:
        assert await change(store, edit(2, "new"), react("bob")) == [
            Changed(ChangeOutcome.CHANGED, 1),
            Changed(ChangeOutcome.CHANGED, 2),
        ]
        named = msgspec.structs.replace(post("@ÄNNCHEN", "bob"), names=("ÄNNCHEN",))
        (answer,) = (await store.messages.commit([named], {})).posts
        assert answer.mentions == ("ann",)
        assert [one.mentions for one in await store.rooms.progress("ann")] == [1]
