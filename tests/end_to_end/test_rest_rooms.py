"""The REST calls on rooms: every status, code and field of their answers."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from tests.client import Person, open_room, plain, registered_users
from tests.process import DaemonProcess

OK = {"message": "ok"}


async def refused(person: Person, method: str, path: str, status: int, code: str, **body: str) -> str:
    """Makes a call that must be refused; returns the sentence of the error."""
    answer = await person.call(method, path, status, **body)
    assert answer["code"] == code
    sentence: str = answer["message"]
    assert sentence
    return sentence


async def test_public_room(daemon: DaemonProcess) -> None:
    before = datetime.now(UTC)
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = f"Room{secrets.token_hex(8)}"
        made = await ada.call("POST", "/room", 201, name="Garden", description="Plants", room_id=room_id)
        assert made == {**OK, "room_id": room_id}
        await bob.call("POST", f"/room/{room_id}/join")

        short = {"room_id": room_id, "name": "Garden", "description": "Plants"}
        assert short in (await eve.call("GET", "/public"))["rooms"]
        room = (await eve.call("GET", f"/room/{room_id}"))["room"]
        created_at = room.pop("created_at")
        assert room == {**short, "owner": ada.user_id, "private": False, "users": [ada.user_id, bob.user_id]}
        made_at = datetime.fromisoformat(created_at)
        assert made_at.utcoffset() == timedelta(0)
        assert before <= made_at <= datetime.now(UTC)
        joined = {**room, "created_at": created_at, "kind": "room", "role": "member", "muted": False}
        joined |= {"unread": 0, "mentions": 0}
        assert await bob.call("GET", "/joined") == {**OK, "rooms": [joined]}
        assert await eve.call("GET", "/joined") == {**OK, "rooms": []}

        taken = await refused(eve, "POST", "/room", 409, "room_exists", name="x", description="", room_id=room_id)
        assert taken == "Room ID taken"
        assert await refused(bob, "POST", f"/room/{room_id}/join", 409, "already_joined") == "Already joined"
        assert await bob.call("POST", f"/room/{room_id}/leave") == OK
        assert await refused(bob, "POST", f"/room/{room_id}/leave", 409, "not_a_member") == "User not in room"
        assert await ada.call("DELETE", f"/room/{room_id}") == OK
        assert short not in (await eve.call("GET", "/public"))["rooms"]
        await refused(ada, "GET", f"/room/{room_id}", 404, "room_not_found")


async def test_private_room(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, password="wine")
        path = f"/room/{room_id}"
        assert room_id not in [room["room_id"] for room in (await bob.call("GET", "/public"))["rooms"]]
        seen = (await bob.call("GET", path))["room"]
        assert (seen["private"], seen["users"]) == (True, [])
        assert (await ada.call("GET", path))["room"]["users"] == [ada.user_id]

        required = "Password required"
        assert await refused(bob, "POST", f"{path}/join", 400, "password_required") == required
        assert await refused(bob, "POST", f"{path}/join", 400, "password_required", password="") == required
        assert (
            await refused(bob, "POST", f"{path}/join", 400, "invalid_password", password="beer") == "Invalid password"
        )
        assert await bob.call("POST", f"{path}/join", password="wine") == OK
        assert (await bob.call("GET", path))["room"]["users"] == [ada.user_id, bob.user_id]


@pytest.mark.parametrize("nothing", [None, ""])
async def test_room_update(daemon: DaemonProcess, nothing: str | None) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, password="wine")
        path = f"/room/{room_id}"
        assert await ada.call("PUT", path, name="Cellar", description="Deep") == OK
        room = (await bob.call("GET", path))["room"]
        assert (room["name"], room["description"], room["private"]) == ("Cellar", "Deep", True)

        assert await ada.call("PUT", path, name="Cellar", description="", password="beer") == OK
        await refused(bob, "POST", f"{path}/join", 400, "invalid_password", password="wine")
        assert await ada.call("PUT", path, name="Pub", description="", password=nothing) == OK
        assert (await bob.call("GET", path))["room"]["private"] is False
        await bob.call("POST", f"{path}/join")

        forbidden = {"name": "Mine", "description": ""}
        await refused(bob, "PUT", path, 403, "forbidden", **forbidden)
        await refused(bob, "PUT", "/room/nowhere", 404, "room_not_found", **forbidden)
        await refused(ada, "PUT", path, 400, "invalid_fields", name=" ", description="")


@pytest.mark.parametrize("room_id", ["ab", "x" * 33, "two words", "dash-ed", "ü" * 5])
async def test_bad_room_ids(daemon: DaemonProcess, room_id: str) -> None:
    async with registered_users(daemon, 1) as (ada,):
        answer = await ada.call("POST", "/room", 400, name="x", description="", room_id=room_id)
        assert [entry["field"] for entry in answer["errors"]] == ["room_id"]


async def test_owners_and_members(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob)
        path = f"/room/{room_id}"
        for verb in ("kick", "ban", "unban"):
            await refused(bob, "POST", f"{path}/{verb}/{ada.user_id}", 403, "forbidden")
            await refused(ada, "POST", f"{path}/{verb}/{ada.user_id}", 400, "yourself")
            await refused(ada, "POST", f"/room/nowhere/{verb}/{bob.user_id}", 404, "room_not_found")
        await refused(bob, "DELETE", path, 403, "forbidden")

        not_in_room = "User not in room"
        assert await refused(ada, "POST", f"{path}/kick/{eve.user_id}", 409, "not_a_member") == not_in_room
        assert await ada.call("POST", f"{path}/kick/{bob.user_id}") == OK
        await bob.call("POST", f"{path}/join")

        assert await refused(ada, "POST", f"{path}/unban/{bob.user_id}", 400, "not_banned") == "User not banned"
        assert await ada.call("POST", f"{path}/ban/{bob.user_id}") == OK
        assert (await ada.call("GET", path))["room"]["users"] == [ada.user_id]
        assert await refused(ada, "POST", f"{path}/ban/{bob.user_id}", 400, "already_banned") == "Already banned"
        await refused(bob, "POST", f"{path}/join", 403, "banned")
        assert await ada.call("POST", f"{path}/ban/{eve.user_id}") == OK  # also a user who is no member
        await refused(ada, "POST", f"{path}/ban/nobody", 404, "user_not_found")
        assert await ada.call("POST", f"{path}/unban/{bob.user_id}") == OK
        assert await bob.call("POST", f"{path}/join") == OK


async def test_no_such_room(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/join"), ("POST", "/leave")):
            for room_id in ("nowhere", "%00", "ro%20om", "%F0%9F%8C%B9"):
                sentence = await refused(ada, method, f"/room/{room_id}{path}", 404, "room_not_found")
                assert sentence == "Room not found"


async def test_a_room_created_again_is_empty(daemon: DaemonProcess) -> None:
    room_id = f"again{secrets.token_hex(8)}"
    async with registered_users(daemon, 2) as (ada, bob):
        for text in ("the first", "the second"):
            await open_room(ada, room_id=room_id)
            assert (await ada.call("GET", f"/room/{room_id}"))["room"]["users"] == [ada.user_id]
            await bob.call("POST", f"/room/{room_id}/join")
            async with bob.talk(room_id) as talk:
                assert plain(await talk.receive()) == {"type": "initial_state", "last_read_id": 0, "messages": []}
                assert await talk.post(text, "n") == 1
            await ada.call("DELETE", f"/room/{room_id}")
