"""Login sessions as their users see them."""

import msgspec
import pytest

from reichatd.audit import Event
from reichatd.errors import SessionNotFound, Unauthorized
from reichatd.settings import LogSettings
from reichatd.store import Session
from tests.accounts.conftest import Harness
from tests.unlimited import CLIENT

PHONE = "198.51.100.7"


async def test_sessions_are_listed_with_their_devices(harness: Harness) -> None:
    await harness.join()
    here = await harness.identity()
    harness.now += 10
    await harness.logins.login("ann@example.org", "correct horse", client=PHONE, device="Safari on iPhone")
    await harness.store.sessions.create(
        Session("robot", here.user.user_id, "hash", harness.now, 1e12, token_name="robot", scopes="read")
    )
    first, second = await harness.accounts.session_list.of(here)
    assert first.session_id == here.session.session_id
    assert (second.device, second.address, second.created_at) == ("Safari on iPhone", PHONE, harness.now)
    harness.now += 8 * 86_400
    assert await harness.accounts.session_list.of(here) == []


async def test_sessions_without_addresses(harness: Harness) -> None:
    """A client from which the user has logged in before is known all the same."""
    whole = harness.settings.whole
    harness.settings.replace(msgspec.structs.replace(whole, log=LogSettings(addresses=False)))
    await harness.join()
    here = await harness.identity()
    (session,) = await harness.store.sessions.of_user(here.user.user_id)
    assert session.address == ""
    assert CLIENT not in session.network
    assert await harness.sessions.is_known_client("ann@example.org", CLIENT)
    assert not await harness.sessions.is_known_client("ann@example.org", PHONE)


async def test_the_last_use_of_a_session(harness: Harness) -> None:
    await harness.join()
    login, began = await harness.login(), harness.now
    identity = await harness.sessions.authenticate(login.access_token)
    harness.now += 100
    await harness.sessions.authenticate(login.access_token)
    await harness.sessions.store_uses([])
    (session,) = await harness.store.sessions.of_user(login.user_id)
    assert session.used_at == began, "not stored yet"
    (session,) = await harness.accounts.session_list.of(identity)
    assert session.used_at == began + 100
    harness.now += 200
    await harness.sessions.store_uses([])
    (session,) = await harness.store.sessions.of_user(login.user_id)
    assert session.used_at == began + 100
    harness.now += 300
    await harness.sessions.store_uses([session.session_id])  # it has an open socket
    (session,) = await harness.store.sessions.of_user(login.user_id)
    assert session.used_at == began + 600


async def test_one_session_is_ended(harness: Harness) -> None:
    await harness.join()
    here, phone = await harness.identity(), await harness.login()
    session = (await harness.sessions.authenticate(phone.access_token)).session
    await harness.accounts.session_list.end(here, session.session_id, client=CLIENT)
    assert harness.live.calls == [("sessions_ended", session.session_id)]
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(phone.access_token)
    (entry,) = await harness.audited(Event.SESSION_ENDED)
    assert (entry.actor, entry.address) == (here.user.user_id, CLIENT)
    with pytest.raises(SessionNotFound):
        await harness.accounts.session_list.end(here, session.session_id, client=CLIENT)


async def test_sessions_of_others_and_tokens_are_not_ended(harness: Harness) -> None:
    await harness.join()
    await harness.join("bob")
    ann, bob = await harness.identity(), await harness.identity("bob")
    robot = Session("robot", ann.user.user_id, "hash", harness.now, 1e12, token_name="robot", scopes="read")
    await harness.store.sessions.create(robot)
    for session_id in (bob.session.session_id, "robot", "", "\ud800"):
        with pytest.raises(SessionNotFound):
            await harness.accounts.session_list.end(ann, session_id, client=CLIENT)
    await harness.accounts.session_list.end_others(ann, client=CLIENT)
    assert await harness.store.sessions.living([bob.session.session_id, "robot", ann.session.session_id]) == {
        bob.session.session_id,
        "robot",
        ann.session.session_id,
    }


async def test_all_others_are_ended(harness: Harness) -> None:
    await harness.join()
    here, *others = [await harness.identity() for _ in range(3)]
    await harness.accounts.session_list.end_others(here, client=CLIENT)
    ((_, *ended),) = harness.live.calls
    assert sorted(ended) == sorted(each.session.session_id for each in others)
    assert [one.session_id for one in await harness.accounts.session_list.of(here)] == [here.session.session_id]
