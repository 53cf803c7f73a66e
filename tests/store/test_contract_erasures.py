"""What an erasure does to messages, reactions and mentions, in every store. How it goes in steps is with the accounts."""

import msgspec

from reichatd.store import ERASED, ChangedMessage, Delete, Edit, Extras, Pin, React, Reaction, Store
from tests.store.samples import add_user, change, post, room

NOW = 1_700_000_000.5


def react(user_id: str, emoji: str, message_id: int, at: float = 0.0) -> React:
    return React("lobby", user_id, message_id, emoji, True, NOW + at)


async def erase(store: Store, user_id: str = "ann") -> list[ChangedMessage]:
    """Erases a user's messages in steps of three; returns all that changed."""
    assert await store.users.delete_and_erase(user_id)
    changed: list[ChangedMessage] = []
    looked_at = 3
    while looked_at == 3:
        step = await store.erasures.step(user_id, 3, NOW)
        looked_at = step.looked_at
        changed += step.changed
    await store.erasures.purge()
    return changed


async def test_an_erasure_changes_messages_and_takes_reactions_back(store: Store) -> None:
    for user_id in ("ann", "bob", "eve"):
        await add_user(store, user_id)
    for room_id in ("lobby", "den", "gone"):
        await store.rooms.create(room(room_id, ["bob", "ann", "eve"]))
    mention = msgspec.structs.replace(post("for bob"), mentions=("bob",))
    await store.messages.commit(
        [post("a"), post("b", "bob"), mention, post("gone"), post("c", room_id="den"), post("d", room_id="gone")], {}
    )
    await change(store, Delete("lobby", "bob", (4,), NOW), Pin("lobby", "bob", 3, True, NOW), react("eve", "👍", 3))
    await change(store, *(react(user_id, "👍", 2, n) for n, user_id in enumerate(("ann", "bob", "eve"))))
    await change(store, react("ann", "🎈", 2), react("ann", "🎈", 1), Edit("lobby", "bob", 2, "new", NOW))
    await store.rooms.delete("gone")
    before = await store.messages.head("lobby")
    assert before is not None

    changed = await erase(store)
    log = await store.messages.range("lobby", 1, 4)
    assert [each.content for each in log] == [ERASED, "new", ERASED, ERASED]
    erased = Extras(deleted="erased")
    bobs = Extras(edited_at=NOW, reactions=(Reaction("👍", 2, ("bob", "eve")),))
    assert [each.extras for each in log] == [erased, bobs, erased, erased]
    assert all(each.change_id > before.change_id for each in log)
    (den,) = await store.messages.range("den", 1, 9)
    assert (den.extras, den.change_id) == (erased, 1)
    newest = {(each.room_id, each.message.message_id): each.message for each in changed}
    assert list(newest.values()).count(den) == 1
    assert [newest["lobby", each.message_id] for each in log] == log
    assert await store.messages.pinned("lobby") == []
    assert [each.user_id for each in await store.messages.reactors("lobby", 2, "👍", "", 9)] == ["bob", "eve"]
    assert await store.messages.reactors("lobby", 2, "🎈", "", 9) == []
    assert await store.messages.own_reactions("ann", "lobby", [1, 2, 3, 4]) == {}
    assert [each.mentions for each in await store.rooms.progress("bob")] == [0, 0]
    head = await store.messages.head("lobby")
    assert head is not None
    assert head.change_id == max(each.change_id for each in log)
