"""Direct conversations and addresses as clients see them, over real sockets."""

from tests.client import Person, Talk, open_room, registered_users, talk_at
from tests.process import DaemonProcess


async def emails(talk: Talk, first_id: int, last_id: int) -> list[str]:
    return [message["email"] for message in await talk.fetch(first_id, last_id)]


async def test_addresses_of_members_are_shown_and_of_others_are_not(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as bobs:
            await talk.start_listening()
            await bobs.post("from bob", "1")
            assert [message["email"] for message in await talk.latest(1)] == [bob.email]
            await talk.post("from ada", "2")
            assert await emails(talk, 1, 2) == [bob.email, ada.email]
            await bob.call("POST", f"/room/{room_id}/leave")
            assert (await bobs.closed())[0] == 1008
            assert await emails(talk, 1, 2) == ["", ada.email]  # nor from the tail
            await talk.send("listen_latest", after_id=0)
            assert [message["email"] for message in await talk.latest(2)] == ["", ada.email]
        assert (await eve.call("GET", f"/user/{ada.user_id}"))["user_details"]["email"] == ""
        await eve.call("POST", f"/room/{room_id}/join")
        assert (await eve.call("GET", f"/user/{ada.user_id}"))["user_details"]["email"] == ada.email
        # The newer path and the older one lead to the same conversation.
        for url in (eve.socket_url(room_id), eve.socket_url(room_id).replace("/ws/chat/", "/room/")):
            async with talk_at(url) as talk:
                state = await talk.receive("initial_state")
                assert [message["email"] for message in state["messages"]] == ["", ada.email]
                assert [message["username"] for message in state["messages"]] == [bob.name, ada.name]


async def opened(by: Person, other: Person, status: int) -> str:
    room_id: str = (await by.call("POST", "/direct", status, user_id=other.user_id))["room_id"]
    return room_id


async def test_a_direct_conversation_and_a_block(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        await ada.call("POST", "/direct", 403, user_id=bob.user_id)
        await open_room(ada, bob, eve)
        room_id = await opened(ada, bob, 201)
        assert await opened(bob, ada, 200) == room_id
        joined = (await bob.call("GET", "/joined"))["rooms"]
        assert [room["name"] for room in joined] == ["Room", ada.name]
        refused = await eve.call("POST", f"/room/{room_id}/join", 409, password="a good password")
        assert refused["code"] == "direct_room"
        async with eve.talk(room_id) as eves:
            assert (await eves.closed())[0] == 1008
        async with ada.talk(room_id) as adas, bob.talk(room_id) as bobs:
            await bobs.start_listening()
            assert await adas.post("for you only", "1") == 1
            [message] = await bobs.latest(1)
            assert (message["content"], message["username"], message["email"]) == ("for you only", ada.name, "")
            assert await emails(bobs, 1, 1) == [""]

            await bob.call("PUT", f"/user/blocks/{ada.user_id}")
            error = await adas.submit("are you there?", "2")
            assert (error["type"], error["code"]) == ("error", "forbidden")
            assert await adas.post("for you only", "1") == 1  # it is stored
            assert await bobs.post("from the one who blocks", "3") == 2
            await ada.call("POST", "/direct", 403, user_id=bob.user_id)

            await bob.call("DELETE", f"/user/blocks/{ada.user_id}")
            assert await adas.post("are you there?", "2") == 3
