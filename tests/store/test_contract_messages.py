"""Reading the logs, read marks, and the removal of old logs, in every store."""

import pytest

from reichatd.store import Appended, Message, Outcome, Store, is_cut
from tests.store.samples import add_user, contents, post, read_mark, room, stored

TEXTS = [
    "plain",
    "",
    "nul \0 in the middle",
    "🎈👩‍👩‍👧 \U0010ffff",
    "e\u0301 \u202e \ufeff",
    "line\r\nbreak\u2028",
    "x" * 20_000,
]


def ids(messages: list[Message]) -> list[int]:
    return [message.message_id for message in messages]


async def test_a_message_has_its_authors_current_name(store: Store) -> None:
    await add_user(store)
    await store.rooms.create(room())
    await store.messages.commit([post("hello", "ann"), post("who?", "bob")], {})
    time = post().timestamp
    assert await store.messages.range("lobby", 1, 2) == [
        Message(1, "ann", "Ann", "ann@example.org", "hello", time),
        Message(2, "bob", "", "", "who?", time),
    ]
    await store.users.rename("ann", "Änne")
    [renamed] = await store.messages.range("lobby", 1, 1)
    assert renamed.username == "Änne"


async def test_texts_are_stored_exactly(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post(text, nonce=text[:64]) for text in TEXTS], {})
    assert await contents(store) == TEXTS


async def test_a_room_made_anew_has_a_log_with_another_key(store: Store) -> None:
    keys: list[str] = []
    for _ in range(2):
        await store.rooms.create(room())
        head = await store.messages.head("lobby")
        assert head is not None
        found = await store.messages.log_keys(["lobby", "nowhere"])
        assert found == ({"lobby": head.key} if head.key else {}), "none in a store without a feed"
        keys += found.values()
        await store.rooms.delete("lobby")
    assert len(set(keys)) == len(keys)
    assert await store.messages.log_keys(["lobby"]) == {}


async def test_the_end_of_a_log(store: Store) -> None:
    assert await store.messages.last_id("lobby") is None
    await store.rooms.create(room())
    assert await store.messages.last_id("lobby") == 0
    await store.messages.commit([post()] * 3, {})
    assert await store.messages.last_id("lobby") == 3


@pytest.mark.parametrize(
    ("first_id", "last_id", "expected"),
    [
        (2, 4, [2, 3, 4]),
        (3, 3, [3]),
        (0, 1, [1]),
        (-5, 2, [1, 2]),
        (5, 99, [5]),
        (6, 99, []),
        (4, 2, []),
        (-9, -2, []),
        (-(2**80), 2**80, [1, 2, 3, 4, 5]),
        (2**32, 2**33, []),
        (2**63, 2**64, []),
        (2**80, -(2**80), []),
    ],
)
async def test_any_range(store: Store, first_id: int, last_id: int, expected: list[int]) -> None:
    for room_id in ("before", "lobby", "behind"):
        await store.rooms.create(room(room_id))
        await store.messages.commit([post(room_id=room_id)] * 5, {})
    assert ids(await store.messages.range("lobby", first_id, last_id)) == expected


async def test_a_range_of_a_room_that_does_not_exist(store: Store) -> None:
    assert await store.messages.range("lobby", 1, 10) == []


async def test_only_members_have_a_read_mark(store: Store) -> None:
    assert await read_mark(store, "ann") is None
    await store.rooms.create(room())
    assert await read_mark(store, "bob") == 0
    assert await read_mark(store, "eve") is None
    await store.messages.commit([post()] * 20, {("lobby", "bob"): 10})
    assert await read_mark(store, "bob") == 10
    await store.rooms.leave("lobby", "bob")
    assert await read_mark(store, "bob") is None


async def test_read_marks_of_many(store: Store) -> None:
    await store.rooms.create(room())
    await store.rooms.create(room("den"))
    await store.messages.commit([post()] * 5, {("lobby", "bob"): 3})
    asked = [("den", "ann"), ("lobby", "bob"), ("lobby", "eve"), ("attic", "ann"), ("lobby", "ann"), ("lobby", "bob")]
    assert await store.messages.read_marks(asked) == [0, 3, None, None, 5, 3]
    assert await store.messages.read_marks([]) == []


async def test_a_read_mark_moves_forward_only_and_not_beyond_the_end(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post()] * 5, {})
    for asked, expected in ((3, 3), (2, 3), (0, 3), (-(2**80), 3), (4, 4), (2**80, 5), (1, 5)):
        assert (await store.messages.commit([], {("lobby", "bob"): asked})).posts == []
        assert await read_mark(store, "bob") == expected


async def test_a_mark_may_reach_the_posts_of_its_batch(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post()] * 3, {("lobby", "bob"): 99})
    assert await read_mark(store, "bob") == 3


async def test_marks_of_nonmembers_and_of_missing_rooms_are_ignored(store: Store) -> None:
    await store.rooms.create(room())
    assert (await store.messages.commit([post()], {("lobby", "eve"): 1, ("den", "ann"): 1})).posts == stored(1)
    await store.rooms.join("lobby", "eve", 2.0)
    assert await read_mark(store, "eve") == 0


async def test_a_post_moves_its_authors_mark(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post(user_id="ann"), post(user_id="bob"), post(user_id="ann")], {("lobby", "ann"): 1})
    assert await read_mark(store, "ann") == 3
    assert await read_mark(store, "bob") == 2


async def test_leaving_ends_the_read_mark(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post(user_id="bob")], {})
    await store.rooms.leave("lobby", "bob")
    await store.rooms.join("lobby", "bob", 2.0)
    assert await read_mark(store, "bob") == 0


async def test_the_log_of_a_deleted_room_cannot_be_read(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post("old", nonce="n"), post("older")], {})
    await store.rooms.delete("lobby")
    assert await store.messages.last_id("lobby") is None
    assert await store.messages.range("lobby", 1, 10) == []
    assert await read_mark(store, "ann") is None

    await store.rooms.create(room())
    assert await store.messages.last_id("lobby") == 0
    assert await read_mark(store, "ann") == 0
    assert (await store.messages.commit([post("new", nonce="n")], {})).posts == stored(1)
    assert await contents(store) == ["new"]


async def test_sweeping_removes_the_logs_of_deleted_rooms_only(store: Store) -> None:
    for room_id in ("lobby", "den", "empty"):
        await store.rooms.create(room(room_id))
    for room_id in ("lobby", "den"):
        await store.messages.commit([post(room_id=room_id, nonce="n"), *[post(room_id=room_id)] * 9], {})
    assert await store.messages.sweep(100) == 0
    for room_id in ("lobby", "empty"):
        await store.rooms.delete(room_id)
    await store.rooms.create(room())
    await store.messages.commit([post("new", nonce="n")], {})

    swept = [await store.messages.sweep(4) for _ in range(4)]
    assert swept == [4, 4, 2, 0]
    assert await contents(store) == ["new"]
    assert len(await contents(store, "den")) == 10
    assert (await store.messages.commit([post(nonce="n")], {})).posts == [Appended(Outcome.REPEATED, 1)]


async def test_one_sweep_serves_several_rooms(store: Store) -> None:
    for room_id in ("a", "b", "c"):
        await store.rooms.create(room(room_id))
        await store.messages.commit([post(room_id=room_id)] * 3, {})
        await store.rooms.delete(room_id)
    assert await store.messages.sweep(7) == 7
    assert await store.messages.sweep(7) == 2


@pytest.mark.parametrize("max_chars", [1, 5, 6, 29, 30, 1000])
async def test_a_range_that_is_cut(store: Store, max_chars: int) -> None:
    """Pages bounded by characters have every message, each once, and tell whether there may be more."""
    await store.rooms.create(room())
    texts = ["é" * size for size in (5, 1, 20, 1, 1, 1, 1)]
    await store.messages.commit([post(text) for text in texts], {})
    read: list[str] = []
    while True:
        page = await store.messages.range("lobby", len(read) + 1, 100, max_chars)
        read += (message.content for message in page)
        sizes = [len(message.content) for message in page]
        assert sum(sizes[:-1]) < max_chars
        if not is_cut(page, max_chars):
            break
    assert read == texts
