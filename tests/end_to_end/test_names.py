"""A new name is seen at once, on old messages too, whoever reads them and how."""

import secrets

from tests.client import crowd, open_room
from tests.process import DaemonProcess


async def test_a_new_name_is_seen_everywhere_at_once(daemon: DaemonProcess) -> None:
    new = f"new{secrets.token_hex(8)}"
    async with crowd(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.receive("initial_state")
            await listener.send("listen_latest")
            for number in range(1, 6):
                assert await talk.post(f"text {number}", str(number)) == number
            assert [message["username"] for message in await listener.latest(5)] == [ada.name] * 5

            await ada.call("PUT", "/user/username", username=new)
            assert [message["username"] for message in await listener.fetch(1, 5)] == [new] * 5
            await talk.post("under the new name", "6")  # by a socket that was open before
            assert [message["username"] for message in await listener.latest(1)] == [new]
            await listener.send("listen_latest", after_id=0)
            assert [message["username"] for message in await listener.latest(6)] == [new] * 6
            for person in (ada, bob):
                async with person.talk(room_id) as late:
                    state = await late.receive()
                    assert {(message["username"], message["email"]) for message in state["messages"]} == {
                        (new, ada.email)
                    }


async def test_a_reader_who_lags_gets_the_new_name(daemon: DaemonProcess) -> None:
    """What is on its way may show the old name; from the new one on there is no way back."""
    async with crowd(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.slow_talk(room_id) as lagging:
            await lagging.receive("initial_state")
            await lagging.send("listen_latest")
            assert await lagging.fetch(1, 0) == []
            for number in range(1, 301):
                await talk.send("message", content=f"{number} " + "x" * 1000)
            await talk.post("the last under the old name", "old")
            await ada.call("PUT", "/user/username", username="another")
            assert await talk.post("the first under the new name", "new") == 302
            messages = await lagging.latest(302)
            assert [message["message_id"] for message in messages] == list(range(1, 303))
            names = [message["username"] for message in messages]
            turn = names.index("another")
            assert turn < 200  # far behind, it was given most of them anew
            assert names == [ada.name] * turn + ["another"] * (302 - turn)
