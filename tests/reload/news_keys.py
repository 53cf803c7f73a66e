"""Proofs for the keys of users' sockets, and of who is typing and present."""

from pathlib import Path

import trio

from tests.chat.doubles import FakeSocket, connect
from tests.reload.proofs import proves
from tests.reload.running_parts import ROOM, running_parts


@proves("limits.news_seconds", "limits.news_interval_seconds")
async def how_often_a_room_has_news(directory: Path, key: str) -> None:
    async with (
        running_parts(directory, {key: 60.0}) as running,
        running.follow() as device,
        running.talk("bob") as talk,
    ):
        await talk.post("text", "1")
        await device.receive("room_news")
        running.reload(key, 0.01)
        await talk.post("text", "2")
        await device.receive("room_news")  # with 60 seconds it would come too late


@proves("limits.typing_listeners", "limits.typing_names", "limits.typing_seconds")
async def who_is_typing(directory: Path, key: str) -> None:
    before = {"limits.typing_listeners": 0, "limits.typing_names": 1, "limits.typing_seconds": 6.0}
    async with (
        running_parts(directory, {key: before[key]}) as running,
        running.talk() as of_ada,
        running.talk("bob") as of_bob,
    ):
        await of_ada.send("listen_latest", want=["typing"])
        await of_ada.fetch(1, 1)
        await of_bob.send("typing")
        match key:
            case "limits.typing_listeners":
                await of_bob.fetch(1, 1)
                running.reload(key, 100)
                await of_bob.send("typing")
                assert (await of_ada.receive("typing"))["user_ids"] == ["bob"]
            case "limits.typing_names":
                await of_ada.receive("typing")
                running.reload(key, 2)
                await running.parts.store.rooms.join(ROOM, "zoe", 1.0)
                running.room.types(connect(FakeSocket(), "zoe"), typing=True)
                assert (await of_ada.receive("typing"))["user_ids"] == ["zoe", "bob"]
            case _:
                await of_ada.receive("typing")
                running.reload(key, 0.1)
                await of_bob.send("typing")
                with trio.fail_after(4):
                    await of_ada.receive("typing")


@proves("limits.presence_members", "limits.presence_seconds")
async def who_is_present(directory: Path, key: str) -> None:
    start = {"limits.presence_seconds": 3600.0 if key == "limits.presence_seconds" else 0.1}
    async with running_parts(directory, start) as running, running.talk() as of_ada:
        await of_ada.send("listen_latest", want=["presence"])
        assert (await of_ada.receive("presence"))["users"] == ["ada"]
        running.reload(key, 0 if key == "limits.presence_members" else 0.1)
        async with running.talk("bob"):
            seen = await of_ada.receive("presence")
            assert (seen["online"], "users" in seen) == (2, key != "limits.presence_members")
