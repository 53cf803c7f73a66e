"""Removing messages from the front of logs, in every store."""

import pytest
import trio

from reichatd.store import Appended, Cutoff, Keep, LogRange, Message, Outcome, Post, Progress, Store
from tests.store.conftest import Opener
from tests.store.samples import add_user, post, read_mark, room, stored

DAY = 86_400.0


def dated(*days: float, room_id: str = "lobby") -> list[Post]:
    """Posts from these days, each with its day as text and nonce."""
    return [Post(room_id, "ann", f"day {day:g}", day * DAY, f"{day:g}") for day in days]


def ids(messages: list[Message]) -> list[int]:
    return [message.message_id for message in messages]


async def fill(store: Store, *days: float, room_id: str = "lobby") -> None:
    await store.rooms.create(room(room_id))
    await store.messages.commit(dated(*days, room_id=room_id), {})


async def ends(store: Store, room_id: str = "lobby") -> tuple[int | None, int | None]:
    (first_id,) = await store.messages.first_ids([room_id])
    return first_id, await store.messages.last_id(room_id)


async def whole(store: Store, room_id: str = "lobby") -> list[int]:
    """The ids of a log; checks that they are all ids from the first to the last."""
    found = ids(await store.messages.range(room_id, -(2**70), 2**70))
    first_id, last_id = await ends(store, room_id)
    assert first_id is not None
    assert last_id is not None
    assert found == list(range(first_id, last_id + 1))
    return found


async def test_by_age(store: Store) -> None:
    await fill(store, 1, 2, 3, 4, 5)
    gone = await store.messages.expire("lobby", Cutoff(before=3 * DAY), 100)
    assert (gone.next_id, gone.messages, gone.oldest, gone.newest) == (3, 2, DAY, 2 * DAY)
    assert gone.size >= 2 * len("day 1")
    assert await whole(store) == [3, 4, 5]


async def test_by_number(store: Store) -> None:
    await fill(store, 1, 2, 3, 4, 5)
    assert (await store.messages.expire("lobby", Cutoff(keep=2), 100)).messages == 3
    assert await whole(store) == [4, 5]
    assert (await store.messages.expire("lobby", Cutoff(keep=2), 100)) == LogRange(4)
    assert (await store.messages.expire("lobby", Cutoff(keep=10**9), 100)) == LogRange(4)


@pytest.mark.parametrize(("before", "keep", "left"), [(2, 2, [4, 5]), (4, 4, [4, 5]), (9, 3, []), (2, 0, [])])
async def test_both_limits_apply(store: Store, before: float, keep: int, left: list[int]) -> None:
    await fill(store, 1, 2, 3, 4, 5)
    await store.messages.expire("lobby", Cutoff(before * DAY, keep), 100)
    assert await whole(store) == left


async def test_without_a_limit_nothing_is_removed(store: Store) -> None:
    await fill(store, 1, 2)
    assert await store.messages.expire("lobby", Cutoff(), 100) == LogRange(1)
    assert await whole(store) == [1, 2]


async def test_a_log_is_cut_from_the_front_only(store: Store) -> None:
    # A clock that went back, or two clocks: 3 is young, 4 and 5 are old.
    await fill(store, 1, 2, 30, 3, 4)
    await store.messages.expire("lobby", Cutoff(before=10 * DAY), 100)
    assert await whole(store) == [3, 4, 5]


async def test_step_by_step(store: Store) -> None:
    await fill(store, *range(1, 11))
    steps = [await store.messages.expire("lobby", Cutoff(keep=1), 4) for _ in range(4)]
    assert [step.messages for step in steps] == [4, 4, 1, 0]
    assert [step.next_id for step in steps] == [5, 9, 10, 10]
    assert await whole(store) == [10]


async def test_expired_reports_what_expire_removes_and_removes_nothing(store: Store) -> None:
    await fill(store, *range(1, 11))
    cutoff = Cutoff(before=4.5 * DAY, keep=3)
    looks = [await store.messages.expired("lobby", cutoff, first_id, 4) for first_id in (1, 5, 8, 99, -5)]
    assert [look.messages for look in looks] == [4, 3, 0, 0, 4]
    assert await whole(store) == list(range(1, 11))
    assert looks[:2] == [await store.messages.expire("lobby", cutoff, 4) for _ in range(2)]
    # Removed messages are not counted again.
    assert await store.messages.expired("lobby", Cutoff(keep=0), 1, 2) == await store.messages.expire(
        "lobby", Cutoff(keep=0), 2
    )
    assert await whole(store) == [10]


async def test_an_emptied_log_continues_where_it_ended(store: Store, opener: Opener) -> None:
    await fill(store, 1, 2, 3)
    await store.messages.expire("lobby", Cutoff(keep=0), 100)
    assert await whole(store) == []
    assert await ends(store) == (4, 3)
    # A newly opened store has nothing cached.
    other = await opener()
    assert await ends(other) == (4, 3)
    assert (await other.messages.commit(dated(4), {("lobby", "bob"): 2**70})).posts == stored(4)
    await other.aclose()
    assert (await store.messages.commit(dated(5), {})).posts == stored(5)
    assert await whole(store) == [4, 5]
    assert await read_mark(store, "bob") == 4


async def test_marks_in_an_emptied_log_are_clamped_to_its_end(store: Store) -> None:
    await fill(store, 1, 2, 3)
    await store.messages.expire("lobby", Cutoff(keep=0), 100)
    await store.messages.commit([], {("lobby", "bob"): 99})
    assert await read_mark(store, "bob") == 3


async def test_a_mark_before_the_beginning_stays_and_moves_on(store: Store) -> None:
    await fill(store, 1, 2, 3, 4, 5)
    await store.messages.commit([], {("lobby", "bob"): 1})
    await store.messages.expire("lobby", Cutoff(keep=2), 100)
    assert await read_mark(store, "bob") == 1
    await store.messages.commit([], {("lobby", "bob"): 4})
    assert await read_mark(store, "bob") == 4


async def test_a_nonce_is_forgotten_with_its_message(store: Store) -> None:
    await fill(store, 1, 2, 3)
    await store.messages.expire("lobby", Cutoff(keep=1), 100)
    assert (await store.messages.commit(dated(1, 3), {})).posts == [
        Appended(Outcome.STORED, 4),
        Appended(Outcome.REPEATED, 3),
    ]
    assert await whole(store) == [3, 4]


async def test_other_rooms_are_not_changed(store: Store) -> None:
    for room_id in ("before", "lobby", "zoo"):
        await fill(store, 1, 2, 3, room_id=room_id)
    await store.messages.expire("lobby", Cutoff(keep=0), 100)
    assert await whole(store, "before") == await whole(store, "zoo") == [1, 2, 3]
    assert await store.messages.first_ids(["zoo", "lobby", "attic", "zoo"]) == [1, 4, None, 1]
    assert await store.messages.first_ids([]) == []


async def test_a_room_that_does_not_exist(store: Store) -> None:
    assert await store.messages.expire("lobby", Cutoff(keep=0), 100) == LogRange(1)
    assert (await store.messages.expired("lobby", Cutoff(keep=0), 7, 100)).messages == 0


async def test_a_later_room_with_the_same_id_begins_at_1(store: Store) -> None:
    await fill(store, 1, 2, 3)
    await store.rooms.keep("lobby", Keep(days=1))
    await store.messages.expire("lobby", Cutoff(keep=1), 100)
    await store.rooms.delete("lobby")
    await fill(store, 4)
    assert await whole(store) == [1]
    found = await store.rooms.get("lobby")
    assert found is not None
    assert (found.first_id, found.keep) == (1, None)


async def test_a_room_knows_where_its_log_begins(store: Store) -> None:
    await fill(store, 1, 2, 3)
    await store.messages.expire("lobby", Cutoff(keep=1), 100)
    found = await store.rooms.get("lobby")
    assert found is not None
    assert found.first_id == 3
    assert [each.first_id for each in await store.rooms.joined("ann")] == [3]


async def test_reading_progress(store: Store) -> None:
    for room_id in ("lobby", "empty", "emptied", "without"):
        await store.rooms.create(room(room_id, users=["ann", "bob"]))
    await store.messages.commit(dated(1, 2, 3), {("lobby", "bob"): 2})
    await store.messages.commit(dated(1, 2, room_id="emptied"), {})
    await store.messages.expire("emptied", Cutoff(before=9 * DAY), 100)
    await store.rooms.leave("without", "bob")
    assert await store.rooms.progress("bob") == [
        Progress("lobby", 2, 3),
        Progress("empty", 0, 0),
        Progress("emptied", 0, 2),
    ]
    assert await store.rooms.progress("nobody") == []


async def test_a_room_that_is_created_with_a_first_id(store: Store) -> None:
    moved = room()
    moved = type(moved)(
        "lobby", moved.name, moved.description, "ann", None, 1.5, ("ann",), first_id=7, keep=Keep(days=3, messages=9)
    )
    await store.rooms.create(moved)
    assert await store.rooms.get("lobby") == moved
    assert (await store.messages.commit([post()], {})).posts == stored(7)
    assert await whole(store) == [7]


async def test_limits_of_rooms(store: Store) -> None:
    for room_id in ("a", "b", "c", "d"):
        await store.rooms.create(room(room_id))
    assert await store.rooms.keep("b", Keep(days=30))
    assert await store.rooms.keep("d", Keep(messages=5))
    assert await store.rooms.keep("c", Keep())
    assert not await store.rooms.keep("x", Keep())
    own = [("b", Keep(days=30)), ("c", Keep()), ("d", Keep(messages=5))]
    assert await store.rooms.kept("", 10, all_rooms=False) == own
    assert await store.rooms.kept("b", 1, all_rooms=False) == own[1:2]
    assert await store.rooms.kept("", 10, all_rooms=True) == [("a", None), *own]
    assert await store.rooms.kept("a", 2, all_rooms=True) == own[:2]
    assert await store.rooms.keep("b", None)
    assert await store.rooms.kept("", 10, all_rooms=False) == own[1:]
    found = await store.rooms.get("d")
    assert found is not None
    assert found.keep == Keep(messages=5)


async def test_posts_reads_and_retention_at_once(store: Store, opener: Opener) -> None:
    """Readers see ids without a gap, and a post gets the next id, while messages are being removed."""
    await add_user(store)
    await store.rooms.create(room())
    other = await opener()
    done = trio.Event()
    cuts = 0

    async def write() -> None:
        for batch in range(40):
            answers = (await store.messages.commit([post(f"{n}", nonce=f"{batch} {n}") for n in range(25)], {})).posts
            assert answers == stored(*range(batch * 25 + 1, batch * 25 + 26))
        done.set()

    async def read(reader: Store) -> None:
        while not done.is_set():
            found = ids(await reader.messages.range("lobby", 1, 10_000))
            assert found == list(range(found[0], found[-1] + 1)) if found else True
            (first_id,), last_id = await reader.messages.first_ids(["lobby"]), await reader.messages.last_id("lobby")
            assert first_id is not None
            assert last_id is not None
            assert found[:1] <= [first_id]
            assert last_id >= first_id - 1

    async def cut(cutter: Store) -> None:
        nonlocal cuts
        while not done.is_set():
            # Not in one line, which would add to the value that `cuts` had before the wait.
            removed = await cutter.messages.expire("lobby", Cutoff(keep=30), 50)
            cuts += removed.messages

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            for each in (store, other):
                nursery.start_soon(read, each)
                nursery.start_soon(cut, each)
    assert cuts > 0
    while (await other.messages.expire("lobby", Cutoff(keep=30), 50)).messages:
        pass
    assert await whole(store) == list(range(971, 1001))
    await other.aclose()
