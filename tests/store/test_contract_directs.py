"""Direct conversations and blocks, in every store."""

from functools import partial

from reichatd.store import (
    Appended,
    Block,
    BlockOutcome,
    DirectHead,
    Outcome,
    Store,
    TransferOutcome,
    direct_pair,
    other_of,
)
from tests.store.conftest import Opener
from tests.store.samples import add_user, at_once, direct, post, room, stored

PAIR = direct_pair("bob", "ann")
BOTH = frozenset({"ann", "bob"})


def test_a_pair_is_the_same_from_both_sides() -> None:
    assert direct_pair("ann", "bob") == PAIR
    assert (other_of(PAIR, "ann"), other_of(PAIR, "bob")) == ("bob", "ann")


async def test_the_one_conversation_of_two_users(store: Store) -> None:
    assert await store.directs.find(PAIR) is None
    assert await store.directs.open(direct(), 1.5) == DirectHead("whisper", BOTH)
    assert await store.rooms.get("whisper") == direct()
    assert await store.directs.open(direct("other", "bob", "ann"), 2.5) == DirectHead("whisper", BOTH)
    assert await store.directs.find(PAIR) == DirectHead("whisper", BOTH)
    assert await store.rooms.get("other") is None
    assert await store.directs.open(direct("with eve", "ann", "eve"), 2.5) == DirectHead(
        "with eve", frozenset({"ann", "eve"})
    )


async def test_the_id_of_another_room(store: Store) -> None:
    await store.rooms.create(room())
    assert await store.directs.open(direct("lobby"), 1.5) is None
    assert await store.directs.find(PAIR) is None
    assert await store.rooms.get("lobby") == room()


async def test_opening_brings_back_those_who_left(store: Store) -> None:
    await store.directs.open(direct(), 1.5)
    await store.messages.commit([post("hello", room_id="whisper")], {})
    await store.rooms.leave("whisper", "bob")
    assert await store.directs.find(PAIR) == DirectHead("whisper", frozenset({"ann"}))
    await store.rooms.leave("whisper", "ann")
    assert await store.directs.open(direct("other"), 2.5) == DirectHead("whisper", frozenset())
    assert await store.directs.find(PAIR) == DirectHead("whisper", BOTH)
    assert [message.content for message in await store.messages.range("whisper", 1, 9)] == ["hello"]


async def test_both_open_it_at_once(store: Store, opener: Opener) -> None:
    other = await opener()
    for number in range(5):
        users = "ann", f"user{number}"
        rooms = direct(f"from{number}", *users), direct(f"to{number}", *reversed(users))
        opened = await at_once(
            [partial(one.directs.open, each, 1.5) for one, each in zip((store, other), rooms, strict=True)]
        )
        [room_id] = {head.room_id for head in opened if head is not None}
        found = await store.rooms.get(room_id)
        assert found is not None
        assert set(found.users) == set(users)
        assert await store.directs.find(direct_pair(*users)) == DirectHead(room_id, frozenset(users))
        assert len([one for one in rooms if await store.rooms.get(one.room_id)]) == 1
    await other.aclose()


async def test_summaries_name_the_pair(store: Store) -> None:
    await store.rooms.create(room())
    await store.directs.open(direct(), 1.5)
    assert [(one.room_id, one.direct) for one in await store.rooms.joined_summaries("ann")] == [
        ("lobby", None),
        ("whisper", PAIR),
    ]
    assert await store.rooms.owned("ann") == ["lobby"]
    assert await store.rooms.transfer("whisper", "ann") is TransferOutcome.DIRECT
    assert await store.rooms.owned("ann") == ["lobby"]


async def test_who_shares_a_room(store: Store) -> None:
    assert not await store.directs.share_room("ann", "bob")
    await store.directs.open(direct(), 1.5)
    assert not await store.directs.share_room("ann", "bob")
    await store.rooms.create(room())
    assert await store.directs.share_room("ann", "bob")
    assert await store.directs.share_room("bob", "ann")
    assert not await store.directs.share_room("ann", "eve")
    await store.rooms.create(room("den", ["eve"]))
    assert not await store.directs.share_room("ann", "eve")
    await store.rooms.leave("lobby", "bob")
    assert not await store.directs.share_room("ann", "bob")
    await store.rooms.join("lobby", "bob", 2.5)
    await store.rooms.delete("lobby")
    assert not await store.directs.share_room("ann", "bob")


async def test_messages_tell_who_shares_the_room(store: Store) -> None:
    for name in ("ann", "bob"):
        await add_user(store, name)
    await store.rooms.create(room())
    await store.directs.open(direct(), 1.5)
    for room_id in ("lobby", "whisper"):
        await store.messages.commit([post("a", "ann", room_id), post("b", "bob", room_id)], {})
    await store.rooms.leave("lobby", "bob")
    lobby = await store.messages.range("lobby", 1, 9)
    assert [(one.email, one.shares_room) for one in lobby] == [("ann@example.org", True), ("bob@example.org", False)]
    assert [one.shares_room for one in await store.messages.range("whisper", 1, 9)] == [False, False]
    assert [one.shares_room for one in await store.messages.written_by("bob", "lobby", 1, 9)] == [False]


async def test_a_conversation_that_no_one_can_come_back_to_is_deleted(store: Store) -> None:
    for name in ("ann", "bob", "eve"):
        await add_user(store, name)
    await store.rooms.create(room("den", ["ann"]))
    await store.directs.open(direct(), 1.5)
    await store.directs.open(direct("with eve", "ann", "eve"), 1.5)
    await store.rooms.leave("with eve", "eve")
    await store.users.delete("ann")
    assert await store.directs.find(PAIR) == DirectHead("whisper", frozenset({"bob"}))
    assert await store.rooms.get("with eve") is None
    assert await store.rooms.get("den") is not None
    await store.users.delete("bob")
    assert await store.directs.find(PAIR) is None


async def test_a_conversation_that_both_have_left_is_deleted_with_the_first_of_them(store: Store) -> None:
    for name in ("ann", "bob", "bobby", "eve", "zoe"):
        await add_user(store, name)
    # The last one is not bob's, and bob is the first or the second of the others.
    for other, user_id in (("ann", "bob"), ("eve", "bob"), ("zoe", "bobby")):
        await store.directs.open(direct(f"with {other}", other, user_id), 1.5)
        await store.rooms.leave(f"with {other}", user_id)
        await store.rooms.leave(f"with {other}", other)
    await store.directs.open(direct(), 2.5)
    await store.rooms.leave("with ann", "bob")
    await store.users.delete("bob")
    left = [room_id for room_id in ("with ann", "with eve", "with zoe") if await store.rooms.get(room_id)]
    assert left == ["with ann", "with zoe"], "ann is still a member of hers"


async def test_blocks(store: Store) -> None:
    for blocked, outcome in (("eve", "BLOCKED"), ("bob", "BLOCKED"), ("bob", "ALREADY_BLOCKED"), ("zoe", "TOO_MANY")):
        assert await store.blocks.add(Block("ann", blocked), 2) is BlockOutcome[outcome]
    assert await store.blocks.add(Block("bob", "ann"), 2) is BlockOutcome.BLOCKED
    assert await store.blocks.add(Block("ann2", "bob"), 0) is BlockOutcome.BLOCKED
    assert await store.blocks.of_user("ann") == ["bob", "eve"]
    assert await store.blocks.exists("ann", "eve")
    assert not await store.blocks.exists("eve", "ann")
    assert await store.blocks.remove("ann", "eve")
    assert not await store.blocks.remove("ann", "eve")
    assert not await store.blocks.exists("ann", "eve")
    assert await store.blocks.of_user("bob") == ["ann"]
    assert await store.blocks.of_user("eve") == []


async def test_the_same_block_twice_at_once(store: Store, opener: Opener) -> None:
    other = await opener()
    adding = [partial(one.blocks.add, Block("ann", "bob"), 9) for one in (store, other)]
    assert set(await at_once(adding)) == {BlockOutcome.BLOCKED, BlockOutcome.ALREADY_BLOCKED}
    await other.aclose()


async def test_a_blocked_user_cannot_post_to_the_conversation(store: Store, opener: Opener) -> None:
    other = await opener()
    await store.rooms.create(room())
    await store.directs.open(direct(), 1.5)
    posts = [post(user_id=name, room_id="whisper", nonce="n") for name in ("ann", "bob")]
    assert (await store.messages.commit(posts, {})).posts == in_direct(1, 2)
    await store.blocks.add(Block("ann", "bob"), 0)
    await store.blocks.add(Block("ann", "eve"), 0)
    batch = [
        post("blocked", "bob", "whisper"),
        post(user_id="bob", room_id="whisper", nonce="n"),  # stored before
        post("by the blocker", "ann", "whisper"),
        post("elsewhere", "bob"),
        post("blocked", "bob", "whisper", "m"),
    ]
    for one, first_id in ((store, 3), (other, 4)):
        blocked, again, by_ann, elsewhere, blocked_too = (await one.messages.commit(batch, {})).posts
        assert blocked == blocked_too == Appended(Outcome.BLOCKED)
        assert (again.outcome, again.message_id) == (Outcome.REPEATED, 2)
        assert [by_ann, elsewhere] == [*in_direct(first_id), *stored(first_id - 2)]
    await store.blocks.remove("ann", "bob")
    assert (await store.messages.commit(batch[:1], {})).posts == in_direct(5)
    await other.aclose()


def in_direct(*message_ids: int) -> list[Appended]:
    return [Appended(Outcome.STORED, message_id, in_direct=True) for message_id in message_ids]


async def test_a_deleted_user_is_in_no_block(store: Store) -> None:
    await add_user(store)
    for block in (Block("ann", "bob"), Block("bob", "ann"), Block("bob", "eve")):
        await store.blocks.add(block, 0)
    await store.users.delete("ann")
    assert await store.blocks.of_user("ann") == []
    assert await store.blocks.of_user("bob") == ["eve"]
