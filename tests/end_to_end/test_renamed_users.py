"""A new user name is shown at once, on old messages too, in every kind of answer."""

import secrets

from tests.client import id_range, message_ids, open_room, registered_users
from tests.process import DaemonProcess

MANY = 300


async def test_a_new_name_is_shown_everywhere_at_once(daemon: DaemonProcess) -> None:
    new = f"new{secrets.token_hex(8)}"
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.start_listening()
            for number in range(1, 6):
                assert await talk.post(f"text {number}", str(number)) == number
            assert [message["username"] for message in await listener.latest(5)] == [ada.name] * 5

            await ada.call("PUT", "/user/username", username=new)
            assert [message["username"] for message in await listener.fetch(1, 5)] == [new] * 5
            await talk.post("under the new name", "6")  # on a socket that was already open
            assert [message["username"] for message in await listener.latest(1)] == [new]
            await listener.send("listen_latest", after_id=0)
            assert [message["username"] for message in await listener.latest(6)] == [new] * 6
            for person in (ada, bob):
                async with person.talk(room_id) as late:
                    state = await late.receive()
                    assert {(message["username"], message["email"]) for message in state["messages"]} == {
                        (new, ada.email)
                    }


async def test_a_lagging_reader_gets_the_new_name(daemon: DaemonProcess) -> None:
    """Messages that are already buffered may show the old name; after the first new name there is no old one."""
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.slow_talk(room_id) as lagging:
            await lagging.start_listening()
            for number in range(1, 301):
                await talk.send("message", content=f"{number} " + "x" * 1000)
            await talk.post("the last under the old name", "old")
            await ada.call("PUT", "/user/username", username="another")
            assert await talk.post("the first under the new name", "new") == 302
            messages = await lagging.latest(302)
            assert message_ids(messages) == id_range(1, 302)
            names = [message["username"] for message in messages]
            first_new = names.index("another")
            assert first_new < 200  # most of them were still in the log, not in the send buffer
            assert names == [ada.name] * first_new + ["another"] * (302 - first_new)


async def test_a_reader_who_catches_up_with_changes_gets_the_new_name(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.slow_talk(room_id) as lagging:
            await talk.post_many(MANY)
            for number in range(1, MANY + 1):
                await talk.send("edit", message_id=number, content=f"{number} " + "x" * 1000, nonce=str(number))
            while (await talk.receive("ack"))["nonce"] != str(MANY):
                pass
            await lagging.send("listen_latest", after_id=MANY, after_change=0)
            changes = [(await lagging.receive("message_changed"))["message"]]
            await ada.call("PUT", "/user/username", username="another")
            await talk.send("edit", message_id=1, content="under the new name", nonce="new")
            await talk.receive("ack")
            while changes[-1]["content"] != "under the new name":
                changes.append((await lagging.receive("message_changed"))["message"])
            assert {change["message_id"] for change in changes} == set(id_range(1, MANY))
            names = [change["username"] for change in changes]
            first_new = names.index("another")
            assert first_new < 200
            assert names == [ada.name] * first_new + ["another"] * (len(names) - first_new)
