"""Sockets that ask for much and read nothing: what they hold together is bounded, and honest readers notice nothing."""

from contextlib import AsyncExitStack
from pathlib import Path

import trio

from tests.client import Talk, id_range, message_ids, open_room, registered_users
from tests.end_to_end.conftest import FREE, NARROW
from tests.process import running

COUNT = 100
SOCKETS = 20
BOUND = {"REICHATD_LIMITS_STALLED_BYTES": "500000", "REICHATD_LIMITS_INITIAL_AFTER": "0"}
"""About five stalled replies."""


async def test_stalled_fetches_are_bounded(tmp_path: Path, storage: dict[str, str]) -> None:
    async with (
        running(tmp_path, **storage, **FREE, **NARROW, **BOUND) as daemon,
        registered_users(daemon, 2) as (ada, eve),
        AsyncExitStack() as stack,
    ):
        room_id = await open_room(ada, eve)
        honest = await stack.enter_async_context(ada.talk(room_id))
        await honest.receive("initial_state")
        for number in range(COUNT):
            await honest.post("é" * 5000, f"{number}")
        stalled = [await stack.enter_async_context(eve.slow_talk(room_id)) for _ in range(SOCKETS)]
        for talk in stalled:
            for _ in range(2):  # the client's library reads one message ahead
                await talk.send("fetch", from_id=1, to_id=COUNT)
        with trio.fail_after(20):
            while daemon.output.count("stalled reader closed") < SOCKETS // 2:  # noqa: ASYNC110 - another process
                await trio.sleep(0.05)
        assert message_ids(await honest.fetch(1, COUNT)) == id_range(1, COUNT)
        assert daemon.output.count("stalled reader closed") < SOCKETS
        assert await first_code(stalled) in {1013, 1006}  # a close frame waits behind what the client does not read


async def first_code(talks: list[Talk]) -> int:
    """The close code of the socket that is closed first."""
    codes: list[int] = []
    async with trio.open_nursery() as nursery:

        async def note(talk: Talk) -> None:
            code, _ = await talk.closed()
            codes.append(code)
            nursery.cancel_scope.cancel()

        for talk in talks:
            nursery.start_soon(note, talk)
    return codes[0]


async def test_idle_sockets_in_many_rooms_are_bounded(tmp_path: Path, storage: dict[str, str]) -> None:
    """Rooms whose messages in memory were dropped go on as before."""
    bound = {"REICHATD_LIMITS_ALL_TAILS_BYTES": "20000", "REICHATD_LIMITS_ROOMS_PER_USER_HOUR": "0"}
    async with (
        running(tmp_path, **storage, **FREE, **bound) as daemon,
        registered_users(daemon, 2) as (ada, bob),
        AsyncExitStack() as stack,
    ):
        rooms = [await open_room(ada, bob) for _ in range(6)]
        talks = [await stack.enter_async_context(ada.talk(room_id)) for room_id in rooms]
        for talk in talks:
            await talk.start_listening()
            for number in range(3):
                await talk.post(f"{number}" + "x" * 4000, f"{number}")
        for room_id, talk in zip(rooms, talks, strict=True):
            async with bob.talk(room_id) as late:
                assert message_ids((await late.receive())["messages"]) == [1, 2, 3]
                assert message_ids(await late.fetch(1, 10)) == [1, 2, 3]
            await talk.post("again", "again")
