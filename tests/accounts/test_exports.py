"""All data of a user."""

from contextlib import aclosing
from typing import TypeVar

import msgspec
import pytest
import trio

from reichatd.accounts.export_records import (
    ActivityRecord,
    AppPasswordRecord,
    BlockRecord,
    MessageRecord,
    Progress,
    ProviderRecord,
    ReactionRecord,
    SecondFactorRecord,
    SessionRecord,
    UserDetails,
    UserExport,
)
from reichatd.accounts.exports import user_records
from reichatd.audit import Event
from reichatd.errors import RateLimited
from reichatd.settings import LimitSettings
from reichatd.store import (
    AppPassword,
    AuditEntry,
    Block,
    Change,
    Delete,
    Edit,
    OidcAccount,
    React,
    Session,
    Store,
    Totp,
)
from tests.accounts.conftest import Harness
from tests.store.samples import add_user, post, room
from tests.unlimited import CLIENT, UNLIMITED

T = TypeVar("T")


async def add_everything(store: Store, user_id: str, now: float) -> None:
    """Data of every kind; what is secret is "hidden"."""
    robot = Session("robot", user_id, "hidden", now, now + 1e6, token_name="my robot", scopes="read")
    await store.sessions.create(robot)
    await store.app_passwords.create(AppPassword("a1", user_id, "old phone", "hidden", now), 10)
    await store.second_factors.begin(Totp(user_id, "hidden"))
    await store.second_factors.confirm(Totp(user_id, "hidden", confirmed=True, recovery="hidden1 hidden2"))
    await store.oidc.link(OidcAccount("https://login.example.org", "ann-1", user_id))
    await store.blocks.add(Block(user_id, (await add_user(store, "eve")).user_id), 0)
    await store.rooms.create(room("den", ["bob", user_id]))
    reply = msgspec.structs.replace(post("hidden", user_id, "den"), reply_to=2)
    posts = [post("hidden", user_id, "den"), post("hidden", "bob", "den"), reply, post("hidden", user_id, "den")]
    await store.messages.commit(posts, {})
    changes: list[Change] = [
        Edit("den", user_id, 1, "mine", now),
        Edit("den", user_id, 3, "my reply", now),
        Edit("den", "bob", 2, "hidden, too", now),
        Delete("den", user_id, (4,), now),
        React("den", user_id, 2, "👍", True, now),
        React("den", user_id, 1, "🎉", True, now),
        React("den", "bob", 1, "👎", True, now),
    ]
    await store.messages.commit([], {}, changes)
    await store.audit.add(AuditEntry(0, now, "kicked", "bob", user_id, "den", "198.51.100.7", "spam"))
    await store.audit.add(AuditEntry(0, now, "login_refused", "", user_id, "", "203.0.113.9"))
    await store.audit.add(AuditEntry(0, now, "kicked", "bob", "eve", "den", "198.51.100.7", "hidden"))
    for event in (Event.BLOCKED, Event.UNBLOCKED):  # no one learns that others have blocked them
        await store.audit.add(AuditEntry(0, now, event, "bob", user_id, "", "198.51.100.7"))


async def test_an_export_has_all_data_and_no_secret(harness: Harness) -> None:
    def of_kind(kind: type[T]) -> list[T]:
        return [record for record in exported if isinstance(record, kind)]

    await harness.join()
    identity = await harness.identity()
    user_id = identity.user.user_id
    await add_everything(harness.store, user_id, harness.now)
    exported: list[UserExport] = []
    async with aclosing(await harness.accounts.exports.begin(identity, client=CLIENT)) as records:
        exported += [record async for record in records if not isinstance(record, Progress)]
    (details,) = of_kind(UserDetails)
    assert (details.user_id, details.email, details.rooms) == (user_id, "ann@example.org", ["den"])
    assert {one.token_name for one in of_kind(SessionRecord)} == {None, "my robot"}
    assert [one.name for one in of_kind(AppPasswordRecord)] == ["old phone"]
    assert of_kind(SecondFactorRecord) == [SecondFactorRecord(2)]
    assert of_kind(ProviderRecord) == [ProviderRecord("https://login.example.org", "ann-1")]
    assert of_kind(BlockRecord) == [BlockRecord("eve", "Eve")]
    messages = [(one.content, bool(one.edited_at), one.reply_to, one.deleted) for one in of_kind(MessageRecord)]
    assert messages == [("mine", True, 0, ""), ("my reply", True, 2, ""), ("(deleted)", False, 0, "author")]
    assert of_kind(ReactionRecord) == [ReactionRecord("den", 1, "🎉"), ReactionRecord("den", 2, "👍")]
    own = [one.event for one in of_kind(ActivityRecord) if one.by_user]
    assert own == [Event.REGISTERED, Event.LOGIN, Event.DATA_EXPORTED]
    others = [(one.event, one.room_id, one.address, one.detail) for one in of_kind(ActivityRecord) if not one.by_user]
    assert others == [("kicked", "den", "", "spam"), ("login_refused", "", "203.0.113.9", "")]
    assert "hidden" not in str(exported)
    assert "bob" not in str(of_kind(ActivityRecord))


async def test_an_export_does_not_tell_who_was_blocked_by_others(harness: Harness, store: Store) -> None:
    await harness.join("ann")
    await harness.join("bob")
    ann, bob = await harness.identity("ann"), await harness.identity("bob")
    await harness.accounts.blocks.add(ann.actor, bob.user.user_id)
    await harness.accounts.blocks.remove(ann.actor, bob.user.user_id)
    for identity, told in ((ann, [Event.BLOCKED, Event.UNBLOCKED]), (bob, [])):
        async with aclosing(user_records(store, identity.user)) as records:
            events = [one.event async for one in records if isinstance(one, ActivityRecord)]
        assert [event for event in events if "blocked" in event] == told


async def test_downloads_are_limited(store: Store, nursery: trio.Nursery) -> None:
    harness = Harness(store, nursery, limits=LimitSettings(**{**UNLIMITED, "exports_per_user_day": 2}))
    await harness.join()
    identity = await harness.identity()
    for _ in range(2):
        await (await harness.accounts.exports.begin(identity, client=CLIENT)).aclose()
    with pytest.raises(RateLimited):
        await harness.accounts.exports.begin(identity, client=CLIENT)
