"""Every statement of the SQLite store uses an index."""

import functools
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from reichatd.store import (
    AuditEntry,
    AuditFilter,
    Block,
    Cutoff,
    Delete,
    Edit,
    EmailChange,
    Invite,
    Keep,
    Pin,
    React,
    Store,
)
from reichatd.store.sqlite import open_store
from tests.store.samples import add_user, direct, post, registration, room, session, user


async def test_no_statement_searches_a_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: set[str] = set()

    class Traced(sqlite3.Connection):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            self.set_trace_callback(statements.add)

    path = tmp_path / "reichatd.sqlite3"
    await (await open_store(path)).aclose()
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Traced))
    store = await open_store(path)
    await use_everything(store)
    await store.aclose()
    monkeypatch.undo()
    steps: set[str] = set()
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
                steps.update(step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
    scans = {step for step in steps if step.startswith("SCAN")}
    # Exceptions: the schema itself, the rows that a limited subquery has found, the ids that were asked for, two statements that
    # read one row, and the few erasures of the last hour.
    few = {
        "sqlite_master",
        "(subquery-1)",
        "(subquery-2)",
        "(subquery-4)",
        "json_each",
        "rooms",
        "deleted_rooms",
        "erasures",
    }
    assert {scan.split()[1] for scan in scans} <= few
    assert "SEARCH r USING INDEX rooms_public (created_at>?)" in steps
    assert {
        "SEARCH r USING INDEX rooms_direct (direct>? AND direct<?)",
        "SEARCH r USING INDEX rooms_direct_second (<expr>=?)",
    } <= steps
    # The numbers since a time are found by the time: a range of all numbers would be the whole table.
    assert "SEARCH audit USING COVERING INDEX audit_by_time (at>? AND at<?)" in steps
    assert "SEARCH s USING COVERING INDEX sessions_by_user (user_id=? AND network=?)" in steps
    # Two ways to catch up: the smaller of both ranges decides.
    assert "SEARCH messages USING COVERING INDEX messages_by_change (<expr>=? AND change_id>?)" in steps
    assert "SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in steps
    assert {
        "SEARCH reactions USING COVERING INDEX reactions_by_time (id=? AND emoji=?)",
        "SEARCH reactions USING COVERING INDEX reactions_by_user (user_id=? AND id=?)",
        "SEARCH r USING PRIMARY KEY (id=? AND emoji=? AND user_id>?)",
        "SEARCH mentions USING PRIMARY KEY (user_id=? AND id>? AND id<?)",
        "SEARCH users USING COVERING INDEX users_by_name (username=?)",
    } <= steps
    sorts = {step for step in steps if step.startswith("USE TEMP B-TREE")}
    assert sorts == {"USE TEMP B-TREE FOR ORDER BY"}


async def use_changes(store: Store) -> None:
    """Ann owns the room "hall", with bob."""
    await store.rooms.create(room("hall"))
    rich = msgspec.structs.replace(post(room_id="hall"), reply_to=1, mentions=("bob",))
    named = msgspec.structs.replace(post(room_id="hall"), names=("Ann",))
    everyone = msgspec.structs.replace(post(user_id="bob", room_id="hall"), mention_room=True)
    await store.messages.commit([post(room_id="hall"), rich, named, everyone], {})
    changes = (
        Edit("hall", "ann", 1, "new", 1.0),
        React("hall", "ann", 1, "a", True, 1.0),
        React("hall", "bob", 1, "a", True, 1.0),
        React("hall", "ann", 1, "a", False, 1.0),
        Pin("hall", "ann", 1, True, 1.0),
        Pin("hall", "ann", 1, False, 1.0),
        Delete("hall", "ann", (2, 3), 1.0),
    )
    for one in changes:
        await store.messages.commit([], {}, [one])
    await store.messages.head("hall")
    await store.messages.changed("hall", 6, 1, 4, 10)
    await store.messages.changed("hall", 0, 1, 1, 10)
    await store.messages.by_ids("hall", [1, 2])
    await store.messages.pinned("hall")
    await store.messages.own_reactions("ann", "hall", [1, 2])
    await store.messages.reactors("hall", 1, "a", "", 10)
    await store.rooms.progress("bob")


async def use_invites_and_audit(store: Store) -> None:
    await store.invites.create(Invite("i", "hash", "den", "ann", 1.0, 9.0, 5), 10)
    await store.invites.by_hash("hash")
    await store.invites.by_id("i")
    for room_id in ("den", ""):
        await store.invites.of_room(room_id)
    await store.invites.join("i", "fay", 2.0)
    await store.invites.confirm(registration("gus@example.org"), user("gus"), 2.0, needed=False)
    await store.invites.delete("den", "i")
    await store.invites.delete_expired(1.0)
    await store.audit.add(AuditEntry(0, 1.0, "login", "ann"))
    for chosen in (
        AuditFilter(),
        AuditFilter(user_id="ann"),
        AuditFilter(room_id="den", newest_first=True),
        AuditFilter(since=0.5),
    ):
        await store.audit.page(chosen, 10)
    await store.audit.expire(1.0, 1.0, 10)


async def use_own_accounts(store: Store) -> None:
    fay = await add_user(store, "fay")
    await store.rooms.join("hall", "fay", 1.0)
    await store.messages.commit([post(user_id="fay", room_id="hall")], {}, [React("hall", "fay", 1, "a", True, 1.0)])
    await store.sessions.create(session("tablet", "fay"))
    await store.sessions.rotate("tablet", 0, 1.0, 60.0)
    await store.sessions.rotate("tablet", 0, 99.0, 60.0)
    await store.sessions.used({"tablet": 1.0})
    await store.sessions.end_some("fay", ["tablet"])
    await store.users.reset_password(fay, "new")
    await store.email_changes.put(EmailChange("fay", "new@example.org", "hash", 5, 9.0))
    await store.email_changes.take_try("fay")
    await store.email_changes.delete_expired(9.0)
    await store.users.change_email(fay, "new@example.org")
    await store.users.delete_unless_owner("fay", erase=True)
    await store.erasures.all()
    await store.erasures.step("fay", 1, 2.0)
    await store.erasures.step("fay", 100, 2.0)
    await store.erasures.forget_done(3.0)


async def use_everything(store: Store) -> None:
    await store.ping()
    ann = await add_user(store)
    await store.users.register(registration("bob@example.org"), 5)
    await store.users.take_try("bob@example.org", 1.0, 2.0)
    await store.users.pending("bob@example.org")
    await store.users.by_id("ann")
    await store.users.rename("ann", "Ann")
    await store.users.change_password("ann", ann.password_hash, "new", "laptop")
    await store.users.set_password("ann", "newer")
    await store.users.by_ids(["ann", "bob"])
    await store.users.page("", 10)
    await store.users.registrations("a", 10)
    await store.users.disable("ann")
    await store.users.enable("ann")
    await store.users.delete_expired(1.0)
    await store.sessions.create(session())
    await store.sessions.get("laptop")
    await store.sessions.by_refresh_hash("hash")
    await store.sessions.is_known_network("ann@example.org", "192.0.2.1")
    await store.sessions.of_user("ann")
    await store.sessions.living(["laptop"])
    await store.sessions.end("laptop")
    await store.sessions.end_all("ann")
    await store.sessions.delete_expired(1.0)
    await store.rooms.create(room("den"))
    await store.rooms.join("den", "eve", 1.0)
    await store.rooms.get("den")
    await store.rooms.head("den", "eve")
    await store.rooms.is_free("den")
    await store.rooms.public(None, 100)
    await store.rooms.public("den", 100)
    await store.rooms.count_owned("ann", 10)
    await store.rooms.joined("ann")
    await store.rooms.joined_summaries("ann")
    await store.rooms.joined_heads("ann")
    await store.rooms.joined_heads("ann", ["den"])
    await store.rooms.progress("ann")
    await store.rooms.memberships("ann")
    await store.rooms.page("a", 10)
    await store.rooms.owned("ann")
    await store.rooms.transfer("den", "bob")
    await store.rooms.update("den", "Den", "")
    await store.rooms.update_with_password("den", "Den", "", None)
    await store.messages.commit([post(room_id="den", nonce="n"), post()], {("den", "bob"): 1})
    await store.messages.read_marks([("den", "ann")])
    await store.messages.range("den", 1, 10)
    await store.messages.written_by("ann", "den", 1, 10)
    await store.messages.last_id("den")
    await store.messages.first_ids(["den"])
    await store.rooms.keep("den", Keep(days=1))
    for all_rooms in (True, False):
        await store.rooms.kept("", 10, all_rooms=all_rooms)
    await store.messages.expired("den", Cutoff(keep=0), 1, 10)
    await store.messages.expire("den", Cutoff(keep=0), 10)
    await store.messages.last_id("den")
    await store.members.page("den", "", 10)
    await store.members.of_user("ann")
    await store.members.set_moderator("den", "ann", True)
    await store.members.mute("den", "eve", 1.0)
    await store.members.silenced("den", ["eve"], 1.0)
    await store.rooms.update("den", "Den", "", slow_seconds=10)
    await store.messages.commit([post(room_id="den")], {})
    await store.rooms.ban("den", "eve")
    await store.rooms.is_banned("den", "eve")
    await store.rooms.bans("den")
    await store.rooms.banned_from("eve")
    await store.rooms.unban("den", "eve")
    await store.directs.open(direct(), 1.0)
    await store.directs.open(direct("again"), 1.0)
    await store.directs.find("ann bob")
    await store.directs.share_room("ann", "bob")
    for at_most in (0, 9):
        await store.blocks.add(Block("ann", f"bob{at_most}"), at_most)
    await store.blocks.of_user("ann")
    await store.messages.commit([post(room_id="whisper")], {})
    await store.blocks.remove("ann", "bob")
    await store.users.delete("eve")
    await use_invites_and_audit(store)
    await use_changes(store)
    await use_own_accounts(store)
    await store.rooms.leave("den", "bob")
    await store.rooms.delete("den")
    await store.messages.sweep(10)
