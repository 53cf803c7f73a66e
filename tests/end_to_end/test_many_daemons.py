"""Two daemons on one replica set: what happens at one reaches the sockets at the other at once."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client import PASSWORD, SECONDS, Person, Talk, id_range, open_room, registered_users, talk_at
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.process import DaemonProcess, running
from tests.several_daemons import SECRET, through

NEVER = {
    "REICHATD_AUTH_SESSION_RECHECK_SECONDS": "3600",
    "REICHATD_LIMITS_RECONCILE_SECONDS": "3600",
    "REICHATD_AUTH_SESSION_CACHE_SECONDS": "300",
}
"""Nothing is found by comparing, so all that is seen was told by the feed."""


@pytest.fixture
async def two(tmp_path: Path, mongod_replica: str) -> AsyncIterator[tuple[DaemonProcess, DaemonProcess]]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with stored_in_mongodb(mongod_replica) as settings:
        environment = QUICK | FREE | SECRET | NEVER | settings
        async with running(tmp_path / "one", **environment) as one, running(tmp_path / "two", **environment) as other:
            with trio.fail_after(6 * SECONDS):
                yield one, other


async def listening(talk: Talk) -> None:
    state = await talk.receive("initial_state")
    await talk.send("listen_latest", after_id=0, after_change=0, log=state["log"])
    await talk.receive("caught_up")


def user_socket(person: Person) -> AbstractAsyncContextManager[Talk]:
    return talk_at(f"{person.url.replace('http', 'ws', 1)}/ws/user?token={person.access_token}")


async def test_messages_and_changes_reach_the_other_daemon(two: tuple[DaemonProcess, DaemonProcess]) -> None:
    one, other = two
    async with registered_users(one, 2) as (ada, bob_here), through(other, bob_here) as bob:
        room_id = await open_room(ada, bob_here)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as far, bob.talk(room_id) as second:
            for each in (talk, far, second):
                await listening(each)
            await talk.post("hello", "1")
            for each in (far, second):
                message = (await each.receive("latest_message"))["message"]
                assert (message["message_id"], message["content"], message["username"]) == (1, "hello", ada.name)
            # Both write: all see one log.
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk.post_many, 50)
                nursery.start_soon(far.post_many, 50)
            assert await second.latest_ids(100) == id_range(2, 101)
            for number in (1, 50, 101):
                await talk.send("react", message_id=number, emoji="👍", nonce=f"r{number}")
            await talk.send("edit", message_id=1, content="hello again", nonce="e")
            held: dict[int, dict[str, Any]] = {}
            while held.get(1, {}).get("content") != "hello again" or set(held) != {1, 50, 101}:
                held |= {
                    each["message"]["message_id"]: each["message"] for each in [await second.receive("message_changed")]
                }
            assert held[50]["reactions"] == [{"emoji": "👍", "count": 1, "users": [ada.user_id]}]


async def test_members_and_rooms_reach_the_other_daemon(two: tuple[DaemonProcess, DaemonProcess]) -> None:
    one, other = two
    async with (
        registered_users(one, 3) as (ada, bob_here, eve_here),
        through(other, bob_here) as bob,
        through(other, eve_here) as eve,
        user_socket(bob) as phone,
        user_socket(eve) as phone_of_eve,
    ):
        assert (await phone.receive("hello"))["rooms"] == []
        room_id = await open_room(ada, bob_here, eve_here)
        assert (await phone.receive("joined"))["room"]["room_id"] == room_id
        async with ada.talk(room_id) as talk, bob.talk(room_id) as of_bob, eve.talk(room_id) as of_eve:
            await talk.post(f"hello @{bob.name}", "1")
            assert (await phone.receive("mention"))["message_id"] == 1
            await talk.post("hello again", "2")
            await talk.send("edit", message_id=2, content=f"hello again @{bob.name}", nonce="e")
            assert (await phone.receive("mention"))["message_id"] == 2
            await ada.call("PUT", f"/room/{room_id}/moderators/{bob.user_id}")
            while (await phone.receive("room_changed"))["room"]["role"] != "moderator":
                pass
            async with bob_here.talk(room_id) as here:
                await here.receive("initial_state")
                await here.send("set_last_read", message_id=1)
                assert (await phone.receive("read"))["last_read_id"] == 1
            await ada.call("POST", f"/room/{room_id}/kick/{eve.user_id}")
            assert await of_eve.closed() == (1008, "Forbidden")
            assert (await phone_of_eve.receive("left"))["reason"] == "kicked"
            await ada.call("PUT", f"/room/{room_id}", name="Garden", description="")
            while (await phone.receive("room_changed"))["room"]["name"] != "Garden":
                pass
            await ada.call("PUT", "/user/username", username="Augusta")
            assert (await phone.receive("user_changed"))["username"] == "Augusta"
            assert (await of_bob.fetch(1, 1))[0]["username"] == "Augusta"

            # The room is deleted, and made anew under its id.
            await ada.call("DELETE", f"/room/{room_id}")
            await ada.call("POST", "/room", 201, name="Anew", description="", room_id=room_id)
            assert (await of_bob.closed())[0] == 1008
            assert (await phone.receive("left"))["reason"] == "deleted"
        await eve.call("POST", f"/room/{room_id}/join")
        async with eve.talk(room_id) as of_eve:
            assert (await of_eve.receive("initial_state"))["messages"] == []
        await ada.call("POST", f"/room/{room_id}/ban/{eve.user_id}")


async def test_sessions_end_at_the_other_daemon(two: tuple[DaemonProcess, DaemonProcess]) -> None:
    one, other = two
    async with registered_users(one, 2) as (ada_here, bob_here), through(other, ada_here) as ada:
        room_id = await open_room(ada_here, bob_here)
        async with ada.talk(room_id) as talk, through(other, bob_here) as bob, bob.talk(room_id) as of_bob:
            await bob.call("GET", "/user")  # cached there
            await bob_here.call("POST", "/logout")
            assert await of_bob.closed() == (4001, "Session ended")
            await bob.call("GET", "/user", 401)
            second = Person(one.url, ada.name, ada.email)
            async with second:
                await second.log_in()
                await second.call("PUT", "/user/password", password=PASSWORD, new_password="another long password")
            assert await talk.closed() == (4001, "Session ended")
            await ada.call("GET", "/user", 401)
