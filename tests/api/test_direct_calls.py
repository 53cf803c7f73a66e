"""Direct conversations, blocks, and who sees whose address."""

import msgspec
import pytest

from reichatd import settings
from reichatd.settings.tables import Table
from reichatd.store import AuditFilter
from tests.api.conftest import Api, Reply, Someone
from tests.unlimited import UNLIMITED

ROOM = {"name": "Hall", "description": "", "room_id": "hall"}


@pytest.fixture
async def hall(api: Api, ann: Someone, bob: Someone) -> str:
    """A public room that both are in."""
    await api("POST", "/room", ROOM, by=ann)
    await api("POST", "/room/hall/join", by=bob)
    return "hall"


def configure(api: Api, **tables: Table) -> None:
    api.settings.replace(msgspec.structs.replace(api.settings.whole, **tables))


def who_may_begin(api: Api, begins: settings.WhoMayBegin) -> None:
    configure(api, direct=settings.DirectSettings(from_=begins))


async def opened(api: Api, by: Someone, other: Someone) -> Reply:
    return await api("POST", "/direct", {"user_id": other.user_id}, by=by)


async def email_of(api: Api, user: Someone, by: Someone) -> str:
    reply = await api("GET", f"/user/{user.user_id}", by=by)
    assert reply.status == 200
    assert reply.body["user_details"]["username"] == user.email.partition("@")[0]
    return str(reply.body["user_details"]["email"])


async def test_the_direct_conversation_of_two_users(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    first, again, from_bob = await opened(api, ann, bob), await opened(api, ann, bob), await opened(api, bob, ann)
    assert (first.status, again.status, from_bob.status) == (201, 200, 200)
    room_id = first.body["room_id"]
    assert first.body == again.body == from_bob.body == {"message": "ok", "room_id": room_id}
    for one, other, name in ((ann, bob, "bob"), (bob, ann, "ann")):
        whole = (await api("GET", f"/room/{room_id}", by=one)).body["room"]
        assert (whole["name"], whole["private"], whole["owner"]) == (name, True, other.user_id)
        assert set(whole["users"]) == {ann.user_id, bob.user_id}
        joined = (await api("GET", "/joined", by=one)).body["rooms"]
        assert [(room["room_id"], room["name"], room["private"], room["kind"]) for room in joined] == [
            ("hall", "Hall", False, "room"),
            (room_id, name, True, "direct"),
        ]
        assert (joined[1]["role"], joined[1].get("owner_is_member", True)) == ("member", True)
        members = (await api("GET", f"/room/{room_id}/members", by=one)).body["members"]
        assert {(member["user_id"], member["role"]) for member in members} == {
            (ann.user_id, "member"),
            (bob.user_id, "member"),
        }
        oneself = (await api("GET", "/user", by=one)).body
        assert oneself["rooms"][1] == {"room_id": room_id, "name": name, "description": ""}
    assert [room["room_id"] for room in (await api("GET", "/public", by=ann)).body["rooms"]] == ["hall"]
    [entry] = [one for one in await api.store.audit.page(AuditFilter(), 100) if one.event == "direct_opened"]
    assert (entry.actor, entry.user_id, entry.room_id) == (ann.user_id, bob.user_id, room_id)


async def test_what_is_not_done_with_a_direct_conversation(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    path, eve = f"/room/{(await opened(api, ann, bob)).body['room_id']}", await api.user("eve")
    body = {"name": "Mine", "description": "", "password": "a password"}
    for by in (ann, bob, eve):
        for method, end, body_of_it in (
            ("POST", "/join", {"password": "a password"}),
            ("PUT", "", body),
            ("DELETE", "", None),
            ("POST", f"/kick/{bob.user_id}", None),
            ("POST", f"/ban/{bob.user_id}", None),
            ("POST", f"/unban/{bob.user_id}", None),
            ("GET", "/bans", None),
            ("PUT", f"/moderators/{bob.user_id}", None),
            ("DELETE", f"/moderators/{bob.user_id}", None),
            ("PUT", f"/mute/{bob.user_id}", {"seconds": 60}),
            ("POST", "/transfer", {"user_id": bob.user_id}),
            ("POST", "/invites", {}),
            ("GET", "/invites", None),
            ("GET", "/audit", None),
        ):
            reply = await api(method, path + end, body_of_it, by=by)
            assert (reply.status, reply.body["code"]) == (409, "direct_room"), (method, end)
    assert (await api("GET", path, by=eve)).body["code"] == "room_not_found"
    assert (await api("GET", path, by=ann)).body["room"]["name"] == "bob"


async def test_leaving_and_opening_again(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    path = f"/room/{(await opened(api, ann, bob)).body['room_id']}"
    assert (await api("POST", f"{path}/leave", by=bob)).status == 200
    assert (await api("GET", path, by=bob)).status == 404
    assert (await api("GET", path, by=ann)).body["room"]["users"] == [ann.user_id]
    who_may_begin(api, "nobody")
    for by, other in ((ann, bob), (bob, ann)):
        assert (await opened(api, by, other)).status == 403
    who_may_begin(api, "shared_room")
    assert (await opened(api, ann, bob)).status == 200
    assert (await api("GET", path, by=bob)).body["room"]["name"] == "ann"
    who_may_begin(api, "nobody")
    assert (await opened(api, bob, ann)).status == 200


async def test_who_may_begin_a_direct_conversation(api: Api, ann: Someone, bob: Someone) -> None:
    assert (await opened(api, ann, bob)).status == 403
    who_may_begin(api, "nobody")
    assert (await opened(api, ann, bob)).status == 403
    who_may_begin(api, "anyone")
    assert (await opened(api, ann, bob)).status == 201
    eve = await api.user("eve")
    who_may_begin(api, "shared_room")
    assert (await opened(api, eve, ann)).status == 403
    await api("POST", "/room", ROOM, by=ann)
    await api("POST", "/room/hall/join", by=eve)
    assert (await opened(api, eve, ann)).status == 201


async def test_with_whom_there_is_no_direct_conversation(api: Api, ann: Someone) -> None:
    reply = await opened(api, ann, ann)
    assert (reply.status, reply.body["code"]) == (400, "yourself")
    for user_id in ("nobody", "", "a b", "\0"):
        reply = await api("POST", "/direct", {"user_id": user_id}, by=ann)
        assert (reply.status, reply.body["code"]) == (404, "user_not_found")


async def test_the_other_user_is_deleted(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    room_id = (await opened(api, ann, bob)).body["room_id"]
    assert await api.store.rooms.owned(ann.user_id) == ["hall"]
    assert await api.store.users.delete(bob.user_id)
    assert (await api("GET", f"/room/{room_id}", by=ann)).body["room"]["name"] == "(deleted)"
    assert (await opened(api, ann, bob)).status == 404
    assert (await api("POST", f"/room/{room_id}/leave", by=ann)).status == 200
    assert await api.store.rooms.get(room_id) is None
    assert ("room_deleted", room_id) in api.live.calls
    events = [entry.event for entry in await api.store.audit.page(AuditFilter(room_id=room_id), 9)]
    assert events == ["direct_opened", "left", "room_deleted"]


async def test_blocked_users_begin_nothing(api: Api, ann: Someone, bob: Someone, hall: str) -> None:
    path = f"/user/blocks/{bob.user_id}"
    assert (await api("GET", "/user/blocks", by=ann)).body == {"message": "ok", "blocks": []}
    for _ in range(2):
        assert (await api("PUT", path, by=ann)).body == {"message": "ok"}
    blocks = [{"user_id": bob.user_id, "username": "bob"}]
    assert (await api("GET", "/user/blocks", by=ann)).body == {"message": "ok", "blocks": blocks}
    assert (await api("GET", "/user/blocks", by=bob)).body["blocks"] == []
    refused = await opened(api, bob, ann)
    assert (refused.status, refused.body["code"]) == (403, "forbidden")
    who_may_begin(api, "nobody")
    assert (await opened(api, bob, ann)).body == refused.body  # it does not tell why
    who_may_begin(api, "anyone")
    assert (await opened(api, bob, ann)).status == 403
    assert (await opened(api, ann, bob)).status == 201
    assert (await opened(api, bob, ann)).status == 403
    for _ in range(2):
        assert (await api("DELETE", path, by=ann)).status == 200
    assert (await opened(api, bob, ann)).status == 200
    events = [entry.event for entry in await api.store.audit.page(AuditFilter(user_id=bob.user_id), 100)]
    assert (events.count("blocked"), events.count("unblocked")) == (1, 1)


async def test_whom_one_cannot_block(api: Api, ann: Someone) -> None:
    for user_id, status, code in ((ann.user_id, 400, "yourself"), ("nobody", 404, "user_not_found")):
        reply = await api("PUT", f"/user/blocks/{user_id}", by=ann)
        assert (reply.status, reply.body["code"]) == (status, code)
    assert (await api("DELETE", "/user/blocks/nobody", by=ann)).status == 200


async def test_limits(api: Api, ann: Someone, bob: Someone) -> None:
    eve = await api.user("eve")
    configure(
        api,
        direct=settings.DirectSettings(from_="anyone"),
        limits=settings.LimitSettings(**(UNLIMITED | {"blocks_per_user": 1, "directs_per_user_hour": 1})),
    )
    assert (await opened(api, ann, bob)).status == 201
    assert (await opened(api, ann, bob)).status == 200
    assert (await opened(api, ann, eve)).status == 429
    assert (await api("PUT", f"/user/blocks/{bob.user_id}", by=ann)).status == 200
    reply = await api("PUT", f"/user/blocks/{eve.user_id}", by=ann)
    assert (reply.status, reply.body["code"]) == (409, "too_many_blocks")


async def test_strangers_do_not_see_addresses(api: Api, ann: Someone, bob: Someone) -> None:
    await api("POST", "/room", ROOM, by=ann)
    for email in ("", ann.email, ""):
        assert await email_of(api, ann, bob) == email
        assert await email_of(api, ann, ann) == ann.email
        await api("POST", f"/room/hall/{'leave' if email else 'join'}", by=bob)
    who_may_begin(api, "anyone")
    await api("POST", "/room/hall/leave", by=bob)
    assert (await opened(api, bob, ann)).status == 201
    assert await email_of(api, ann, bob) == ""


@pytest.mark.parametrize(
    ("emails", "member_sees", "stranger_sees"), [("everyone", True, True), ("nobody", False, False)]
)
async def test_who_sees_addresses_is_a_setting(
    api: Api, ann: Someone, bob: Someone, emails: settings.EmailVisibility, member_sees: bool, stranger_sees: bool
) -> None:
    eve = await api.user("eve")
    configure(api, privacy=settings.PrivacySettings(emails=emails))
    assert await email_of(api, ann, ann) == ann.email
    assert await email_of(api, ann, bob) == (ann.email if member_sees else "")
    assert await email_of(api, ann, eve) == (ann.email if stranger_sees else "")
    assert (await api("GET", "/user", by=ann)).body["user_details"]["email"] == ann.email
