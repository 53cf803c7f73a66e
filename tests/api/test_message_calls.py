"""The conversation by REST: its answers. What changes do is tested with the stores; following, end to end."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import trio

from reichatd.store import Store
from tests.api.conftest import Api, Reply, Someone

MESSAGES = "/room/den/messages"
THUMB = quote("👍")


@pytest.fixture
async def den(api: Api, ann: Someone, bob: Someone, nursery: trio.Nursery) -> Api:
    """The API, with ann's room "den", which bob has joined, and conversations that work."""
    await nursery.start(api.conversations.run)
    await api("POST", "/room", {"name": "Den", "description": "", "room_id": "den"}, by=ann)
    await api("POST", "/room/den/join", by=bob)
    return api


async def post(api: Api, by: Someone, content: str, **more: Any) -> int:  # noqa: ANN401 - JSON
    reply = await api("POST", MESSAGES, {"content": content, **more}, by=by)
    assert reply.status == 201, reply.body
    message_id: int = reply.body["message_id"]
    return message_id


async def page(api: Api, by: Someone, query: str = "") -> dict[str, Any]:
    reply = await api("GET", f"{MESSAGES}?{query}", by=by)
    assert reply.status == 200, reply.body
    return reply.body


def ids(page: dict[str, Any]) -> list[int]:
    return [message["message_id"] for message in page["messages"]]


def refusal(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["code"]


async def test_posts(den: Api, ann: Someone, bob: Someone) -> None:
    assert await post(den, ann, "\nHello, log! ", nonce="n1") == 1
    again = await den("POST", MESSAGES, {"content": "Hello, log!", "nonce": "n1"}, by=ann)
    assert (again.status, again.body) == (200, {"message": "ok", "message_id": 1})
    for status in (201, 200):
        key = {"Idempotency-Key": "n2"}
        reply = await den("POST", MESSAGES, {"content": "a reply", "reply_to": 1}, by=bob, headers=key)
        assert (reply.status, reply.body["message_id"]) == (status, 2)
    assert await post(den, ann, "@bob and all", mention_room=True) == 3
    log = await page(den, bob)
    first, reply, last = log.pop("messages")
    assert datetime.fromisoformat(first.pop("timestamp")) <= datetime.now(UTC)
    assert first == {
        "message_id": 1,
        "user_id": ann.user_id,
        "username": "ann",
        "email": "ann@example.org",
        "content": "Hello, log!",
    }
    assert reply["reply_to"] == 1
    assert (last["mentions"], last["mention_room"]) == ([bob.user_id], True)
    assert log == {"message": "ok", "last_id": 3, "change_id": 0, "log": log["log"]}


async def test_what_is_refused(den: Api, ann: Someone, bob: Someone) -> None:
    eve = await den.user("eve")
    await post(den, ann, "one")
    for content in ("", " \n", "x" * 5001):
        reply = await den("POST", MESSAGES, {"content": content}, by=ann)
        assert (reply.status, reply.fields) == (422, ["content"])
    reply = await den("POST", MESSAGES, {"content": "x"}, by=ann, headers={"Idempotency-Key": "n" * 65})
    assert (reply.status, reply.fields) == (422, ["nonce"])
    assert refusal(await den("POST", MESSAGES, {"content": "x", "reply_to": 9}, by=ann)) == (404, "message_not_found")
    assert (await den("PUT", f"{MESSAGES}/1/reactions/smile", by=ann)).fields == ["emoji"]
    for method, path, body in (
        ("POST", "", {"content": "x"}),
        ("GET", "", None),
        ("PATCH", "/1", {"content": "x"}),
        ("DELETE", "/1", None),
        ("PUT", f"/1/reactions/{THUMB}", None),
        ("DELETE", f"/1/reactions/{THUMB}", None),
        ("GET", f"/1/reactions/{THUMB}", None),
        ("PUT", "/1/pin", None),
        ("DELETE", "/1/pin", None),
        ("GET", "/../pins", None),
        ("PUT", "/../last_read", {"message_id": 1}),
    ):
        path = f"{MESSAGES}{path}".replace("/messages/..", "")
        assert refusal(await den(method, path, body, by=eve)) == (403, "forbidden"), path
        nowhere = path.replace("den", "nowhere")
        assert refusal(await den(method, nowhere, body, by=ann)) == (404, "room_not_found"), path
        if "/1" in path:
            for unknown in ("/2", "/x", "/" + "9" * 30):
                assert refusal(await den(method, path.replace("/1", unknown), body, by=ann)) == (
                    404,
                    "message_not_found",
                )
    assert refusal(await den("PATCH", f"{MESSAGES}/1", {"content": "x"}, by=bob)) == (403, "forbidden")
    assert refusal(await den("DELETE", f"{MESSAGES}/1", by=bob)) == (403, "forbidden")
    assert refusal(await den("PUT", f"{MESSAGES}/1/pin", by=bob)) == (403, "forbidden")
    await den("PUT", f"/room/den/mute/{bob.user_id}", {"seconds": 60}, by=ann)
    reply = await den("POST", MESSAGES, {"content": "x"}, by=bob)
    assert refusal(reply) == (403, "muted")
    assert 50 < (datetime.fromisoformat(reply.body["until"]) - datetime.now(UTC)).total_seconds() <= 60


async def test_changes(den: Api, ann: Someone, bob: Someone) -> None:
    await post(den, ann, "first")
    await post(den, bob, "second")
    for _ in range(2):  # a repeat changes nothing
        edited = await den("PATCH", f"{MESSAGES}/1", {"content": "better"}, by=ann)
        assert edited.body == {"message": "ok", "change_id": 1}
    body = {"content": "worse", "if_change": 0}
    assert refusal(await den("PATCH", f"{MESSAGES}/1", body, by=ann)) == (409, "conflict")
    for by in (ann, bob):
        await den("PUT", f"{MESSAGES}/1/reactions/{THUMB}", by=by)
    assert (await den("PUT", f"{MESSAGES}/2/pin", by=ann)).body["change_id"] == 4
    assert [message["message_id"] for message in (await den("GET", "/room/den/pins", by=bob)).body["messages"]] == [2]
    users = sorted([ann, bob], key=lambda someone: someone.user_id)
    reactors = [{"user_id": each.user_id, "username": each.email.partition("@")[0]} for each in users]
    path = f"{MESSAGES}/1/reactions/{THUMB}"
    assert (await den("GET", f"{path}?limit=1", by=ann)).body["users"] == reactors[:1]
    assert (await den("GET", f"{path}?after={users[0].user_id}", by=ann)).body["users"] == reactors[1:]
    log = await page(den, ann, "mine=true")
    assert log["mine"] == {"1": ["👍"]}
    assert log["change_id"] == 4
    first, second = log["messages"]
    assert (first["content"], first["reactions"][0]["count"], "edited_at" in first) == ("better", 2, True)
    assert second["pinned"]["by"] == ann.user_id
    # Taken back, and deleted by the owner of the room.
    assert (await den("DELETE", path, by=ann)).status == 200
    assert (await den("DELETE", f"{MESSAGES}/2/pin", by=ann)).status == 200
    assert (await den("DELETE", f"{MESSAGES}/2", by=ann)).body["change_id"] == 7
    assert refusal(await den("PATCH", f"{MESSAGES}/2", {"content": "x"}, by=bob)) == (409, "message_deleted")
    news = await page(den, ann, "after_id=2&after_change=4&mine=true")
    assert news["messages"] == []
    assert [(each["message_id"], each["change_id"]) for each in news["changed"]] == [(1, 5), (2, 7)]
    assert (news["changed"][1]["content"], news["changed"][1]["deleted"]) == ("(deleted)", "moderator")
    assert (news["change_id"], news["mine"]) == (7, {})


async def test_pages(den: Api, ann: Someone, bob: Someone) -> None:
    for number in range(1, 9):
        await post(den, ann, f"text {number}")
    for query, expected in {
        "": [1, 2, 3, 4, 5, 6, 7, 8],
        "limit=3": [6, 7, 8],
        "before_id=4&limit=2": [2, 3],
        "before_id=1": [],
        "before_id=99&limit=1": [8],
        "after_id=5": [6, 7, 8],
        "after_id=-7&limit=2": [1, 2],
        "after_id=8": [],
        "from_id=3&to_id=5": [3, 4, 5],
        "from_id=7&to_id=99": [7, 8],
        "from_id=5&to_id=4": [],
    }.items():
        found = await page(den, bob, query)
        assert (ids(found), found["last_id"]) == (expected, 8), query
        assert "changed" not in found
    for number in (1, 3, 2):
        await den("PATCH", f"{MESSAGES}/{number}", {"content": "new"}, by=ann)
    part = await page(den, bob, "after_id=8&after_change=0&limit=2")
    assert ([each["message_id"] for each in part["changed"]], part["change_id"]) == ([1, 3], 2)
    rest = await page(den, bob, f"after_id=1&after_change={part['change_id']}&limit=2")
    assert (rest["changed"], ids(rest), rest["change_id"]) == ([], [2, 3], 3)
    token = part["log"]
    assert ids(await page(den, bob, f"log={token}&after_id=7")) == [8]
    other = await den("GET", f"{MESSAGES}?log=other", by=bob)
    assert (refusal(other), other.body["log"]) == ((409, "other_log"), token)
    for query, field in {
        "from_id=1": "to_id",
        "to_id=1": "from_id",
        "from_id=1&to_id=1001": "to_id",
        "from_id=1&to_id=2&after_id=1": "after_id",
        "after_id=1&before_id=2": "before_id",
        "after_change=1": "after_change",
        "limit=0": "limit",
        "limit=1001": "limit",
        "after_id=x": "after_id",
    }.items():
        reply = await den("GET", f"{MESSAGES}?{query}", by=bob)
        assert (reply.status, reply.fields) == (422, [field]), query


async def test_long_pages_come_in_pieces(den: Api, store: Store, ann: Someone) -> None:
    """No page holds much memory, whatever is in it."""
    for number in range(30):
        await post(den, ann, f"{number:04}" * 1250)
    assert ids(await page(den, ann)) == list(range(1, 31))
    assert ids(await page(den, ann, "from_id=2&to_id=29")) == list(range(2, 30))
    part = await page(den, ann, "after_id=1")
    assert 10 < len(ids(part)) < 20  # and the next page goes on from there
    assert ids(part) == list(range(2, 2 + len(ids(part))))
    assert part["last_id"] == 30


async def test_read_marks(den: Api, ann: Someone, bob: Someone) -> None:
    for _ in range(3):
        await post(den, ann, "text")
    for message_id, mark in ((2, 2), (1, 2), (99, 3)):
        assert (await den("PUT", "/room/den/last_read", {"message_id": message_id}, by=bob)).body == {"message": "ok"}
        (room,) = (await den("GET", "/joined", by=bob)).body["rooms"]
        assert (room["last_id"], room["last_read_id"], room["unread"]) == (3, mark, 3 - mark)
    await post(den, ann, "@bob")
    (short,) = (await den("GET", "/joined?members=false", by=bob)).body["rooms"]
    assert (short.pop("members"), short["unread"], short["mentions"]) == (2, 1, 1)
    assert {**room, "last_id": 4, "unread": 1, "mentions": 1} == {**short, "users": [ann.user_id, bob.user_id]}


async def test_tokens_of_programs(den: Api, ann: Someone, bob: Someone) -> None:
    """ann's tokens: she owns the room."""

    async def token(*scopes: str) -> str:
        made = await den("POST", "/user/tokens", {"name": "robot", "scopes": scopes}, by=ann)
        return str(made.body["token"])

    reading, writing, leading = await token("read"), await token("write"), await token("write", "moderate")
    await post(den, bob, "bob's")
    assert refusal(await den("POST", MESSAGES, {"content": "x"}, by=reading)) == (403, "insufficient_scope")
    assert refusal(await den("GET", MESSAGES, by=writing)) == (403, "insufficient_scope")
    assert ids((await den("GET", MESSAGES, by=reading)).body) == [1]
    assert (await den("POST", MESSAGES, {"content": "x"}, by=writing)).body["message_id"] == 2
    for method, path in (("DELETE", "/1"), ("PUT", "/2/pin")):
        assert refusal(await den(method, f"{MESSAGES}{path}", by=writing)) == (403, "forbidden")
        assert (await den(method, f"{MESSAGES}{path}", by=leading)).status == 200
    assert (await den("DELETE", f"{MESSAGES}/2", by=writing)).status == 200
