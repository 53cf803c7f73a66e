"""Tokens for programs, on a real store."""

import msgspec
import pytest

from reichatd.accounts import NEVER, Identity
from reichatd.accounts.program_tokens import is_well_formed, new_token
from reichatd.audit import Event
from reichatd.errors import InvalidFields, RoomNotFound, TokenNotFound, TooManyTokens, Unauthorized
from reichatd.rights import ADMINISTRATOR, Scope
from reichatd.store import AuditFilter
from tests.accounts.conftest import Harness
from tests.accounts.test_second_factors import management
from tests.store.samples import direct, room
from tests.unlimited import CLIENT

BOTH = [Scope.READ, Scope.WRITE]


@pytest.fixture
async def ann(harness: Harness) -> Identity:
    await harness.join()
    return await harness.sessions.authenticate((await harness.login()).access_token)


def test_the_form_of_a_token() -> None:
    token = new_token()
    assert len(token) == 40
    assert is_well_formed(token)
    assert not is_well_formed(new_token()[:-1])
    for place in (5, 20, 39):
        assert not is_well_formed(f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}")
    for wrong in ("", "rct_", f"{token}0", token.replace("rct_", "rcx_"), "rct_" + "\u0661" * 36, f"{token}\n"):
        assert not is_well_formed(wrong)


async def test_a_token_acts_as_its_user_within_its_scopes_and_rooms(harness: Harness, ann: Identity) -> None:
    await harness.store.rooms.create(room("lobby"))
    made, token = await harness.accounts.program_access.create(ann, " Robot ", BOTH, ["lobby", "lobby"], client=CLIENT)
    assert token not in msgspec.json.encode(made).decode()
    assert (await harness.accounts.program_access.of(ann))[0].used_at == 0.0
    identity = await harness.sessions.authenticate(token)
    assert identity.user == ann.user
    actor = identity.actor
    assert (actor.user_id, actor.scopes, actor.rooms) == (ann.user.user_id, frozenset(BOTH), frozenset({"lobby"}))
    assert (ann.actor.scopes, ann.actor.rooms) == (None, None)
    (listed,) = await harness.accounts.program_access.of(ann)
    assert (listed.token_name, listed.scopes, listed.rooms, listed.expires_at, listed.used_at) == (
        "Robot",
        "read write",
        "lobby",
        NEVER,
        harness.now,
    )
    ticket = await harness.sessions.ticket(identity)
    assert (await harness.sessions.of_session(await harness.sessions.redeem(ticket.ticket))).actor == actor


async def test_a_token_keeps_no_address(harness: Harness, ann: Identity) -> None:
    """It may be valid for ever; the audit log has the address, for some days."""
    made, _ = await harness.accounts.program_access.create(ann, "Robot", BOTH, client=CLIENT)
    assert (made.address, made.network) == ("", "")
    (entry,) = await harness.audited(Event.TOKEN_CREATED)
    assert entry.address == CLIENT


async def test_no_token_is_taken_for_another(harness: Harness, ann: Identity) -> None:
    made, token = await harness.accounts.program_access.create(ann, "Robot", BOTH, client=CLIENT)
    for call in (harness.sessions.refresh, harness.sessions.logout):
        with pytest.raises(Unauthorized):
            await call(token)
    for wrong in (made.session_id, made.refresh_hash, f"rct_{made.refresh_hash[:36]}", new_token(), token.swapcase()):
        with pytest.raises(Unauthorized):
            await harness.sessions.authenticate(wrong)


async def test_a_token_ends_when_it_expires_or_is_deleted(harness: Harness, ann: Identity) -> None:
    access = harness.accounts.program_access
    _, short = await access.create(ann, "Short", BOTH, days=1, client=CLIENT)
    made, long = await access.create(ann, "Long", BOTH, client=CLIENT)
    harness.now += 86_400
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(short)
    await harness.accounts.delete_expired()
    await harness.sessions.authenticate(long)
    assert [token.token_name for token in await access.of(ann)] == ["Long"]
    for wrong in (ann.session.session_id, "0" * 24):
        with pytest.raises(TokenNotFound):
            await access.delete(ann, wrong, client=CLIENT)
    await access.delete(ann, made.session_id, client=CLIENT)
    assert harness.live.calls == [("sessions_ended", made.session_id)]
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(long)
    entries = await harness.store.audit.page(AuditFilter(), 100)
    changes = [(entry.event, entry.detail) for entry in entries if "token" in entry.event]
    assert changes == [("token_created", "Short"), ("token_created", "Long"), ("token_deleted", "")]


async def test_another_user_cannot_delete_it(harness: Harness, ann: Identity) -> None:
    made, token = await harness.accounts.program_access.create(ann, "Robot", BOTH, client=CLIENT)
    await harness.join("eve")
    eve = await harness.sessions.authenticate((await harness.login("eve")).access_token)
    assert await harness.accounts.program_access.of(eve) == []
    with pytest.raises(TokenNotFound):
        await harness.accounts.program_access.delete(eve, made.session_id, client=CLIENT)
    await harness.sessions.authenticate(token)


@pytest.mark.parametrize("how", ["reset", "disabled", "logged out"])
async def test_it_survives_a_change_of_the_password_and_no_more(harness: Harness, ann: Identity, how: str) -> None:
    _, token = await harness.accounts.program_access.create(ann, "Robot", BOTH, client=CLIENT)
    await harness.profiles.change_password(ann, "correct horse", "another horse", client=CLIENT)
    await harness.sessions.authenticate(token)
    users, user_id = management(harness), ann.user.user_id
    match how:
        case "reset":
            await users.set_password(ADMINISTRATOR, user_id, "a third horse")
        case "disabled":
            await users.disable(ADMINISTRATOR, user_id)
        case _:
            await users.log_out(ADMINISTRATOR, user_id)
    with pytest.raises(Unauthorized):
        await harness.sessions.authenticate(token)


async def test_the_rules_for_tokens(harness: Harness, ann: Identity) -> None:
    create = harness.accounts.program_access.create
    for name, scopes, rooms, days in (
        ("", BOTH, None, None),
        ("x", [], None, None),
        ("x", BOTH, [], None),
        ("x", BOTH, ["r"] * 51, None),
        ("x", BOTH, None, 0),
        ("x", BOTH, None, 4000),
    ):
        with pytest.raises(InvalidFields):
            await create(ann, name, scopes, rooms, days, client=CLIENT)
    await harness.store.directs.open(direct("of others", "bob", "eve"), 1.0)
    for room_id in ("nowhere", "of others"):
        with pytest.raises(RoomNotFound):
            await create(ann, "x", BOTH, [room_id], client=CLIENT)
    for number in range(20):
        await create(ann, f"{number}", BOTH, client=CLIENT)
    with pytest.raises(TooManyTokens):
        await create(ann, "one more", BOTH, client=CLIENT)


@pytest.mark.parametrize("what", ["token", "app password"])
async def test_a_session_that_has_ended_at_another_daemon_leaves_nothing_behind(
    harness: Harness, ann: Identity, what: str
) -> None:
    await harness.store.users.set_password(ann.user.user_id, "new hash")  # this daemon's cache still has the session
    create = (
        harness.accounts.program_access.create(ann, "Robot", BOTH, client=CLIENT)
        if what == "token"
        else harness.accounts.app_passwords.create(ann, "Phone", client=CLIENT)
    )
    with pytest.raises(Unauthorized):
        await create
    assert await harness.store.sessions.of_user(ann.user.user_id) == []
    assert await harness.store.app_passwords.of_user(ann.user.user_id) == []
