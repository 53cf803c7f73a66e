"""One long conversation of three users in two rooms: posts, a kick, a deleted room, a new password, a logout."""

from tests.client import PASSWORD, plain, registered_users
from tests.process import DaemonProcess


async def test_three_users_in_two_rooms(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        made = await ada.call("POST", "/room", 201, name="Garden", description="Plants and tools")
        garden = made["room_id"]
        await bob.call(
            "POST", "/room", 201, name="Cellar", description="", password="wine", room_id=f"cellar{bob.name}"[:32]
        )
        cellar = f"cellar{bob.name}"[:32]
        for person in (bob, eve):
            assert await person.call("POST", f"/room/{garden}/join") == {"message": "ok"}
        assert await ada.call("POST", f"/room/{cellar}/join", password="wine") == {"message": "ok"}

        async with ada.talk(garden) as ada_garden, bob.talk(garden) as bob_garden, eve.talk(garden) as eve_garden:
            talks = {ada.name: ada_garden, bob.name: bob_garden, eve.name: eve_garden}
            for talk in talks.values():
                assert plain(await talk.receive()) == {"type": "initial_state", "last_read_id": 0, "messages": []}
                await talk.send("listen_latest")
                assert await talk.fetch(1, 1) == []
            await ada_garden.send("message", content="The roses are out")
            await eve_garden.receive("latest_message")
            await bob_garden.send("message", content="Already?", nonce="b1")
            for name, talk in talks.items():
                messages = await talk.latest(2 if name != eve.name else 1)
                assert messages[-1]["content"] == "Already?"
                assert set(messages[-1]) == {"message_id", "user_id", "username", "email", "content", "timestamp"}
                assert messages[-1] | {"timestamp": ""} == {
                    "message_id": 2,
                    "user_id": bob.user_id,
                    "username": bob.name,
                    "email": bob.email,
                    "content": "Already?",
                    "timestamp": "",
                }

            async with ada.talk(cellar) as ada_cellar, bob.talk(cellar) as bob_cellar:
                assert plain(await ada_cellar.receive()) == {"type": "initial_state", "last_read_id": 0, "messages": []}
                assert await bob_cellar.post("Ids start at 1 in each room", "b1") == 1
                await ada_cellar.send("listen_latest")
                assert await ada_cellar.latest_ids(1) == [1]

                # Messages stay in their room, and a kick closes the sockets of one user in one room.
                assert await ada.call("POST", f"/room/{garden}/kick/{eve.user_id}") == {"message": "ok"}
                assert await eve_garden.closed() == (1008, "Forbidden")
                assert await bob_garden.post("Where is she?", "b2") == 3
                assert await ada_garden.latest_ids(1) == [3]
                assert await bob.call("DELETE", f"/room/{cellar}") == {"message": "ok"}
                assert await ada_cellar.closed() == (1008, "Room not found")
                assert await bob_cellar.closed() == (1008, "Room not found")

        await eve.call("POST", f"/room/{garden}/join")
        async with eve.talk(garden) as talk:
            state = await talk.receive("initial_state")
            assert state["last_read_id"] == 0  # the read mark is that of a new member
            assert [message["content"] for message in state["messages"]] == [
                "The roses are out",
                "Already?",
                "Where is she?",
            ]
            await eve.call("PUT", "/user/password", password=PASSWORD, new_password="another password")
            assert await talk.post("Back again", "e1") == 4
            await eve.call("POST", "/logout")
            assert await talk.closed() == (4001, "Session ended")
        await eve.log_in("another password")
        assert [room["room_id"] for room in (await eve.call("GET", "/joined"))["rooms"]] == [garden]
