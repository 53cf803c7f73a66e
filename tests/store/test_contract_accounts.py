"""Refresh tokens, password resets, changes of address, deletions and erasures, in every store."""

from functools import partial

import msgspec
import pytest

from reichatd.store import (
    ERASED,
    EmailChange,
    EmailOutcome,
    Erasure,
    ErasureStep,
    RotateOutcome,
    Session,
    Store,
)
from reichatd.store.records import User
from tests.store.samples import add_user, at_once, contents, post, room, session, user

ROTATED, REPEATED, REUSED, ENDED = RotateOutcome
GRACE = 60.0


async def rotate(store: Store, generation: int, now: float = 1000.0) -> RotateOutcome:
    return await store.sessions.rotate("laptop", generation, now, GRACE)


async def generation_of(store: Store) -> int | None:
    found = await store.sessions.get("laptop")
    return found[0].generation if found else None


@pytest.fixture
async def ann(store: Store) -> User:
    ann = await add_user(store)
    await store.sessions.create(session(expires_at=1e9))
    return ann


# Refresh tokens


async def test_each_generation_is_taken_once_and_repeated_for_a_moment(store: Store, ann: User) -> None:
    assert await rotate(store, 0) is ROTATED
    assert await rotate(store, 0, 1000.0 + GRACE) is REPEATED
    assert await rotate(store, 1, 1100.0) is ROTATED
    assert await rotate(store, 1, 1100.0 + GRACE) is REPEATED
    assert await generation_of(store) == 2
    found = await store.sessions.get("laptop")
    assert found is not None
    assert found[0].rotated_at == 1100.0


@pytest.mark.parametrize(("rotations", "reused", "now"), [(1, 0, 1000.1 + GRACE), (2, 0, 1000.0)])
async def test_a_generation_that_comes_back_ends_the_session(
    store: Store, ann: User, rotations: int, reused: int, now: float
) -> None:
    for generation in range(rotations):
        assert await rotate(store, generation) is ROTATED
    assert await rotate(store, reused, now) is REUSED
    assert await generation_of(store) is None
    assert await rotate(store, rotations, now) is ENDED


async def test_of_many_refreshes_at_once_one_rotates(store: Store, ann: User) -> None:
    outcomes = await at_once([partial(rotate, store, 0)] * 20)
    assert (outcomes.count(ROTATED), outcomes.count(REPEATED)) == (1, 19)


async def test_a_generation_that_a_restored_backup_does_not_know_is_taken(store: Store, ann: User) -> None:
    assert await rotate(store, 7) is ROTATED
    assert await generation_of(store) == 8


async def test_last_uses(store: Store, ann: User) -> None:
    await store.sessions.create(session("phone", expires_at=1e9))
    await store.sessions.used({"laptop": 5.5, "gone": 6.0})
    assert [one.used_at for one in await store.sessions.of_user(ann.user_id)] == [5.5, 0.0]


async def test_only_own_sessions_are_ended(store: Store, ann: User) -> None:
    await add_user(store, "bob")
    for one in (session("phone"), session("desk", "bob")):
        await store.sessions.create(one)
    assert await store.sessions.end_some(ann.user_id, ["phone", "desk", "gone", "phone"]) == ["phone"]
    assert await store.sessions.living(["laptop", "phone", "desk"]) == {"laptop", "desk"}


# Passwords and addresses


async def test_a_reset_ends_all_sessions_tokens_too(store: Store, ann: User) -> None:
    robot = Session("robot", "ann", "hash", 1.5, 1e9, token_name="robot", scopes="read")
    await store.sessions.create(robot)
    ended = await store.users.reset_password(ann, "new")
    assert ended is not None
    assert sorted(ended) == ["laptop", "robot"]
    assert await store.sessions.living(["laptop", "robot"]) == set()
    assert await store.users.by_id("ann") == msgspec.structs.replace(ann, password_hash="new")


@pytest.mark.parametrize("changed", [{"password_hash": "other"}, {"email": "other@example.org"}, {"user_id": "eve"}])
async def test_a_reset_for_a_user_who_has_changed(store: Store, ann: User, changed: dict[str, str]) -> None:
    assert await store.users.reset_password(msgspec.structs.replace(ann, **changed), "new") is None
    assert await store.sessions.get("laptop") == (session(expires_at=1e9), ann)


async def test_of_many_resets_at_once_one_succeeds(store: Store, ann: User) -> None:
    outcomes = await at_once([partial(store.users.reset_password, ann, f"new{n}") for n in range(10)])
    assert [each for each in outcomes if each is not None] == [["laptop"]]


async def test_a_new_address(store: Store, ann: User) -> None:
    await add_user(store, "bob")
    change = store.users.change_email
    assert await change(ann, "BOB@example.org") is EmailOutcome.TAKEN
    assert await change(msgspec.structs.replace(ann, password_hash="x"), "new@example.org") is EmailOutcome.OUTDATED
    assert await change(user("eve"), "new@example.org") is EmailOutcome.OUTDATED
    for _ in range(2):
        assert await change(ann, "New@example.org") is EmailOutcome.CHANGED
    assert await store.users.by_email("ann@example.org") is None
    assert await store.users.by_email("NEW@example.org") == user("ann", "New@example.org")
    assert await change(ann, "new@example.org") is EmailOutcome.CHANGED, "only the case differs"
    assert await store.sessions.living(["laptop"]) == {"laptop"}


async def test_two_users_who_want_one_address(store: Store, ann: User) -> None:
    users = [ann, *[await add_user(store, f"user{n}") for n in range(5)]]
    outcomes = await at_once([partial(store.users.change_email, one, "new@example.org") for one in users])
    assert sorted(each.name for each in outcomes) == ["CHANGED", *["TAKEN"] * 5]


async def test_tries_of_a_change_of_address(store: Store) -> None:
    changes, change = store.email_changes, EmailChange("ann", "new@example.org", "hash", 3, 100.0)
    assert await changes.take_try("ann") is None
    await changes.put(msgspec.structs.replace(change, email="old@example.org"))
    await changes.put(change)
    taken = await at_once([partial(changes.take_try, "ann")] * 5)
    assert sorted(one.tries_left for one in taken if one) == [0, 0, 1, 2, 3]
    assert {one.email for one in taken if one} == {"new@example.org"}
    assert await changes.delete_expired(99.9) == 0
    assert await changes.delete_expired(100.0) == 1
    assert await changes.take_try("ann") is None


# Deletion


async def test_all_that_belongs_to_a_user_goes(store: Store, ann: User) -> None:
    await add_user(store, "bob")
    await store.rooms.create(room("den", ["bob", "ann"]))
    await store.email_changes.put(EmailChange("ann", "new@example.org", "hash", 3, 100.0))
    assert await store.users.delete(ann.user_id)
    assert await store.email_changes.take_try("ann") is None
    assert await store.erasures.all() == []
    found = await store.rooms.get("den")
    assert found is not None
    assert found.users == ("bob",)


@pytest.mark.parametrize("erase", [False, True])
async def test_an_owner_is_not_deleted(store: Store, ann: User, erase: bool) -> None:
    sessions = await store.sessions.of_user("ann")
    await store.rooms.create(room("den", ["ann"]))
    assert not await store.users.delete_unless_owner("ann", erase=erase)
    assert await store.users.by_id("ann") == ann
    assert await store.sessions.of_user("ann") == sessions
    assert await store.erasures.all() == []
    await store.rooms.delete("den")
    assert await store.users.delete_unless_owner("ann", erase=erase)
    assert await store.users.by_id("ann") is None
    assert await store.erasures.all() == ([Erasure("ann")] if erase else [])


async def test_erasing_in_steps(store: Store) -> None:
    for name in ("ann", "bob"):
        await add_user(store, name)
    for room_id in ("attic", "lobby"):
        await store.rooms.create(room(room_id, ["bob", "ann"]))
        await store.messages.commit(
            [post(f"secret {n}", name, room_id, f"{n}") for n in range(4) for name in ("ann", "bob")], {}
        )
    assert await store.users.delete_and_erase("ann")
    assert not await store.users.delete_and_erase("ann")
    assert not await store.users.delete_and_erase("nobody")
    assert await store.erasures.all() == [Erasure("ann")]
    steps = []
    while (looked_at := (await store.erasures.step("ann", 3, 50.0)).looked_at) == 3:
        steps.append(looked_at)
        assert await store.erasures.all() == [Erasure("ann")]
    assert (len(steps), looked_at) == (5, 1)
    assert await store.erasures.step("ann", 3, 60.0) == ErasureStep(0)
    assert await store.erasures.all() == [Erasure("ann", 50.0)]
    for room_id in ("attic", "lobby"):
        texts = await contents(store, room_id)
        assert texts == [text for n in range(4) for text in (ERASED, f"secret {n}")]
    (message,) = await store.messages.range("lobby", 1, 1)
    assert (message.user_id, message.username, message.timestamp) == ("ann", "", 1_700_000_000.123456)
    await store.erasures.forget_done(50.0)
    assert await store.erasures.all() == [Erasure("ann", 50.0)]
    await store.erasures.forget_done(50.1)
    assert await store.erasures.all() == []


async def test_erasing_without_messages(store: Store) -> None:
    await add_user(store)
    await store.users.delete_and_erase("ann")
    assert await store.erasures.step("ann", 10, 50.0) == ErasureStep(0)
    assert await store.erasures.all() == [Erasure("ann", 50.0)]
