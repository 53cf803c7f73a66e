"""A dump of any store can be restored into any other, and the dump of that one is the same."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import pytest

from reichatd.settings import MongoDBSettings
from reichatd.store import (
    AppPassword,
    AuditEntry,
    AuditFilter,
    Block,
    Cutoff,
    EmailChange,
    Erasure,
    Extras,
    Invite,
    Keep,
    LogHead,
    OidcAccount,
    Pinned,
    React,
    Reaction,
    Registration,
    Session,
    Standing,
    Store,
    StoreError,
    Totp,
    direct_pair,
    mongodb,
    sqlite,
)
from reichatd.store.bulk import Ban, Loader, LogEntry, Member, Stored, StoredReaction, StoredRoom, UserOutcome
from reichatd.store.errors import StoreNotEmpty
from tests.store.conftest import drop
from tests.store.samples import add_user, contents, post, read_mark, registration, room, session, stored, user

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("sqlite", "mongod_standalone", "mongod_replica")


class Place:
    """A place for a store."""

    def __init__(self, kind: str, request: pytest.FixtureRequest) -> None:
        directory: Path = request.getfixturevalue("tmp_path")
        self.path = directory / f"{uuid4().hex}.sqlite3"
        self.settings = None
        if kind != "sqlite":
            self.settings = MongoDBSettings(uri=request.getfixturevalue(kind), database=f"test-{uuid4().hex}")

    async def open(self) -> Store:
        return await (mongodb.open_store(self.settings) if self.settings else sqlite.open_store(self.path))

    def dumping(self) -> AbstractAsyncContextManager[AsyncIterator[list[Stored]]]:
        return mongodb.dumping(self.settings) if self.settings else sqlite.dumping(self.path)

    def restoring(self, *, replace: bool = False) -> AbstractAsyncContextManager[Loader]:
        if self.settings:
            return mongodb.restoring(self.settings, replace=replace)
        return sqlite.restoring(self.path, replace=replace)

    async def contents(self) -> list[Stored]:
        async with self.dumping() as pages:
            return [record async for page in pages for record in page]

    async def fill(self, records: list[Stored], *, replace: bool = False) -> None:
        async with self.restoring(replace=replace) as loader:
            for start in range(0, len(records), 3):
                await loader.load(records[start : start + 3])

    def clear(self) -> None:
        if self.settings:
            drop(self.settings)


@pytest.fixture
def make_place(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Place]]:
    places: list[Place] = []

    def make(kind: str) -> Place:
        places.append(Place(kind, request))
        return places[-1]

    yield make
    for place in places:
        place.clear()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, make_place: Callable[[str], Place]) -> Place:
    return make_place(request.param)


@pytest.fixture(params=KINDS)
def other(request: pytest.FixtureRequest, make_place: Callable[[str], Place]) -> Place:
    return make_place(request.param)


async def live_in(place: Place) -> None:
    """Creates a store with all kinds of records."""
    store = await place.open()
    for name in ("ann", "bob", "Eve", "ümit"):
        await add_user(store, name)
    await store.users.register(registration("late@example.org"), 5)
    for session_id in ("laptop", "phone", "tablet"):
        await store.sessions.create(session(session_id))
    await store.sessions.create(session("old", "nobody"))
    await store.users.change_password("ann", "password", "new", "phone")
    await store.rooms.create(room("zoo", ["bob"]))
    await store.rooms.create(room("gone", ["bob"]))
    await store.rooms.create(room("attic", ["ann", "Eve"], password_hash="secret"))
    await store.rooms.create(room("empty", ["ümit"]))
    await store.rooms.join("zoo", "ann", 7.25)
    await store.rooms.join("attic", "bob", 8.0)
    await store.rooms.leave("attic", "Eve")
    await store.rooms.ban("zoo", "Eve")
    await store.rooms.ban("zoo", "ümit")
    await store.messages.commit(
        [post("first", "bob", "zoo", "n"), post("x", "bob", "gone"), post("s", "ann", "zoo")], {}
    )
    await store.messages.commit(
        [post("\0 € 🎈 \u2028", "ann", "attic"), post("", "bob", "zoo", "n2")], {("zoo", "ann"): 3}
    )
    await store.rooms.delete("gone")
    await store.aclose()


WHEN = 1_700_000_000.123456
LIVED: list[Stored] = [
    StoredRoom("zoo", "The zoo", "Come in", "bob", None, 1.5),
    StoredRoom("attic", "The attic", "Come in", "ann", "secret", 1.5),
    StoredRoom("empty", "The empty", "Come in", "ümit", None, 1.5),
    Member("zoo", "bob", 1.5, 3),
    Member("attic", "ann", 1.5, 1),
    Member("empty", "ümit", 1.5, 0),
    Member("zoo", "ann", 7.25, 3),
    Member("attic", "bob", 8.0, 0),
    Ban("zoo", "Eve"),
    Ban("zoo", "ümit"),
    LogEntry("zoo", 1, "bob", "first", WHEN, "n"),
    LogEntry("zoo", 2, "ann", "s", WHEN),
    LogEntry("zoo", 3, "bob", "", WHEN, "n2"),
    LogEntry("attic", 1, "ann", "\0 € 🎈 \u2028", WHEN),
    registration("late@example.org"),
    user("Eve"),
    user("ann"),
    user("bob"),
    user("ümit"),
    session("phone"),
]


async def test_a_dump_has_everything(place: Place) -> None:
    await live_in(place)
    found = await place.contents()
    changed = [record for record in LIVED if record != user("ann")]
    assert [record for record in found if getattr(record, "password_hash", "") != "new"] == changed
    assert len(found) == len(LIVED)


async def test_from_any_store_to_any_other(place: Place, other: Place) -> None:
    await live_in(place)
    records = await place.contents()
    await other.fill(records)
    assert await other.contents() == records


async def test_cut_logs_stay_cut(place: Place, other: Place) -> None:
    await live_in(place)
    store = await place.open()
    await store.rooms.keep("zoo", Keep(30, 2))
    await store.messages.expire("zoo", Cutoff(keep=1), 10)
    await store.messages.expire("attic", Cutoff(keep=0), 10)
    await store.aclose()
    records = await place.contents()
    await other.fill(records)
    assert await other.contents() == records
    store = await other.open()
    zoo = await store.rooms.get("zoo")
    assert zoo is not None
    assert (zoo.first_id, zoo.keep) == (3, Keep(30, 2))
    assert [message.message_id for message in await store.messages.range("zoo", 1, 10)] == [3]
    assert await store.messages.last_id("attic") == 1
    assert [one.message_id for one in (await store.messages.commit([post("next", "ann", "attic")], {})).posts] == [2]
    await store.aclose()


PEOPLE: list[Stored] = [
    StoredRoom("zoo", "The zoo", "Come in", "bob", None, 1.5, slow_seconds=30, members_pin=True),
    StoredRoom("pair", "", "", "ann", "unusable", 1.5, direct=direct_pair("bob", "ann")),
    Member("zoo", "bob", 1.5, 0, moderator=True),
    Member("zoo", "ann", 7.25, 0),
    Standing("zoo", "ann", muted_until=1e9),
    Standing("zoo", "bob", posted_at=1e9 + 0.5),
    Invite("i1", "hash 1", "zoo", "bob", 2.0, 1e10, 3),
    Invite("i2", "hash 2", "", "", 2.0, 1e10),
    msgspec.structs.replace(registration("late@example.org"), invite_id="i2"),
    user("ann"),
    user("bob"),
    Block("ann", "bob"),
    Block("bob", "eve"),
    Totp("ann", "encrypted", confirmed=True, last_step=55, recovery="one two"),
    AppPassword("a2", "ann", "phone", "hash", 3.0),
    AppPassword("a1", "bob", "mail", "hash", 3.0, 4.5),
    EmailChange("bob", "robert@example.org", "hash", 5, 1e10),
    OidcAccount("https://login.example.org", "ann-1", "ann"),
    OidcAccount("https://login.example.org", "0", "bob"),
    Erasure("gone"),
    Session("phone", "ann", "h1", 1.5, 1e10, "192.0.2.0", "Firefox", "192.0.2.1", 2.5, generation=4, rotated_at=2.25),
    Session("radio", "bob", "h3", 1.5, 1e10, app_password_id="a1"),
    Session("robot", "ann", "h2", 1.5, 1e12, token_name="robot", scopes="read write", rooms="zoo"),
    AuditEntry(1, 1e9, "login", "ann", "ann", address="192.0.2.1"),
    AuditEntry(7, 1e9, "ban", "bob", "eve", "zoo", "192.0.2.1", "spam"),
]


async def test_people_and_their_rights_from_any_store_to_any_other(place: Place, other: Place) -> None:
    await place.fill(PEOPLE)
    records = await place.contents()
    assert records == PEOPLE
    await other.fill(records)
    assert await other.contents() == PEOPLE
    store = await other.open()
    assert await store.audit.add(AuditEntry(0, 2e9, "logout", "ann")) == 8
    assert await store.audit.page(AuditFilter(after=7), 10) == [AuditEntry(8, 2e9, "logout", "ann")]
    head = await store.rooms.head("zoo", "bob")
    assert head is not None
    assert (head.is_member, head.is_moderator, head.slow_seconds, head.members_pin) == (True, True, 30, True)
    await store.aclose()


CHANGED: list[Stored] = [
    StoredRoom("zoo", "The zoo", "Come in", "bob", None, 1.5, change_id=9),
    Member("zoo", "bob", 1.5, 0),
    Member("zoo", "ann", 7.25, 1),
    LogEntry("zoo", 1, "bob", "new", WHEN, "n", 2, Extras(edited_at=WHEN, mentions=("bob",))),
    LogEntry("zoo", 2, "ann", "(deleted)", WHEN, change_id=4, extras=Extras(deleted="moderator")),
    LogEntry("zoo", 3, "bob", "text", WHEN, None, 8, Extras(reactions=(Reaction("👍", 2, ("bob", "ann")),))),
    LogEntry("zoo", 4, "bob", "text", WHEN, extras=Extras(reply_to=3, mentions=("ann", "bob"), mention_room=True)),
    LogEntry("zoo", 5, "ann", "text", WHEN, change_id=9, extras=Extras(pinned=Pinned("bob", WHEN))),
    StoredReaction("zoo", 3, "👍", "ann", 2.5),
    StoredReaction("zoo", 3, "👍", "bob", 1.5),
    user("ann"),
    user("bob"),
]


async def test_changes_from_any_store_to_any_other(place: Place, other: Place) -> None:
    await place.fill(CHANGED)
    records = await place.contents()
    assert records == CHANGED
    await other.fill(records)
    assert await other.contents() == CHANGED
    store = await other.open()
    heads = [await store.messages.head("zoo")]
    assert heads[0] is not None
    assert heads[0] == LogHead(1, 5, 9, heads[0].token, heads[0].key)
    assert [each.mentions for name in ("ann", "bob") for each in await store.rooms.progress(name)] == [1, 2]
    assert [each.message_id for each in await store.messages.pinned("zoo")] == [5]
    assert await store.messages.own_reactions("ann", "zoo", range(1, 6)) == {3: ["👍"]}
    assert [each.change_id for each in await store.messages.changed("zoo", 3, 1, 5, 9)] == [4, 8, 9]
    committed = await store.messages.commit([], {}, [React("zoo", "ann", 3, "👍", False, 3.0)])
    assert committed.changed[0].message.change_id == 10
    assert committed.changed[0].message.extras == Extras(reactions=(Reaction("👍", 1, ("bob",)),))
    await store.aclose()
    await other.fill(CHANGED, replace=True)
    store = await other.open()
    heads.append(await store.messages.head("zoo"))
    assert len({head.token for head in heads if head is not None}) == 2, "what is restored is another log"
    await store.aclose()


async def test_all_that_belongs_to_a_user_goes_with_the_user(place: Place) -> None:
    await place.fill(PEOPLE)
    store = await place.open()
    for name in ("ann", "bob"):
        assert await store.users.delete(name)
    await store.aclose()
    left = [
        record
        for record in PEOPLE
        if isinstance(record, StoredRoom | Invite | Registration | Erasure | AuditEntry)
        # Their direct conversation, which neither is a member of, is theirs too.
        if not (isinstance(record, StoredRoom) and record.direct)
    ]
    assert await place.contents() == left


async def test_a_restored_store_can_be_used(place: Place) -> None:
    await place.fill(LIVED)
    store = await place.open()
    assert [one.room_id for one in await store.rooms.joined("ann")] == ["attic", "zoo"]
    assert [one.room_id for one in await store.rooms.public(None, 100) or ()] == ["zoo", "empty"]
    assert await store.rooms.is_banned("zoo", "Eve")
    assert await contents(store, "zoo") == ["first", "s", ""]
    assert await read_mark(store, "ann", "zoo") == 3
    found = await store.sessions.get("phone")
    assert found == (session("phone"), user("ann"))
    assert await store.users.by_email("EVE@example.org") == user("Eve")
    assert await store.users.change_password("ann", "password", "new", "none") == ["phone"]
    again = post("first", "bob", "zoo", "n")
    answers = (await store.messages.commit([again, post("on", "ann", "zoo")], {})).posts
    assert [answer.message_id for answer in answers] == [1, 4]
    await store.rooms.join("empty", "ann", 9.0)
    assert [one.room_id for one in await store.rooms.joined("ann")] == ["attic", "zoo", "empty"]
    await store.aclose()


async def test_records_that_only_an_older_store_may_have(place: Place) -> None:
    """Rooms whose ids differ in case only, and several registrations of one address, in any case."""
    records: list[Stored] = [
        *(StoredRoom(room_id, "A room", "", "ann", None, 1.5) for room_id in ("Lounge", "lounge", "LOUNGE")),
        *(registration(email, f"{n}") for n, email in enumerate(("ann@example.org", "ANN@example.org"))),
        registration("bob@example.org", "0", tries_left=2),
    ]
    await place.fill(records)
    assert await place.contents() == records
    store = await place.open()
    assert await store.users.pending("Ann@example.org") == records[3:5]
    for room_id in ("lounge", "Lounge", "LOUNGE"):
        assert not await store.rooms.create(room("lOUNGE", ["ann"]))
        assert not await store.bulk_import.add_room(StoredRoom("lOUNGE", "", "", "ann", None, 1.5), [], [], [])
        assert await store.rooms.delete(room_id)
    assert await store.rooms.create(room("lOUNGE", ["ann"]))
    await store.aclose()


async def test_a_store_with_data_is_not_changed(place: Place) -> None:
    await place.fill(LIVED)
    with pytest.raises(StoreNotEmpty):
        await place.fill(LIVED)
    assert await place.contents() == LIVED
    await place.fill(LIVED[:1], replace=True)
    assert await place.contents() == LIVED[:1]


@pytest.mark.parametrize(
    "record",
    [
        Member("nowhere", "ann", 1.0, 0),
        Ban("nowhere", "ann"),
        LogEntry("nowhere", 1, "ann", "", 1.0),
        StoredReaction("nowhere", 1, "👍", "ann", 1.0),
    ],
)
async def test_contradictory_records_are_refused_and_the_next_restore_starts_again(
    place: Place, record: Stored
) -> None:
    with pytest.raises(StoreError):
        await place.fill([*LIVED[:4], record])
    await place.fill(LIVED)
    assert await place.contents() == LIVED


async def test_without_a_store_there_is_nothing_to_dump(place: Place) -> None:
    with pytest.raises(StoreError):
        await place.contents()
    await (await place.open()).aclose()
    assert await place.contents() == []


async def test_writes_continue_during_a_dump(place: Place) -> None:
    log: list[Stored] = [LogEntry("zoo", n, "bob", f"{n}", 1.0) for n in range(1, 10_001)]
    await place.fill([*LIVED[:1], Member("zoo", "bob", 1.0, 10_000), *log, user("bob")])
    store = await place.open()
    found: list[Stored] = []
    async with place.dumping() as pages:
        async for page in pages:
            found += page
            await store.messages.commit([post("new", "bob", "zoo")], {})
    await store.aclose()
    ids = [record.message_id for record in found if isinstance(record, LogEntry)]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) >= 10_000
    assert Member("zoo", "bob", 1.0, 10_000) in found
    if place.settings is None or "replicaSet" in place.settings.uri:
        assert len(ids) == 10_000


# ------------------------------------------------------------------------------------------------------- from another program


async def test_importing_users(place: Place) -> None:
    store = await place.open()
    await add_user(store)
    arrivals = [user("bob"), user("ann", "other@example.org"), user("eve", "BOB@example.org"), user("bob")]
    outcomes = await store.bulk_import.add_users(arrivals)
    added, there, taken = UserOutcome.ADDED, UserOutcome.ALREADY_THERE, UserOutcome.EMAIL_TAKEN
    assert outcomes == [added, there, taken, there]
    assert await store.users.by_id("bob") == user("bob")
    assert await store.users.by_id("ann") == user("ann")
    await store.aclose()


async def test_importing_a_room(place: Place) -> None:
    store = await place.open()
    await store.rooms.create(room("den", ["ann"]))
    log = [LogEntry("attic", n, "bob", f"{n}", float(n)) for n in range(1, 2502)]
    members = [Member("attic", "bob", 1.0, 7), Member("attic", "ann", 2.0, 2501)]
    attic = StoredRoom("attic", "The attic", "", "bob", None, 1.5)
    assert await store.bulk_import.add_room(attic, members, [Ban("attic", "eve")], log)
    assert not await store.bulk_import.add_room(attic, [], [], [])
    found = await store.rooms.get("attic")
    assert found is not None
    assert found.users == ("bob", "ann")
    assert await contents(store, "attic") == [entry.content for entry in log]
    assert [await read_mark(store, name, "attic") for name in ("bob", "ann")] == [7, 2501]
    assert await store.rooms.is_banned("attic", "eve")
    assert [one.room_id for one in await store.rooms.joined("ann")] == ["den", "attic"]
    assert (await store.messages.commit([post(room_id="attic")], {})).posts == stored(2502)
    await store.aclose()


async def test_an_interrupted_import_of_a_room(place: Place) -> None:
    store = await place.open()
    twice = [LogEntry("attic", n, "bob", f"{n}", float(n)) for n in (*range(1, 1500), 1)]
    attic = StoredRoom("attic", "The attic", "", "bob", None, 1.5)
    with pytest.raises(StoreError):
        await store.bulk_import.add_room(attic, [], [], twice)
    assert await store.rooms.get("attic") is None
    assert await store.bulk_import.add_room(attic, [], [], twice[:-1])
    assert len(await contents(store, "attic")) == 1499
    await store.aclose()
    assert [record for record in await place.contents() if isinstance(record, LogEntry)] == twice[:-1]


async def test_the_end_of_a_mute_that_never_began_leaves_nothing(place: Place) -> None:
    store = await place.open()
    await store.rooms.create(room())
    assert await store.members.mute("lobby", "nobody", 0.0)
    await store.aclose()
    assert not [record for record in await place.contents() if isinstance(record, Standing)]
