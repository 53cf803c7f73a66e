"""The group commit, opening and closing, in every store."""

from functools import partial

import pytest
import trio
import trio.testing

from reichatd.store import Appended, Outcome, Post, Store, StoreError
from tests.store.conftest import Opener
from tests.store.samples import at_once, contents, post, read_mark, room, stored

NO_ROOM = Appended(Outcome.NO_ROOM)
NO_MEMBER = Appended(Outcome.NO_MEMBER)


def repeated(message_id: int) -> Appended:
    return Appended(Outcome.REPEATED, message_id)


async def test_ids_count_from_one(store: Store) -> None:
    await store.rooms.create(room())
    assert (await store.messages.commit([], {})).posts == []
    assert (await store.messages.commit([post("a"), post("b", "bob")], {})).posts == stored(1, 2)
    assert (await store.messages.commit([post("c")], {})).posts == stored(3)
    assert await contents(store) == ["a", "b", "c"]


async def test_each_room_has_its_own_ids(store: Store) -> None:
    await store.rooms.create(room("lobby"))
    await store.rooms.create(room("den"))
    order = ["lobby", "den", "den", "lobby", "den"]
    first = (await store.messages.commit([post(f"{n}", room_id=room_id) for n, room_id in enumerate(order)], {})).posts
    second = (
        await store.messages.commit([post(f"{n}", room_id=room_id) for n, room_id in enumerate(order, 5)], {})
    ).posts
    assert first == stored(1, 1, 2, 2, 3)
    assert second == stored(3, 4, 5, 4, 6)
    assert await contents(store, "lobby") == ["0", "3", "5", "8"]
    assert await contents(store, "den") == ["1", "2", "4", "6", "7", "9"]


async def test_a_refused_post_does_not_affect_others(store: Store) -> None:
    await store.rooms.create(room())
    batch = [post("a"), post(room_id="den"), post("b", "bob"), post(user_id="eve", nonce="n"), post("c", nonce="n")]
    assert (await store.messages.commit(batch, {})).posts == [*stored(1), NO_ROOM, *stored(2), NO_MEMBER, *stored(3)]
    assert await contents(store) == ["a", "b", "c"]


async def test_a_batch_of_refused_posts(store: Store) -> None:
    assert (await store.messages.commit([post(), post(nonce="n")], {})).posts == [NO_ROOM, NO_ROOM]


@pytest.mark.parametrize("out", ["leave", "ban"])
async def test_a_removed_member_cannot_post(store: Store, out: str) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post("before", "bob", nonce="n")], {})
    assert await (store.rooms.leave if out == "leave" else store.rooms.ban)("lobby", "bob")
    assert (await store.messages.commit([post("after", "bob"), post("before", "bob", nonce="n")], {})).posts == [
        NO_MEMBER
    ] * 2
    assert await contents(store) == ["before"]


async def test_a_deleted_room_takes_no_post(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post(nonce="n")], {})
    await store.rooms.delete("lobby")
    assert (await store.messages.commit([post(), post(nonce="n")], {})).posts == [NO_ROOM] * 2


async def test_a_nonce_stores_once(store: Store) -> None:
    await store.rooms.create(room())
    assert (await store.messages.commit([post("a"), post("b", nonce="n")], {})).posts == stored(1, 2)
    again = (await store.messages.commit([post("b", nonce="n"), post("c"), post("b", nonce="n")], {})).posts
    assert again == [repeated(2), *stored(3), repeated(2)]
    assert await contents(store) == ["a", "b", "c"]


async def test_a_nonce_repeated_within_its_batch(store: Store) -> None:
    await store.rooms.create(room())
    answers = (await store.messages.commit([post("a", nonce="n"), post("b"), post("a", nonce="n")], {})).posts
    assert answers == [*stored(1, 2), repeated(1)]
    assert await contents(store) == ["a", "b"]


async def test_a_nonce_belongs_to_one_author_and_one_room(store: Store) -> None:
    for room_id in ("lobby", "den"):
        await store.rooms.create(room(room_id))
    batch = [post(nonce="n"), post(user_id="bob", nonce="n"), post(room_id="den", nonce="n"), post(nonce="N"), post()]
    assert (await store.messages.commit(batch, {})).posts == stored(1, 2, 1, 3, 4)
    assert (await store.messages.commit(batch[:4], {})).posts == [repeated(1), repeated(2), repeated(1), repeated(3)]


async def test_a_repeated_post_moves_its_authors_mark(store: Store) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post(nonce="n"), post(user_id="bob")], {})
    await store.rooms.leave("lobby", "ann")
    await store.rooms.join("lobby", "ann", 2.0)
    assert (await store.messages.commit([post(nonce="n")], {})).posts == [repeated(1)]
    assert await read_mark(store, "ann") == 1


async def test_a_large_batch(store: Store) -> None:
    rooms = [f"room{number}" for number in range(20)]
    for room_id in rooms:
        await store.rooms.create(room(room_id))
    batch = [
        post(f"{n}", "ann" if n % 3 else "bob", rooms[n * 7 % 20], f"nonce {n}" if n % 2 else None) for n in range(2000)
    ]
    answers = (await store.messages.commit(batch, {})).posts
    for room_id in rooms:
        expected = [one.content for one in batch if one.room_id == room_id]
        assert await contents(store, room_id) == expected
        given = [answer.message_id for one, answer in zip(batch, answers, strict=True) if one.room_id == room_id]
        assert given == list(range(1, len(expected) + 1))


async def append_often(store: Store, name: str, room_ids: list[str]) -> list[tuple[Post, Appended]]:
    acknowledged = []
    for number in range(30):
        batch = [post(f"{name} {number} {room_id}", room_id=room_id, nonce=f"{name} {number}") for room_id in room_ids]
        acknowledged += list(zip(batch, (await store.messages.commit(batch, {})).posts, strict=True))
    return acknowledged


async def test_two_daemons_append_to_one_log(store: Store, opener: Opener) -> None:
    other = await opener()
    for room_id in ("lobby", "den"):
        await store.rooms.create(room(room_id))
    writers = [
        partial(append_often, store, "here", ["lobby", "den", "lobby "]),
        partial(append_often, other, "there", ["den", "lobby"]),
    ]
    acknowledged = [pair for answers in await at_once(writers) for pair in answers]
    for room_id in ("lobby", "den"):
        texts = await contents(store, room_id)
        assert len(texts) == 60
        for one, answer in acknowledged:
            if one.room_id == room_id:
                assert answer.outcome is Outcome.STORED
                assert texts[answer.message_id - 1] == one.content
    assert {answer for one, answer in acknowledged if one.room_id == "lobby "} == {NO_ROOM}
    await other.aclose()


async def test_two_daemons_are_sent_the_same_nonce(store: Store, opener: Opener) -> None:
    other = await opener()
    await store.rooms.create(room())
    for number in range(20):
        batch = [post(f"{number}", nonce=f"{number}")]
        answers = await at_once([partial(one.messages.commit, batch, {}) for one in (store, other)])
        assert {answer.outcome for each in answers for answer in each.posts} == {Outcome.STORED, Outcome.REPEATED}
        assert {answer.message_id for each in answers for answer in each.posts} == {number + 1}
    assert len(await contents(store)) == 20
    await other.aclose()


async def test_what_one_daemon_changes_the_other_sees(store: Store, opener: Opener) -> None:
    other = await opener()
    await store.rooms.create(room())
    assert (await other.messages.commit([post()], {})).posts == stored(1)
    await store.rooms.ban("lobby", "bob")
    assert (await other.messages.commit([post(user_id="bob")], {})).posts == [NO_MEMBER]
    await store.rooms.delete("lobby")
    await store.rooms.create(room())
    assert (await other.messages.commit([post()], {})).posts == stored(1)
    await other.aclose()


async def test_posting_while_the_room_is_deleted_and_created_again(store: Store) -> None:
    await store.rooms.create(room())

    async def renew() -> list[Appended]:
        for _ in range(10):
            await store.rooms.delete("lobby")
            await store.rooms.create(room())
        return []

    async def keep_posting() -> list[Appended]:
        return [((await store.messages.commit([post(f"{n}")], {})).posts)[0] for n in range(40)]

    _, answers = await at_once([renew, keep_posting])
    # In any order of events: each incarnation of the room counts from 1, and the last one has the last posts.
    here = len(await contents(store))
    posted = [(f"{n}", answer) for n, answer in enumerate(answers) if answer.outcome is Outcome.STORED]
    assert await contents(store) == [content for content, _ in posted[len(posted) - here :]]
    expected = 1
    for _, answer in posted:
        assert answer.message_id in (1, expected)
        expected = answer.message_id + 1


async def test_a_cancelled_append_has_happened_entirely_or_not_at_all(store: Store) -> None:
    await store.rooms.create(room())
    log: list[str] = []
    for number in range(60):
        batch = [post(f"{number} {n}", nonce=f"{number} {n}") for n in range(5)]
        answers = None
        with trio.move_on_after(number * 0.0002):
            answers = (await store.messages.commit(batch, {})).posts
        there = await contents(store)
        assert there[: len(log)] == log
        assert there[len(log) :] in ([], [one.content for one in batch])
        if answers is not None:
            assert answers == stored(*range(len(log) + 1, len(log) + 6))
            assert len(there) == len(log) + 5
        log = there


async def test_reads_see_whole_batches(store: Store) -> None:
    await store.rooms.create(room())
    done = trio.Event()

    async def write() -> None:
        for _ in range(30):
            await store.messages.commit([post(user_id="bob")] * 10, {})
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        while not done.is_set():
            mark = await read_mark(store, "bob")
            assert mark is not None
            # The log never ends before a mark that was read, and its ids never have a gap.
            ids = [one.message_id for one in await store.messages.range("lobby", 1, 1000)]
            assert len(ids) >= mark
            assert ids == list(range(1, len(ids) + 1))


async def test_a_probe_changes_nothing(store: Store, opener: Opener) -> None:
    await store.rooms.create(room())
    await store.messages.commit([post()], {})
    before = await contents(store)
    for _ in range(2):
        await store.messages.probe()
    assert await contents(store) == before
    await (await opener()).aclose()


async def test_ping_and_close(store: Store) -> None:
    await store.ping()
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError):
        await store.ping()
    with pytest.raises(StoreError):
        await store.messages.commit([post()], {})


async def test_closing_waits_for_running_calls(opener: Opener) -> None:
    store = await opener()
    await store.rooms.create(room())
    answers: list[list[Appended]] = []

    async def append() -> None:
        answers.append((await store.messages.commit([post()], {})).posts)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(append)
        await trio.testing.wait_all_tasks_blocked()
        await store.aclose()
    assert len(answers) == 10
    again = await opener()
    assert len(await contents(again)) == 10
    await again.aclose()


async def test_closing_cannot_be_cancelled(opener: Opener) -> None:
    store = await opener()
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.aclose()
    with pytest.raises(StoreError):
        await store.ping()


async def test_data_outlives_the_store(opener: Opener) -> None:
    store = await opener()
    await store.rooms.create(room())
    await store.messages.commit([post("a"), post("b", nonce="n")], {("lobby", "bob"): 1})
    await store.aclose()
    again = await opener()
    assert await again.rooms.get("lobby") == room()
    assert await read_mark(again, "bob") == 1
    assert (await again.messages.commit([post("b", nonce="n"), post("c")], {})).posts == [repeated(2), *stored(3)]
    assert await contents(again) == ["a", "b", "c"]
    await again.aclose()


async def test_several_daemons_open_a_new_store_at_once(opener: Opener) -> None:
    stores = await at_once([opener] * 5)
    await stores[0].rooms.create(room())
    for one in stores:
        assert await one.rooms.get("lobby") == room()
        await one.aclose()
