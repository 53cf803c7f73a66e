"""Edits, deletions and pins, and catching up with them, in every store. Reactions and mentions have their own files."""

from functools import partial

import pytest

from reichatd.store import (
    ERASED,
    PLAIN,
    Block,
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Cutoff,
    Delete,
    Edit,
    Extras,
    LogHead,
    Message,
    Outcome,
    Pin,
    Pinned,
    React,
    Store,
)
from tests.store.samples import add_user, at_once, change, contents, direct, post, room, stored

NOW = 1_700_000_000.5


def edit(content: str, message_id: int = 1, user_id: str = "ann", **more: float) -> Edit:
    return Edit("lobby", user_id, message_id, content, NOW, **more)  # type: ignore[arg-type]


def delete(*message_ids: int, user_id: str = "ann") -> Delete:
    return Delete("lobby", user_id, message_ids, NOW)


def pin(message_id: int = 1, user_id: str = "ann", is_set: bool = True, at_most: int = 100) -> Pin:
    return Pin("lobby", user_id, message_id, is_set, NOW, at_most)


def changed(change_id: int) -> Changed:
    return Changed(ChangeOutcome.CHANGED, change_id)


def unchanged(change_id: int) -> Changed:
    return Changed(ChangeOutcome.UNCHANGED, change_id)


def refused(outcome: ChangeOutcome) -> Changed:
    return Changed(outcome)


async def head(store: Store, room_id: str = "lobby") -> LogHead:
    found = await store.messages.head(room_id)
    assert found is not None
    return found


async def message(store: Store, message_id: int = 1) -> Message:
    (found,) = await store.messages.by_ids("lobby", [message_id])
    return found


async def lobby(store: Store, messages: int = 3, users: tuple[str, ...] = ("ann", "bob", "eve")) -> None:
    """The lobby of ann with members, the first of whom post by turns."""
    for user_id in users:
        await add_user(store, user_id)
    await store.rooms.create(room(users=users))
    await store.messages.commit([post(f"text {n}", users[n % 2], nonce=f"{n}") for n in range(messages)], {})


# ------------------------------------------------------------------------------------------------------------ edits


async def test_an_edit(store: Store) -> None:
    await lobby(store)
    before = await message(store)
    assert (before.change_id, before.extras) == (0, PLAIN)
    committed = await store.messages.commit([post("more")], {}, [edit("new")])
    assert committed.posts == stored(4)
    assert committed.changes == [changed(1)]
    now = await message(store)
    assert now == Message(
        1, "ann", "Ann", "ann@example.org", "new", before.timestamp, change_id=1, extras=Extras(edited_at=NOW)
    )
    assert committed.changed == [ChangedMessage("lobby", now)]
    assert await store.messages.range("lobby", 1, 1) == await store.messages.written_by("ann", "lobby", 1, 1) == [now]
    assert await contents(store) == ["new", "text 1", "text 2", "more"]
    assert await change(store, edit("new")) == [unchanged(1)]
    assert (await message(store, 2)).extras is PLAIN
    assert (await head(store)).change_id == 1


async def test_who_may_edit_what(store: Store) -> None:
    await lobby(store)
    posted_at = (await message(store)).timestamp
    outcomes = await change(
        store,
        edit("x", user_id="bob"),
        edit("x", user_id="nobody"),
        edit("x", 4),
        edit("x", 2**70),
        Edit("nowhere", "ann", 1, "x", NOW),
        edit("x", since=posted_at + 0.01),
        edit("text 0", since=posted_at + 0.01),
        edit("x", since=posted_at),
    )
    assert outcomes == [
        refused(ChangeOutcome.FORBIDDEN),
        refused(ChangeOutcome.NO_MEMBER),
        refused(ChangeOutcome.NO_MESSAGE),
        refused(ChangeOutcome.NO_MESSAGE),
        refused(ChangeOutcome.NO_ROOM),
        refused(ChangeOutcome.TOO_LATE),
        unchanged(1),  # a change without effect is not refused
        changed(1),
    ]


async def test_an_edit_of_an_older_state_is_a_conflict(store: Store) -> None:
    await lobby(store)
    assert await change(store, edit("a", if_change=0), edit("b", if_change=0)) == [
        changed(1),
        refused(ChangeOutcome.CONFLICT),
    ]
    assert await change(store, edit("a", if_change=0)) == [unchanged(1)]
    assert await change(store, edit("b", if_change=1)) == [changed(2)]


async def test_the_muted_and_the_blocked_change_nothing_but_may_delete(store: Store) -> None:
    await lobby(store)
    await store.messages.commit([post("mine", "eve")], {})
    await store.members.mute("lobby", "eve", NOW + 60)
    muted = Changed(ChangeOutcome.MUTED, until=NOW + 60)
    assert await change(store, edit("x", 4, "eve"), delete(4, user_id="eve")) == [muted, changed(1)]
    await store.rooms.create(direct("pair", "ann", "bob"))
    await store.messages.commit([post("hi", "ann", "pair"), post("psst", "bob", "pair")], {})
    await store.blocks.add(Block("bob", "ann"), 9)
    mine: list[Change] = [
        Edit("pair", "ann", 1, "x", NOW),
        React("pair", "ann", 2, "👍", True, NOW),
        Pin("pair", "ann", 1, True, NOW),
    ]
    assert await change(store, *mine, Delete("pair", "ann", (1,), NOW)) == [
        *[refused(ChangeOutcome.BLOCKED)] * 3,
        changed(1),
    ]


# -------------------------------------------------------------------------------------------------------- deletions


async def test_a_deletion(store: Store) -> None:
    await lobby(store)
    await store.messages.commit([post("reply", "bob", nonce="r")], {})
    await change(store, pin(2), React("lobby", "eve", 2, "👍", True, NOW), edit("new", 2, "bob"))
    committed = await store.messages.commit([], {}, [delete(2, user_id="bob")])
    assert committed.changes == [changed(2)]
    now = await message(store, 2)
    assert (now.user_id, now.username, now.content, now.change_id) == ("bob", "Bob", ERASED, 2)
    assert now.extras == Extras(deleted="author")
    assert committed.changed == [ChangedMessage("lobby", now)]
    assert await contents(store) == ["text 0", ERASED, "text 2", "reply"]
    assert await store.messages.pinned("lobby") == []
    assert await store.messages.reactors("lobby", 2, "👍", "", 10) == []
    again = await store.messages.commit([post("text 1", "bob", nonce="1")], {}, [delete(2, user_id="bob")])
    assert [(one.outcome, one.message_id) for one in again.posts] == [(Outcome.REPEATED, 2)]
    assert again.changes == [unchanged(2)]
    assert again.changed == []
    assert await contents(store) == ["text 0", ERASED, "text 2", "reply"]


async def test_an_administrator_is_no_member_and_deletes_in_every_room(store: Store) -> None:
    await lobby(store)
    await store.rooms.create(direct("pair", "ann", "bob"))
    await store.messages.commit([post("hi", "ann", "pair")], {})
    await change(store, pin(2), React("lobby", "eve", 2, "👍", True, NOW))
    by_administrator = partial(Delete, user_id="", at=NOW, by_administrator=True)
    assert await change(
        store,
        by_administrator("lobby", message_ids=(2, 3)),
        by_administrator("lobby", message_ids=(2,)),
        by_administrator("lobby", message_ids=(1, 9)),
        by_administrator("nowhere", message_ids=(1,)),
        by_administrator("pair", message_ids=(1,)),
        Delete("lobby", "", (1,), NOW),
    ) == [
        changed(3),
        unchanged(2),
        refused(ChangeOutcome.NO_MESSAGE),
        refused(ChangeOutcome.NO_ROOM),
        changed(1),
        refused(ChangeOutcome.NO_MEMBER),
    ]
    assert await contents(store) == ["text 0", ERASED, ERASED]
    assert (await message(store, 2)).extras == Extras(deleted="moderator")
    assert await store.messages.reactors("lobby", 2, "👍", "", 10) == []


async def test_a_deleted_message_cannot_be_changed(store: Store) -> None:
    await lobby(store)
    assert await change(store, delete(1), edit("x"), pin(), React("lobby", "bob", 1, "👍", True, NOW)) == [
        changed(1),
        *[refused(ChangeOutcome.DELETED)] * 3,
    ]
    nothing: list[Change] = [pin(is_set=False), React("lobby", "bob", 1, "👍", False, NOW), delete(1)]
    assert await change(store, edit(ERASED), *nothing) == [refused(ChangeOutcome.DELETED), *[unchanged(1)] * 3]


async def test_all_of_a_deletion_or_nothing(store: Store) -> None:
    await lobby(store, 6)
    assert await change(store, delete(2, 4, 5, user_id="bob"), delete(2, 99, user_id="bob")) == [
        refused(ChangeOutcome.FORBIDDEN),
        refused(ChangeOutcome.NO_MESSAGE),
    ]
    assert (await head(store)).change_id == 0
    await store.members.set_moderator("lobby", "eve", True)
    assert await change(store, delete(4, 2, 4, user_id="bob"), delete(1, 2, 3, user_id="eve")) == [
        changed(2),
        changed(4),
    ]
    found = await store.messages.range("lobby", 1, 6)
    assert [each.extras.deleted for each in found] == ["moderator", "author", "moderator", "author", None, None]
    assert sorted(each.change_id for each in found) == [0, 0, 1, 2, 3, 4]


# ------------------------------------------------------------------------------------------------------------- pins


async def test_pins(store: Store) -> None:
    await lobby(store)
    assert await change(store, pin(3), pin(1, "bob"), pin(1), pin(3)) == [
        changed(1),
        refused(ChangeOutcome.FORBIDDEN),
        changed(2),
        unchanged(1),
    ]
    first, third = await store.messages.pinned("lobby")
    assert (first.message_id, third.message_id) == (1, 3)
    assert first.extras == Extras(pinned=Pinned("ann", NOW))
    assert await change(store, pin(2, at_most=2), pin(1, at_most=2)) == [
        refused(ChangeOutcome.TOO_MANY_PINS),
        unchanged(2),
    ]
    await store.rooms.update("lobby", "", "", members_pin=True)
    assert await change(store, pin(3, "bob", is_set=False), pin(2, "bob", at_most=2)) == [changed(3), changed(4)]
    assert (await message(store, 3)).extras is PLAIN
    assert [each.message_id for each in await store.messages.pinned("lobby")] == [1, 2]
    await store.messages.expire("lobby", Cutoff(keep=2), 10)
    assert [each.message_id for each in await store.messages.pinned("lobby")] == [2]
    assert await store.messages.pinned("nowhere") == []


# ------------------------------------------------------------------------------------------------- numbers, catching up


async def test_each_changed_message_gets_one_number_in_a_commit(store: Store) -> None:
    await lobby(store, 6)
    await store.rooms.create(room("den"))
    await store.messages.commit([post("a", room_id="den")], {})
    committed = await store.messages.commit(
        [post("fresh")],
        {("lobby", "bob"): 5},
        [edit("a", 3), Edit("den", "ann", 1, "b", NOW), pin(1), edit("c", 3), edit("d", 7)],
    )
    assert committed.changes == [changed(1), changed(1), changed(2), changed(1), changed(3)]
    assert committed.read_marks == {("lobby", "ann"): 7}  # bob's last post was the sixth
    order = [(each.room_id, each.message.message_id, each.message.change_id) for each in committed.changed]
    assert sorted(order) == [("den", 1, 1), ("lobby", 1, 2), ("lobby", 3, 1), ("lobby", 7, 3)]
    assert [each for each in order if each[0] == "lobby"] == [("lobby", 3, 1), ("lobby", 1, 2), ("lobby", 7, 3)]
    assert (await message(store, 3)).content == "c"
    assert await change(store, edit("e", 3)) == [changed(4)]
    assert (await head(store)).change_id == 4


async def test_read_marks_that_moved_are_returned(store: Store) -> None:
    await lobby(store)
    marks = {("lobby", "ann"): 99, ("lobby", "bob"): 1, ("lobby", "eve"): 2, ("nowhere", "ann"): 1}
    committed = await store.messages.commit([], marks)
    assert committed.read_marks == {("lobby", "eve"): 2}  # ann's last post was the third, bob's the second
    assert (await store.messages.commit([], marks)).read_marks == {}


async def test_what_has_changed_since(store: Store) -> None:
    await lobby(store, 40)
    for start in (30, 20, 10):
        await change(store, *(edit(f"{n}", n) for n in range(start - 9, start + 1, 2)))
    since = partial(store.messages.changed, "lobby")
    assert [each.message_id for each in await since(0, 1, 40, 100)] == [
        *range(21, 30, 2),
        *range(11, 20, 2),
        *range(1, 10, 2),
    ]
    page = await since(7, 1, 40, 4)
    assert [each.change_id for each in page] == [8, 9, 10, 11]
    assert page == [await message(store, n) for n in (15, 17, 19, 1)]
    assert [each.message_id for each in await since(0, 8, 13, 100)] == [11, 13, 9]
    assert [each.message_id for each in await since(0, 8, 13, 2)] == [11, 13]
    assert [each.message_id for each in await since(0, 1, 40, 100, max_chars=3)] == [21, 23]
    assert await since(15, 1, 40, 100) == await since(2**70, 1, 40, 100) == await since(0, 30, 40, 100) == []
    assert len(await since(-(2**70), -(2**70), 2**70, 100)) == 15
    assert await since(0, 40, 1, 100) == await store.messages.changed("nowhere", 0, 1, 40, 100) == []
    await store.messages.expire("lobby", Cutoff(keep=20), 100)
    assert [each.message_id for each in await since(0, 1, 40, 100)] == list(range(21, 30, 2))


async def test_messages_by_their_ids(store: Store) -> None:
    await lobby(store, 5)
    found = await store.messages.by_ids("lobby", [4, 2**70, 2, 99, 0, -1, 2])
    assert [each.message_id for each in found] == [2, 4]
    assert await store.messages.by_ids("lobby", []) == await store.messages.by_ids("nowhere", [1]) == []


async def test_a_head_names_its_log(store: Store) -> None:
    assert await store.messages.head("lobby") is None
    await lobby(store)
    await store.rooms.create(room("den"))
    first, den = await head(store), await head(store, "den")
    assert first == LogHead(1, 3, 0, first.token, first.key)
    assert len(first.token) == 8
    assert first.token != den.token
    assert first.key != den.key or first.key == ""
    await change(store, edit("a"))
    await store.messages.expire("lobby", Cutoff(keep=1), 10)
    assert await head(store) == LogHead(3, 3, 1, first.token, first.key)
    await store.rooms.delete("lobby")
    assert await store.messages.head("lobby") is None
    await store.rooms.create(room())
    again = await head(store)
    assert again == LogHead(1, 0, 0, again.token, again.key)
    assert again.token != first.token
    assert again.key != first.key or first.key == ""


@pytest.mark.parametrize("size", [1, 7])
async def test_many_changes_in_one_commit(store: Store, size: int) -> None:
    await lobby(store, 300)
    for start in range(1, 301, 300 // size):
        some = [edit(f"new {n}", n, "ann" if n % 2 else "bob") for n in range(start, min(start + 300 // size, 301))]
        await change(store, *some)
    assert await contents(store) == [f"new {n}" for n in range(1, 301)]
    numbers = [each.change_id for each in await store.messages.changed("lobby", 0, 1, 300, 1000)]
    assert numbers == list(range(1, 301))


async def test_changes_at_once(store: Store) -> None:
    """Two scribes, as of two daemons: no number is lost, none is given twice."""
    await lobby(store, 40)

    async def one(parity: int) -> None:
        for n in range(1 + parity, 41, 2):
            await change(store, edit(f"{n}", n, "ann" if n % 2 else "bob"))

    await at_once([partial(one, 0), partial(one, 1)])
    found = await store.messages.range("lobby", 1, 40)
    assert len({each.change_id for each in found} - {0}) == 40
    assert (await head(store)).change_id == max(each.change_id for each in found)
    assert len(await store.messages.changed("lobby", 0, 1, 40, 100)) == 40
