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
async def two(
    request: pytest.FixtureRequest, tmp_path: Path, mongod_replica: str
) -> AsyncIterator[tuple[DaemonProcess, DaemonProcess]]:
    """A test may give further settings as the parameter."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with stored_in_mongodb(mongod_replica) as settings:
        environment = QUICK | FREE | SECRET | NEVER | settings | getattr(request, "param", {})
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


@pytest.mark.parametrize("two", [{"REICHATD_LIMITS_FOLLOW_SECONDS": "60"}], indirect=True, ids=["hints wait"])
async def test_a_newcomer_sees_nothing_of_the_room_that_had_the_id(two: tuple[DaemonProcess, DaemonProcess]) -> None:
    """Neither in a room's socket, nor by REST, nor in a user's socket, though the other daemon does not follow up the hints yet."""
    one, other = two
    async with (
        registered_users(one, 3) as (ada, bob_here, eve_here),
        through(other, bob_here) as bob,
        through(other, eve_here) as eve,
    ):
        room_id = await open_room(ada, bob_here, room_id="parlour")
        async with user_socket(bob) as phone_of_bob, bob.talk(room_id) as of_bob, ada.talk(room_id) as talk:
            await phone_of_bob.receive("hello")
            await listening(of_bob)
            await talk.post_many(20)
            await talk.send("pin", message_id=20, nonce="pin")
            await of_bob.receive("message_changed")
            await phone_of_bob.receive("room_news")
            await ada.call("DELETE", f"/room/{room_id}")
            await open_room(ada, eve_here, room_id=room_id)
            async with ada.talk(room_id) as anew, user_socket(eve) as phone:
                await anew.post("new", "1")
                state = (await phone.receive("hello"))["rooms"][0]
                assert (state.get("last_id", 0) <= 1, state.get("change_id", 0)) == (True, 0)
                for query in ("from_id=1&to_id=100", "before_id=100&limit=100", "after_id=0&after_change=0&limit=100"):
                    page = await eve.call("GET", f"/room/{room_id}/messages?{query}")
                    assert [each["content"] for each in page["messages"]] == ["new"]
                    assert (page["last_id"], page.get("changed", [])) == (1, [])
                assert (await eve.call("GET", f"/room/{room_id}/pins"))["messages"] == []
                async with eve.talk(room_id) as of_eve:
                    state = await of_eve.receive("initial_state")
                    assert [each["content"] for each in state["messages"]] == ["new"]
                    await of_eve.send("listen_latest", after_id=0, after_change=0, log=state["log"])
                    frames = await of_eve.receive_to("caught_up")
                    assert [each["message"]["content"] for each in frames if "message" in each] == ["new"]
                    assert [each["content"] for each in await of_eve.fetch(1, 100)] == ["new"]
                    await anew.post("newer", "2")
                    assert await of_eve.latest_ids(1) == [2]
                assert (await of_bob.closed())[0] == 1008
                last_id = 0
                while last_id < 2:
                    frame = await phone.receive()
                    last_id = max(last_id, (frame.get("room") or frame).get("last_id", 0))
                assert last_id == 2


@pytest.mark.parametrize("two", [{"REICHATD_LIMITS_FOLLOW_SECONDS": "60"}], indirect=True, ids=["hints wait"])
async def test_who_is_still_in_the_former_room_sees_nothing_of_the_new_one(
    two: tuple[DaemonProcess, DaemonProcess],
) -> None:
    one, other = two
    async with (
        registered_users(one, 3) as (ada, bob_here, eve_here),
        through(other, bob_here) as bob,
        through(other, eve_here) as eve,
    ):
        room_id = await open_room(ada, bob_here, room_id="parlour")
        async with bob.talk(room_id) as of_bob:
            await listening(of_bob)
            await ada.call("DELETE", f"/room/{room_id}")
            await open_room(ada, eve_here, room_id=room_id)
            await eve.call("POST", f"/room/{room_id}/messages", 201, content="new", nonce="1")
            await ada.call("POST", f"/room/{room_id}/messages", 201, content="newer", nonce="2")
            await of_bob.send("fetch", from_id=1, to_id=10)
            frames = await of_bob.receive_to("fetch_response")
            assert [each for each in frames if "message" in each] == [] == frames[-1]["messages"]
            page = await eve.call("GET", f"/room/{room_id}/messages?from_id=1&to_id=10")
            assert [each["content"] for each in page["messages"]] == ["new", "newer"]


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
