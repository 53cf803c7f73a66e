"""One socket for each device: what happens in all rooms of a user, over real sockets."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import trio

from tests.client import Person, Talk, bearer, open_room, registered_users, talk_at
from tests.process import DaemonProcess

REFUSED = 4001


def follow(person: Person, token: str = "") -> AbstractAsyncContextManager[Talk]:
    """Opens a user's socket; `hello` is the first frame."""
    return talk_at(f"{person.url.replace('http', 'ws', 1)}/ws/user?token={token or person.access_token}")


async def hello(talk: Talk) -> dict[str, Any]:
    """Receives hello; returns the rooms by id."""
    frame = await talk.receive()
    assert frame["type"] == "hello"
    return {room["room_id"]: room for room in frame["rooms"]}


async def read_to(talk: Talk, type: str) -> dict[str, dict[str, Any]]:
    """Receives frames up to one of this type; returns the last one of each type."""
    return {frame["type"]: frame for frame in await talk.receive_to(type)}


async def test_a_device_learns_what_happens_in_all_rooms(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob), trio.open_nursery() as nursery:
        hall, den = await open_room(ada, bob, name="Hall"), await open_room(ada, name="Den")
        async with ada.talk(hall) as talk, follow(bob) as phone, follow(bob) as laptop:
            for device in (phone, laptop):
                rooms = await hello(device)
                assert list(rooms) == [hall]
                assert "users" not in rooms[hall]
                assert rooms[hall]["members"] == 2
                assert (rooms[hall]["role"], rooms[hall]["unread"], rooms[hall]["mentions"]) == ("member", 0, 0)

            # A message, a mention, and a read mark from another device.
            await talk.post(f"hello @{bob.name}", "1")
            told = {frame["type"]: frame for frame in [await phone.receive(), await phone.receive()]}
            assert told["room_news"] == {"type": "room_news", "room_id": hall, "last_id": 1, "change_id": 0}
            assert told["mention"] == {"type": "mention", "room_id": hall, "message_id": 1, "user_id": ada.user_id}
            async with bob.talk(hall) as of_bob:
                await of_bob.receive("initial_state")
                await of_bob.send("set_last_read", message_id=1)
                assert await phone.receive("read") == {"type": "read", "room_id": hall, "last_read_id": 1}

            # Changes of a message, and of the room.
            await talk.send("edit", message_id=1, content="hello again", nonce="2")
            change_id = (await talk.receive("ack"))["change_id"]
            assert (await phone.receive("room_news"))["change_id"] == change_id
            await ada.call("PUT", f"/room/{hall}", name="Garden", description="", slow_seconds=30)
            assert (await phone.receive("room_changed"))["room"]["name"] == "Garden"
            await ada.call("PUT", f"/room/{hall}/moderators/{bob.user_id}")
            assert (await phone.receive("room_changed"))["room"]["role"] == "moderator"

            # Rooms that are joined and left.
            await bob.call("POST", f"/room/{den}/join")
            joined = (await phone.receive("joined"))["room"]
            assert (joined["room_id"], joined["name"], joined["members"]) == (den, "Den", 2)
            await ada.call("POST", f"/room/{den}/kick/{bob.user_id}")
            assert await phone.receive("left") == {"type": "left", "room_id": den, "reason": "kicked"}
            await ada.call("POST", f"/room/{den}/ban/{bob.user_id}")
            direct = (await ada.call("POST", "/direct", 201, user_id=bob.user_id))["room_id"]
            joined = (await phone.receive("joined"))["room"]
            assert (joined["room_id"], joined["name"], joined["kind"]) == (direct, ada.name, "direct")
            made = await ada.call("POST", f"/room/{await open_room(ada)}/invites", 201)
            await bob.call("POST", f"/invite/{made['invite']}")
            await phone.receive("joined")

            # Names, and the end of a room.
            await ada.call("PUT", "/user/username", username="Augusta")
            told = await read_to(phone, "user_changed")
            assert (told["user_changed"]["user_id"], told["user_changed"]["username"]) == (ada.user_id, "Augusta")
            await ada.call("DELETE", f"/room/{hall}")
            assert await phone.receive("left") == {"type": "left", "room_id": hall, "reason": "deleted"}

            # All of it reached the other device, too; and the login session's end closes both.
            told = await read_to(laptop, "left")
            assert {"room_news", "mention", "read", "joined"} <= told.keys()
            await bob.call("POST", "/logout")
            assert await phone.closed() == (REFUSED, "Session ended")
        nursery.cancel_scope.cancel()


async def test_who_may_open_one(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        hall, den = await open_room(ada), await open_room(ada)
        program = await ada.call("POST", "/user/tokens", 201, name="robot", scopes=["read"], rooms=[hall])
        async with follow(ada, program["token"]) as talk:
            assert list(await hello(talk)) == [hall]
            await ada.call("PUT", f"/room/{den}", name="Den", description="")
            await ada.call("PUT", f"/room/{hall}", name="Hall", description="")
            assert (await talk.receive())["room"]["room_id"] == hall
        writer = await ada.call("POST", "/user/tokens", 201, name="robot", scopes=["write"])
        async with follow(ada, writer["token"]) as talk:
            assert (await talk.closed())[0] == 1008
        async with follow(ada, "nonsense") as talk:
            assert await talk.closed() == (REFUSED, "Invalid token")
        url = f"{ada.url.replace('http', 'ws', 1)}/ws/user"
        async with talk_at(url) as talk:
            assert await talk.closed() == (REFUSED, "Unauthorized")
        async with talk_at(f"{url}?ticket={await ada.ticket()}") as talk:
            assert set(await hello(talk)) == {hall, den}
        async with talk_at(url, **bearer(ada.access_token)) as talk:
            await hello(talk)
            await talk.send("listen_latest")  # clients have nothing to say here
            await ada.call("PUT", f"/room/{hall}", name="Lounge", description="")
            assert (await talk.receive())["type"] == "room_changed"


async def test_nothing_falls_between_hello_and_the_news(daemon: DaemonProcess) -> None:
    """Messages are posted all the time: hello and the news together show the end of the log, whenever the socket is opened."""
    async with registered_users(daemon, 2) as (ada, bob), trio.open_nursery() as nursery:
        hall = await open_room(ada, bob)
        posted = 0

        async def post(talk: Talk) -> None:
            nonlocal posted
            while posted < 60:
                posted = await talk.post("hello", f"nonce {posted}")

        async def look() -> None:
            while posted < 60:
                async with follow(bob) as talk:
                    seen = (await hello(talk))[hall].get("last_id", 0)
                    expected = posted
                    while seen < expected:
                        seen = (await talk.receive("room_news"))["last_id"]

        async with ada.talk(hall) as talk:
            nursery.start_soon(post, talk)
            async with trio.open_nursery() as looking:
                for _ in range(3):
                    looking.start_soon(look)


async def test_typing_and_presence(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        hall = await open_room(ada, bob)
        async with ada.talk(hall) as of_ada, bob.talk(hall) as of_bob:
            for talk in (of_ada, of_bob):
                await talk.receive("initial_state")
            await of_ada.send("listen_latest", want=["typing", "presence"])
            seen = await of_ada.receive()
            assert seen["type"] == "presence"
            assert (seen["online"], set(seen["users"])) == (2, {ada.user_id, bob.user_id})
            await of_bob.send("listen_latest")
            await of_bob.send("typing")
            assert await of_ada.receive() == {"type": "typing", "user_ids": [bob.user_id]}
            await of_ada.send("typing")
            await of_bob.post("hello", "1")
            assert (await of_bob.receive("latest_message"))["type"] == "latest_message"
            assert await of_ada.receive("typing") == {"type": "typing", "user_ids": []}


async def test_no_one_sees_the_muted_and_the_blocked_type(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        hall = await open_room(ada, bob, eve)
        async with ada.talk(hall) as of_ada, bob.talk(hall) as of_bob, eve.talk(hall) as of_eve:
            await of_ada.send("listen_latest", want=["typing"])
            await of_ada.fetch(1, 1)
            await of_eve.send("typing")
            assert (await of_ada.receive("typing"))["user_ids"] == [eve.user_id]
            await ada.call("PUT", f"/room/{hall}/mute/{eve.user_id}", seconds=60)
            assert (await of_ada.receive("typing"))["user_ids"] == [], "at once"
            await of_eve.send("typing")
            await of_eve.fetch(1, 1)
            await of_bob.send("typing")
            assert (await of_ada.receive("typing"))["user_ids"] == [bob.user_id]
        whisper = (await ada.call("POST", "/direct", 201, user_id=bob.user_id))["room_id"]
        await bob.call("PUT", f"/user/blocks/{ada.user_id}")
        async with ada.talk(whisper) as of_ada, bob.talk(whisper) as of_bob:
            for talk in (of_ada, of_bob):
                await talk.receive("initial_state")
                await talk.send("listen_latest", want=["typing"])
                await talk.fetch(1, 1)
            await of_ada.send("typing")
            await of_ada.fetch(1, 1)
            await of_bob.send("typing")
            assert (await of_ada.receive("typing"))["user_ids"] == [bob.user_id]
            assert await of_bob.synchronise() == []
