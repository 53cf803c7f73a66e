"""Replies and mentions, and the count of those that are unread, in every store."""

import msgspec
import pytest

from reichatd.store import (
    MOST_MENTIONS,
    PLAIN,
    Appended,
    Cutoff,
    Delete,
    Edit,
    Extras,
    Message,
    Outcome,
    Post,
    Progress,
    Store,
)
from tests.store.samples import add_user, change, post, room, stored, user

NOW = 1_700_000_000.5
NO_ROOM_MENTION = Appended(Outcome.NO_ROOM_MENTION)


@pytest.fixture
async def lobby(store: Store) -> Store:
    """The store with a room of ann, bob and eve; ümit is no member of it."""
    for user_id in ("ann", "bob", "eve", "ümit"):
        await add_user(store, user_id)
    await store.rooms.create(room(users=("ann", "bob", "eve")))
    return store


def mentioning(*user_ids: str, **more: object) -> Post:
    return msgspec.structs.replace(post("hello"), mentions=user_ids, **more)


def naming(*names: str, **more: object) -> Post:
    return msgspec.structs.replace(post("hello"), names=names, **more)


async def message(store: Store, message_id: int = 1) -> Message:
    (found,) = await store.messages.by_ids("lobby", [message_id])
    return found


async def unread(store: Store, user_id: str = "bob") -> int:
    """How many unread mentions the user has in the lobby."""
    (mentions,) = [each.mentions for each in await store.rooms.progress(user_id) if each.room_id == "lobby"]
    return mentions


async def test_replies(lobby: Store) -> None:
    replies = [post("a"), *(msgspec.structs.replace(post("b"), reply_to=to) for to in (1, 2, 4, -1, 2**70))]
    refused = Appended(Outcome.NO_REPLY_TARGET)
    assert (await lobby.messages.commit(replies, {})).posts == [*stored(1, 2, 3), *[refused] * 3]
    assert (await message(lobby, 3)).extras == Extras(reply_to=2)
    await lobby.messages.expire("lobby", Cutoff(keep=1), 10)
    assert (await lobby.messages.commit(replies[1:2], {})).posts == stored(4)
    assert (await message(lobby, 4)).extras.reply_to == 1


async def test_mentions_of_users(lobby: Store) -> None:
    (answer,) = (await lobby.messages.commit([mentioning("eve", "ümit", "bob", "nobody", "eve", "ann")], {})).posts
    assert answer == Appended(Outcome.STORED, 1, mentions=("eve", "bob", "ann"))
    assert (await message(lobby)).extras == Extras(mentions=("eve", "bob", "ann"))
    assert await lobby.messages.range("lobby", 1, 1) == [await message(lobby)]
    (answer,) = (await lobby.messages.commit([mentioning("ümit")], {})).posts
    assert answer == Appended(Outcome.STORED, 2)
    assert (await message(lobby, 2)).extras is PLAIN


async def test_names_in_a_text_mention_members_of_that_name(lobby: Store) -> None:
    for user_id in ("eve3", "eve2", "eve1"):
        await lobby.bulk_import.add_users([msgspec.structs.replace(user(user_id), username="EVE")])
        await lobby.rooms.join("lobby", user_id, 2.0)
    await lobby.bulk_import.add_users([msgspec.structs.replace(user("eve0"), username="eve")])
    await lobby.rooms.join("lobby", "ümit", 2.0)
    posts = [
        naming("nobody", "BOB", "bob", "Ann"),
        naming("eVe", "ÜMIT"),
        naming("ann", "eve", resolved_at_most=3),
        naming("bob", mentions=("eve",)),
        naming("bob", mentions=()),
    ]
    answers = (await lobby.messages.commit(posts, {})).posts
    assert [answer.mentions for answer in answers] == [
        ("bob", "ann"),
        ("eve", "eve1", "eve2", "eve3", "ümit"),
        ("ann", "eve", "eve1"),
        ("eve",),
        (),
    ]


async def test_who_may_mention_all_members(lobby: Store) -> None:
    everyone = [
        mentioning(mention_room=True, user_id=user_id, mention_room_members=limit)
        for user_id, limit in (("ann", 0), ("bob", 2), ("bob", 3))
    ]
    assert (await lobby.messages.commit(everyone, {})).posts == [*stored(1), NO_ROOM_MENTION, *stored(2)]
    assert (await message(lobby)).extras == Extras(mention_room=True)
    await lobby.members.set_moderator("lobby", "bob", True)
    await lobby.rooms.join("lobby", "ümit", 2.0)
    assert (await lobby.messages.commit(everyone, {})).posts == stored(3, 4, 5)


async def test_unread_mentions(lobby: Store) -> None:
    await lobby.messages.commit([mentioning("bob"), mentioning("eve"), mentioning("bob", mention_room=True)], {})
    assert [await unread(lobby, user_id) for user_id in ("ann", "bob", "eve")] == [0, 2, 2]
    await lobby.messages.commit([], {("lobby", "bob"): 2})
    assert await unread(lobby) == 1
    await lobby.messages.commit([post("seen", "bob")], {})
    assert await unread(lobby) == 0
    await lobby.messages.commit([mentioning("bob") for _ in range(MOST_MENTIONS + 2)], {})
    assert await lobby.rooms.progress("bob") == [Progress("lobby", 4, 105, 0, MOST_MENTIONS)]


async def test_an_edit_mentions_others(lobby: Store) -> None:
    await lobby.messages.commit([mentioning("bob"), mentioning("ann", mention_room=True)], {})
    edits = [Edit("lobby", "ann", n, "new", NOW, mentions=("eve", "ümit")) for n in (1, 2)]
    committed = await lobby.messages.commit([], {}, edits)
    assert [each.mentioned for each in committed.changed] == [("eve",), ("eve",)]
    assert (await message(lobby)).extras == Extras(edited_at=NOW, mentions=("eve",))
    assert (await message(lobby, 2)).extras == Extras(edited_at=NOW, mentions=("eve",), mention_room=True)
    assert [await unread(lobby, user_id) for user_id in ("bob", "eve")] == [1, 2]
    by_name = Edit("lobby", "ann", 1, "new", NOW, names=("EVE", "Bob"))
    committed = await lobby.messages.commit([], {}, [by_name])
    assert [each.mentioned for each in committed.changed] == [("bob",)]
    await change(lobby, Edit("lobby", "ann", 1, "newer", NOW))
    assert [await unread(lobby, user_id) for user_id in ("bob", "eve")] == [1, 1]


async def test_mentions_go_with_their_messages(lobby: Store) -> None:
    await lobby.messages.commit([mentioning("bob") for _ in range(3)] + [mentioning(mention_room=True)], {})
    assert await unread(lobby) == 4
    await change(lobby, Delete("lobby", "ann", (2, 4), NOW))
    assert await unread(lobby) == 2
    await lobby.messages.expire("lobby", Cutoff(keep=2), 10)
    assert await unread(lobby) == 1
    await lobby.rooms.delete("lobby")
    assert await lobby.rooms.progress("bob") == []
    while await lobby.messages.sweep(100):
        pass
    await lobby.rooms.create(room())
    assert await unread(lobby) == 0


async def test_progress_knows_the_last_change(lobby: Store) -> None:
    await lobby.messages.commit([post(), post()], {})
    await change(lobby, Edit("lobby", "ann", 2, "new", NOW))
    assert await lobby.rooms.progress("bob") == [Progress("lobby", 0, 2, 1, 0)]
