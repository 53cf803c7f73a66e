"""Users who delete their own accounts."""

import pytest

from reichatd.accounts import Identity
from reichatd.audit import Event
from reichatd.errors import InvalidPassword, OwnsRooms, Unauthorized, UserNotFound
from reichatd.store import Erasure, direct_pair
from reichatd.store.records import Room
from tests.accounts.conftest import Harness
from tests.store.samples import room
from tests.unlimited import CLIENT


@pytest.fixture
async def ann(harness: Harness) -> Identity:
    await harness.join()
    return await harness.identity()


async def delete(harness: Harness, ann: Identity, password: str = "correct horse", *, erase: bool = False) -> None:
    await harness.accounts.deletion.delete(ann, password, erase=erase, client=CLIENT)


@pytest.mark.parametrize("erase", [False, True])
async def test_an_account_is_deleted(harness: Harness, ann: Identity, erase: bool) -> None:
    user_id, login = ann.user.user_id, await harness.login()
    await delete(harness, ann, erase=erase)
    assert harness.live.calls == [("user_logged_out", user_id), ("user_renamed", user_id, "")]
    with pytest.raises(UserNotFound):
        await harness.profiles.user(user_id)
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(login.access_token)
    assert await harness.store.erasures.all() == ([Erasure(user_id)] if erase else [])
    (entry,) = await harness.audited(Event.ACCOUNT_DELETED)
    assert (entry.actor, entry.detail) == (user_id, "messages erased" if erase else "messages kept")
    await harness.join()
    assert (await harness.login()).user_id != user_id


async def test_a_wrong_password(harness: Harness, ann: Identity) -> None:
    with pytest.raises(InvalidPassword):
        await delete(harness, ann, "wrong horse")
    assert await harness.login()


async def test_owned_rooms_come_first(harness: Harness, ann: Identity) -> None:
    await harness.store.rooms.create(room("den", [ann.user.user_id]))
    with pytest.raises(OwnsRooms):
        await delete(harness, ann)
    assert await harness.login()
    await harness.store.rooms.delete("den")
    await delete(harness, ann)


async def test_a_room_that_comes_at_the_last_moment(
    harness: Harness, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = harness.store.users.delete_unless_owner

    async def after_a_room(user_id: str, *, erase: bool) -> bool:
        await harness.store.rooms.create(room("den", [user_id]))
        return await real(user_id, erase=erase)

    monkeypatch.setattr(harness.store.users, "delete_unless_owner", after_a_room)
    with pytest.raises(OwnsRooms):
        await delete(harness, ann)
    assert harness.live.calls == []
    assert await harness.login()


async def test_a_direct_conversation_needs_no_owner(harness: Harness, ann: Identity) -> None:
    await harness.join("bob")
    bob = await harness.identity("bob")
    user_id, pair = ann.user.user_id, direct_pair(ann.user.user_id, bob.user.user_id)
    members = (user_id, bob.user.user_id)
    await harness.store.rooms.create(Room("d1", "", "", "", "unusable", 1.5, members, direct=pair))
    await delete(harness, ann)
    found = await harness.store.rooms.get("d1")
    assert found is not None
    assert found.users == (bob.user.user_id,)
