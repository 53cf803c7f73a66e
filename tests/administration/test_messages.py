"""Showing and deleting messages, on a store without a daemon."""

from reichatd.administration import requests
from reichatd.administration.records import Done, MessageRecord, MessagesDeleted, RoomDetails
from reichatd.audit import ADMINISTRATOR
from reichatd.store import ERASED, AuditFilter, Cutoff, Pin, React
from tests.administration.conftest import Admin
from tests.store.samples import change, contents, direct, post


def delete(*ranges: tuple[int, int], room_id: str = "lobby") -> requests.DeleteMessages:
    return requests.DeleteMessages(room_id, ranges)


async def entries(admin: Admin) -> list[tuple[str, str, str]]:
    """What administrators deleted: room, author and ids."""
    page = await admin.store.audit.page(AuditFilter(user_id=ADMINISTRATOR), 100)
    return [(each.room_id, each.user_id, each.detail) for each in page if each.event == "messages_deleted"]


async def test_an_administrator_deletes_what_there_is(admin: Admin) -> None:
    ann, bob = await admin.add("ann"), await admin.add("bob")
    await admin.open("lobby", ann, bob)
    await admin.store.messages.commit([post(f"{n}", name) for n in range(3) for name in (ann, bob)], {})
    (done,) = await admin.do(delete((2, 3), (2, 2)), MessagesDeleted)
    assert done == MessagesDeleted("lobby", deleted=[2, 3], deleted_before=[], missing=[])
    assert await admin.store.messages.expire("lobby", Cutoff(keep=5), 10)
    (done,) = await admin.do(delete((1, 4), (9, 10)), MessagesDeleted)
    assert done == MessagesDeleted("lobby", deleted=[4], deleted_before=[2, 3], missing=[1, 9, 10])
    left = await admin.store.messages.range("lobby", 1, 9)
    assert [each.content for each in left] == [ERASED, ERASED, ERASED, "2", "2"]
    assert await entries(admin) == [("lobby", bob, "2"), ("lobby", ann, "3"), ("lobby", bob, "4")]
    (done,) = await admin.do(delete((1, 4)), MessagesDeleted)
    assert (done.deleted, len(await entries(admin))) == ([], 3)


async def test_an_administrator_deletes_in_a_direct_conversation(admin: Admin) -> None:
    await admin.store.rooms.create(direct("pair", "ann", "bob"))
    await admin.store.messages.commit([post("a threat", "ann", "pair")], {})
    assert await admin.conclude(delete((1, 1), room_id="pair")) == Done()
    assert await contents(admin.store, "pair") == [ERASED]


async def test_too_many_at_once_and_an_unknown_room(admin: Admin) -> None:
    await admin.open("lobby", await admin.add("ann"))
    assert await admin.refusal(delete((1, 60), (60, 100))) == "invalid"
    assert await admin.refusal(delete((2, 1))) == "invalid"
    assert await admin.refusal(requests.ShowMessages("lobby", ((1, 2**40),))) == "invalid"
    assert await admin.conclude(delete((1, 60), (61, 100))) == Done()
    assert await admin.refusal(delete((1, 1), room_id="attic")) == "room_not_found"


async def test_a_message_is_shown_with_all_that_belongs_to_it(admin: Admin) -> None:
    ann = await admin.add("ann")
    await admin.open("lobby", ann)
    await admin.store.messages.commit([post("one", ann), post("two", ann)], {})
    await change(admin.store, React("lobby", ann, 2, "👍", True, 5.0), Pin("lobby", ann, 2, True, 5.0))
    shown = await admin.do(requests.ShowMessages("lobby", ((1, 3),)), MessageRecord)
    assert [each.content for each in shown] == ["one", "two"]
    assert [(each.emoji, each.count, each.users) for each in shown[1].reactions] == [("👍", 1, [ann])]
    assert (shown[1].pinned_by, shown[1].pinned_at) == (ann, "1970-01-01T00:00:05.000000+00:00")
    assert (shown[0].reactions, shown[0].pinned_by) == ([], "")
    assert await admin.conclude(requests.ShowRoom("lobby")) == Done()
    assert [each.pins for each in admin.records if isinstance(each, RoomDetails)] == [1]
