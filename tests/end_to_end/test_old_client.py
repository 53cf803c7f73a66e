"""An old client beside new ones: it receives frame by frame what the first version of the contract gave it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio
from trio_websocket import ConnectionClosed

from tests.client import PASSWORD, Person, Talk, bearer, enrol, talk_at
from tests.end_to_end.old_client import RECORD, ROOM, OldClient, differences
from tests.process import running

ORIGIN = "https://elsewhere.example.org"


async def test_an_old_client_receives_what_it_always_received(tmp_path: Path, storage: dict[str, str]) -> None:
    expected = json.loads(RECORD.read_text())
    settings = storage | {
        "REICHATD_SERVER_HOST": f"127.0.0.1,unix:{tmp_path / 'http.sock'}",
        "REICHATD_SERVER_ALLOWED_ORIGINS": ORIGIN,
        "REICHATD_METRICS_ENABLED": "true",
        "REICHATD_METRICS_PORT": "0",
    }
    async with running(tmp_path, **settings) as daemon, trio.open_nursery() as nursery:
        client, additions = OldClient(daemon), Additions()

        async def start_new_clients(ada: Person, bob: Person) -> None:
            assert (await ada.call("GET", f"/room/{ROOM}/bans"))["bans"] == []
            await lead_the_room(ada, bob)
            for person in (ada, bob):
                await use_the_account(person)
                await nursery.start(additions.use, person)
                await nursery.start(additions.follow, person)
            await talk_directly(ada, bob)

        await client.run(meanwhile=start_new_clients)
        nursery.cancel_scope.cancel()
    assert list(differences(expected, client.record)) == []
    assert additions.answers > 4, "else little was used beside the old client"
    assert additions.refusals > 4
    assert additions.states > 0
    assert additions.news > 0
    assert additions.changes > 4


def test_differences() -> None:
    expected = {"type": "ack", "ids": [{"id": 1}, {"id": 2}]}
    assert list(differences(expected, {**expected, "new": 1})) == []
    assert list(differences(expected, {"type": "ack", "ids": [{"id": 1}, {"id": 3}]})) == [".ids[1].id is 3, not 2"]
    assert list(differences(expected, {"type": "ack", "ids": [{"id": 1}]})) != []
    assert list(differences(expected, {"type": "ack"})) == [".ids is missing"]
    assert list(differences({"id": 1}, {"id": True})) == [".id is True, not 1"]


async def lead_the_room(owner: Person, member: Person) -> None:
    """Does what an owner can, and undoes it: the old client is told nothing of it, and its rights stay."""
    await owner.call("PUT", f"/room/{ROOM}/moderators/{member.user_id}")
    listed = (await owner.call("GET", f"/room/{ROOM}/members"))["members"]
    assert sorted(each["role"] for each in listed) == ["moderator", "owner"]
    await owner.call("DELETE", f"/room/{ROOM}/moderators/{member.user_id}")
    for seconds in (3600, None):
        await owner.call("PUT", f"/room/{ROOM}/mute/{member.user_id}", seconds=seconds)
    made = await owner.call("POST", f"/room/{ROOM}/invites", 201, uses=1)
    assert (await owner.call("GET", f"/invite/{made['invite']}"))["room"]["room_id"] == ROOM
    await owner.call("DELETE", f"/room/{ROOM}/invites/{made['invite_id']}")
    assert "muted" in [each["event"] for each in (await owner.call("GET", f"/room/{ROOM}/audit"))["entries"]]


async def use_the_account(person: Person) -> None:
    """Uses all that accounts have gained; the old client's own login session stays as it is."""
    tokens = (await person.try_login()).json()["tokens"]
    for token in (tokens["refresh_token"], tokens["refresh_token"]):  # rotated, and repeated
        assert (await person.http.post("/refresh", headers=bearer(token))).status_code == 200
    assert len((await person.call("GET", "/sessions"))["sessions"]) >= 2
    _, (recovery_code, *_) = await enrol(person)
    assert (await person.try_login()).status_code == 401
    await person.call("DELETE", "/user/totp", password=PASSWORD, code=recovery_code)
    program = (await person.call("POST", "/user/tokens", 201, name="robot", scopes=["read"]))["token"]
    assert (await person.http.get("/joined", headers=bearer(program))).status_code == 200
    await person.call("POST", "/user/app-passwords", 201, name="mail")


async def talk_directly(one: Person, other: Person) -> None:
    """A direct conversation, which both leave, so that it is in no list of the old client."""
    room_id = (await one.call("POST", "/direct", 201, user_id=other.user_id))["room_id"]
    async with one.talk(room_id) as talk:
        await talk.post("hello", "a nonce of a direct message")
    await converse_by_rest(one, other, room_id)
    for person in (one, other):
        await person.call("POST", f"/room/{room_id}/leave")
    await one.call("PUT", f"/user/blocks/{other.user_id}")


async def converse_by_rest(one: Person, other: Person, room_id: str) -> None:
    """Posts, changes and reads in a room where the old client is not."""
    messages = f"/room/{room_id}/messages"
    message_id = (await one.call("POST", messages, 201, content="by REST", nonce="n"))["message_id"]
    assert (await one.call("POST", messages, 200, content="by REST", nonce="n"))["message_id"] == message_id
    await one.call("PATCH", f"{messages}/{message_id}", content="edited")
    await other.call("PUT", f"{messages}/{message_id}/reactions/👍")
    await other.call("PUT", f"{messages}/{message_id}/pin")
    (edited,) = (await other.call("GET", f"{messages}?after_id={message_id - 1}&wait=10"))["messages"]
    assert (edited["content"], edited["reactions"][0]["count"]) == ("edited", 1)
    await one.call("DELETE", f"{messages}/{message_id}")


class Additions:
    """Uses everything that the contract has gained since, on second devices of the same users."""

    def __init__(self) -> None:
        self.answers = 0
        self.refusals = 0
        self.states = 0
        self.news = 0
        self.changes = 0

    async def use(self, person: Person, *, task_status: trio.TaskStatus[None]) -> None:
        """Runs until the room is closed to this user. Started when it listens."""
        assert (await person.call("GET", "/about"))["message"] == "ok"
        ticket = await person.ticket()
        async with talk_at(person.socket_url(ROOM, ticket=ticket), origin=ORIGIN) as talk:
            await talk.receive("initial_state")
            await talk.send("listen_latest", after_id=0, want=["typing", "presence"])
            task_status.started()
            with suppress(ConnectionClosed):
                while True:
                    await self._react(person, talk, await talk.receive())

    async def follow(self, person: Person, *, task_status: trio.TaskStatus[None]) -> None:
        """Follows all rooms of this user, until the login session ends. Started after `hello`."""
        async with talk_at(f"{person.url.replace('http', 'ws', 1)}/ws/user?token={person.access_token}") as talk:
            await talk.receive("hello")
            task_status.started()
            with suppress(ConnectionClosed, trio.TooSlowError):
                while True:
                    self.news += bool(await talk.receive())

    async def _react(self, person: Person, talk: Talk, frame: dict[str, Any]) -> None:
        """Changes each message by REST; sends two named requests after it, one of which must be refused; checks the answers."""
        match frame:
            case {"type": "typing" | "presence"}:
                self.states += 1
            case {"type": "latest_message", "message": message}:
                await talk.send("typing")
                await self._change(person, f"/room/{ROOM}/messages/{message['message_id']}")
                for to_id in (message["message_id"], 1_000_000):
                    await talk.send("fetch", from_id=1, to_id=to_id, request=str(to_id))
            case {"type": "fetch_response", "request": request, "last_id": last_id}:
                assert last_id >= int(request)
                self.answers += 1
            case _:
                assert (frame["type"], frame["request"]) == ("error", "1000000")
                self.refusals += 1

    async def _change(self, person: Person, path: str) -> None:
        """Reacts to a message and takes it back; the old client is told nothing of it. The user may have to go meanwhile."""
        for method in ("PUT", "DELETE"):
            changed = await person.http.request(method, f"{path}/reactions/👍", headers=bearer(person.access_token))
            self.changes += changed.status_code == 200
