"""Readers who do not read: they lose nothing, delay nobody, and are let go when it lasts too long."""

from pathlib import Path
from typing import Any

import trio

from tests.client import Talk, crowd, open_room
from tests.end_to_end.conftest import FREE, NARROW
from tests.end_to_end.test_order import TINY
from tests.mail.server import until
from tests.process import DaemonProcess, running

COUNT = 400
SIZE = 1000
"""Characters of each message; with COUNT, far more than the kernel keeps for a reader with little room."""


async def write(talk: Talk, count: int = COUNT, size: int = SIZE) -> None:
    for number in range(count):
        await talk.send("message", content=f"{number} " + "x" * size)


async def begin_to_listen(talk: Talk) -> None:
    await talk.receive("initial_state")
    await talk.send("listen_latest")
    assert await talk.fetch(1, 0) == []


async def ids(talk: Talk, count: int) -> list[int]:
    return [message["message_id"] for message in await talk.latest(count)]


async def read_again(daemon: DaemonProcess) -> None:
    async with crowd(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with (
            ada.talk(room_id) as writer,
            bob.slow_talk(room_id) as one,
            bob.slow_talk(room_id) as two,
            bob.talk(room_id) as quick,
        ):
            for talk in (one, two, quick):
                await begin_to_listen(talk)
            everything = list(range(1, COUNT + 1))
            await write(writer)
            # While the slow ones take nothing.
            assert await ids(quick, COUNT) == everything
            assert await ids(one, COUNT // 2) == everything[: COUNT // 2]
            await write(writer)
            assert await ids(quick, COUNT) == list(range(COUNT + 1, 2 * COUNT + 1))
            assert await ids(one, 3 * COUNT // 2) == list(range(COUNT // 2 + 1, 2 * COUNT + 1))
            assert await ids(two, 2 * COUNT) == list(range(1, 2 * COUNT + 1))
            # In step again.
            await write(writer, 1)
            for talk in (one, two, quick):
                assert await ids(talk, 1) == [2 * COUNT + 1]


async def test_who_reads_again_has_lost_nothing(daemon: DaemonProcess) -> None:
    await read_again(daemon)


async def test_who_reads_again_gets_the_rest_from_the_store(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **FREE, **TINY) as daemon:
        await read_again(daemon)


async def test_a_slow_writer_gets_all_his_answers(daemon: DaemonProcess) -> None:
    """Acks and messages of one socket, in order each, though it reads none of them until all is posted."""
    async with crowd(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.slow_talk(room_id) as talk:
            await begin_to_listen(talk)
            for number in range(1, 201):
                await talk.send("message", content=f"{number} " + "x" * SIZE, nonce=str(number))
            acks: list[dict[str, Any]] = []
            messages: list[int] = []
            while len(acks) < 200 or len(messages) < 200:
                frame = await talk.receive()
                if frame["type"] == "ack":
                    acks.append(frame)
                else:
                    messages.append(frame["message"]["message_id"])
            numbers = range(1, 201)
            assert acks == [{"type": "ack", "nonce": str(number), "message_id": number} for number in numbers]
            assert messages == list(numbers)


async def test_who_never_reads_again_is_let_go(tmp_path: Path, storage: dict[str, str]) -> None:
    limits = {"REICHATD_LIMITS_SLOW_READER_SECONDS": "1", "REICHATD_LIMITS_CLOSE_SECONDS": "0.5"}
    async with running(tmp_path, **storage, **FREE, **NARROW, **limits) as daemon, crowd(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as writer, bob.slow_talk(room_id) as stuck, bob.talk(room_id) as quick:
            for talk in (stuck, quick):
                await begin_to_listen(talk)
            await write(writer)
            assert await ids(quick, COUNT) == list(range(1, COUNT + 1))
            await until(lambda: "slow reader closed" in daemon.output, seconds=10)
            assert await writer.post("Without him", "n") == COUNT + 1
            assert await ids(quick, 1) == [COUNT + 1]
            frames, code, _ = await stuck.rest()
            heard = [frame["message"]["message_id"] for frame in frames]
            assert heard == list(range(1, len(heard) + 1))
            assert len(heard) < COUNT
            assert code in {1013, 1006}  # 1006: the goodbye had no room
            # He comes back for the rest.
            async with bob.talk(room_id) as again:
                await again.send("listen_latest", after_id=len(heard))
                assert await ids(again, COUNT + 1 - len(heard)) == list(range(len(heard) + 1, COUNT + 2))


async def test_the_last_message_needs_no_further_one_to_arrive(daemon: DaemonProcess) -> None:
    """However much of it the socket had room for when it was sent; long before a ping would push it on."""
    async with crowd(daemon, 1) as (ada,):
        for count in range(1, 12):
            room_id = await open_room(ada)
            async with ada.talk(room_id) as writer, ada.slow_talk(room_id) as slow:
                await begin_to_listen(slow)
                for number in range(count):
                    await writer.post("\x01" * 4990 + "!", f"{number}")  # six bytes each, in JSON
                with trio.fail_after(8):
                    assert await ids(slow, count) == list(range(1, count + 1))
